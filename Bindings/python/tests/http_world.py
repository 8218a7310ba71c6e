"""An application behind the guards for HTTP, as ASGI and as WSGI, without a framework."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import libagentid
from libagentid.http import asgi, guarding, wsgi
from libagentid.http._client import Presenter

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
                fields = list((proven(presenter, method, url, data) if headers is None else dict(headers)).items())
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


def proven(presenter: Presenter, method: str, url: str, body: bytes = b"", **how: Any) -> dict[str, str]:
    """The headers of one request; none for a route that is exempt."""
    sending = presenter.sending(method, url, body, None)
    return {} if sending is None else sending.headers(**how)


@contextmanager
def serving(directory: object) -> Iterator[World]:
    """A world that ends."""
    world = World(str(directory))
    yield world
    world.agent.end()
    world.acme.close()


class _Any:
    def __eq__(self, _: object) -> bool:
        return True


ANY: Any = _Any()
