"""A WebSocket is one call, from its handshake to its close."""

from __future__ import annotations

import contextlib
import json
import pathlib
from typing import Any

import libagentid
import pytest
from http_calls_world import ROUTES, World, exchange
from libagentid.http import asgi, guarding


@pytest.mark.parametrize(
    ("sends", "expected"),
    [
        ([], "failed: no answer"),
        ([{"type": "websocket.close"}], "failed: close 1000"),
        ([{"type": "websocket.http.response.start", "status": 403, "headers": []}], "failed: status 403"),
        ([{"type": "websocket.accept"}, {"type": "websocket.close", "code": 1011}], "failed: close 1011"),
        ([{"type": "websocket.accept"}, {"type": "websocket.close"}], "succeeded"),
        ([{"type": "websocket.accept"}], "succeeded"),
        ([{"type": "websocket.accept"}, ZeroDivisionError()], "failed: ZeroDivisionError"),
        ([{"type": "websocket.accept"}, "gone"], "closed early"),
    ],
)
def test_a_websocket_is_one_call(tmp_path: pathlib.Path, sends: list[Any], expected: str) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert (await receive())["type"] == "websocket.connect"
        for each in sends:
            if each == "gone":
                assert (await receive())["type"] == "websocket.disconnect"
                raise ConnectionError
            if isinstance(each, Exception):
                raise each
            await send(each)

    world = World(tmp_path / "acme", None)
    _, fields = world.fields("WEBSOCKET")
    with contextlib.suppress(ZeroDivisionError, ConnectionError):
        exchange(
            asgi.GuardMiddleware(app, **world.options), b"", fields, kind="websocket", gone_after=1 if "gone" in sends else 99
        )
    assert world.outcomes == [expected]


def test_a_websocket_whose_agent_is_suspended_goes_on_until_it_asks(tmp_path: pathlib.Path) -> None:
    world = World(tmp_path / "acme", None)
    heard: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        world.acme.suspend(world.agent.id)
        for _ in range(2):  # what is sent in it is not decided
            heard.append((await receive())["type"])
        with pytest.raises(libagentid.Denied) as denied:
            asgi.call_of(scope).extend("usd")
        await send({"type": "websocket.close", "code": 1008, "reason": denied.value.reason})

    _, fields = world.fields("WEBSOCKET")
    said = exchange(asgi.GuardMiddleware(app, **world.options), b"", fields, kind="websocket")
    assert said[-1]["reason"] == "suspended" and heard == ["websocket.receive"] * 2


def test_a_handshake_is_refused_with_status_and_reason_where_the_server_lets_it_be(tmp_path: pathlib.Path) -> None:
    async def app(*_: Any) -> None:
        raise AssertionError("it ran")

    world = World(tmp_path / "acme", None)
    guard = guarding(world.directory, audience="files", require_nonce=True)
    _, fields = world.fields("WEBSOCKET")
    guarded = asgi.GuardMiddleware(app, guard=guard, routes=ROUTES)
    assert exchange(guarded, b"", fields, kind="websocket")[0]["type"] == "websocket.close"

    async def extended(scope: Any, receive: Any, send: Any) -> None:
        await guarded({**scope, "extensions": {"websocket.http.response": {}}}, receive, send)

    _, fields = world.fields("WEBSOCKET")
    start, body = exchange(extended, b"", fields, kind="websocket")
    assert (start["type"], start["status"]) == ("websocket.http.response.start", 401)
    assert b"agent-nonce" in dict(start["headers"]) and json.loads(body["body"])["reason"] == "nonce_required"
