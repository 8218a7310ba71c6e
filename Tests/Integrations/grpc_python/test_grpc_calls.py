"""A call of gRPC is a call of the policy: it ends with its handler, gives its budget back where it failed, and is in the log."""

import asyncio
import concurrent.futures
import time

import grpc
import libagentid
import pytest
from libagentid.grpc import (
    AgentInterceptor,
    AioGuardInterceptor,
    GuardInterceptor,
    guarding,
)
from libagentid.tools import current_call
from test_grpc import STREAMS, TOOLS, made  # noqa: F401

SCOPE = "read_file(path: *); tail(path: *); store(); echo()"
BUDGET = {
    "unit": "usd",
    "limit": "10",
    "cost": {"fixed": "6"},
    "per": "day",
    "for": "agent",
}
POLICY = {
    "version": 1,
    "labels": ["private"],
    "rules": [{"id": "spend", "match": "read_file; tail; store; echo", "budget": BUDGET}],
}


@pytest.fixture
def world(tmp_path):
    with libagentid.Authority.open(tmp_path / "acme", trust_domain="acme.example") as acme:
        acme.put_profile("web", owner="team:web@acme.example", ceiling=SCOPE)
        acme.apply_policy(POLICY)
        with acme.agent("web", principal="user:alice@acme.example", task="t", scope=SCOPE) as agent:
            yield acme, agent, tmp_path / "acme"


def outcomes(world):
    acme, _, directory = world
    acme.integrate()
    with libagentid.Audit.open(directory) as audit:
        return [entry["outcome"] for entry in audit.entries() if entry["kind"] == "outcome"]


def left(world):
    (budget,) = world[1].remaining("read_file")["budgets"]
    return budget["left"]


def costs(context):
    current_call().cost(usd="1")
    current_call().labels("private")


def raises(context):
    raise ValueError("hunter2")


def sets(context):
    context.set_code(grpc.StatusCode.NOT_FOUND)


def aborts(context):
    return context.abort(grpc.StatusCode.INVALID_ARGUMENT, "no")


WAYS = [
    (lambda context: None, "succeeded", "4"),
    (costs, "succeeded", "9"),
    (raises, "failed: ValueError", "10"),
    (sets, "failed: code NOT_FOUND", "10"),
    (aborts, "failed: code INVALID_ARGUMENT", "10"),
]


def servicers(made, way):  # noqa: F811
    """A service whose methods all do the same, as plain functions and as coroutines."""
    pb, stubs = made

    class Plain(stubs.FilesServicer):
        def Read(self, request, context):
            way(context)
            return pb.Text(text="x")

        def Tail(self, request, context):
            yield pb.Text(text="x")
            way(context)
            yield pb.Text(text="y")

        def Store(self, requests, context):
            list(requests)
            return self.Read(None, context)

        def Echo(self, requests, context):
            yield from requests
            way(context)

    class Aio(stubs.FilesServicer):
        async def Read(self, request, context):
            found = way(context)
            if found is not None:
                await found
            return pb.Text(text="x")

        async def Tail(self, request, context):
            yield pb.Text(text="x")
            await self.Read(request, context)
            yield pb.Text(text="y")

        async def Store(self, requests, context):
            async for _ in requests:
                pass
            return await self.Read(None, context)

        async def Echo(self, requests, context):
            async for each in requests:
                yield each
            await self.Read(None, context)

    return Plain(), Aio()


def ask(made, world, address, method):  # noqa: F811
    pb, stubs = made
    interceptor = AgentInterceptor(TOOLS, world[1], audience="files", streams=STREAMS)
    with grpc.insecure_channel(address) as bare:
        files = stubs.FilesStub(grpc.intercept_channel(bare, interceptor))
        wanted = iter([pb.Text(text="a")]) if method in ("Store", "Echo") else pb.Wanted(path="/a")
        try:
            answer = getattr(files, method)(wanted)
            list(answer) if hasattr(answer, "__iter__") else None
        except grpc.RpcError as error:
            return error.code().name
    return "OK"


def options(world):
    return {"guard": guarding(world[2], audience="files"), "streams": STREAMS}


@pytest.fixture
def serve(made, world):  # noqa: F811
    """Runs a function with the address of a server, sync or aio; the handlers of both are plain or coroutines."""

    def sync(servicer, then):
        server = grpc.server(
            concurrent.futures.ThreadPoolExecutor(4),
            interceptors=[GuardInterceptor(TOOLS, **options(world))],
        )
        made[1].add_FilesServicer_to_server(servicer, server)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        try:
            then(f"127.0.0.1:{port}")
        finally:
            server.stop(0).wait()

    async def aio(servicer, then):
        server = grpc.aio.server(interceptors=[AioGuardInterceptor(TOOLS, **options(world))])
        made[1].add_FilesServicer_to_server(servicer, server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        try:
            await asyncio.to_thread(then, f"127.0.0.1:{port}")
        finally:
            await server.stop(0)

    def serve(kind, way, then):
        plain, coroutines = servicers(made, way)
        if kind == "sync":
            return sync(plain, then)
        return asyncio.run(aio(plain if kind == "functions under aio" else coroutines, then))

    return serve


@pytest.mark.parametrize("kind", ["sync", "aio", "functions under aio"])
@pytest.mark.parametrize(
    ("way", "outcome", "rest"),
    WAYS,
    ids=[f"{outcome} {rest}" for _, outcome, rest in WAYS],
)
def test_a_call_ends_with_its_handler_and_gives_back_where_it_failed(made, world, serve, kind, way, outcome, rest):  # noqa: F811
    methods = ["Read", "Tail", "Store", "Echo"] if rest == "10" else ["Read"]
    if way is aborts and kind == "functions under aio":
        methods = ["Read", "Store", "Store", "Echo"]  # grpc.aio itself hangs where a generator aborts after its first message
    codes = []
    serve(
        kind,
        way,
        lambda address: codes.extend(ask(made, world, address, method) for method in methods * 2),
    )
    if outcome == "succeeded":
        assert codes == ["OK", "OK" if rest == "9" else "PERMISSION_DENIED"]
        assert left(world) == ("8" if rest == "9" else "4")
        assert outcomes(world) == [outcome] * codes.count("OK")
        assert ("private" in world[1].remaining()["labels"]) is (rest == "9")
    else:
        assert "PERMISSION_DENIED" not in codes and "OK" not in codes
        assert (left(world), outcomes(world)) == ("10", [outcome] * 8)


@pytest.mark.parametrize("kind", ["sync", "aio"])
def test_a_stream_that_is_read_to_its_end_has_spent(made, world, serve, kind):  # noqa: F811
    serve(kind, lambda context: None, lambda address: ask(made, world, address, "Tail"))
    assert (left(world), outcomes(world)) == ("4", ["succeeded"])


@pytest.mark.parametrize("kind", ["sync", "aio"])
def test_a_client_that_cancels_gets_nothing_back(made, world, serve, kind):  # noqa: F811
    pb, stubs = made

    def waits(context):
        if kind == "aio":
            return asyncio.sleep(60)
        while context.is_active():
            time.sleep(0.02)
        return None

    def cancels(address):
        with grpc.insecure_channel(address) as bare:
            interceptor = AgentInterceptor(TOOLS, world[1], audience="files", streams=STREAMS)
            answers = stubs.FilesStub(grpc.intercept_channel(bare, interceptor)).Tail(pb.Wanted(path="/a"))
            assert next(answers).text == "x"
            answers.cancel()
            for _ in range(3000):
                if outcomes(world):
                    break
                time.sleep(0.02)

    serve(kind, waits, cancels)
    assert (left(world), outcomes(world)) == ("4", ["closed early"])


def test_too_many_calls_are_exhausted_resources(made, world, serve):  # noqa: F811
    world[0].apply_policy(
        {
            **POLICY,
            "version": 2,
            "rules": [{"id": "slow", "match": "read_file", "rate": {"calls": 1, "per": "day", "for": "agent"}}],
        }
    )
    codes = []
    serve("sync", lambda context: None, lambda address: codes.extend(ask(made, world, address, "Read") for _ in range(2)))
    assert codes == ["OK", "RESOURCE_EXHAUSTED"]


@pytest.mark.parametrize("kind", ["sync", "aio", "functions under aio"])
@pytest.mark.parametrize("way", ["raises", "aborts", "sets a code"])
def test_a_client_that_wants_an_answer_too_early_gets_nothing_back(made, world, serve, kind, way):  # noqa: F811
    pb, stubs = made

    def fails(context):
        if way == "raises":
            raise ValueError
        return aborts(context) if way == "aborts" else sets(context)

    async def takes_it_for_a_failure(context):
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            found = fails(context)
            if found is not None:
                await found

    def waits(context):
        if kind == "aio":
            return takes_it_for_a_failure(context)
        time.sleep(2.5)
        return fails(context)

    def asks(address):
        with grpc.insecure_channel(address) as bare:
            interceptor = AgentInterceptor(TOOLS, world[1], audience="files", streams=STREAMS)
            with pytest.raises(grpc.RpcError):
                stubs.FilesStub(grpc.intercept_channel(bare, interceptor)).Read(pb.Wanted(path="/a"), timeout=2)
            for _ in range(3000):
                if outcomes(world):
                    break
                time.sleep(0.02)

    serve(kind, waits, asks)
    assert (left(world), outcomes(world)) == ("4", ["closed early"])
