"""A guard before a server that is not changed: between a client and the server's process, over stdio.

What a client sends is parsed once and written anew, so that the server reads what was decided. Tools whose definitions are not
those that were certified are not shown, and calls of them are denied, as are calls of tools that this session has not listed yet.
"""

# What is read here is JSON from elsewhere, of which no type is known.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .._errors import Denied
from ..tools import authorize, refusal
from ._pins import LINE, digest
from ._wire import CHANGED, DENIED, LIST, answer, asked, callable_tools, canonical, denial, permit, shown

if TYPE_CHECKING:
    from .._agent import Identity
    from .._guard import Guard
    from ..tools import Call

_PENDING = 10_000  # requests without an answer, at most


class Proxy:
    """One client and one server's process. `agent`: whose calls those are with which the client sent neither chain nor proof."""

    def __init__(self, guard: Guard, pins: Mapping[str, str] | None = None, agent: Identity | None = None) -> None:
        self._guard, self._pins, self._pending, self._agent = guard, pins, dict[str, Any](), agent
        self._certified = set[str]()  # as listed in this session

    def from_client(self, message: Any) -> tuple[Any, Any]:
        """The message that goes on to the server, and the one that is answered at once."""
        if not isinstance(message, dict):
            return None, _error(None, -32600, "one message a line: batches are not taken")
        method, params, number = message.get("method"), message.get("params"), message.get("id")
        if method is None:
            return message, None  # an answer to what the server asked
        if not isinstance(method, str) or not isinstance(params, Mapping | None):
            return None, _error(number, -32600, "not a request")
        wanted = asked(method, params)
        if number is None and wanted is not None:
            return None, None  # what must be decided must be answered
        if len(self._pending) >= _PENDING:
            return None, _error(number, DENIED, "too many requests wait for an answer")
        if wanted is None:
            if method == LIST:
                chain, proof = shown(params)
                if self._agent is not None and chain is None and proof is None:
                    chain = self._agent.chain
                self._pending[canonical(number)] = ("list", chain)
            return message, None
        try:
            if method == "tools/call" and self._pins is not None and wanted[0] not in self._certified:
                text = f"Denied: this session has not listed {wanted[0]} as it was certified. The tool has not run."
                return None, _result(number, {"content": [{"type": "text", "text": text}], "isError": True})
            call = self._authorized(wanted, shown(params))
        except Denied as denied:
            if method == "tools/call":
                return None, _result(number, answer(denied, self._guard))
            return None, _error(number, DENIED, refusal(denied), denial(denied, self._guard))
        self._pending[canonical(number)] = ("call", call)
        return message, None

    def _authorized(self, wanted: tuple[str, Any], presented: tuple[Any, Any]) -> Call:
        if self._agent is not None and presented == (None, None):
            return authorize(*wanted, guard=self._guard, agent=self._agent)
        return authorize(*wanted, guard=self._guard, presented=presented)

    def from_server(self, message: Any) -> Any:
        """The message that goes on to the client."""
        if isinstance(message, dict) and message.get("method") == CHANGED:
            self._certified.clear()  # what was seen may no longer be so
        if not isinstance(message, dict) or "method" in message or "id" not in message:
            return message
        kind, kept = self._pending.pop(canonical(message["id"]), (None, None))
        result = message.get("result")
        if kind == "call":
            failed = not isinstance(result, dict) or bool(result.get("isError"))
            kept.answered(failed, bool)
            kept.done()
            if isinstance(result, dict):
                result = {**result, "_meta": {**(result.get("_meta") or {}), **permit(kept)}}
        elif kind == "list" and isinstance(result, dict):
            known = callable_tools(self._guard, kept)
            tools = [tool for tool in result.get("tools") or [] if self._is_certified(tool) and tool.get("name") in known]
            cached = {"ttlMs": 0, "cacheScope": "private"} if "ttlMs" in result else {}  # one client's list is not another's
            result = {**result, "tools": tools, **cached}
        return message if result is None else {**message, "result": result}

    def _is_certified(self, tool: Any) -> bool:
        if self._pins is None:
            return True
        name, is_same = tool.get("name"), self._pins.get(tool.get("name")) == digest(tool)
        self._certified.add(name) if is_same else self._certified.discard(name)
        return is_same

    async def run(self, command: Sequence[str]) -> int:
        """Runs the server until it ends, or the client goes; its status."""
        loop = asyncio.get_running_loop()
        client = asyncio.StreamReader(limit=LINE)
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(client), sys.stdin)
        pipe = asyncio.subprocess.PIPE
        environment = {name: value for name, value in os.environ.items() if name != "AGENTID_AGENT"}  # not the server's to know
        process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, limit=LINE, env=environment)
        to_server, server = process.stdin, process.stdout
        if to_server is None or server is None:
            raise RuntimeError("the server's process has no pipes")

        async def forward() -> None:
            while line := await client.readline():
                try:
                    sent, said = self.from_client(json.loads(line))
                except (ValueError, RecursionError):
                    sent, said = None, _error(None, -32700, "not JSON")
                if said is not None:
                    _write(said)
                if sent is not None:
                    to_server.write(json.dumps(sent).encode() + b"\n")
                    await to_server.drain()
            to_server.close()

        async def back() -> None:
            while line := await server.readline():
                with contextlib.suppress(ValueError, RecursionError):  # what is not JSON is dropped
                    _write(self.from_server(json.loads(line)))

        tasks = [asyncio.create_task(forward()), asyncio.create_task(back())]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        with contextlib.suppress(asyncio.TimeoutError):
            return await asyncio.wait_for(process.wait(), 5)
        process.kill()
        return await process.wait()


def _write(message: Any) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def _result(number: Any, result: dict[str, Any]) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "result": {"resultType": "complete", **result}}


def _error(number: Any, code: int, message: str, data: Any = None) -> dict[str, Any]:
    error = {"code": code, "message": message, **({"data": data} if data is not None else {})}
    return {"jsonrpc": "2.0", "id": number, "error": error}
