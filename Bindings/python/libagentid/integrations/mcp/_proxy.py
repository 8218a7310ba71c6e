"""A guard before a server that is not changed: between a client and the server's process, over stdio.

What a client sends is parsed once and written anew, so that the server reads what was decided. Tools whose definitions are not
those that were certified are not shown, and calls of them are denied.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..._errors import Denied
from ...tools import authorize, refusal
from ._wire import DENIED, LIST, answer, asked, callable_tools, canonical, denial, permit, shown

if TYPE_CHECKING:
    from ..._guard import Guard

_LINE = 16 * 1024 * 1024  # the longest message, in bytes
_PENDING = 10_000  # requests without an answer, at most


def digest(tool: Mapping[str, Any]) -> str:
    """The SHA-256 of a tool's description, in 64 hexadecimal digits."""
    return hashlib.sha256(canonical({name: value for name, value in tool.items() if name != "_meta"}).encode()).hexdigest()


def read_pins(path: str) -> dict[str, str]:
    """The certified tools of a file, by name."""
    pins = json.loads(Path(path).read_text())
    if not isinstance(pins, dict) or not all(isinstance(value, str) for value in pins.values()):
        raise ValueError(f"{path} is not an object of tools and digests: write it with `certify`")
    return pins


class Proxy:
    """One client and one server's process."""

    def __init__(self, guard: Guard, pins: Mapping[str, str] | None = None) -> None:
        self._guard, self._pins, self._pending = guard, pins, dict[str, Any]()
        self._changed = set[str]()

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
                self._pending[canonical(number)] = ("list", shown(params)[0])
            return message, None
        try:
            tool = wanted[0]
            if method == "tools/call" and self._pins is not None and (tool not in self._pins or tool in self._changed):
                text = f"Denied: the tool {tool} is not as it was certified, or was never. The tool has not run."
                return None, _result(number, {"content": [{"type": "text", "text": text}], "isError": True})
            call = authorize(*wanted, guard=self._guard, presented=shown(params))
        except Denied as denied:
            if method == "tools/call":
                return None, _result(number, answer(denied))
            return None, _error(number, DENIED, refusal(denied), denial(denied))
        self._pending[canonical(number)] = ("call", call)
        return message, None

    def from_server(self, message: Any) -> Any:
        """The message that goes on to the client."""
        if not isinstance(message, dict) or "method" in message or "id" not in message:
            return message
        kind, kept = self._pending.pop(canonical(message["id"]), (None, None))
        result = message.get("result")
        if kind == "call":
            failed = not isinstance(result, dict) or bool(result.get("isError"))
            kept.done("failed: the tool says so" if failed else "succeeded")
            if isinstance(result, dict):
                result = {**result, "_meta": {**(result.get("_meta") or {}), **permit(kept)}}
        elif kind == "list" and isinstance(result, dict):
            known = callable_tools(self._guard, kept)
            tools = [tool for tool in result.get("tools") or [] if self._is_certified(tool) and tool.get("name") in known]
            result = {**result, "tools": tools}
        return message if result is None else {**message, "result": result}

    def _is_certified(self, tool: Any) -> bool:
        if self._pins is None:
            return True
        name, is_same = tool.get("name"), self._pins.get(tool.get("name")) == digest(tool)
        self._changed.discard(name) if is_same else self._changed.add(name)
        return is_same

    async def run(self, command: Sequence[str]) -> int:
        """Runs the server until it ends, or the client goes; its status."""
        loop = asyncio.get_running_loop()
        client = asyncio.StreamReader(limit=_LINE)
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(client), sys.stdin)
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, limit=_LINE)
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
