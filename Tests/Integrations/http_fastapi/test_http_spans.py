"""A request is one span at each end: of FastAPI's handler and what it does, and of the client that proves it."""

import asyncio
import threading
from typing import Annotated
from wsgiref.simple_server import WSGIRequestHandler, make_server

import fastapi
import httpx
import libagentid
import pytest
import requests
from fastapi.responses import StreamingResponse
from libagentid import Decision
from libagentid.http import guarding, wsgi
from libagentid.http.fastapi import GuardMiddleware, Permitted
from libagentid.http.httpx import AgentAuth, Redirected
from libagentid.http.requests import AgentAuth as RequestsAuth
from opentelemetry import trace

ROUTES = {
    "GET /users/{id}": "get_user", "GET /later/{id}": "get_user", "GET /lines/{id}": "get_user", "GET /moved": "moved",
    "GET /health": None,
}  # fmt: skip
SCOPE = "get_user(id in ['7', 'broken']); moved"


@pytest.fixture
def where(tmp_path):
    return tmp_path / "acme"


@pytest.fixture
def clerk(where):
    with libagentid.Authority.open(where, trust_domain="acme.example") as acme:
        acme.put_profile("web", owner="team:web@acme.example", ceiling=SCOPE)
        with acme.agent("web", principal="user:alice@acme.example", task="t", scope=SCOPE) as agent:
            yield agent


@pytest.fixture
def app(where, spans):
    app = fastapi.FastAPI()

    @app.get("/users/{id}")
    def get_user(id: str, permit: Annotated[Decision, fastapi.Depends(Permitted("get_user"))]):
        with spans.tracer.start_as_current_span("in a thread"):
            if id == "broken":
                raise fastapi.HTTPException(500)
            return permit.id

    @app.get("/later/{id}")
    async def later(id: str):
        with spans.tracer.start_as_current_span("in the loop"):
            await asyncio.sleep(0)

    @app.get("/lines/{id}")
    async def lines(id: str):
        async def parts():
            for part in ("a", "b"):
                with spans.tracer.start_as_current_span(part):
                    yield part

        return StreamingResponse(parts())

    @app.get("/moved")
    async def moved():
        return fastapi.responses.RedirectResponse("/users/7")

    @app.get("/health")
    async def health():
        pass

    app.add_middleware(GuardMiddleware, guard=guarding(where, audience="files"), routes=ROUTES)
    return app


def told(span):
    """Kind, outcome, decision and reason of a span."""
    return span.kind.name, *(span.attributes.get(f"agentid.{name}") for name in ("outcome", "decision", "reason"))


def of_guard(spans):
    return [span for span in spans() if span.name.startswith("execute_tool ") and span.kind.name == "INTERNAL"]


def test_fastapi_runs_a_handler_within_the_span_of_its_call(app, clerk, spans):
    async def main():
        auth, transport = AgentAuth(clerk, audience="files", routes=ROUTES), httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://files", auth=auth) as client:
            paths = ["/users/7", "/later/7", "/lines/7", "/users/broken", "/users/8", "/health"]
            answers = await asyncio.gather(*(client.get(path) for path in paths))
            assert [answer.status_code for answer in answers] == [200, 200, 200, 500, 403, 200]
            return answers[0].json()

    decision = asyncio.run(main())
    found = {span.context.span_id: span for span in spans()}
    inside = [span for span in found.values() if not span.name.startswith("execute_tool ")]
    parents = [found[span.parent.span_id] for span in inside]
    assert sorted(span.name for span in inside) == ["a", "b", "in a thread", "in a thread", "in the loop"]
    assert {span.attributes["agentid.decision"] for span in parents} == {"permit"} and len(set(map(id, parents))) == 4
    assert decision in [span.attributes["agentid.decision_id"] for span in parents]
    assert sorted(map(told, of_guard(spans)), key=str) == [
        ("INTERNAL", "failed: status 500", "permit", None),
        *[("INTERNAL", "succeeded", "permit", None)] * 3,
        ("INTERNAL", None, "deny", "argument_constraint_violated"),
    ]
    # In one process the client's span is current where the guard decides, as a host's own instrumentation makes it elsewhere.
    assert {found[span.parent.span_id].kind.name for span in of_guard(spans)} == {"CLIENT"}
    clients = [span for span in found.values() if span.kind.name == "CLIENT"]
    assert sorted(told(span)[1] for span in clients) == ["failed: status 403", "failed: status 500", *["succeeded"] * 3]
    assert {span.attributes["agentid.agent"] for span in [*clients, *of_guard(spans)]} == {clerk.id}
    assert trace.get_current_span() is trace.INVALID_SPAN


def test_a_client_of_httpx_whose_request_fails_has_a_span_that_says_so(clerk, spans):
    def redirects(request):
        return httpx.Response(307, headers={"Location": "/users/7"})

    def fails(request):
        raise httpx.ConnectError("hunter2")

    for answer, raised in ((redirects, Redirected), (fails, httpx.ConnectError)):
        auth = AgentAuth(clerk, audience="files", routes=ROUTES)
        with httpx.Client(transport=httpx.MockTransport(answer), base_url="http://files", auth=auth) as client:
            with pytest.raises(raised):
                client.get("/moved")
        assert trace.get_current_span() is trace.INVALID_SPAN
    assert [told(span)[:2] for span in spans()] == [("CLIENT", "succeeded"), ("CLIENT", "failed: no answer")]
    with AgentAuthOfNobody() as client, pytest.raises(LookupError):
        client.get("/moved")
    assert len(spans()) == 2


def AgentAuthOfNobody():
    auth = AgentAuth(audience="files", routes=ROUTES)
    return httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(200)), base_url="http://files", auth=auth)


class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass


@pytest.mark.parametrize("kind", ["httpx", "requests"])
def test_a_request_that_is_sent_twice_is_one_span_of_the_client(where, clerk, spans, kind):
    def handler(environ, start):
        start("200 OK", [])
        return [b"x"]

    asking = guarding(where, audience="files", require_nonce=True)
    with make_server("127.0.0.1", 0, wsgi.GuardMiddleware(handler, guard=asking, routes=ROUTES), handler_class=Quiet) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/users/7"
        how = {"audience": "files", "routes": ROUTES}
        answer = (
            httpx.get(url, auth=AgentAuth(clerk, **how))
            if kind == "httpx"
            else requests.get(url, auth=RequestsAuth(clerk, **how))
        )
        server.shutdown()
    assert answer.status_code == 200 and trace.get_current_span() is trace.INVALID_SPAN
    assert sorted(map(told, spans()), key=str) == [
        ("CLIENT", "succeeded", None, None),
        ("INTERNAL", "succeeded", "permit", None),
        ("INTERNAL", None, "deny", "nonce_required"),
    ]
