"""HTTP without a framework: a path and a query are one route with the same values, whoever reads them and wherever it is mounted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from http_world import ROUTES, World, serving, through_asgi, through_wsgi
from libagentid.http import Refusal, Request, Routes, asgi, request_call, wsgi


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with serving(tmp_path_factory.mktemp("http") / "acme") as world:
        yield world


def test_the_path_is_the_one_that_was_sent_unless_it_is_another(world: World) -> None:
    def tool(path: bytes, sent: str | None) -> str:
        return request_call(Request.of("GET", path, sent, "", b"", None)).tool

    assert tool(b"/a b", "/a%20b") == "GET /a%20b" and tool(b"/a!b", "/a!b") == "GET /a!b" and tool(b"", "") == "GET /"
    assert tool(b"/a b", None) == "GET /a%20b" and tool(b"/x", "/y") == "GET /x" and tool("/é".encode(), None) == "GET /%C3%A9"
    assert tool(b"/read_file", "/read%5ffile") == "GET /read%5ffile"


@pytest.mark.parametrize("query", ["full=%FF", "full=%C3", "full=\u00e9", "full=a;id=8", "f%FFll=1", "full=a\x7f", "full=\x00"])
def test_a_query_that_frameworks_read_differently_is_refused(world: World, query: str) -> None:
    world.ran.clear()
    status, said, _ = world.call(ROUTES)("GET", f"/users/7?{query}", headers={"Agent-Chain": "", "Agent-Proof": ""})
    assert (status, said["reason"]) == (400, "call") and world.ran == []


@pytest.mark.parametrize("routes", [None, ROUTES])
def test_a_request_for_a_server_by_name_is_no_call(world: World, routes: Any) -> None:
    send = world.call(routes)
    by_name = [("CONNECT", "/health"), ("CONNECT", "evil.example:443"), ("POST", "http://evil.example/read_file"), ("GET", "*")]
    for method, url in by_name:
        status, said, _ = send(method, url, headers={})
        assert (status, said["reason"]) == (400, "call"), (method, url)
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/health", "RAW_URI": "http://evil.example/health", "CONTENT_LENGTH": ""}
    said: list[Any] = []
    world.ran.clear()
    list(wsgi.GuardMiddleware(world.wsgi, guard=world.guard, routes=ROUTES)(environ, lambda *given: said.extend(given)))
    assert said[0].startswith("400") and world.ran == []


@pytest.mark.parametrize("end", ["%0A", "%0D", "%00", "%1F", "%7F", "%C2%85", "%E2%80%A8", "%0A7"])
def test_a_path_with_a_line_end_or_another_control_character_is_refused(world: World, end: str) -> None:
    # An expression that ends with `$`, as routers have them, takes `7` and a newline for `7`.
    world.ran.clear()
    status, said, _ = world.call(ROUTES)("GET", f"/users/7{end}", headers={"Agent-Chain": "", "Agent-Proof": ""})
    assert (status, said["reason"]) == (400, "call") and world.ran == []


def test_a_whole_number_in_a_path_has_one_spelling() -> None:
    routes = Routes({"GET /a/{x:int}": "t", "GET /a/{x:int}/{rest:path}": "u"})
    for path in ("0", "7", "-7", "10", "9" * 40):
        assert routes.find("GET", f"/a/{path}").values == {"x": path}
        assert routes.find("GET", f"/a/{path}/b").values == {"x": path, "rest": "b"}
    for path in ("07", "+7", "-0", "7.0", "1_0", " 7", "7 ", "", "-", "\u0667", "\uff17", "7\u200b", "7/", "x"):
        with pytest.raises(Refusal) as refused:
            routes.find("GET", f"/a/{path}") if path != "7/" else Routes({"GET /a/{x:int}": "t"}).find("GET", "/a/7/")
        assert refused.value.reason == "route_without_tool", path
    with pytest.raises(ValueError, match="it must be one"):
        Routes({"GET /a/{x:int}": "t", "GET /a/{y}": "u"})


@pytest.mark.parametrize("rest", ["a//b", "//a", "a//", "//", "a/b//c/"])
def test_a_path_with_an_empty_part_in_the_middle_is_refused(rest: str) -> None:
    """Litestar hands `/a/b` to its handler, and nginx sends it so: what is decided would be another text than what is used."""
    routes = Routes({"GET /files/{path:path}": "t", "GET /static/{path:path}": None})
    for path in (f"/files/{rest}", f"/static/{rest}"):
        with pytest.raises(Refusal) as refused:
            routes.find("GET", path)
        assert refused.value.reason == "route_without_tool"
    for fine in ("", "a", "a/b", "/a/b", "a/", "/", "../a"):
        assert routes.find("GET", f"/files/{fine}").values == {"path": fine}


def test_a_query_may_hold_whatever_is_escaped(world: World) -> None:
    assert world.call(ROUTES)("GET", "/users/7?full=%C3%A9%3B%00+x")[0] == 200


@pytest.mark.parametrize(("root", "routes", "path", "runs"), [
    # An application at /api runs /secret for both.
    ("/api", {"GET /secret": "secret", "GET /{full}/{id}": "get_user"}, "/api/secret", False),
    ("/api/", {"GET /secret": "secret", "GET /{full}/{id}": "get_user"}, "/api/secret", False),
    ("/api", {"GET /secret": None, "GET /{full}/{id}": "get_user"}, "/api/secret", False),
    ("/api", {"GET /{full}/{id}": "get_user"}, "/api/secret", False),
    ("/api", {"GET /{id:path}": "get_user"}, "/api/secret", False),
    ("/api", {"GET /{id}": "get_user", "GET /api/secret": "secret"}, "/secret", False),
    ("/api", {"GET /{id:path}": "get_user"}, "/secret", True),
    ("/api", {"GET /api/{id}": "get_user"}, "/api/secret", True),
    ("/a", {"GET /api/{id}": "get_user"}, "/api/secret", True),
    # A server that lets a client say where it is mounted would run /secret, which has no route.
    ("/api", {"GET /api/{id}": "get_user", "GET /health": None}, "/api/secret", False),
    ("/api", {"GET /api/{id:path}": None, "POST /health": None}, "/api/secret", False),
    ("/api/secret", {"GET /api/{id}": "get_user"}, "/api/secret", False),
])  # fmt: skip
def test_a_path_is_one_route_wherever_the_application_is_mounted(
    world: World, root: str, routes: dict[str, str | None], path: str, runs: bool
) -> None:
    world.ran.clear()
    seen = Routes(routes).find("GET", path).values
    chain, proof = world.agent.present("get_user", seen, audience="files")

    async def mounted(scope: Any, receive: Any, send: Any) -> None:
        await asgi.GuardMiddleware(world.asgi, guard=world.guard, routes=routes)({**scope, "root_path": root}, receive, send)

    answer = through_asgi(mounted, "GET", path, b"", [("Agent-Chain", chain), ("Agent-Proof", proof)])
    assert answer[0] == (200 if runs else 403) and len(world.ran) == runs, answer


@pytest.mark.parametrize("routes", [{"GET /users/{id}": "get_user", "GET /health": None}, {"GET /users/{id}": None}])
def test_no_client_says_where_the_application_is_mounted(world: World, routes: dict[str, str | None]) -> None:
    world.ran.clear()
    chain, proof = world.agent.present("get_user", {"id": "admin"}, audience="files")
    fields = [("Agent-Chain", chain), ("Agent-Proof", proof)]

    def moved(environ: Any, start: Any) -> Any:  # as gunicorn makes it of the header SCRIPT_NAME
        environ = {**environ, "SCRIPT_NAME": "/users", "PATH_INFO": "/admin", "HTTP_SCRIPT_NAME": "/users"}
        return wsgi.GuardMiddleware(world.wsgi, guard=world.guard, routes=routes)(environ, start)

    def mounted(environ: Any, start: Any) -> Any:  # as it makes it of a variable, or another server of another header
        environ = {**environ, "SCRIPT_NAME": "/users", "PATH_INFO": "/admin"}
        return wsgi.GuardMiddleware(world.wsgi, guard=world.guard, routes=routes)(environ, start)

    assert through_wsgi(moved, "GET", "/users/admin", b"", fields)[0] == 400
    asgi_app = asgi.GuardMiddleware(world.asgi, guard=world.guard, routes=routes)
    assert through_asgi(asgi_app, "GET", "/users/admin", b"", [*fields, ("Daphne-Root-Path", "/users")])[0] == 400
    if len(routes) > 1:  # else all of the table has the root
        assert through_wsgi(mounted, "GET", "/users/admin", b"", fields)[0] == 403
        assert world.ran == []
