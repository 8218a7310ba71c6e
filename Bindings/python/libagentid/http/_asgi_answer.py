"""The answer of an ASGI application to a permitted request or WebSocket, whose call ends with it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from .._call import within
from ._running import Permit

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_INTERNAL_ERROR = 1011
"""A WebSocket's close, as RFC 6455, section 7.4.1, has it."""
_BODIES = ("http.response.body", "http.response.pathsend", "http.response.zerocopysend")


class Connection:
    """A WebSocket behind the guard: it is one call, which ends when the application has ended it."""

    def __init__(self, permit: Permit, receive: Receive, send: Send) -> None:
        self._permit, self._receive, self._send = permit, receive, send
        self._is_gone = self._is_answered = False

    async def run(self, app: App, scope: Scope) -> None:
        """Runs the application within the call, and ends that as it went."""
        with within(self._permit.running):
            try:
                await app(scope, self.receive, self.send)
            except BaseException as error:
                # A client can make a server cancel a handler: what has begun then counts.
                self._permit.left() if self._is_gone or not isinstance(error, Exception) else self._permit.failed(error)
                raise
            else:
                self._returned()

    async def receive(self) -> MutableMapping[str, Any]:
        """The application's `receive`."""
        message = await self._receive()
        self._is_gone |= message["type"].endswith(".disconnect")
        return message

    async def send(self, message: MutableMapping[str, Any]) -> None:
        """The application's `send`."""
        self._saw(message)
        try:
            await self._send(message)
        except OSError:
            self._is_gone = True
            raise

    def _saw(self, message: MutableMapping[str, Any]) -> None:
        kind: str = message["type"]
        if kind == "websocket.accept":
            self._is_answered = True
        elif kind == "websocket.http.response.start":
            self._permit.answered(message["status"])
        elif kind == "websocket.close":
            code = message.get("code", 1000)
            if not self._is_answered or code == _INTERNAL_ERROR:
                self._permit.failed(f"close {code}")
            else:
                self._permit.done()

    def _returned(self) -> None:
        """The application has returned: it has ended the connection, or read to its end."""
        if self._is_answered:
            self._permit.done()
        else:
            self._permit.left() if self._is_gone else self._permit.failed("no answer")


class Exchange(Connection):
    """A request behind the guard: it is one call, which ends with the answer."""

    def _saw(self, message: MutableMapping[str, Any]) -> None:
        kind: str = message["type"]
        if kind == "http.response.start":
            self._is_answered = True
            if message["status"] >= 400 and self._is_gone:
                self._permit.left()
            self._permit.answered(message["status"])
        elif kind in _BODIES and not message.get("more_body"):
            self._permit.done()

    def _returned(self) -> None:
        """The application has returned; where it has not ended the answer, it found that nobody reads it."""
        self._permit.left() if self._is_answered or self._is_gone else self._permit.failed("no answer")


def again(body: bytes, receive: Receive) -> Receive:
    """A `receive` for the application: first the body that was decided about, then whatever follows."""
    is_given = False

    async def again() -> MutableMapping[str, Any]:
        nonlocal is_given
        if is_given:
            return await receive()
        is_given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
