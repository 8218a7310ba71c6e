"""A guard before an ASGI application: FastAPI, Starlette, Litestar, Quart and the like."""

from __future__ import annotations

from typing import NamedTuple

from .._call import Call
from .._decision import Decision
from ._asgi_answer import App, Connection, Exchange, Receive, Scope, Send, again
from ._call import CHAIN_HEADER, MAX_BODY, MAX_CHAIN, PROOF_HEADER, Refusal, Request
from ._metadata import ResourceMetadata
from ._routes import Tools
from ._running import Permit
from ._site import Guards, Site

_CHAIN, _PROOF = CHAIN_HEADER.lower().encode(), PROOF_HEADER.lower().encode()
_MOVES = b"daphne-root-path"
PERMIT = "libagentid.permit"
_REFUSAL = "websocket.http.response"
"""The extension of servers that answer a handshake as they are told: others answer 403, and say no more."""


class GuardMiddleware:
    """Lets through what its guard permits. Everything else is answered here, as JSON, before the application is asked.

    `guard`: `guarding(directory, audience=...)`, which makes one in each worker, or a `Guard`. `routes`: which tool each route is
    (`Routes`, or what makes one), or a function from `Request` to `Call`; without it the tool is method and path
    (`request_call`). `max_body`: in bytes; a body is read whole before it is decided. `metadata`: served to anybody (RFC 9728).
    A WebSocket is a route of the method WEBSOCKET. `permit_of` is the decision a handler runs under, `call_of` the call.

    The call ends with the answer, before its last part is sent, and its outcome is recorded: it failed, and budgets come back
    as far as their rules say so, where the application raises or answers 4xx or 5xx, whether or not a handler ran. A client
    that goes away before gets nothing back.
    """

    def __init__(
        self, app: App, *, guard: Guards, routes: Tools = None, max_body: int = MAX_BODY, metadata: ResourceMetadata | None = None
    ) -> None:  # fmt: skip
        if not callable(app):  # pyright: ignore[reportUnnecessaryComparison]
            raise TypeError(f"app is the application that is guarded, not {type(app).__name__}")
        self._app, self._site = app, Site(guard, routes, max_body, metadata)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one connection."""
        kind = scope["type"]
        if kind == "lifespan":
            return await self._app(scope, receive, send)
        if kind not in ("http", "websocket"):
            raise RuntimeError(f"an ASGI connection of the type {kind!r} is not guarded, so it is refused")
        site, method = self._site, scope["method"] if kind == "http" else "WEBSOCKET"
        path, sent = scope["path"].encode("utf-8", "surrogatepass"), _sent(scope)
        try:
            site.is_here(method, path)
            if kind == "http" and method == "WEBSOCKET":
                raise Refusal(400, "call", "a WebSocket is asked for by GET and Upgrade, and not by a method of its name")
            if sent.moves:
                raise Refusal(400, "call", "a request does not say where the application is mounted")
            if site.is_metadata(method, path):
                return await _answer(send, 200, site.metadata.body, [("Content-Type", "application/json")])  # type: ignore[union-attr]
            if kind == "http" and site.is_introduction(method, sent.content_type):
                chain = await self._read(sent, receive, MAX_CHAIN)
                return None if chain is None else await self._introduce(chain, send)
            if (calls := site.calls(method, path, scope.get("root_path", ""))) is None:
                return await self._app(scope, receive, send)
            body = await self._read(sent, receive, site.max_body) if kind == "http" else b""
            if body is None:
                return None  # the client has gone
            query = scope["query_string"].decode("latin-1")
            request = Request.of(method, path, _path(scope), query, body, sent.content_type)
            permit = site.permit(calls, request, sent.chains, sent.proofs)
        except Refusal as refusal:
            if kind == "http":
                return await _answer(send, refusal.status, refusal.body(), refusal.fields())
            await receive()
            if _REFUSAL in (scope.get("extensions") or {}):
                return await _answer(send, refusal.status, refusal.body(), refusal.fields(), _REFUSAL)
            return await send({"type": "websocket.close", "code": 1008, "reason": refusal.reason})
        scope, receive = {**scope, PERMIT: permit}, again(body, receive) if kind == "http" else receive
        if permit is None:
            return await self._app(scope, receive, send)
        await (Exchange if kind == "http" else Connection)(permit, receive, send).run(self._app, scope)

    async def _introduce(self, chain: bytes, send: Send) -> None:
        self._site.introduce(chain)
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def _read(self, sent: _Sent, receive: Receive, most: int) -> bytes | None:
        """The whole body; None if the client left before it was sent."""
        for length in sent.lengths:
            if length.isdigit() and int(length[:20]) > most:
                raise self._site.too_long(most)
        whole = bytearray()  # and no list of its parts: a client sends as many of a byte, or of none, as it likes
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return None
            body = message.get("body", b"")
            if len(whole) + len(body) > most:
                raise self._site.too_long(most)
            if not message.get("more_body"):
                return bytes(whole + body) if whole else body
            whole += body


def permit_of(scope: Scope) -> Decision:
    """The permit under which a request reached its handler; raises `LookupError` if it is exempt, or not guarded."""
    return _permit(scope).decision


def call_of(scope: Scope) -> Call:
    """The call that a request is, to tell its cost and labels before the answer has ended; raises `LookupError` as `permit_of`.

    In the handler, and in what it calls, `libagentid.tools.current_call()` is the same.
    """
    return _permit(scope).running


def _permit(scope: Scope) -> Permit:
    found = scope.get(PERMIT)
    if found is None:
        raise LookupError("this request came without a permit: is GuardMiddleware before the application, and its route guarded?")
    return found


class _Sent(NamedTuple):
    """The headers that matter here, as sent."""

    chains: list[bytes]
    proofs: list[bytes]
    content_type: str | None
    """One that was sent twice is none that is known."""
    lengths: list[bytes]
    moves: list[bytes]
    """Where the application is mounted, which Daphne lets clients say."""


def _sent(scope: Scope) -> _Sent:
    found: dict[bytes, list[bytes]] = {_CHAIN: [], _PROOF: [], b"content-type": [], b"content-length": [], _MOVES: []}
    for name, value in scope["headers"]:
        if name in found:
            found[name].append(value)
    chains, proofs, types, lengths, moves = found.values()
    return _Sent(chains, proofs, "twice" if len(types) > 1 else types[0].decode("latin-1") if types else None, lengths, moves)


def _path(scope: Scope) -> str | None:
    """The path as sent, if the server knows it."""
    raw: bytes | None = scope.get("raw_path")
    return raw.partition(b"?")[0].decode("latin-1") if raw else None


async def _answer(
    send: Send, status: int, body: bytes, headers: list[tuple[str, str]], kind: str = "http.response"
) -> None:  # fmt: skip
    fields = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
    fields.append((b"content-length", str(len(body)).encode()))
    await send({"type": f"{kind}.start", "status": status, "headers": fields})
    await send({"type": f"{kind}.body", "body": body})
