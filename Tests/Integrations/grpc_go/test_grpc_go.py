"""gRPC with Go at one end and Python at the other: the same arguments, the same codes, the same refusals. And Go's own tests."""

import base64
import concurrent.futures
import json
import pathlib
import random
import re
import struct
import subprocess
import sys

import grpc
import grpc_tools
import pytest
from google.protobuf import any_pb2, duration_pb2, struct_pb2, timestamp_pb2, wrappers_pb2
from grpc_tools import protoc
from libagentid._protobuf import NotArguments
from libagentid.grpc import AgentInterceptor, GuardInterceptor, guarding, message_arguments
from libagentid.grpc._methods import Methods

HERE = pathlib.Path(__file__).parent
TOOLS = {"/wide.W/Do": "do_wide", "/wide.W/Tail": "tail_wide", "/wide.W/Store": "store", "/wide.W/Echo": "echo"}
STREAMS = ["/wide.W/Store", "/wide.W/Echo"]
SCOPE = "do_wide; tail_wide; store(); echo()"


@pytest.fixture(scope="session")
def wide(tmp_path_factory):
    out, known = tmp_path_factory.mktemp("wide"), pathlib.Path(grpc_tools.__file__).parent / "_proto"
    into = [f"--python_out={out}", f"--grpc_python_out={out}", "--include_imports", f"--descriptor_set_out={out}/wide.set"]
    assert protoc.main(["", f"-I{HERE}", f"-I{known}", *into, "wide.proto"]) == 0
    sys.path.insert(0, str(out))
    import wide_pb2
    import wide_pb2_grpc

    return wide_pb2, wide_pb2_grpc, out / "wide.set"


@pytest.fixture
def world(own_world):
    return own_world(SCOPE)


def packed(message):
    found = any_pb2.Any()
    found.Pack(message)
    return found


def chosen(Wide):
    """Messages with each kind of value, and its edges."""
    yield from (
        Wide(),
        Wide(maybe_int=0, maybeText="", maybe_bool=False, maybe_colour=0),
        Wide(int32=-1, sint64=-(1 << 63), uint64=(1 << 64) - 1),
    )
    yield from (
        Wide(fixed32=0xFFFFFFFF, sfixed64=-5, uint32=7, int64=1 << 53, bool=True),
        Wide(colour="BLUE"),
        Wide(colour=99),
        Wide(nothing={}),
    )
    for number in (
        0.1,
        1e-45,
        1.17549435e-38,
        3.4028235e38,
        16777216.0,
        1e16,
        1e15,
        0.0001,
        0.00001,
        123456.7,
        -2.5,
        float("inf"),
        float("-inf"),
        float("nan"),
    ):
        yield Wide(float=number, floats=[number, -number])
        yield Wide(double=number, flags={True: number, False: -number})
    for number in (5e-324, 1.7976931348623157e308, 1e22, 123456789012345680.0, -0.0, 9007199254740993.0):
        yield Wide(double=number, value={"number_value": number})
    for text in ("", 'a"b\\c\n\r\t\b\f\x00\x1f\x7f', "é漢😀", "</script>&", "\u2028"):
        yield Wide(string=text, a_text=text, named={text: Wide(string=text)}, struct={text: text})
    yield from (
        Wide(bytes=bytes(range(256)), parts=[b"", b"\xff\xfe", b"abc"]),
        Wide(longs=[0, -1], colours=[0, 1, 7, 9], wides=[Wide(), Wide(int32=1)]),
    )
    yield from (
        Wide(texts={-5: "a", 0: "", 7: "b"}, painted={1: 7, 0: 0, 9: 50}),
        Wide(a_number=0),
        Wide(a_wide={}),
        Wide(a_colour=0),
        Wide(a_wide={"a_wide": {"int32": 3}}),
    )
    for seconds, nanos in (
        (0, 0),
        (1, 5),
        (-1, 0),
        (1700000000, 120000000),
        (1700000000, 1000),
        (-62135596800, 0),
        (253402300799, 999999999),
        (253402300800, 0),
        (0, -1),
        (1 << 40, 0),
    ):
        yield Wide(at=timestamp_pb2.Timestamp(seconds=seconds, nanos=nanos))
        yield Wide(during=duration_pb2.Duration(seconds=seconds, nanos=nanos))
    yield from (
        Wide(during=duration_pb2.Duration(seconds=s, nanos=n))
        for s, n in ((-1, -500000000), (0, -1), (1, -1), (-1, 1), (315576000001, 0))
    )
    for path in ("a", "a_b", "a_b.c_d", "", "aB", "_", "a_", "a__b", "a_1", "_a", "a-b", "a b", "1"):
        yield Wide(mask={"paths": [path, "z"]})
    tree = struct_pb2.Struct()
    tree.update({"a": [1, 2.5, None, True, {"b": "c"}], "d": {}, "e": []})
    yield from (
        Wide(struct=tree),
        Wide(value={}),
        Wide(value={"struct_value": tree}),
        Wide(list={"values": [{"null_value": 0}, {}, {"bool_value": False}]}),
        Wide(null=0),
    )
    for number in (float("inf"), float("nan")):
        yield Wide(value={"number_value": number})
    yield from (
        Wide(int64_value={}),
        Wide(int64_value={"value": 5}),
        Wide(float_value={"value": 0.1}),
        Wide(bytes_value={"value": b"x"}),
        Wide(bool_value={}),
        Wide(string_value={"value": "é"}),
    )
    inner = [
        Wide(int32=5, any=packed(Wide(string="deep"))),
        timestamp_pb2.Timestamp(seconds=5),
        tree,
        wrappers_pb2.Int64Value(value=1 << 60),
        packed(Wide()),
        Wide(),
    ]
    yield Wide(any=packed(inner[0]), anys=[packed(each) for each in inner])
    yield from (
        Wide(any={}),
        Wide(any={"type_url": "x/none.Such"}),
        Wide(any={"type_url": "wide.Wide"}),
        Wide(any={"type_url": "a/b/wide.Wide", "value": b"\x08\x05"}),
    )
    yield from (
        Wide(any={"value": b"x"}),
        Wide(any={"type_url": "x/wide.Wide", "value": b"\xff"}),
        Wide(any={"type_url": "x/google.protobuf.Empty"}),
    )
    deep = Wide()
    for _ in range(60):
        deep = Wide(a_wide=deep)
    yield deep


def varied(Wide, count):
    """Messages of chance, valid or nearly so."""
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    some = list(chosen(Wide))
    for _ in range(count):
        made = Wide()
        for each in chance.sample(some, chance.randrange(1, 5)):
            made.MergeFrom(each)
        made.float, made.double = struct.unpack("<fxxxxd", chance.randbytes(16))
        made.floats.extend(struct.unpack("<8f", chance.randbytes(32)))
        made.struct["x"] = chance.randrange(1 << 60) / (1 << chance.randrange(80))
        yield made


def literal(text):
    """A JSON text whose members are sorted, its numbers as written: maps have no order."""
    return json.dumps(json.loads(text, parse_float=lambda x: f"float {x}", parse_int=lambda x: f"int {x}"), sort_keys=True)


def lines(messages):
    return "".join(base64.b64encode(each.SerializeToString()).decode() + "\n" for each in messages)


def test_go_and_python_write_the_same_arguments(ends, wide):
    Wide = wide[0].Wide
    messages = [*chosen(Wide), *varied(Wide, 2000)]
    asked = lines(messages)
    done = subprocess.run([ends[0], wide[2], "arguments"], input=asked, env=ends[1], capture_output=True, text=True, check=True)
    methods, refused = Methods(TOOLS, STREAMS, message_arguments), 0
    answers = done.stdout.split("\n")[:-1]  # a text may have what Python takes for the end of a line
    assert len(answers) == len(messages)
    for message, answer in zip(messages, answers, strict=True):
        try:
            expected = methods.call("/wide.W/Do", message).arguments.decode()
        except NotArguments:
            assert answer.startswith("refused "), (message, answer)
            refused += 1
            continue
        assert answer.startswith("{") and literal(answer) == literal(expected), (message, answer, expected)
        assert len(answer) == len(expected)
    assert 20 < refused < len(messages) / 2


WANTED = [("Do", "OK  true"), ("Tail", "OK  true"), ("Store", "OK  true"), ("Echo", "OK  true")]


def test_a_go_client_reaches_a_python_server(ends, wide, world):
    class Served(wide[1].WServicer):
        def Do(self, request, context):
            return request

        def Tail(self, request, context):
            yield request

        def Store(self, requests, context):
            return list(requests)[-1]

        def Echo(self, requests, context):
            yield list(requests)[-1]

    guard = GuardInterceptor(TOOLS, guard=guarding(world[2], audience="wide"), streams=STREAMS)
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(4), interceptors=[guard])
    wide[1].add_WServicer_to_server(Served(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    messages = [each for each in chosen(wide[0].Wide) if is_call(each)]
    asked = [(method, each) for each in messages for method in ("Do", "Tail")] + [("Store", messages[3]), ("Echo", messages[4])]
    text = "".join(f"{method} {base64.b64encode(each.SerializeToString()).decode()}\n" for method, each in asked)
    done = subprocess.run(
        [ends[0], wide[2], "call", world[2], f"127.0.0.1:{port}"],
        input=text,
        env=ends[1],
        capture_output=True,
        text=True,
        timeout=120,
    )
    server.stop(0).wait()
    assert done.returncode == 0, done.stderr
    for (method, message), answer in zip(asked, done.stdout.splitlines(), strict=True):
        assert answer in ("OK  true", "OK  false") and ("nan" in str(message) or answer == "OK  true"), (method, message, answer)


def is_call(message):
    try:
        message_arguments("", message)
    except NotArguments:
        return False
    return True


@pytest.fixture
def served(ends, wide, world):
    with subprocess.Popen(
        [ends[0], wide[2], "serve", world[2]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=ends[1]
    ) as server:
        yield server.stdout.readline().strip()
        server.stdin.close()


def test_a_python_client_reaches_a_go_server(served, wide, world):
    with grpc.insecure_channel(served) as bare:
        stub = wide[1].WStub(grpc.intercept_channel(bare, AgentInterceptor(TOOLS, world[1], audience="wide", streams=STREAMS)))
        for message in chosen(wide[0].Wide):
            if not is_call(message):
                continue
            data = message.SerializeToString()
            assert stub.Do(message).ByteSize() == len(data)
            assert [each.ByteSize() for each in stub.Tail(message)] == [len(data)]
        assert stub.Store(iter([message])).ByteSize() == len(data)
        assert [each.ByteSize() for each in stub.Echo(iter([message]))] == [len(data)]


def test_a_go_server_refuses_as_a_python_server_does(served, wide, world):
    """Code, message and refusal, but for the ID of the decision."""
    pb, stubs, _ = wide
    guard = GuardInterceptor(TOOLS, guard=guarding(world[2], audience="wide"), streams=STREAMS)
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(4), interceptors=[guard])
    stubs.add_WServicer_to_server(type("Never", (stubs.WServicer,), {"Do": None, "Tail": None})(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with world[1].spawn("narrow", "do_wide(string under '/data')") as narrow:
        many = pb.Wide(longs=[1] * 200_000)

        def asked(where):
            with grpc.insecure_channel(where) as bare:
                stub, proven = (
                    stubs.WStub(bare),
                    stubs.WStub(grpc.intercept_channel(bare, AgentInterceptor(TOOLS, narrow, audience="wide"))),
                )
                chain, proof = narrow.present("do_wide", {"string": "/data/x"}, audience="wide")
                both = [("agent-chain", chain), ("agent-proof", proof)]
                yield told(proven.Do, pb.Wide(string="/etc/é"))
                yield told(proven.Do, pb.Wide(string="/data/x", int32=5))
                yield told(proven.Tail, pb.Wide())
                yield told(stub.Do, pb.Wide())
                yield told(stub.Tail, pb.Wide())
                yield told(stub.Store, iter([pb.Wide()]))
                yield told(stub.Do, pb.Wide(string="/data/y"), metadata=both)
                yield told(stub.Do, many)
                yield told(stub.Do, pb.Wide(value={"number_value": float("nan")}))[0]
                for metadata in (
                    both[:1],
                    both[1:],
                    [*both, both[0]],
                    [("agent-chain", "x"), both[1]],
                    [("agent-chain", "sha-256=" + "A" * 43), both[1]],
                ):
                    yield told(stub.Do, pb.Wide(), metadata=metadata)

        python, go = list(asked(f"127.0.0.1:{port}")), list(asked(served))
    server.stop(0).wait()
    for expected, found in zip(python, go, strict=True):
        assert found == expected
    assert {"PERMISSION_DENIED", "UNAUTHENTICATED", "FAILED_PRECONDITION", "INVALID_ARGUMENT"} == {
        each if isinstance(each, str) else each[0] for each in go
    }


def told(call, *arguments, **how):
    with pytest.raises(grpc.RpcError) as raised:
        found = call(*arguments, **how)
        list(found) if hasattr(found, "__iter__") else None
    said = json.loads(dict(raised.value.trailing_metadata())["agent-refusal"])
    said.pop("decision", None)
    return raised.value.code().name, raised.value.details(), said


def test_gos_own_tests(go):
    go("vet", ".", "./ends", "./example")
    found = go("test", "-race", "-count=1", "-v", ".")
    assert len(re.findall("^--- PASS", found, re.M)) >= 15


def test_the_example(go):
    assert go("run", "./example").splitlines()[:1] == ["OK the text of /data/q3/a.csv"]
