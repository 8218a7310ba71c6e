"""A guard before a WSGI application: Flask, Django, Bottle, Pyramid and the like."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from .._call import Call
from .._decision import Decision
from ._call import MAX_BODY, MAX_CHAIN, Refusal, Request
from ._metadata import ResourceMetadata
from ._routes import Tools
from ._running import Permit
from ._site import Guards, Site
from ._wsgi_answer import begun

PERMIT = "libagentid.permit"
_MOVES = "HTTP_SCRIPT_NAME"
"""A header by which gunicorn lets who connects from this machine, as a proxy does, say where the application is mounted."""
Start = Callable[..., Any]
App = Callable[[dict[str, Any], Start], Iterable[bytes]]


class GuardMiddleware:
    """Lets through what its guard permits, as `libagentid.http.asgi.GuardMiddleware` does. The permit: see `permit_of`.

    The call of a request, see `call_of`, ends as it does there, when the application's iterable has ended.

    Safe with threads, and with workers that are forked after the application was loaded, where `guard` is `guarding(...)`.
    """

    def __init__(
        self, app: App, *, guard: Guards, routes: Tools = None, max_body: int = MAX_BODY, metadata: ResourceMetadata | None = None
    ) -> None:  # fmt: skip
        if not callable(app):  # pyright: ignore[reportUnnecessaryComparison]
            raise TypeError(f"app is the application that is guarded, not {type(app).__name__}")
        self._app, self._site = app, Site(guard, routes, max_body, metadata)

    def __call__(self, environ: dict[str, Any], start_response: Start) -> Iterable[bytes]:
        """Serves one request."""
        site, method = self._site, environ["REQUEST_METHOD"]
        root = environ.get("SCRIPT_NAME", "")
        path = (root + environ.get("PATH_INFO", "")).encode("latin-1")
        raw = environ.get("RAW_URI") or environ.get("REQUEST_URI") or ""
        try:
            site.is_here(method, path, raw)
            if b"%2f" in path.lower() and "%252f" not in raw.lower():
                raise Refusal(
                    400, "call", "this server leaves an escaped slash in the path, which the application may read as one"
                )
            if _MOVES in environ:
                raise Refusal(400, "call", "a request does not say where the application is mounted")
            if site.is_metadata(method, path):
                return _answer(start_response, 200, site.metadata.body, [("Content-Type", "application/json")])  # type: ignore[union-attr]
            if site.is_introduction(method, environ.get("CONTENT_TYPE")):
                site.introduce(self._read(environ, MAX_CHAIN))
                start_response("204 No Content", [])
                return []
            if (calls := site.calls(method, path, root.encode("latin-1").decode("utf-8", "replace"))) is None:
                return self._app(environ, start_response)
            body = self._read(environ, site.max_body)
            request = Request.of(
                method, path, raw.partition("?")[0], environ.get("QUERY_STRING", ""), body, environ.get("CONTENT_TYPE") or None
            )
            permit = site.permit(calls, request, _header(environ, "HTTP_AGENT_CHAIN"), _header(environ, "HTTP_AGENT_PROOF"))
        except Refusal as refusal:
            return _answer(start_response, refusal.status, refusal.body(), refusal.fields())
        environ = {**environ, **(_as_json(environ) if body else {}), PERMIT: permit, "wsgi.input": io.BytesIO(body)}
        environ["CONTENT_LENGTH"] = str(len(body))
        environ.pop("HTTP_TRANSFER_ENCODING", None)
        return self._app(environ, start_response) if permit is None else begun(self._app, permit, environ, start_response)

    def _read(self, environ: dict[str, Any], most: int) -> bytes:
        """The whole body: up to its stated length, or if the server ends it, up to its end."""
        given = environ["wsgi.input"]
        length = environ.get("CONTENT_LENGTH") or ""
        if length:
            if not (length.isascii() and length.isdigit()):  # to int() some digits are none, such as U+00B2
                raise Refusal(400, "body", "Content-Length is not a number")
            if len(length) > 18 or int(length) > most:
                raise self._site.too_long(most)
            body = given.read(int(length))
            if len(body) < int(length):
                raise Refusal(400, "body", "the body ended before it was whole")
            return body
        if not environ.get("wsgi.input_terminated") and "HTTP_TRANSFER_ENCODING" not in environ:
            return b""
        if not environ.get("wsgi.input_terminated"):
            raise Refusal(411, "body", "this server does not say where such a body ends: send its length")
        parts: list[bytes] = []
        size = 0
        while part := given.read(min(65536, most + 1 - size)):
            parts.append(part)
            size += len(part)
            if size > most:
                raise self._site.too_long(most)
        return b"".join(parts)


def _as_json(environ: dict[str, Any]) -> dict[str, Any]:
    """Keeps frameworks from reading as a form a body that was decided as JSON.

    WebOb does that to one without a type, and Bottle to any: it takes what it finds read already.
    """
    said = environ.get("CONTENT_TYPE") or "application/json"
    bottle = sys.modules.get("bottle")
    return {"CONTENT_TYPE": said} if bottle is None else {"CONTENT_TYPE": said, "bottle.request.post": bottle.FormsDict()}


def permit_of(environ: dict[str, Any]) -> Decision:
    """The permit under which a request reached its handler; raises `LookupError` if it is exempt, or not guarded."""
    return _permit(environ).decision


def call_of(environ: dict[str, Any]) -> Call:
    """The call that a request is, to tell its cost and labels before the answer has ended; raises `LookupError` as `permit_of`.

    In the handler, and in what it calls, `libagentid.tools.current_call()` is the same.
    """
    return _permit(environ).running


def _permit(environ: dict[str, Any]) -> Permit:
    found = environ.get(PERMIT)
    if found is None:
        raise LookupError("this request came without a permit: is GuardMiddleware before the application, and its route guarded?")
    return found


def _header(environ: dict[str, Any], name: str) -> list[bytes]:
    """A header's values as sent: a server joins repeated headers with a comma, which occurs in no chain and no proof."""
    value: str | None = environ.get(name)
    return [] if value is None else value.encode("latin-1").split(b",")


def _answer(start_response: Start, status: int, body: bytes, headers: list[tuple[str, str]]) -> Iterable[bytes]:
    start_response(f"{status} {HTTPStatus(status).phrase}", [*headers, ("Content-Length", str(len(body)))])
    return [body]
