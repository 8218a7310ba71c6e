"""A server whose calls have a budget, and one exchange with an ASGI application whose client may go away."""

from __future__ import annotations

import asyncio
import pathlib
from typing import Any

import libagentid
from http_world import proven
from libagentid.http import guarding
from libagentid.http._client import Presenter

POLICY: Any = {
    "version": 1, "labels": ["private"],
    "rules": [{"id": "spend", "match": "pay", "budget": {
        "unit": "usd", "limit": "10", "cost": {"argument": "usd"}, "per": "day", "for": "agent"}}],
}  # fmt: skip
ROUTES = {"POST /pay": "pay", "WEBSOCKET /pay": "pay"}
SCOPE = "pay(usd?: *)"


class World:
    """An agent with a budget of 10, and a server of which only the application is another in each test."""

    def __init__(self, directory: pathlib.Path, policy: Any = POLICY) -> None:
        self.directory = directory
        self.acme = libagentid.Authority.open(directory, trust_domain="acme.example")
        self.acme.put_profile("web", owner="team:web@acme.example", ceiling=SCOPE)
        if policy is not None:
            self.acme.apply_policy(policy)
        self.agent = self.acme.agent("web", principal="user:alice@acme.example", task="t", scope=SCOPE)
        self.options: Any = {"guard": guarding(directory, audience="files"), "routes": ROUTES}
        self.presenter = Presenter(self.agent, audience="files", routes=ROUTES)

    def fields(self, method: str = "POST") -> tuple[bytes, list[tuple[str, str]]]:
        body = b'{"usd":"6"}' if method == "POST" else b""
        return body, list(proven(self.presenter, method, "/pay", body).items())

    @property
    def left(self) -> str:
        (rest,) = self.agent.remaining("pay")["budgets"]
        return str(rest["left"])

    @property
    def outcomes(self) -> list[str]:
        self.acme.integrate()
        with libagentid.Audit.open(self.directory) as audit:
            return [str(entry["outcome"]) for entry in audit.entries() if entry["kind"] == "outcome"]


def exchange(
    app: Any, body: bytes, fields: list[tuple[str, str]], *, kind: str = "http", gone_after: int = 99, whole: bool = False
) -> list[Any]:
    """What an ASGI server has sent when the application is through; its client goes away after so many messages."""
    said: list[Any] = []
    is_connect = kind == "websocket"

    async def receive() -> Any:
        nonlocal is_connect, whole
        if whole:
            whole = False
            return {"type": "http.request", "body": body, "more_body": False}
        if is_connect:
            is_connect = False
            return {"type": "websocket.connect"}
        if len(said) >= gone_after:
            return {"type": f"{kind}.disconnect", "code": 1001}
        return {"type": f"{kind}.{'request' if kind == 'http' else 'receive'}", "body": body, "text": "x", "more_body": False}

    async def send(message: Any) -> None:
        if len(said) >= gone_after:
            raise OSError("the client has gone")
        said.append(message)

    scope = {
        "type": kind, "method": "POST", "path": "/pay", "raw_path": b"/pay", "query_string": b"",
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in fields],
    }  # fmt: skip
    asyncio.run(app(scope, receive, send))
    return said
