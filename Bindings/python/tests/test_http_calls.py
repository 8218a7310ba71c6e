"""A request is a call: it ends with its answer, once, gives its budget back where it failed, and its outcome is in the log."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import pathlib
import sys
from collections.abc import Callable, Iterator
from typing import Any

import libagentid
import pytest
from http_calls_world import POLICY, World, exchange
from http_world import through_wsgi
from libagentid.http import asgi, wsgi
from libagentid.tools import current_call


@pytest.fixture
def world(tmp_path: pathlib.Path) -> Iterator[World]:
    world = World(tmp_path / "acme")
    yield world
    world.agent.end()
    world.acme.close()


def through(world: World, handler: Callable[[], tuple[int, list[bytes]]]) -> Iterator[Callable[[], int | None]]:
    """The status that a request to the same handler is answered with, by ASGI and by WSGI; None where the server's own 500 is."""

    async def asgi_app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        assert current_call() is asgi.call_of(scope)
        status, parts = handler()
        await send({"type": "http.response.start", "status": status, "headers": []})
        for part in parts:
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    def wsgi_app(environ: Any, start: Any) -> Any:
        assert current_call() is wsgi.call_of(environ)
        status, parts = handler()
        start(f"{status} said", [])
        return parts

    def by_asgi() -> int | None:
        try:
            return int(exchange(asgi.GuardMiddleware(asgi_app, **world.options), *world.fields())[0]["status"])
        except ZeroDivisionError:
            return None

    def by_wsgi() -> int | None:
        body, fields = world.fields()
        try:
            return int(through_wsgi(wsgi.GuardMiddleware(wsgi_app, **world.options), "POST", "/pay", body, fields)[0])
        except ZeroDivisionError:
            return None

    yield by_asgi
    yield by_wsgi


def raising() -> tuple[int, list[bytes]]:
    raise ZeroDivisionError("hunter2")


@pytest.mark.parametrize(
    ("handler", "outcome"),
    [
        (raising, "failed: ZeroDivisionError"),
        (lambda: (500, [b"no"]), "failed: status 500"),
        (lambda: (422, [b"{}"]), "failed: status 422"),
        (lambda: (404, []), "failed: status 404"),
    ],
)
def test_a_request_that_failed_gives_its_budget_back_before_it_is_answered(
    world: World, handler: Any, outcome: str
) -> None:  # fmt: skip
    for send in through(world, handler):
        for _ in range(3):  # the budget has room for one of them
            assert send() != 403
        assert world.left == "10"
    assert world.outcomes == [outcome] * 6


def test_a_request_that_is_refused_after_its_decision_has_failed(world: World) -> None:
    body, fields = world.fields()
    options = {**world.options, "routes": {"POST /pay?usd": "pay"}}

    async def runs(*_: Any) -> None:
        raise AssertionError("the handler ran")

    said = exchange(asgi.GuardMiddleware(runs, **options), body, fields)
    assert (said[0]["status"], json.loads(said[1]["body"])["argument"]) == (400, "usd")
    body, fields = world.fields()
    assert through_wsgi(wsgi.GuardMiddleware(runs, **options), "POST", "/pay", body, fields)[0] == 400
    assert (world.left, world.outcomes) == ("10", ["failed: status 400"] * 2)


@pytest.mark.parametrize("status", [200, 201, 204, 302])
def test_a_request_that_succeeded_has_spent(world: World, status: int) -> None:
    for send, left in zip(through(world, lambda: (status, [b"paid"])), ("4", "4"), strict=True):
        send()
        assert world.left == left
        assert send() == 403
    assert world.outcomes == ["succeeded"]


def test_a_handler_tells_what_its_call_costs_and_labels_it(world: World) -> None:
    def pays() -> tuple[int, list[bytes]]:
        current_call().cost(usd="1.00")
        current_call().labels("private")
        return 200, [b"paid"]

    for send, left in zip(through(world, pays), ("9", "8"), strict=True):
        assert (send(), world.left) == (200, left)
    assert "private" in world.agent.remaining()["labels"]
    with pytest.raises(LookupError):
        current_call()


def test_a_handler_that_ends_its_call_itself_is_not_contradicted(world: World) -> None:
    def aborts() -> tuple[int, list[bytes]]:
        call: Any = current_call()
        call.abort("failed: the bank said no")
        return 200, []

    def closes() -> tuple[int, list[bytes]]:
        call: Any = current_call()
        with call:
            call.cost(usd="0.00")
        return 500, []

    for handler in (aborts, closes):
        for send in through(world, handler):
            send()
            assert world.left == "10"
    assert world.outcomes == ["failed: the bank said no"] * 2 + ["succeeded"] * 2


def test_without_a_policy_the_outcome_stands_in_the_log_too(tmp_path: pathlib.Path) -> None:
    world = World(tmp_path / "acme", None)
    for send in through(world, raising):
        send()
    for send in through(world, lambda: (200, [b"paid"])):
        send()
    assert world.outcomes == ["failed: ZeroDivisionError"] * 2 + ["succeeded"] * 2


@pytest.mark.parametrize("fails", [False, True])
def test_a_stream_is_settled_when_it_has_ended(world: World, fails: bool) -> None:
    seen: list[str] = []

    def parts() -> Iterator[bytes]:
        yield b"a"
        seen.append(world.left)
        current_call().cost(usd="2.00")
        yield b"b"
        if fails:
            raise ZeroDivisionError

    for send in through(world, lambda: (200, parts())):  # type: ignore[arg-type, return-value]
        send()
    assert (seen, world.left) == (["4", "2"], "6")
    assert world.outcomes == ["failed: ZeroDivisionError" if fails else "succeeded"] * 2


def test_who_hangs_up_gets_nothing_back(world: World) -> None:
    body, fields = world.fields()

    async def streams(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while True:
            await send({"type": "http.response.body", "body": b"x", "more_body": True})

    with pytest.raises(OSError, match="gone"):
        exchange(asgi.GuardMiddleware(streams, **world.options), body, fields, gone_after=2)
    assert (world.left, world.outcomes) == ("4", ["closed early"])


def test_an_error_that_came_of_hanging_up_gives_nothing_back(world: World) -> None:
    async def fails(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        assert (await receive())["type"] == "http.disconnect"
        await send({"type": "http.response.start", "status": 500, "headers": []})

    with pytest.raises(OSError, match="gone"):
        exchange(asgi.GuardMiddleware(fails, **world.options), *world.fields(), gone_after=0, whole=True)
    assert (world.left, world.outcomes) == ("4", ["closed early"])


def test_who_hangs_up_on_a_wsgi_stream_or_has_its_handler_cancelled_gets_nothing_back(world: World) -> None:
    body, fields = world.fields()
    environ = {
        "REQUEST_METHOD": "POST", "PATH_INFO": "/pay", "wsgi.input": io.BytesIO(body),
        "CONTENT_LENGTH": str(len(body)), **{f"HTTP_{name.upper().replace('-', '_')}": value for name, value in fields},
        "CONTENT_TYPE": "application/json",
    }  # fmt: skip
    closed: list[str] = []

    def streams(environ: Any, start: Any) -> Iterator[bytes]:
        start("200 OK", [])
        try:
            while True:
                yield b"x"
        finally:
            closed.append("the application's")

    parts: Any = wsgi.GuardMiddleware(streams, **world.options)(environ, lambda *_: None)
    assert next(parts) == b"x"
    assert world.outcomes == []
    parts.close()
    assert (world.left, world.outcomes, closed) == ("4", ["closed early"], ["the application's"])

    async def cancelled(scope: Any, receive: Any, send: Any) -> None:
        raise asyncio.CancelledError

    world.acme.apply_policy({**POLICY, "version": 2, "rules": [{**POLICY["rules"][0], "id": "another"}]})
    with pytest.raises(asyncio.CancelledError):
        exchange(asgi.GuardMiddleware(cancelled, **world.options), *world.fields())
    assert world.outcomes == ["closed early"] * 2


@pytest.mark.skipif(sys.version_info < (3, 11), reason="a task does not say that it is being cancelled")
@pytest.mark.parametrize("way", ["raises", "answers with an error"])
def test_who_has_a_handler_cancelled_that_takes_it_for_a_failure_gets_nothing_back(world: World, way: str) -> None:
    async def fails(scope: Any, receive: Any, send: Any) -> None:
        try:
            asyncio.current_task().cancel()  # type: ignore[union-attr] # as a server does that sees its client go
            await asyncio.sleep(1)
        except asyncio.CancelledError:
            if way == "raises":
                raise ZeroDivisionError from None
            await send({"type": "http.response.start", "status": 500, "headers": []})
            await send({"type": "http.response.body", "body": b""})

    with contextlib.suppress(ZeroDivisionError):
        exchange(asgi.GuardMiddleware(fails, **world.options), *world.fields())
    assert (world.left, world.outcomes) == ("4", ["closed early"])


def test_a_wsgi_answer_of_known_length_is_settled_before_its_last_part(world: World) -> None:
    def app(environ: Any, start: Any) -> Iterator[bytes]:
        start("200 OK", [("Content-Length", "2")])
        yield b"a"
        yield b"b"

    seen = []
    body, fields = world.fields()
    environ: Any = {}

    def keep(given: Any, start: Any) -> Any:
        environ.update(given)
        start("200 OK", [])
        return []

    through_wsgi(keep, "POST", "/pay", body, fields)
    environ["wsgi.input"].seek(0)
    for part in wsgi.GuardMiddleware(app, **world.options)(environ, lambda *_: None):
        seen.append((part, world.outcomes))
    assert seen == [(b"a", []), (b"b", ["succeeded"])]


def test_an_outcome_that_cannot_be_recorded_does_not_take_the_answer_away(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*_: Any) -> None:
        raise libagentid.Error(8, "audit_failed", "the disk is full", "", None)

    monkeypatch.setattr(libagentid.Call, "_leave", fails)
    for send, status in zip(through(world, lambda: (200, [b"paid"])), (200, 403), strict=True):
        assert send() == status  # what was reserved counts as spent
    assert "could not be recorded" in caplog.text and json.dumps("6") not in caplog.text
