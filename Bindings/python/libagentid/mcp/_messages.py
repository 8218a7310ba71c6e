"""JSON-RPC messages as a proxy passes them on: read strictly, and made anew of the members that are known.

Two programs may read one text in two ways: names in another case (Go's encoding/json takes them), names that are there twice,
names that end at a NUL, numbers that no double holds. What can be read in two ways is refused, so that the server reads what was
decided and the client reads what was filtered.
"""

# What is read here is JSON from elsewhere, of which no type is known.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeGuard

_DEPTH = 100
_ID = 1024  # characters
_EXACT = 2**53 - 1  # above it two integers are one double

_ENVELOPE = ("jsonrpc", "id", "method", "params", "result", "error")
_ERROR = ("code", "message", "data")
PARAMS = (
    "_meta", "argument", "arguments", "capabilities", "clientInfo", "context", "cursor", "inputResponses", "level", "name",
    "progress", "progressToken", "protocolVersion", "reason", "ref", "requestId", "requestState", "task", "taskId", "uri",
)  # fmt: skip
CALL = ("name", "arguments", "_meta", "task", "inputResponses", "requestState")
CALLED = ("content", "structuredContent", "isError", "_meta", "resultType", "task", "inputRequests", "requestState")
LISTED = ("tools", "nextCursor", "_meta", "ttlMs", "cacheScope", "resultType")
TOOL = ("name", "title", "description", "inputSchema", "outputSchema", "annotations", "icons", "execution", "_meta")
NOTIFICATIONS = frozenset(
    "notifications/" + name for name in ("initialized", "cancelled", "progress", "roots/list_changed", "tasks/status")
)
"""Those that a client sends."""
METHODS = NOTIFICATIONS | {
    "completion/complete", "initialize", "logging/setLevel", "ping", "prompts/get", "prompts/list", "resources/list",
    "resources/read", "resources/subscribe", "resources/templates/list", "resources/unsubscribe", "server/discover",
    "subscriptions/listen", "tasks/cancel", "tasks/get", "tasks/list", "tasks/result", "tasks/update", "tools/call", "tools/list",
}  # fmt: skip
"""Those that a client sends by any version of the specification."""
_METHOD = re.compile(r"[A-Za-z0-9_.$/-]{1,128}", re.ASCII)
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


class Refused(ValueError):
    """A message that is not passed on, and why. `code` is that of the JSON-RPC error."""

    def __init__(self, why: str, code: int = -32600) -> None:
        super().__init__(why)
        self.code = code


def read(line: bytes, *, in_any_case: bool) -> Any:
    """The value of one line. Refuses what parsers read differently; `in_any_case`: also two names that differ in case only."""

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        value = dict(pairs)
        names = {_folded(name) for name in value} if in_any_case else value
        if len(names) != len(pairs):
            raise Refused(f"an object has a name twice, or in two cases: {_twice(pairs)}", -32700)
        if any("\0" in name for name in value):
            raise Refused("a name has a NUL in it", -32700)
        return value

    try:
        text = line.decode()
        value = json.loads(text, object_pairs_hook=members, parse_float=_finite, parse_constant=_finite)
        if _SURROGATE.search(text):
            json.dumps(value, ensure_ascii=False).encode()  # refuses half a pair, which others read as U+FFFD
    except RecursionError:
        raise Refused(f"not JSON of at most {_DEPTH} levels", -32700) from None
    except Refused:
        raise
    except ValueError as error:
        raise Refused(f"not JSON in UTF-8: {type(error).__name__}", -32700) from None
    level = [value]
    for _ in range(_DEPTH):
        level = [inner for outer in level if isinstance(outer, dict | list) for inner in _within(outer)]
        if not level:
            return value
    raise Refused(f"not JSON of at most {_DEPTH} levels", -32700)


def envelope(message: Any) -> dict[str, Any]:
    """A message of its known members."""
    if not isinstance(message, dict):
        raise Refused("one message a line: batches are not taken")
    return {**only(message, _ENVELOPE), "jsonrpc": "2.0"}


def outcome(message: Mapping[str, Any]) -> dict[str, Any]:
    """The one of `result` and `error` that an answer has."""
    given = {name: message[name] for name in ("result", "error") if message.get(name) is not None}
    if not given and "result" in message and "error" not in message:
        return {"result": None}
    if len(given) != 1:
        raise Refused("an answer has one of result and error")
    if "error" not in given:
        return given
    error = given["error"]
    if not isinstance(error, dict):
        raise Refused("error must be an object")
    error = only(error, _ERROR)
    if type(error.get("code")) is not int or not isinstance(error.get("message"), str):
        raise Refused("error must have an integer code and a text message")
    return {"error": error}


def asked_method(message: Mapping[str, Any]) -> tuple[str, dict[str, Any] | None]:
    """The method and the parameters of a request or notification."""
    method, params = message["method"], message.get("params")
    if not isinstance(method, str) or not _METHOD.fullmatch(method):
        raise Refused("method must be a text of at most 128 letters, digits, _, ., $, / and -")
    if "result" in message or "error" in message:
        raise Refused("a request has neither result nor error")
    if params is not None and not isinstance(params, dict):
        raise Refused("params must be an object")
    return method, params


def is_id(number: Any) -> TypeGuard[int | str]:
    """Whether it can be a request's: a text, or an integer that every program reads as the same."""
    return (type(number) is int and abs(number) <= _EXACT) or (isinstance(number, str) and len(number) <= _ID)


def exact(given: Iterable[str], names: Iterable[str]) -> None:
    """Refuses a name that equals a known one but for case."""
    known = {_folded(name): name for name in names}
    for name in given:
        meant = known.get(_folded(name), name)
        if meant != name:
            raise Refused(f"{name[:100]!r} is not {meant!r}: write names in their own case")


def only(given: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """The known members, and no others; refuses one that equals a known name but for case."""
    exact(given, names)
    return {name: given[name] for name in names if name in given}


def _folded(name: str) -> str:
    """One spelling for all that some program takes for the same: also dotted and dotless I, the Kelvin sign, the long s."""
    return name if name.isascii() and name.islower() else name.replace("\u0130", "i").upper().casefold()


def _twice(pairs: list[tuple[str, Any]]) -> str:
    seen = set[str]()
    for name, _ in pairs:
        if _folded(name) in seen:
            return repr(name[:100])
        seen.add(_folded(name))
    return ""


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise Refused("a number is not finite", -32700)
    return number


def _within(value: dict[str, Any] | list[Any]) -> Iterable[Any]:
    return (inner for inner in (value.values() if isinstance(value, dict) else value) if isinstance(inner, dict | list))
