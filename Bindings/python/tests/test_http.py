"""Guards for HTTP without a framework: which call a request is, what is answered, and that nothing gets past by being forgotten."""

from __future__ import annotations

import asyncio
import io
import json
import os
import pickle
import threading
from collections.abc import Iterator
from typing import Any

import libagentid
import pytest
from libagentid.http import Refusal, Request, ResourceMetadata, Routes, asgi, guarding, request_call, wsgi
from libagentid.http._client import Presenter, wants_chain

SCOPE = "get_user(id: *, full?: *); write(name: *, text: *); \"POST /read_file\"(path under '/data'); socket(room: *)"
ROUTES = {
    "GET /users/{id}": "get_user", "POST /notes/{name:path}": "write", "GET /health": None, "POST /secret": "secret",
    "WEBSOCKET /rooms/{room}": "socket",
}  # fmt: skip


class World:
    """A guarded application, as ASGI and as WSGI, and an agent."""

    def __init__(self, directory: str) -> None:
        self.directory, self.ran = directory, []
        self.acme = libagentid.Authority.open(directory, trust_domain="acme.example")
        self.acme.put_profile("web", owner="team:web@acme.example", ceiling=SCOPE)
        self.agent = self.acme.agent("web", principal="user:alice@acme.example", task="t", scope=SCOPE)
        self.guard = guarding(directory, audience="files")

    def call(self, routes: Any, *, own: Any = None, **options: Any) -> Any:
        """A function that sends a request through both ends and answers what both say: status, body and headers."""
        options = {"guard": self.guard, "routes": routes, **options}
        apps = [asgi.GuardMiddleware(self.asgi, **options), wsgi.GuardMiddleware(self.wsgi, **options)]
        presenter = Presenter(own or self.agent, audience="files", routes=routes, long_chain=1 << 20)

        def send(method: str, url: str, body: Any = None, headers: dict[str, str] | list[tuple[str, str]] | None = None) -> Any:
            data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
            answers = []
            for app, through in zip(apps, (through_asgi, through_wsgi), strict=True):
                fields = list((presenter.headers(method, url, data, None) if headers is None else dict(headers)).items())
                fields = fields if not isinstance(headers, list) else headers
                answers.append(through(app, method, url, data, fields))
            one, two = ((status, json.loads(body), fields.get("www-authenticate")) for status, body, fields in answers)
            for _, said, _ in (one, two):
                assert not isinstance(said, dict) or said.pop("decision", True)
            assert one == two
            return one

        return send

    async def asgi(self, scope: Any, receive: Any, send: Any) -> None:
        body = (await receive()).get("body", b"") if scope["type"] == "http" else b""
        self.ran.append((scope["path"], body))
        if scope["type"] == "websocket":
            return await send({"type": "websocket.accept"})
        await send({"type": "http.response.start", "status": 200, "headers": []})
        permitted = asgi.PERMIT in scope and asgi.permit_of(scope).permitted
        await send({"type": "http.response.body", "body": json.dumps([permitted, body.decode()]).encode()})

    def wsgi(self, environ: Any, start: Any) -> Any:
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"] or 0))
        self.ran.append((environ["PATH_INFO"], body))
        start("200 OK", [])
        permitted = wsgi.PERMIT in environ and wsgi.permit_of(environ).permitted
        return [json.dumps([permitted, body.decode()]).encode()]


def through_asgi(app: Any, method: str, url: str, body: bytes, fields: list[tuple[str, str]], kind: str = "http") -> Any:
    from urllib.parse import unquote

    path, _, query = url.partition("?")
    scope = {
        "type": kind, "method": method, "path": unquote(path), "raw_path": path.encode(), "query_string": query.encode(),
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in fields],
    }  # fmt: skip
    parts, said = [body[i : i + 7] for i in range(0, len(body), 7)] or [b""], []

    async def receive() -> Any:
        return {
            "type": f"{kind}.request" if kind == "http" else "websocket.connect",
            "body": parts.pop(0),
            "more_body": bool(parts),
        }

    async def send(message: Any) -> None:
        said.append(message)

    asyncio.run(app(scope, receive, send))
    if kind == "websocket":
        return said
    answered = b"".join(message["body"] for message in said[1:])
    return said[0]["status"], answered, {name.decode(): value.decode() for name, value in said[0]["headers"]}


def through_wsgi(app: Any, method: str, url: str, body: bytes, fields: list[tuple[str, str]]) -> Any:
    from urllib.parse import unquote_to_bytes

    path, _, query = url.partition("?")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method, "SCRIPT_NAME": "", "PATH_INFO": unquote_to_bytes(path).decode("latin-1"), "QUERY_STRING": query,
        "RAW_URI": url, "wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body)) if body else "",
    }  # fmt: skip
    for name, value in fields:
        key = "CONTENT_TYPE" if name.lower() == "content-type" else "HTTP_" + name.upper().replace("-", "_")
        environ[key] = f"{environ[key]},{value}" if key in environ else value
    said: list[Any] = []
    answered = b"".join(app(environ, lambda status, headers: said.extend((status, headers))))
    return int(said[0].split()[0]), answered, {name.lower(): value for name, value in said[1]}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = World(str(tmp_path_factory.mktemp("http") / "acme"))
    yield world
    world.agent.end()
    world.acme.close()


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


class _Any:
    def __eq__(self, _: object) -> bool:
        return True


ANY: Any = _Any()


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


def test_a_client_that_goes_before_its_body_has_come_runs_nothing(world: World) -> None:
    world.ran.clear()

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    async def send(_: Any) -> None:
        raise AssertionError("nobody is there")

    scope = {"type": "http", "method": "POST", "path": "/notes/n", "query_string": b"", "headers": []}
    asyncio.run(asgi.GuardMiddleware(world.asgi, guard=world.guard, routes=ROUTES)(scope, receive, send))
    environ = {
        "REQUEST_METHOD": "POST", "PATH_INFO": "/notes/n", "wsgi.input": io.BytesIO(b"{"), "CONTENT_LENGTH": "10",
    }  # fmt: skip
    said: list[Any] = []
    wsgi.GuardMiddleware(world.wsgi, guard=world.guard, routes=ROUTES)(environ, lambda *a: said.append(a))
    assert said[0][0].startswith("400") and world.ran == []


def test_a_guard_that_fails_refuses(world: World, tmp_path: Any) -> None:
    world.ran.clear()

    def raises(*_: Any) -> Any:
        raise RuntimeError("broken: /secret/place")

    for options in ({"guard": guarding(tmp_path / "none", audience="files")}, {"guard": raises}, {"routes": raises}):
        status, said, _ = world.call(options.pop("routes", None), **options)("POST", "/read_file", {"path": "/data"}, {})  # type: ignore[arg-type]
        assert (status, said) == (503, {"reason": "internal", "message": "the guard could not decide"})
    for wrong in (None, "./acme", world.agent):
        with pytest.raises(TypeError, match="guarding"):
            asgi.GuardMiddleware(world.asgi, guard=wrong)  # type: ignore[arg-type]
    assert world.ran == []


def test_a_worker_that_was_forked_has_a_guard_of_its_own(world: World) -> None:
    script = f"""
import json, os, sys
sys.path.insert(0, {os.path.dirname(__file__)!r})
from test_http import *
made, early = guarding({world.directory!r}, audience="files"), guarding({world.directory!r}, audience="files")
before = early() if len(sys.argv) > 1 else None
if os.fork() == 0:
    app = wsgi.GuardMiddleware(lambda *_: [], guard=before or made, routes=ROUTES)
    status, said, _ = through_wsgi(app, "GET", "/users/7", b"", [])
    print(status, json.loads(said)["reason"], flush=True)
    os._exit(0)
os.wait()
"""
    import subprocess
    import sys

    for arguments, expected in [((), "401 chain_empty"), (("early",), "503 internal")]:
        done = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, timeout=60)
        assert done.stdout.strip() == expected, done.stderr
        assert ("before this worker was forked" in done.stderr) == (expected != "401 chain_empty")


def test_one_guard_is_made_for_a_process_whoever_comes_first(world: World) -> None:
    made = guarding(world.directory, audience="files")
    found: list[Any] = []
    threads = [threading.Thread(target=lambda: found.append(made())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8 and len(set(map(id, found))) == 1


def test_a_websocket_is_guarded_like_a_route(world: World) -> None:
    app = asgi.GuardMiddleware(world.asgi, guard=world.guard, routes=ROUTES)
    world.ran.clear()
    said = through_asgi(app, "", "/rooms/7", b"", [], "websocket")
    assert said == [{"type": "websocket.close", "code": 1008, "reason": "chain_empty"}] and world.ran == []
    chain, proof = world.agent.present("socket", {"room": "7"}, audience="files")
    fields = [("Agent-Chain", chain), ("Agent-Proof", proof)]
    assert through_asgi(app, "", "/rooms/7", b"", fields, "websocket") == [{"type": "websocket.accept"}]
    assert through_asgi(app, "", "/other", b"", fields, "websocket")[0]["type"] == "websocket.close"
    with pytest.raises(RuntimeError, match="not guarded"):
        asyncio.run(app({"type": "new"}, None, None))  # type: ignore[arg-type]


def test_metadata_is_for_anybody_and_named_in_a_401(world: World) -> None:
    metadata = ResourceMetadata("https://api.example/v1", authorization_servers=["https://as.example"], resource_name="files")
    assert metadata.url == "https://api.example/.well-known/oauth-protected-resource/v1"
    send = world.call(ROUTES, metadata=metadata)
    assert send("GET", metadata.path, headers={})[:2] == (200, {
        "resource": "https://api.example/v1", "authorization_servers": ["https://as.example"], "resource_name": "files",
    })  # fmt: skip
    assert send("GET", "/users/7", headers={})[2] == f'Agent-Proof error="chain_empty", resource_metadata="{metadata.url}"'
    for wrong in ("api.example", "ftp://x", 'https://a"b', "https://a/#b", "https://a\r\nX: y"):
        with pytest.raises(ValueError, match="URL"):
            ResourceMetadata(wrong)


@pytest.mark.parametrize(
    ("routes", "says"),
    [
        ({"GET /a/{x}": "t", "GET /a/b": "u"}, "it must be one"), ({"GET /{x:path}": "t", "GET /a/b": None}, "it must be one"),
        ({"GET /{x}/b": "t", "GET /a/{y}": "u"}, "it must be one"), ({"get /a": "t"}, "a method and a path"), ({"/a": "t"}, "a method"),
        ({"GET a": "t"}, "a method and a path"), ({"GET /{x}/{x}": "t"}, "twice"), ({"GET /{x:int}": "t"}, "not a value"),
        ({"GET /{x:path}/a": "t"}, "at the end"), ({"GET /a{x}": "t"}, "not a value"), ({"GET /a": ""}, "a tool is a name"),
        ({"GET /a": True}, "a tool is a name"),
    ],
)  # fmt: skip
def test_routes_that_say_two_things_are_refused_when_they_are_made(routes: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Routes(routes)
    assert "GET" in repr(Routes({"GET /a": "t", "POST /a/{x}": None, "GET /a/{x}/c": "u", "GET /b/{x:path}": "v"}))


def test_a_long_chain_goes_by_reference_and_once_in_whole(world: World) -> None:
    agents = [world.agent]
    try:
        for depth in range(3):
            agents.append(agents[-1].spawn(f"deep{depth}", same_scope=True))
        deep = Presenter(agents[-1], audience="files", routes=ROUTES)
        sent = deep.headers("GET", "http://h/users/7", b"", None)
        whole = deep.headers("GET", "http://h/users/7", b"", None, is_whole=True)
        assert (
            len(agents[-1].chain) >= 4096 and sent["Agent-Chain"] == agents[-1].chain_reference and len(sent["Agent-Chain"]) == 51
        )
        send = world.call(ROUTES)
        status, said, _ = send("GET", "/users/7", headers=sent)
        assert (status, said["reason"]) == (428, "chain_unknown") and wants_chain(status, sent["Agent-Chain"])
        assert not wants_chain(status, whole["Agent-Chain"]) and not wants_chain(200, sent["Agent-Chain"])
        app = asgi.GuardMiddleware(world.asgi, guard=world.guard, routes=ROUTES)
        assert through_asgi(app, "GET", "/users/7", b"", list(whole.items()))[0] == 200
        again = deep.headers("GET", "http://h/users/7", b"", None)
        assert through_asgi(app, "GET", "/users/7", b"", list(again.items()))[0] == 200
        short = Presenter(world.agent, audience="files", routes=ROUTES).headers("GET", "http://h/users/7", b"", None)
        assert short["Agent-Chain"] == world.agent.chain
    finally:
        for agent in reversed(agents[1:]):
            agent.end()


def test_a_chain_is_introduced_as_a_body_and_no_handler_gets_it(world: World) -> None:
    agents = [world.agent]
    try:
        for depth in range(4):
            agents.append(agents[-1].spawn(f"far{depth}", same_scope=True))
        kind = [("Content-Type", "application/agent-chain")]
        apps = {asgi: through_asgi, wsgi: through_wsgi}
        for deep, (end, through) in zip(agents[-2:], apps.items(), strict=True):
            own: Any = {asgi: world.asgi, wsgi: world.wsgi}[end]
            app = end.GuardMiddleware(own, guard=guarding(world.directory, audience="files"), routes=ROUTES)
            presenter = Presenter(deep, audience="files", routes=ROUTES)

            def ask(app: Any = app, presenter: Presenter = presenter, through: Any = through) -> Any:
                return through(app, "GET", "/users/7", b"", list(presenter.headers("GET", "http://h/users/7", b"", None).items()))

            world.ran.clear()
            assert ask()[0] == 428
            for body, status in [
                (b"", 401),
                (b"abc", 401),
                (b"\xff", 401),
                (b"x" * (300 << 10), 413),
                (deep.chain.encode(), 204),
            ]:
                assert through(app, "POST", "/any/path", body, kind)[0] == status
            assert world.ran == [] and ask()[0] == 200
            assert (
                through(app, "GET", "/any/path", b"", kind)[0]
                == through(app, "POST", "/any/path", b"{}", [*kind, *kind])[0]
                == 403
            )
        long = Presenter(agents[-1], audience="files").introduction()
        assert long is None or len(long) > 7 << 10
    finally:
        for agent in reversed(agents[1:]):
            agent.end()


def test_a_client_proves_as_the_current_agent_and_not_without_one(world: World) -> None:
    presenter = Presenter(audience="files", routes=ROUTES)
    with pytest.raises(LookupError):
        presenter.headers("GET", "http://h/users/7", b"", None)
    assert presenter.headers("GET", "http://h/health", b"", None) == {}
    with pytest.raises(Refusal, match="no tool"):
        presenter.headers("GET", "http://h/elsewhere", b"", None)
    with pytest.raises(ValueError, match="at most 3 bytes"):
        Presenter(world.agent, audience="files", max_body=3).headers("POST", "http://h/a", b"1234", None)
    with pytest.raises(ValueError, match="audience"):
        Presenter(world.agent, audience="")
    with world.agent.spawn("reader", same_scope=True) as reader:
        assert reader.chain == presenter.headers("GET", "http://h/users/7", b"", None)["Agent-Chain"]


def test_a_refusal_can_be_pickled_and_says_no_more_than_its_answer() -> None:
    refusal = Refusal(403, "suspended", "m", argument="a", link=1, decision="d", headers=[("X", "y")])
    again = pickle.loads(pickle.dumps(refusal))
    assert again.body() == refusal.body() and again.fields() == refusal.fields() and again.status == 403


def test_the_path_is_the_one_that_was_sent_unless_it_is_another(world: World) -> None:
    def tool(path: bytes, sent: str | None) -> str:
        return request_call(Request.of("GET", path, sent, "", b"", None)).tool

    assert tool(b"/a b", "/a%20b") == "GET /a%20b" and tool(b"/a!b", "/a!b") == "GET /a!b" and tool(b"", "") == "GET /"
    assert tool(b"/a b", None) == "GET /a%20b" and tool(b"/x", "/y") == "GET /x" and tool("/é".encode(), None) == "GET /%C3%A9"
    assert tool(b"/read_file", "/read%5ffile") == "GET /read%5ffile"
