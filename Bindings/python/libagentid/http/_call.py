"""A request as a call of a tool, and the answer to one that is refused."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote, unquote_to_bytes

from .._errors import Denied, Error

if TYPE_CHECKING:
    from typing_extensions import Self

    from .._guard import EnforcementPoint

CHAIN_HEADER, PROOF_HEADER = "Agent-Chain", "Agent-Proof"
NONCE_HEADER = "Agent-Nonce"
"""In a 401: the nonce for the next proof, of a guard with `require_nonce`."""
INTRODUCTION = "application/agent-chain"
"""The type of a body that is a chain: a POST of it to any path makes its reference known."""
MAX_CHAIN = 256 << 10
MAX_BODY = 1 << 20
"""The longest body by default, in bytes."""


class Call(NamedTuple):
    """A call of a tool: its arguments are a JSON object."""

    tool: str
    arguments: bytes
    check: Callable[[], None] | None = None
    """Looked at after the decision, and before the handler: raises `Refusal`. It may take as long as reading the arguments."""


class Request(NamedTuple):
    """The parts of a request that determine its call."""

    method: str
    path: bytes
    """The path as the application sees it: without escapes."""
    sent_path: str
    """The path as sent."""
    query: str
    body: bytes
    content_type: str | None

    @classmethod
    def of(cls, method: str, path: bytes, sent: str | None, query: str, body: bytes, content_type: str | None) -> Self:
        """`sent` is used where it is another spelling of `path`; otherwise the path is escaped anew."""
        if not sent or (unquote_to_bytes(sent) if "%" in sent else sent.encode()) != path:
            sent = quote(path, safe="/~!$&'()*+,;=:@-._")
        return cls(method, path, sent or "/", query, body, content_type)


Calls = Callable[[Request], Call | None]
"""The call that a request makes; None if it needs no guard. Raises `Refusal`."""


class Refusal(Exception):
    """A refused request, with the answer to it."""

    def __init__(
        self, status: int, reason: str, message: str, *, argument: str | None = None, link: int | None = None,
        decision: str | None = None, headers: Sequence[tuple[str, str]] = (),
    ) -> None:  # fmt: skip
        super().__init__(message)
        self.status, self.reason, self.message = status, reason, message
        self.argument, self.link, self.decision, self.headers = argument, link, decision, tuple(headers)

    def __reduce__(self) -> Any:
        return _again, (self.status, self.reason, self.message, self.argument, self.link, self.decision, self.headers)

    @classmethod
    def of(cls, denied: Denied, metadata_url: str | None = None) -> Self:
        """The answer to a denial. No value of an argument is in it."""
        status, challenge = denied.http_status, denied.challenge
        where = f', resource_metadata="{metadata_url}"' if metadata_url else ""
        headers = (("WWW-Authenticate", challenge + where),) if challenge else ()
        if denied.retry_after:  # in whole seconds, and never too early
            headers += (("Retry-After", str(math.ceil(denied.retry_after))),)
        known = denied.decision.id if denied.decision is not None else None
        message = f"{denied.message} ({denied.where})" if denied.where else denied.message
        return cls(status, denied.reason, message, argument=denied.argument, link=denied.link, decision=known, headers=headers)

    def body(self) -> bytes:
        """The answer's body, JSON."""
        said = {
            "reason": self.reason, "message": self.message, "argument": self.argument, "link": self.link,
            "decision": self.decision,
        }  # fmt: skip
        return json.dumps({name: value for name, value in said.items() if value is not None}).encode() + b"\n"

    def fields(self) -> list[tuple[str, str]]:
        """The answer's headers."""
        return [("Content-Type", "application/json"), ("Cache-Control", "no-store"), *self.headers]


def fresh_nonce(denied: Denied, guard: EnforcementPoint) -> str | None:
    """The nonce that goes with a denial for want of one; None with any other, and where the guard can issue none now."""
    if denied.name not in ("nonce_required", "nonce_invalid"):
        return None
    try:
        return guard.nonce()
    except Error:
        return None


def _again(status: int, reason: str, message: str, *others: Any) -> Refusal:
    argument, link, decision, headers = others
    return Refusal(status, reason, message, argument=argument, link=link, decision=decision, headers=headers)


def request_call(request: Request) -> Call:
    """The call of a request whose tool is its method and path as sent, e.g. `POST /read_file`, and whose arguments are its body.

    An empty body is an empty object. A query would be outside both, and is refused.
    """
    if request.query:
        raise Refusal(400, "call", "a query is not part of the call: send arguments in the body")
    return Call(f"{request.method} {request.sent_path}", json_body(request) or b"{}")


_JSON = re.compile(r"application/(?:[a-z0-9!#$&^_.-]+\+)?json")


def json_body(request: Request) -> bytes:
    """The body, which is JSON or empty: what a handler would read as a form is not what the guard has seen."""
    if request.body and request.content_type is not None:
        kind, _, parameters = request.content_type.partition(";")
        kind, parameters = kind.strip().lower(), parameters.strip().lower().replace('"', "")
        # Of several types in one header, a framework may take another than the last.
        if not _JSON.fullmatch(kind) or parameters not in ("", "charset=utf-8"):
            raise Refusal(415, "content_type", "arguments are sent as application/json, in UTF-8")
    return request.body
