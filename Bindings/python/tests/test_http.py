"""Guards for HTTP without a framework: which call a request is, what is answered, and that nothing gets past by being forgotten."""

from __future__ import annotations

import asyncio
import io
import json
import pickle
import re
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from http_world import ANY, ROUTES, World, serving, through_asgi, through_wsgi
from libagentid._abi import E_ARGUMENT
from libagentid._errors import Error
from libagentid.http import Refusal, Request, Routes, asgi, guarding, wsgi
from libagentid.http._client import Presenter


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with serving(tmp_path_factory.mktemp("http") / "acme") as world:
        yield world


def test_a_route_is_a_tool_and_its_values_are_arguments(world: World) -> None:
    send = world.call(ROUTES)
    assert send("GET", "/users/7?full=yes") == (200, [True, ""], None)
    assert send("POST", "/notes/a/b%20c", {"text": "hello"}) == (200, [True, '{"text": "hello"}'], None)
    calls = Routes(ROUTES)
    made = calls(Request("POST", b"/notes/a/b c", "/notes/a/b%20c", "", b' {"text": "x"}', "application/json"))
    assert made is not None and made.tool == "write" and json.loads(made.arguments) == {"name": "a/b c", "text": "x"}
    assert send("POST", "/read_file", {"path": "/data/x"}, {})[:2] == (403, {"reason": "route_without_tool", "message": ANY})
    send = world.call(None)
    assert send("POST", "/read_file", {"path": "/data/x"})[0] == 200
    status, said, _ = send("POST", "/read_file", {"path": "/etc/shadow"})
    assert (status, said["reason"], said["argument"], said["link"]) == (403, "argument_constraint_violated", "path", 0)
    assert "shadow" not in json.dumps(said)


def test_what_is_exempt_by_name_comes_through_as_it_is_and_nothing_else(world: World) -> None:
    send = world.call(ROUTES)
    assert send("GET", "/health", headers={}) == (200, [False, ""], None)
    world.ran.clear()
    for method, url in [("POST", "/health"), ("GET", "/health/"), ("GET", "/"), ("GET", "/users"), ("GET", "/users/a/b"),
                        ("GET", "/users/"), ("HEAD", "/health"), ("GET", "//health"), ("OPTIONS", "/users/7")]:  # fmt: skip
        assert send(method, url, headers={})[1]["reason"] == "route_without_tool"
    assert world.ran == []


def test_what_is_missing_half_foreign_or_stale_is_refused_with_what_to_send(world: World) -> None:
    send, agent = world.call(ROUTES), world.agent
    chain, proof = agent.present("get_user", {"id": "7"}, audience="files")
    _, other = agent.present("get_user", {"id": "7"}, audience="mail")
    world.ran.clear()
    for headers, reason in [
        ({}, "chain_empty"), ({"Agent-Proof": proof}, "chain_empty"), ({"Agent-Chain": chain}, "pop_missing"),
        ({"Authorization": "Bearer abc"}, "chain_empty"), ({"Agent-Chain": "abc", "Agent-Proof": proof}, "token_malformed"),
        ({"Agent-Chain": chain, "Agent-Proof": "\xff"}, "pop_malformed"),
        ({"Agent-Chain": chain, "Agent-Proof": other}, "pop_recipient_mismatch"),
    ]:  # fmt: skip
        status, said, challenge = send("GET", "/users/7", headers=headers)
        assert (status, said["reason"], challenge) == (401, reason, f'Agent-Proof error="{reason}"')
    assert send("GET", "/users/8", headers={"Agent-Chain": chain, "Agent-Proof": proof})[0] in (401, 403)
    for twice in ("Agent-Chain", "Agent-Proof"):
        fields = [("Agent-Chain", chain), ("Agent-Proof", proof), (twice, proof)]
        assert send("GET", "/users/7", headers=fields)[1]["reason"] == "header"
    assert world.ran == []
    status, _, _ = through_asgi(asgi.GuardMiddleware(world.asgi, guard=world.guard, routes=ROUTES), "GET", "/users/7", b"",
                                [("Agent-Chain", chain), ("Agent-Proof", proof)])  # fmt: skip
    assert status == 200
    assert send("GET", "/users/7", headers={"Agent-Chain": chain, "Agent-Proof": proof})[1]["reason"] == "replayed"


def test_a_body_that_a_handler_could_read_otherwise_is_refused(world: World) -> None:
    send, agent = world.call(ROUTES), world.agent
    world.ran.clear()

    def refused(body: bytes, **fields: str) -> str:
        chain, proof = agent.present("write", {"name": "n", "text": "x"}, audience="files")
        headers = {"Agent-Chain": chain, "Agent-Proof": proof, **{k.replace("_", "-"): v for k, v in fields.items()}}
        return send("POST", "/notes/n", body, headers)[1]["reason"]

    for kind in (
        "application/x-www-form-urlencoded",
        "text/plain",
        "multipart/form-data; boundary=x",
        "application/json; charset=utf-16",
    ):
        assert refused(b'{"text":"x"}', Content_Type=kind) == "content_type"
    for body in (
        b'{"text":"x","text":"y"}',
        b'{"text":"x","name":"m"}',
        b'{"text":"x"}, "a": {}',
        b'{"text":"x"',
        b"{",
        b'{"text":NaN}',
    ):
        assert refused(body) == "arguments_malformed"
    for body in (b"[]", b"1", b'"x"'):
        assert refused(body) == "call"
    assert refused(b'{"text":"other"}') != "" and world.ran == []
    chain, proof = agent.present("get_user", {"id": "7"}, audience="files")
    for url in ("/users/7?full=1&full=2", "/users/7?id=8", "/users/7?" + "&".join(f"a{i}=1" for i in range(200))):
        assert send("GET", url, headers={"Agent-Chain": chain, "Agent-Proof": proof})[1]["reason"] == "call"
    assert world.call(None)("POST", "/read_file?x=1", {"path": "/data"}, headers={})[1]["reason"] == "call"
    assert world.ran == []


def test_an_argument_is_where_its_handler_looks_for_it(world: World) -> None:
    routes = {"GET /files": "get_user", "POST /rm": "get_user", "POST /read?id&full": "get_user", "GET /one?id": "get_user"}
    send, agent = world.call(routes), world.agent
    world.ran.clear()

    def said(method: str, url: str, body: bytes = b"", **arguments: str) -> Any:
        chain, proof = agent.present("get_user", {"id": "7", **arguments}, audience="files")
        return send(method, url, body, {"Agent-Chain": chain, "Agent-Proof": proof})[1]["reason"]

    # A handler with a default for what it does not find would act on that, and not on what was decided.
    assert said("GET", "/files", b'{"id":"7"}') == "call"
    assert said("GET", "/files?id=7", b'{"full":"yes"}', full="yes") == "call"
    assert said("POST", "/rm?id=7") == said("POST", "/rm?id=7", b"{}") == "call"
    assert said("POST", "/read?id=7&other=1") == said("GET", "/one?id=7&full=yes", full="yes") == "call"
    for body in (b'{"a":1', b'{"a":' + b"[" * 200_000, b"{]"):
        assert said("POST", "/read", body) == "arguments_malformed"
    assert world.ran == []
    send = world.call(routes)
    for method, url, body in [("GET", "/files?id=7", None), ("GET", "/files?id=7", {}), ("POST", "/rm", {"id": "7"}),
                              ("POST", "/read?id=7", None), ("POST", "/read?id=7", {}), ("GET", "/one?id=7", None)]:  # fmt: skip
        assert send(method, url, body)[0] == 200
    for wrong in ("POST /a?", "POST /a?x&x", "POST /a/{x}?x", "POST /a?x&", "GET /a?&x"):
        with pytest.raises(ValueError, match="names each field of its query once"):
            Routes({wrong: "t"})
    with pytest.raises(ValueError, match="names each field"):
        Routes({"GET /health?x": None})
    with pytest.raises(ValueError, match="routes of the same paths"):
        Routes({"POST /a?x": "t", "POST /a?y": "t"})


def test_a_body_is_read_for_fields_of_the_query_after_its_proof_and_not_before(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    read, seen, agent = json.loads, list[object](), world.agent

    def loads(text: Any, **how: Any) -> Any:
        seen.append(text)
        return read(text, **how)

    monkeypatch.setattr("libagentid.http._routes.json.loads", loads)
    world.ran.clear()
    given: Any = {"guard": world.guard, "routes": {"POST /read?id&full": "get_user"}}
    apps = [(asgi.GuardMiddleware(world.asgi, **given), through_asgi), (wsgi.GuardMiddleware(world.wsgi, **given), through_wsgi)]
    for app, through in apps:
        for url, body, arguments in [
            ("/read", b'{"id":"7"}', {"id": "7"}), ("/read", b'{"\\u0069d":"7"}', {"id": "7"}),
            ("/read?id=7", b' {"\\u0066ull":"yes"}', {"id": "7", "full": "yes"}),
        ]:  # fmt: skip
            seen.clear()
            assert through(app, "POST", url, body, [])[0] == 401 and body not in seen
            chain, proof = agent.present("get_user", arguments, audience="files")
            status, said, _ = through(app, "POST", url, body, [("Agent-Chain", chain), ("Agent-Proof", proof)])
            assert (status, read(said)["reason"]) == (400, "call") and body in seen
    assert world.ran == []


def test_a_body_beyond_the_limit_is_refused_before_it_is_read_whole(world: World) -> None:
    send = world.call(ROUTES, max_body=20)
    assert send("POST", "/notes/n", {"text": "x"})[0] == 200
    assert send("POST", "/notes/n", {"text": "x" * 20}) == (
        413,
        {"reason": "body", "message": "a body has at most 20 bytes"},
        None,
    )
    status, _, _ = through_asgi(asgi.GuardMiddleware(world.asgi, guard=world.guard, max_body=20), "POST", "/", b"",
                                [("Content-Length", "9" * 30)])  # fmt: skip
    assert status == 413
    for wrong in (-1, "1", True):
        with pytest.raises(ValueError, match="max_body"):
            asgi.GuardMiddleware(world.asgi, guard=world.guard, max_body=wrong)  # type: ignore[arg-type]


def test_a_body_of_many_parts_costs_what_is_in_them(world: World) -> None:
    app = asgi.GuardMiddleware(world.asgi, guard=world.guard, routes=ROUTES)
    rest = 200_000

    async def receive() -> Any:
        nonlocal rest
        rest -= 1
        return {"type": "http.request", "body": b"", "more_body": rest > 0}

    said: list[Any] = []

    async def send(message: Any) -> None:
        said.append(message)

    scope = {"type": "http", "method": "POST", "path": "/secret", "raw_path": None, "query_string": b"", "headers": []}
    tracemalloc.start()
    asyncio.run(app(scope, receive, send))
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert rest == 0 and said[0]["status"] == 401
    assert most < 1_000_000, most


def test_a_client_that_goes_before_its_body_has_come_runs_nothing(world: World) -> None:
    world.ran.clear()

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    async def send(_: Any) -> None:
        raise AssertionError("nobody is there")

    scope = {"type": "http", "method": "POST", "path": "/notes/n", "query_string": b"", "headers": []}
    asyncio.run(asgi.GuardMiddleware(world.asgi, guard=world.guard, routes=ROUTES)(scope, receive, send))
    for length in ("10", "\u00b2", "-1", "1_0", "+1", "x"):
        environ = {
            "REQUEST_METHOD": "POST", "PATH_INFO": "/notes/n", "wsgi.input": io.BytesIO(b"{"), "CONTENT_LENGTH": length,
        }  # fmt: skip
        said: list[Any] = []
        wsgi.GuardMiddleware(world.wsgi, guard=world.guard, routes=ROUTES)(environ, lambda *a, said=said: said.append(a))
        assert said[0][0].startswith("400") and world.ran == []


def test_a_refusal_can_be_pickled_and_says_no_more_than_its_answer() -> None:
    refusal = Refusal(403, "suspended", "m", argument="a", link=1, decision="d", headers=[("X", "y")])
    again = pickle.loads(pickle.dumps(refusal))
    assert again.body() == refusal.body() and again.fields() == refusal.fields() and again.status == 403


async def _asgi(scope: Any, receive: Any, send: Any) -> None: ...


@pytest.mark.parametrize("server", [asgi.GuardMiddleware, wsgi.GuardMiddleware])
@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"routes": ["GET /users/{id}"]}, "routes= is a dict of routes and their tools, or a function of a request, not list"),
        ({"metadata": "https://api.example"}, "metadata is of the type ResourceMetadata, not str"),
        ({"app": None}, "app is the application that is guarded, not NoneType"),
        ({"guard": "acme"}, "guard= is a Guard, or guarding"),
    ],
)
def test_what_a_server_is_given_wrongly_is_refused_when_it_is_made(server: Any, given: dict[str, Any], said: str) -> None:
    with pytest.raises(TypeError, match=re.escape(said)):
        server(**{"app": _asgi, "guard": guarding("acme", audience="files"), **given})


@pytest.mark.parametrize(
    ("given", "kind", "said"),
    [
        ({"directory": None}, TypeError, "directory is a path"),
        ({"audience": ["files"]}, TypeError, "audience is a text, the name of the guard, not list"),
        ({"audience": ""}, ValueError, "audience is the name of the guard, of 1 to 256 bytes, not of 0"),
        ({"audience": "é" * 129}, ValueError, "not of 258"),
        ({"max_bodies": 5}, TypeError, "max_bodies"),
    ],
)
def test_what_a_workers_guard_is_given_wrongly_is_refused_before_any_worker(given: Any, kind: Any, said: str) -> None:
    given = {"directory": "acme", "audience": "files", **given}
    with pytest.raises(kind, match=said):
        guarding(given.pop("directory"), **given)


@pytest.mark.parametrize(
    ("given", "kind", "said"),
    [
        ({"audience": 5}, TypeError, "audience is a text"), ({"audience": ""}, ValueError, "1 to 256 bytes"),
        ({"agent": "reader"}, TypeError, "agent is an Agent, not str"), ({"routes": ["GET /"]}, TypeError, "routes= is a dict"),
    ],
)  # fmt: skip
def test_what_a_client_is_given_wrongly_is_refused_when_it_is_made(given: Any, kind: Any, said: str) -> None:
    with pytest.raises(kind, match=said):
        Presenter(**{"audience": "files", **given})


def test_a_guard_that_cannot_be_opened_is_the_servers_fault_whatever_is_wrong_with_it(world: World) -> None:
    def opens() -> Any:
        raise Error(E_ARGUMENT, "guard_option", "an option of the operator's", "options.x", None)

    headers = [("Agent-Chain", "a"), ("Agent-Proof", "b")]
    status, said = through_asgi(asgi.GuardMiddleware(_asgi, guard=opens, routes=ROUTES), "GET", "/users/7", b"", headers)[:2]
    assert (status, json.loads(said)["reason"]) == (503, "internal")
