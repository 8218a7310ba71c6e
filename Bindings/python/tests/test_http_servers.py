"""Guards for HTTP in their servers: one for each worker, that fail closed; WebSockets, metadata, tables of routes."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from http_world import ROUTES, World, serving, through_asgi
from libagentid.http import ResourceMetadata, Routes, asgi, guarding


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with serving(tmp_path_factory.mktemp("http") / "acme") as world:
        yield world


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
from http_world import *
made, early = guarding({world.directory!r}, audience="files"), guarding({world.directory!r}, audience="files")
before = early() if len(sys.argv) > 1 else None
if os.fork() == 0:
    app = wsgi.GuardMiddleware(lambda *_: [], guard=before or made, routes=ROUTES)
    status, said, _ = through_wsgi(app, "GET", "/users/7", b"", [])
    print(status, json.loads(said)["reason"], flush=True)
    os._exit(0)
os.wait()
"""

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
        ({"GET a": "t"}, "a method and a path"), ({"GET /{x}/{x}": "t"}, "twice"), ({"GET /{x:float}": "t"}, "not a value"),
        ({"GET /{x:path}/a": "t"}, "at the end"), ({"GET /a{x}": "t"}, "not a value"), ({"GET /a": ""}, "a tool is a name"),
        ({"GET /a": True}, "a tool is a name"),
    ],
)  # fmt: skip
def test_routes_that_say_two_things_are_refused_when_they_are_made(routes: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Routes(routes)
    assert "GET" in repr(Routes({"GET /a": "t", "POST /a/{x}": None, "GET /a/{x}/c": "u", "GET /b/{x:path}": "v"}))
