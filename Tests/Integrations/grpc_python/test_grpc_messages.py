"""Messages as arguments: what very many values cost, and values that JSON does not have."""

import pathlib
import sys
import time

import grpc
import grpc_tools
import libagentid
import pytest
from grpc_tools import protoc
from libagentid.grpc import GuardInterceptor

ANY = """
syntax = "proto3";
package wide;
import "google/protobuf/any.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/field_mask.proto";
message Wide {
  repeated int32 numbers = 1; repeated Wide wides = 2; google.protobuf.Any any = 3; google.protobuf.Value value = 4;
  google.protobuf.FieldMask mask = 5; google.protobuf.Struct struct = 10; map<string, Wide> named = 6; map<int32, string> texts = 7; Wide one = 8; bytes data = 9;
}
"""


@pytest.fixture(scope="module")
def rpc():
    with libagentid.Authority.open(trust_domain="acme.example") as acme:
        yield acme


@pytest.fixture(scope="session")
def wide(tmp_path_factory):
    out = tmp_path_factory.mktemp("wide")
    (out / "wide.proto").write_text(ANY)
    known = pathlib.Path(grpc_tools.__file__).parent / "_proto"
    assert protoc.main(["", f"-I{out}", f"-I{known}", f"--python_out={out}", "wide.proto"]) == 0
    sys.path.insert(0, str(out))
    import wide_pb2

    return wide_pb2.Wide


def asked(rpc, wide, message):
    """What a stranger's message is answered with, and the processor time that its decision took, in seconds."""
    site = GuardInterceptor({"/wide.W/Do": "do"}, guard=rpc.guard(audience="wide"))
    ran = []
    bare = grpc.unary_unary_rpc_method_handler(lambda *_: ran.append(1), wide.FromString, wide.SerializeToString)
    decided = site._guarded("/wide.W/Do", bare, False).unary_unary
    begun = time.thread_time()
    with pytest.raises(grpc.RpcError):
        decided(message, context := Stranger())
    assert not ran
    return context.code, time.thread_time() - begun


class Stranger:
    """The context of a call that nobody proved."""

    def invocation_metadata(self):
        return ()

    def set_trailing_metadata(self, said):
        self.said = said

    def abort(self, code, _):
        self.code = code
        raise grpc.RpcError(code)


@pytest.mark.parametrize("data", [b"\x0a\x80\x80\x80\x01" + b"\x01" * (1 << 21), b"\x12\x00" * (1 << 20), b"\x32\x02\x12\x00" * (1 << 19),
                                  b"\x32\x05\x0a\x01a\x12\x00" * (1 << 15), b"\x42\x80\x80\x04" + b"\x12\x00" * (1 << 15)])  # fmt: skip
def test_a_message_of_very_many_values_costs_little_before_anything_is_proved(rpc, wide, data):
    code, took = asked(rpc, wide, wide.FromString(data))
    assert code in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.UNAUTHENTICATED) and took < 1


def test_many_values_can_be_arguments(rpc, wide):
    for message in (wide(numbers=[1] * 99_000), wide(wides=[wide()] * 15_000), wide(data=b"x" * (1 << 19)), wide(texts=dict.fromkeys(range(9000), "")),
                    wide(struct={"a": [1, {"b": None}], "c": "d"}), wide(value={"list_value": [1, "a", {}]})):  # fmt: skip
        assert asked(rpc, wide, message)[0] == grpc.StatusCode.UNAUTHENTICATED
        assert message == wide.FromString(message.SerializeToString())
    message = wide(wides=[wide()] * 15_000)
    message.wides[7].named["a"].one.MergeFromString(b"\xa0\x06\x01")  # a field that nobody knows
    asked(rpc, wide, message)
    assert b"\xa0\x06\x01" not in message.SerializeToString()


def test_what_is_in_an_any_is_bounded_and_known(rpc, wide):
    def within(message):
        packed = wide()
        packed.any.Pack(message)
        return packed

    nested, many = within(wide(data=b"x" * (3 << 20))), wide(wides=[wide()] * 120_000)
    for _ in range(50):
        nested = within(nested)
    strange = wide.FromString(b"\xa0\x06\x01")  # a field that nobody knows, which a handler may hand on to who does
    for message in (nested, within(many), within(within(many)), within(strange), within(wide(wides=[within(strange)]))):
        assert asked(rpc, wide, message)[0] == grpc.StatusCode.INVALID_ARGUMENT
    for message in (within(wide(data=b"x" * (1 << 19))), within(within(wide(wides=[wide()] * 9_000)))):
        assert asked(rpc, wide, message)[0] == grpc.StatusCode.UNAUTHENTICATED


@pytest.mark.parametrize(
    "data", [b"\x1a\x05\x0a\x03x/y", b"\x22\x09\x11\0\0\0\0\0\0\xf8\x7f", b"\x2a\x03\x0a\x01_", b"\x2a\x04\x0a\x02aB"]
)
def test_a_value_that_json_does_not_have_is_no_fault_of_the_guard(rpc, wide, data, caplog):
    assert asked(rpc, wide, wide.FromString(data))[0] == grpc.StatusCode.INVALID_ARGUMENT and not caplog.records
