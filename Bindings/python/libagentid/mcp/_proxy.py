"""A guard before a server that is not changed: which messages pass between a client and the server, and as what.

Every message is made anew of its known members, so that the server reads what was decided, and the client what was filtered. An
answer passes only to a request that waits for it. Tools whose definitions are not those that were certified are not shown, and
calls of them are denied, as are calls of tools that this session has not listed yet.
"""

# What is read here is JSON from elsewhere, of which no type is known.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .._errors import Denied, Error
from ..tools import authorize, refusal
from ._messages import (
    CALL,
    CALLED,
    LISTED,
    METHODS,
    NOTIFICATIONS,
    PARAMS,
    TOOL,
    Refused,
    asked_method,
    envelope,
    exact,
    is_id,
    only,
    outcome,
    read,
)  # fmt: skip
from ._pins import digest
from ._tasks import Tasks
from ._wire import CHANGED, DENIED, LIST, OWN, answer, asked, callable_tools, denial, granted, permit, shown

if TYPE_CHECKING:
    from .._guard import Guard
    from .._identity import Identity
    from ..tools import Call

log = logging.getLogger("libagentid.mcp")
_CALL, _CANCELLED, _WITHOUT_ANSWER = "tools/call", "notifications/cancelled", -32603
_PENDING = 10_000  # requests without an answer, at most, of each side; and of those that were cancelled, remembered


class Proxy:
    """One client and one server's process. `agent`: whose calls those are with which the client sent neither chain nor proof."""

    def __init__(self, guard: Guard, pins: Mapping[str, str] | None = None, agent: Identity | None = None) -> None:
        self._guard, self._pins, self._agent = guard, pins, agent
        self._pending = dict[int | str, tuple[str, Any]]()  # the client's requests: what each is, and its call or chain
        self._cancelled = dict[int | str, None]()  # an answer may still come: it must not be taken for another's
        self._server_asked = dict[int | str, None]()
        self._tasks = Tasks()
        self._certified = set[str]()  # as listed in this session

    def client_line(self, line: bytes) -> tuple[Any, Any]:
        """As `from_client`, of a line as received."""
        try:
            message = read(line, in_any_case=True)
        except Refused as refused:
            return None, self._error_for(_loosely(line), refused)
        return self.from_client(message)

    def from_client(self, message: Any) -> tuple[Any, Any]:
        """The message that goes on to the server, and the one that is answered at once."""
        try:
            message = envelope(message)
            if "method" not in message:
                return self._client_answers(message), None
            method, params = asked_method(message)
            exact([method], METHODS)
            if params is not None:
                exact(params, PARAMS)
                params = only(params, CALL) if method == _CALL else params
                message["params"] = params
            else:
                message.pop("params", None)
            return self._told(message, method) if "id" not in message else self._requested(message, method, params)
        except Refused as refused:
            return None, self._error_for(message, refused)

    def _error_for(self, message: Any, refused: Refused) -> dict[str, Any]:
        number = message.get("id") if isinstance(message, dict) else None
        free = is_id(number) and number not in self._pending  # else it would be read as the answer to the other request
        return _error(number if free else None, refused.code, str(refused))

    def _client_answers(self, message: dict[str, Any]) -> Any:
        number = message.get("id")
        if not is_id(number) or number not in self._server_asked:
            raise Refused("the message has no method, and does not answer what the server asked")
        sent = {"jsonrpc": "2.0", "id": number, **outcome(message)}
        del self._server_asked[number]
        return sent

    def _told(self, message: dict[str, Any], method: str) -> tuple[Any, Any]:
        """A notification. What would have to be decided must be answered, so it does not pass without an ID."""
        if method not in NOTIFICATIONS:
            log.warning("not passed on to the server: %s without an id", method)
            return None, None
        if method == _CANCELLED:
            number = message.get("params", {}).get("requestId")
            if not is_id(number) or number not in self._pending:
                return None, None
            self._settle(number, "cancelled by the client")  # it may have run, so it costs
            _remember(self._cancelled, number)
        return message, None

    def _requested(self, message: dict[str, Any], method: str, params: dict[str, Any] | None) -> tuple[Any, Any]:
        number = message["id"]
        if not is_id(number):
            raise Refused("id must be a text of at most 1024 characters, or an integer between -(2^53 - 1) and 2^53 - 1")
        if number in self._pending or number in self._cancelled:
            raise Refused(f"the id {number!r:.100} is another request's, which waits or was cancelled: take a new one")
        if method.startswith("notifications/"):  # which are not decided: a server may have a method of such a name
            raise Refused(f"{method} is a notification: it has no id")
        if len(self._pending) >= _PENDING:
            return None, _error(number, DENIED, "too many requests wait for an answer")
        if method == _CALL:
            _checked(params)
        wanted = asked(method, params)
        if wanted is None:
            self._pending[number] = ("list", self._chain(params)) if method == LIST else ("open", None)
            return message, None
        try:
            if method == _CALL and self._pins is not None and wanted[0] not in self._certified:
                text = f"Denied: this session has not listed {wanted[0]} as it was certified. The tool has not run."
                return None, _result(number, {"content": [{"type": "text", "text": text}], "isError": True})
            call = self._authorized(wanted, shown(params))
        except Denied as denied:
            if method == _CALL:
                return None, _result(number, answer(denied, self._guard))
            return None, _error(number, DENIED, refusal(denied), denial(denied, self._guard))
        except Error as error:
            raise Refused(f"the request cannot be decided: {error}", -32602) from None
        self._pending[number] = ("call", call)
        return message, None

    def _chain(self, params: Mapping[str, Any] | None) -> Any:
        chain, proof = shown(params)
        if self._agent is None or chain is not None or proof is not None:
            return chain
        try:
            return self._agent.chain
        except Error:  # it has ended: the list is empty
            return None

    def _authorized(self, wanted: tuple[str, Any], presented: tuple[Any, Any]) -> Call:
        if self._agent is not None and presented == (None, None):
            return authorize(*wanted, guard=self._guard, agent=self._agent)
        return authorize(*wanted, guard=self._guard, presented=presented)

    def server_line(self, line: bytes) -> Any:
        """As `from_server`, of a line as received."""
        try:
            return self.from_server(read(line, in_any_case=False))
        except Refused as refused:
            return self._without_answer(_loosely(line), str(refused))

    def from_server(self, message: Any) -> Any:
        """The message that goes on to the client; None where none does."""
        try:
            known = envelope(message)
            return self._server_asks(known) if "method" in known else self._answered(known)
        except Refused as refused:
            return self._without_answer(message, str(refused))

    def _server_asks(self, message: dict[str, Any]) -> Any:
        method, params = asked_method(message)
        if "id" in message:
            number = message["id"]
            if not is_id(number) or number in self._server_asked:
                raise Refused("the id of the server's request is not valid, or waits for an answer already")
            _remember(self._server_asked, number)
        elif method == "notifications/tasks/status":
            self._tasks.tells(params)
        elif method == CHANGED:
            self._certified.clear()  # what was seen may no longer be so
        elif method == _CANCELLED and is_id(ended := (params or {}).get("requestId")):
            self._server_asked.pop(ended, None)
        if params is None:
            message.pop("params", None)
        return message

    def _answered(self, message: dict[str, Any]) -> Any:
        number = message.get("id")
        if not is_id(number) or number not in self._pending:
            if is_id(number):
                self._cancelled.pop(number, None)
            raise Refused("no request waits for this answer")
        kind, kept = self._pending[number]
        said = outcome(message)
        result = said.get("result")
        if "error" in said:
            said["error"] = {**said["error"], **_without_own(said["error"], "data")}
        elif kind == "call":
            if isinstance(result, dict):
                exact(result, CALLED)
        elif kind == "list":
            said["result"] = self._listed(result, kept)
        del self._pending[number]
        if kind == "call":
            self._ended(kept, result)
            if isinstance(result, dict):
                said["result"] = {**result, "_meta": {**_without_own(result, "_meta").get("_meta", {}), **permit(kept)}}
        return {"jsonrpc": "2.0", "id": number, **said}

    def _ended(self, call: Call, result: Any) -> None:
        if call.tool.startswith("tasks/"):
            self._tasks.answered(call, result)
        if not self._tasks.begins(result, call):
            call.answered(not isinstance(result, dict) or bool(result.get("isError")), bool)
            call.done()

    def _listed(self, result: Any, chain: Any) -> dict[str, Any]:
        result = only(result, LISTED) if isinstance(result, dict) else {}
        if not isinstance(result.get("tools"), list):
            raise Refused("a list of tools has the member tools, an array")
        known = callable_tools(self._guard, chain)
        tools = [tool for tool in result["tools"] if self._is_certified(tool) and granted(tool["name"]) in known]
        if self._pins is not None:  # the rest of a definition is certified
            tools = [{name: value for name, value in tool.items() if name != "_meta"} for tool in tools]
        cached = {"ttlMs": 0, "cacheScope": "private"} if "ttlMs" in result else {}  # one client's list is not another's
        return {**result, "tools": tools, **cached}

    def _is_certified(self, tool: Any) -> bool:
        """Whether a tool is one, and as it was certified where that is asked for."""
        if not isinstance(tool, dict) or not isinstance(tool.get("name"), str):
            return False
        try:
            exact(tool, TOOL)
        except Refused as refused:
            log.warning("a tool is not shown: %s", refused)
            return False
        if self._pins is None:
            return True
        name, is_same = tool["name"], self._pins.get(tool["name"]) == digest(tool)
        self._certified.add(name) if is_same else self._certified.discard(name)
        return is_same

    def _without_answer(self, message: Any, why: str) -> Any:
        """Tells the client that the server's message does not pass, if a request of its own waits for that."""
        log.warning("not passed on to the client: %s", why)
        number = message.get("id") if isinstance(message, dict) and "method" not in message else None
        if not is_id(number) or number not in self._pending:
            return None
        self._settle(number, "the answer could not be read")
        return _error(number, _WITHOUT_ANSWER, f"the server's answer is not passed on: {why}")

    def _settle(self, number: int | str, how: str) -> None:
        """Ends a request that gets no answer. A call of it may have run, so it counts as made."""
        kind, kept = self._pending.pop(number)
        if kind == "call":
            kept.done(how)

    def close(self) -> None:
        """Records the calls that the server has not answered."""
        for number in list(self._pending):
            self._settle(number, "no answer: the session ended")
        self._tasks.close()


def _loosely(line: bytes) -> Any:
    """Reads a message that was refused, only to answer under its ID."""
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _checked(params: dict[str, Any] | None) -> None:
    name, arguments = (params or {}).get("name"), (params or {}).get("arguments")
    if not isinstance(name, str) or not isinstance(arguments, dict | None):
        raise Refused("a call of a tool has a name, a text, and arguments, an object", -32602)


def _remember(numbers: dict[int | str, None], number: int | str) -> None:
    """Remembers one more; the oldest is forgotten where there are too many."""
    if len(numbers) >= _PENDING:
        del numbers[next(iter(numbers))]
    numbers[number] = None


def _without_own(holder: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A member without what only the guard says; none where it is not an object."""
    value = holder.get(name)
    return {name: {key: item for key, item in value.items() if not key.startswith(OWN)}} if isinstance(value, dict) else {}


def _result(number: Any, result: dict[str, Any]) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "result": {"resultType": "complete", **result}}


def _error(number: Any, code: int, message: str, data: Any = None) -> dict[str, Any]:
    error = {"code": code, "message": message, **({"data": data} if data is not None else {})}
    return {"jsonrpc": "2.0", "id": number, "error": error}
