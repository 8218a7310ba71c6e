"""Certified tools: what each said of itself when somebody looked."""

# What is read here is JSON from elsewhere, of which no type is known.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportPrivateUsage=false
from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ._messages import LISTED, envelope, is_id, only, outcome, read
from ._wire import LIST, canonical

LINE = 16 * 1024 * 1024
"""The longest message, in bytes."""
_PAGES = 100
_PATIENCE = 60
_GRACE = 5
_VERSION = "2025-06-18"  # which servers of every age agree to


def digest(tool: Mapping[str, Any]) -> str:
    """The SHA-256 of a tool's description, in 64 hexadecimal digits."""
    return hashlib.sha256(canonical({name: value for name, value in tool.items() if name != "_meta"}).encode()).hexdigest()


def read_pins(path: str) -> dict[str, str]:
    """The certified tools of a file, by name."""
    pins = json.loads(Path(path).read_text())
    if not isinstance(pins, dict) or not all(isinstance(value, str) for value in pins.values()):
        raise ValueError(f"{path} is not an object of tools and digests: write it with `certify`")
    return pins


def write_pins(path: str, pins: Mapping[str, str]) -> None:
    """Replaces the file as a whole, so that a guard that starts meanwhile reads all of it."""
    text = json.dumps(pins, indent=1, sort_keys=True) + "\n"
    with tempfile.NamedTemporaryFile("w", dir=Path(path).resolve().parent, prefix=".pins-", delete=False) as file:
        try:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
            os.replace(file.name, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(file.name)
            raise


def environment() -> dict[str, str]:
    """The environment of a server: not which agent calls it."""
    return {name: value for name, value in os.environ.items() if name != "AGENTID_AGENT"}


async def listed(command: Sequence[str]) -> list[dict[str, Any]]:
    """A server's own list, all pages of it. Raises `ValueError` for what is not a list, and for none within a minute."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, limit=LINE, env=environment())
    try:
        return await asyncio.wait_for(_ask(process), _PATIENCE)
    except asyncio.TimeoutError:
        said = f"the server has not listed its tools within {_PATIENCE} seconds: is it an MCP server over stdio?"
        raise ValueError(said) from None
    finally:
        if process.stdin is not None:
            process.stdin.close()
        if not await has_ended(process, _GRACE):
            process.kill()
            await has_ended(process, _GRACE)
        process._transport.close()  # type: ignore[attr-defined]  # a process of the server's own may hold the other ends


async def has_ended(process: asyncio.subprocess.Process, within: float, stopped: asyncio.Future[None] | None = None) -> bool:
    """Whether it ends within so many seconds. Its `wait()` waits for its pipes as well, which a process of its own can hold."""
    until = asyncio.get_running_loop().time() + within
    while process.returncode is None and asyncio.get_running_loop().time() < until:
        if stopped is not None and stopped.done():
            break
        await asyncio.sleep(0.02)
    return process.returncode is not None


async def _ask(process: asyncio.subprocess.Process) -> list[dict[str, Any]]:
    to_server, server = process.stdin, process.stdout
    if to_server is None or server is None:
        raise subprocess.SubprocessError("the server's process has no pipes")

    left = LINE  # bytes of all that it says: what it lists is kept

    def say(message: dict[str, Any]) -> None:
        to_server.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")

    async def answer(number: int) -> dict[str, Any]:
        nonlocal left
        while line := await server.readline():
            left -= len(line)
            if left < 0:
                raise ValueError(f"the server has sent more than {LINE} bytes: a list of tools is shorter")
            if not line.lstrip().startswith(b"{"):  # a banner, which a guard leaves out as well
                print(f"agentidctl: the server's stdout has a line that is not a message: {line[:80]!r}", file=sys.stderr)
                continue
            message = envelope(read(line, in_any_case=False))
            if is_id(message.get("id")) and message["id"] == number and "method" not in message:
                said = outcome(message)
                if not isinstance(said.get("result"), dict):
                    raise ValueError(f"the server answered with an error: {json.dumps(said.get('error'))[:500]}")
                return only(said["result"], LISTED) if number else said["result"]
        raise ValueError("the server ended before it answered")

    about = {"protocolVersion": _VERSION, "capabilities": {}, "clientInfo": {"name": "agentidctl", "version": "1"}}
    say({"id": 0, "method": "initialize", "params": about})
    await answer(0)
    say({"method": "notifications/initialized"})
    tools: list[dict[str, Any]] = []
    cursor: Any = None
    for number in range(1, _PAGES + 1):
        say({"id": number, "method": LIST, "params": {} if cursor is None else {"cursor": cursor}})
        page = await answer(number)
        if not isinstance(page.get("tools"), list):
            raise ValueError("the server's list has no array of tools")
        tools += [tool for tool in page["tools"] if isinstance(tool, dict) and isinstance(tool.get("name"), str)]
        cursor = page.get("nextCursor")
        if cursor is None:
            return tools
    raise ValueError(f"the server's list has more than {_PAGES} pages")
