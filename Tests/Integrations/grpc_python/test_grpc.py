"""Interceptors for gRPC, sync and aio at either end, unary and streaming: nothing runs that was not permitted."""

import asyncio
import concurrent.futures
import json
import pathlib
import subprocess
import sys

import grpc
import libagentid
import pytest
from grpc_tools import protoc
from libagentid.grpc import AgentInterceptor, AioGuardInterceptor, GuardInterceptor, aio_interceptors, guarding

HERE = pathlib.Path(__file__).parent


TOOLS = {
    "/files.Files/Read": "read_file", "/files.Files/Tail": "tail", "/files.Files/Store": "store", "/files.Files/Echo": "echo",
    "/files.Files/Ping": None,
}  # fmt: skip


STREAMS = ["/files.Files/Store", "/files.Files/Echo"]


LOCKED = "/data/locked"


SCOPE = "read_file(path under '/data', lines?: *); tail(path under '/data'); store(); echo()"


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    out = tmp_path_factory.mktemp("proto")
    assert protoc.main(["", f"-I{HERE}", f"--python_out={out}", f"--grpc_python_out={out}", "files.proto"]) == 0
    sys.path.insert(0, str(out))
    import files_pb2
    import files_pb2_grpc

    return files_pb2, files_pb2_grpc


@pytest.fixture(scope="session")
def where(tmp_path_factory):
    return tmp_path_factory.mktemp("grpc") / "acme"


@pytest.fixture(scope="session")
def rpc(where):
    with libagentid.Authority.open(where, trust_domain="acme.example") as acme:
        acme.put_profile("web", owner="team:web@acme.example", ceiling=SCOPE + "; ping; other")
        yield acme


@pytest.fixture
def agent(rpc):
    with rpc.agent("web", principal="user:alice@acme.example", task="t", scope=SCOPE) as agent:
        yield agent


def services(made, ran):
    """The service as plain functions and as coroutines."""
    pb, stubs = made

    class Files(stubs.FilesServicer):
        def Read(self, request, context):
            ran.append("Read")
            if request.path == LOCKED:
                context.abort(grpc.StatusCode.FAILED_PRECONDITION, "it is locked")
            return pb.Text(text=f"the text of {request.path}")

        def Tail(self, request, context):
            ran.append("Tail")
            yield from (pb.Text(text=str(i)) for i in range(3))

        def Store(self, requests, context):
            ran.append("Store")
            return pb.Text(text="".join(each.text for each in requests))

        def Echo(self, requests, context):
            ran.append("Echo")
            yield from requests

        def Ping(self, request, context):
            ran.append("Ping")
            return request

        def Forgotten(self, request, context):
            raise AssertionError("a method without a tool ran")

    class AioFiles(stubs.FilesServicer):
        async def Read(self, request, context):
            ran.append("Read")
            if request.path == LOCKED:
                await context.abort(grpc.StatusCode.FAILED_PRECONDITION, "it is locked")
            return pb.Text(text=f"the text of {request.path}")

        async def Tail(self, request, context):
            ran.append("Tail")
            for i in range(3):
                yield pb.Text(text=str(i))

        async def Store(self, requests, context):
            ran.append("Store")
            return pb.Text(text="".join([each.text async for each in requests]))

        async def Echo(self, requests, context):
            ran.append("Echo")
            async for each in requests:
                yield each

        async def Ping(self, request, context):
            ran.append("Ping")
            return request

        Forgotten = Files.Forgotten

    return Files(), AioFiles()


@pytest.fixture
def ran():
    return []


@pytest.fixture
def address(made, where, rpc, ran):
    pool = concurrent.futures.ThreadPoolExecutor(4)
    guard = GuardInterceptor(TOOLS, guard=guarding(where, audience="files"), streams=STREAMS)
    server = grpc.server(pool, interceptors=[guard])
    made[1].add_FilesServicer_to_server(services(made, ran)[0], server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(0).wait()


def stub(made, address, agent, **options):
    how = {"audience": "files", "streams": STREAMS, **options}
    channel = grpc.intercept_channel(grpc.insecure_channel(address), AgentInterceptor(TOOLS, agent, **how))
    return made[1].FilesStub(channel)


def refused(call, *arguments, **how):
    """The code and the reason of a call that is not permitted."""
    with pytest.raises(grpc.RpcError) as raised:
        found = call(*arguments, **how)
        list(found) if hasattr(found, "__iter__") else None
    said = dict(raised.value.trailing_metadata()).get("agent-refusal")
    return raised.value.code().name, json.loads(said)["reason"] if said else None


def test_every_kind_of_call_is_permitted_and_runs_once(made, address, agent, ran):
    pb, files = made[0], stub(made, address, agent)
    assert files.Read(pb.Wanted(path="/data/a", lines=3)).text == "the text of /data/a"
    assert [each.text for each in files.Tail(pb.Wanted(path="/data/a"))] == ["0", "1", "2"]
    assert files.Store(pb.Text(text=each) for each in "abc").text == "abc"
    assert [each.text for each in files.Echo(pb.Text(text=each) for each in "abc")] == ["a", "b", "c"]
    assert files.Ping(pb.Text(text="x")).text == "x"
    assert files.Read.future(pb.Wanted(path="/data/b")).result().text == "the text of /data/b"
    assert ran == ["Read", "Tail", "Store", "Echo", "Ping", "Read"]


def test_what_is_not_permitted_says_why_and_does_not_run(made, address, agent, ran):
    pb, files, bare = made[0], stub(made, address, agent), made[1].FilesStub(grpc.insecure_channel(address))
    assert refused(files.Read, pb.Wanted(path="/etc/shadow")) == ("PERMISSION_DENIED", "argument_constraint_violated")
    assert refused(files.Tail, pb.Wanted(path="/etc/shadow")) == ("PERMISSION_DENIED", "argument_constraint_violated")
    assert refused(bare.Read, pb.Wanted(path="/data/a")) == ("UNAUTHENTICATED", "chain_empty")
    assert refused(bare.Tail, pb.Wanted(path="/data/a")) == ("UNAUTHENTICATED", "chain_empty")
    assert refused(bare.Store, iter([pb.Text(text="a")])) == ("UNAUTHENTICATED", "chain_empty")
    assert refused(bare.Echo, iter([pb.Text(text="a")])) == ("UNAUTHENTICATED", "chain_empty")
    assert refused(bare.Forgotten, pb.Text()) == ("PERMISSION_DENIED", "route_without_tool")
    chain, proof = agent.present("read_file", {"path": "/data/a"}, audience="files")
    for metadata, reason in [
        ([("agent-chain", chain)], "pop_missing"), ([("agent-proof", proof)], "chain_empty"),
        ([("agent-chain", chain), ("agent-chain", chain), ("agent-proof", proof)], "header"),
        ([("agent-chain", chain), ("agent-proof", agent.prove("read_file", {"path": "/data/a"}, audience="mail"))], "pop_recipient_mismatch"),
    ]:  # fmt: skip
        assert refused(bare.Read, pb.Wanted(path="/data/a"), metadata=metadata)[1] == reason
    assert ran == []
    good = [("agent-chain", chain), ("agent-proof", proof)]
    assert bare.Read(pb.Wanted(path="/data/a"), metadata=good).text == "the text of /data/a"
    assert refused(bare.Read, pb.Wanted(path="/data/a"), metadata=good) == ("UNAUTHENTICATED", "replayed")
    assert ran == ["Read"]


def test_where_the_guard_asks_for_a_nonce_the_client_calls_once_more(made, rpc, ran, agent):
    pb = made[0]
    with rpc.guard(audience="files", require_nonce=True) as guard:
        server = grpc.server(concurrent.futures.ThreadPoolExecutor(4), interceptors=[GuardInterceptor(TOOLS, guard=guard)])
        made[1].add_FilesServicer_to_server(services(made, ran)[0], server)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        files, bare = stub(made, f"127.0.0.1:{port}", agent), made[1].FilesStub(grpc.insecure_channel(f"127.0.0.1:{port}"))

        async def main():
            interceptors = aio_interceptors(TOOLS, agent, audience="files", streams=STREAMS)
            async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", interceptors=interceptors) as channel:
                return (await made[1].FilesStub(channel).Read(pb.Wanted(path="/data/b"))).text

        assert files.Read(pb.Wanted(path="/data/a")).text == "the text of /data/a"
        assert asyncio.run(main()) == "the text of /data/b"
        assert refused(files.Read, pb.Wanted(path="/etc/shadow"))[0] == "PERMISSION_DENIED"
        assert refused(bare.Read, pb.Wanted(path="/data/a")) == ("UNAUTHENTICATED", "chain_empty")
        assert refused(files.Tail, pb.Wanted(path="/data/a")) == (
            "UNAUTHENTICATED",
            "nonce_required",
        )  # a stream is not begun twice
        server.stop(0).wait()
    assert ran == ["Read", "Read"]


def test_a_guard_that_fails_lets_nothing_through(made, where, ran, agent):
    def broken():
        raise RuntimeError("the guard is broken")

    for guard in (broken, guarding(where / "none", audience="files")):
        server = grpc.server(concurrent.futures.ThreadPoolExecutor(2), interceptors=[GuardInterceptor(TOOLS, guard=guard)])
        made[1].add_FilesServicer_to_server(services(made, ran)[0], server)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        files = stub(made, f"127.0.0.1:{port}", agent)
        assert refused(files.Read, made[0].Wanted(path="/data/a")) == ("UNAVAILABLE", "internal")
        assert refused(files.Store, iter([]))[0] in ("PERMISSION_DENIED", "UNAVAILABLE")
        server.stop(0).wait()
    assert ran == []


def test_a_client_asks_for_nothing_that_is_not_in_its_table(made, address, agent, ran):
    pb = made[0]
    with pytest.raises(Exception, match="no tool is named"):
        stub(made, address, agent).Forgotten(pb.Text())
    with pytest.raises(Exception, match="streams="):
        stub(made, address, agent, streams=[]).Store(iter([pb.Text()]))
    with pytest.raises(LookupError):
        stub(made, address, None).Read(pb.Wanted(path="/data/a"))
    with agent.spawn("reader", "read_file(path under '/data/q3')"):
        assert refused(stub(made, address, None).Read, pb.Wanted(path="/data/a"))[1] == "argument_constraint_violated"
    assert ran == []
    for tools in ({"files/Read": "x"}, {"/files.Files/Read": ""}, {"/files.Files": "x"}):
        with pytest.raises(ValueError):
            GuardInterceptor(tools, guard=guarding("./acme", audience="files"))
    with pytest.raises(ValueError, match="streams"):
        GuardInterceptor(TOOLS, guard=guarding("./acme", audience="files"), streams=["/files.Files/Ping"])


def test_a_field_that_the_guard_does_not_know_reaches_no_handler(made, where):
    from libagentid.grpc._methods import Methods, message_arguments

    message = made[0].Wanted.FromString(made[0].Wanted(path="/data/a").SerializeToString() + b"\x7a\x01x")
    assert b"\x7a\x01x" in message.SerializeToString()
    call = Methods(TOOLS, STREAMS, message_arguments).call("/files.Files/Read", message)
    assert json.loads(call.arguments) == {"path": "/data/a"} and b"\x7a\x01x" not in message.SerializeToString()


def test_a_long_chain_goes_by_reference(made, address, agent, ran):
    with agent.spawn("a", same_scope=True) as a, a.spawn("b", same_scope=True) as b, b.spawn("c", same_scope=True) as deep:
        assert len(deep.chain) > 4096
        pb, files = made[0], stub(made, address, deep)
        for index in range(3):
            assert files.Read(pb.Wanted(path=f"/data/{index}")).text == f"the text of /data/{index}"
        bare, (_, proof) = (
            made[1].FilesStub(grpc.insecure_channel(address)),
            deep.present("read_file", {"path": "/data/x"}, audience="files"),
        )
        known = [("agent-chain", deep.chain_reference), ("agent-proof", proof)]
        assert bare.Read(pb.Wanted(path="/data/x"), metadata=known).text == "the text of /data/x"
        assert len(list(files.Tail(pb.Wanted(path="/data/x")))) == 3
        assert ran == ["Read"] * 4 + ["Tail"]
        ran.clear()
        assert refused(files.Read, pb.Wanted(path=LOCKED)) == ("FAILED_PRECONDITION", None)
    assert ran == ["Read"], "a handler's own code is not the guard's, which asks for the whole chain"


@pytest.mark.parametrize("kind", [0, 1], ids=["functions", "coroutines"])
def test_aio_at_both_ends(made, where, agent, ran, kind):
    pb, stubs = made

    async def code(call):
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            if hasattr(call, "__aiter__"):
                async for _ in call:
                    pass
            else:
                await call
        return raised.value.code().name

    async def main():
        guard = AioGuardInterceptor(TOOLS, guard=guarding(where, audience="files"), streams=STREAMS)
        server = grpc.aio.server(concurrent.futures.ThreadPoolExecutor(4), interceptors=[guard])
        stubs.add_FilesServicer_to_server(services(made, ran)[kind], server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        deep = agent.spawn("a", same_scope=True).spawn("b", same_scope=True).spawn("c", same_scope=True)
        try:
            for whose in (agent, deep):
                proving = aio_interceptors(TOOLS, whose, audience="files", streams=STREAMS)
                async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", interceptors=proving) as channel:
                    files = stubs.FilesStub(channel)
                    texts = await asyncio.gather(*(files.Read(pb.Wanted(path=f"/data/{i}")) for i in range(10)))
                    assert [each.text for each in texts] == [f"the text of /data/{i}" for i in range(10)]
                    assert [each.text async for each in files.Tail(pb.Wanted(path="/data/a"))] == ["0", "1", "2"]
                    assert (await files.Store(pb.Text(text=each) for each in "abc")).text == "abc"
                    assert [each.text async for each in files.Echo(pb.Text(text=each) for each in "abc")] == ["a", "b", "c"]
                    assert (await files.Ping(pb.Text(text="x"))).text == "x"
                    assert await code(files.Read(pb.Wanted(path=LOCKED))) == "FAILED_PRECONDITION"
                    assert await code(files.Read(pb.Wanted(path="/etc/shadow"))) == "PERMISSION_DENIED"
                    assert await code(files.Tail(pb.Wanted(path="/etc/shadow"))) == "PERMISSION_DENIED"
            count = len(ran)
            async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
                bare = stubs.FilesStub(channel)
                for call in (bare.Read(pb.Wanted(path="/data/a")), bare.Tail(pb.Wanted(path="/data/a")), bare.Store(iter([pb.Text()])),
                             bare.Echo(iter([pb.Text()]))):  # fmt: skip
                    assert await code(call) == "UNAUTHENTICATED"
                assert await code(bare.Forgotten(pb.Text())) == "PERMISSION_DENIED"
            assert len(ran) == count == 2 * 15
        finally:
            await server.stop(0)

    asyncio.run(asyncio.wait_for(main(), 60))


def test_an_extra_that_is_missing_says_what_to_install():
    where = str(pathlib.Path(libagentid.__file__).parents[1])
    code = f"import sys; sys.path.insert(0, {where!r}); import libagentid.grpc"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True)
    assert "pip install 'libagentid[grpc]'" in done.stderr and "ImportError" in done.stderr


def test_what_is_given_wrongly_is_refused_when_it_is_given(where):
    guard = guarding(where, audience="files")
    with pytest.raises(TypeError, match="tools is a dict of methods and their tools, not list"):
        GuardInterceptor(["/files.Files/Read"], guard=guard)
    with pytest.raises(TypeError, match="arguments= is a function"):
        GuardInterceptor(TOOLS, guard=guard, arguments={})
    with pytest.raises(TypeError, match="audience is a text"):
        AgentInterceptor(TOOLS, audience=None)


def test_an_interceptor_of_asyncio_in_a_server_of_threads_says_so_and_lets_nothing_through(made, where, agent, ran, caplog):
    pb, stubs = made
    files, _ = services(made, ran)
    server = grpc.server(
        concurrent.futures.ThreadPoolExecutor(2),
        interceptors=[AioGuardInterceptor(TOOLS, guard=guarding(where, audience="files"))],
    )
    stubs.add_FilesServicer_to_server(files, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel, pytest.raises(grpc.RpcError) as refused:
            stubs.FilesStub(channel).Read(pb.Wanted(path="/data/a"), timeout=60)
        assert refused.value.code() != grpc.StatusCode.DEADLINE_EXCEEDED
        assert "grpc.server takes a GuardInterceptor" in caplog.text and ran == []
    finally:
        server.stop(None).wait()
