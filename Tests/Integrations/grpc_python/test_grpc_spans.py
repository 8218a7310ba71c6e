"""A call of gRPC is one span at each end: of the handler and what it does, and of the client that proves it."""

import asyncio
import time

import grpc
import pytest
from libagentid.grpc import AgentInterceptor, aio_interceptors
from opentelemetry import trace
from test_grpc import STREAMS, TOOLS, made  # noqa: F401
from test_grpc_calls import ask, serve, world  # noqa: F401


def told(span):
    """Tool and outcome of a span."""
    return span.attributes["agentid.tool"], span.attributes.get("agentid.outcome")


def found(spans, kind, count):
    """The spans of a kind, which an end may close a moment after the other has gone on."""
    for _ in range(3000):
        own = [span for span in spans() if span.name.startswith("execute_tool ") and span.kind.name == kind]
        if len(own) >= count:
            break
        time.sleep(0.02)
    return own


@pytest.mark.parametrize("kind", ["sync", "aio", "functions under aio"])
def test_a_handler_runs_within_the_span_of_its_call(made, world, serve, spans, kind):  # noqa: F811
    def way(context):
        with spans.tracer.start_as_current_span("inside"):
            current = trace.get_current_span().parent.span_id
        raise ValueError(current)

    methods = ["Read", "Tail", "Store", "Echo"]
    serve(kind, way, lambda address: [ask(made, world, address, method) for method in methods])
    servers, clients = found(spans, "INTERNAL", 4), found(spans, "CLIENT", 4)
    tools = ["read_file", "tail", "store", "echo"]
    assert sorted(map(told, servers)) == sorted((tool, "failed: ValueError") for tool in tools)
    assert sorted(map(told, clients)) == sorted((tool, "failed: code UNKNOWN") for tool in tools)
    inside = [span.parent.span_id for span in spans() if span.name == "inside"]
    assert sorted(inside) == sorted(span.context.span_id for span in servers)
    assert {span.attributes["agentid.agent"] for span in [*servers, *clients]} == {world[1].id}
    assert {span.attributes["agentid.decision"] for span in servers} == {"permit"}


def test_what_is_denied_is_a_span_with_the_reason(made, world, serve, spans):  # noqa: F811
    serve("sync", lambda context: None, lambda address: [ask(made, world, address, "Read") for _ in range(2)])
    servers, clients = found(spans, "INTERNAL", 2), found(spans, "CLIENT", 2)
    assert [span.attributes["agentid.decision"] for span in servers] == ["permit", "deny"]
    assert servers[1].attributes["agentid.reason"] == "budget_exhausted"
    assert [told(span)[1] for span in clients] == ["succeeded", "failed: code PERMISSION_DENIED"]


def test_clients_of_both_kinds_have_a_span_that_ends_with_the_answer(made, world, serve, spans):  # noqa: F811
    pb, stubs = made

    async def fails(answer):
        with pytest.raises(grpc.RpcError):
            if hasattr(answer, "__aiter__"):
                async for _ in answer:
                    pass
            else:
                await answer

    async def main(address):
        interceptors = aio_interceptors(TOOLS, world[1], audience="files", streams=STREAMS)
        async with grpc.aio.insecure_channel(address, interceptors=interceptors) as channel:
            files = stubs.FilesStub(channel)
            await fails(files.Read(pb.Wanted(path="/a")))
            await fails(files.Tail(pb.Wanted(path="/a")))
            await fails(files.Store(iter([pb.Text(text="a")])))
            await fails(files.Echo(iter([pb.Text(text="a")])))
            await asyncio.sleep(0)

    def each(address):
        with grpc.insecure_channel(address) as bare:
            interceptor = AgentInterceptor(TOOLS, world[1], audience="files", streams=STREAMS)
            files = stubs.FilesStub(grpc.intercept_channel(bare, interceptor))
            assert files.Read.future(pb.Wanted(path="/a")).result().text == "x"
            with pytest.raises(grpc.RpcError):
                list(files.Tail(pb.Wanted(path="/a")))
        asyncio.run(main(address))

    serve("sync", lambda context: None, each)
    denied = "failed: code PERMISSION_DENIED"  # the first call took the budget
    own = [told(span) for span in found(spans, "CLIENT", 6)]
    assert own[:4] == [("read_file", "succeeded"), ("tail", denied), ("read_file", denied), ("tail", denied)]
    # A stream that is refused while it is sent may fail in grpc itself before.
    assert [(tool, outcome[:13]) for tool, outcome in own[4:]] == [("store", "failed: code "), ("echo", "failed: code ")]
    assert trace.get_current_span() is trace.INVALID_SPAN
