"""A proxy's session over stdio: the server's process, and one JSON-RPC message a line between it and the client."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any

from ._pins import LINE

if TYPE_CHECKING:
    from ._proxy import Proxy

_PATIENCE = 5


async def run(proxy: Proxy, command: Sequence[str]) -> int:
    """Runs the server until it ends, the client goes, or SIGTERM comes; its status. `ValueError`: a message was too long."""
    loop = asyncio.get_running_loop()
    stopped = loop.create_future()
    loop.add_signal_handler(signal.SIGTERM, lambda: stopped.done() or stopped.set_result(None))
    client = asyncio.StreamReader(limit=LINE)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(client), sys.stdin)
    pipe = asyncio.subprocess.PIPE
    environment = {name: value for name, value in os.environ.items() if name != "AGENTID_AGENT"}  # not the server's to know
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, limit=LINE, env=environment)
    to_server, server = process.stdin, process.stdout
    if to_server is None or server is None:
        raise RuntimeError("the server's process has no pipes")

    async def forward() -> None:
        async for line in _lines(client):
            sent, said = proxy.client_line(line)
            if said is not None:
                sys.stdout.buffer.write(_written(said))
                sys.stdout.flush()
            if sent is not None:
                with contextlib.suppress(ConnectionError):  # the server has ended: so does the session
                    to_server.write(_written(sent))
                    await to_server.drain()

    async def back() -> None:
        async for line in _lines(server):
            message = proxy.server_line(line)
            if message is not None:
                sys.stdout.buffer.write(_written(message))
                sys.stdout.flush()

    forwards, backs = asyncio.create_task(forward()), asyncio.create_task(back())
    try:
        await asyncio.wait([forwards, backs, stopped], return_when=asyncio.FIRST_COMPLETED)
        forwards.cancel()  # nothing more is decided that the server cannot get
        to_server.close()
        try:
            status = await asyncio.wait_for(process.wait(), _PATIENCE)
        except asyncio.TimeoutError:
            process.kill()
            status = await process.wait()
        await asyncio.wait([backs], timeout=_PATIENCE)  # what the server said before it ended
    finally:
        if process.returncode is None:
            process.kill()
        forwards.cancel()
        backs.cancel()
        ended = await asyncio.gather(forwards, backs, return_exceptions=True)
        proxy.close()
        loop.remove_signal_handler(signal.SIGTERM)
    for error in ended:
        if isinstance(error, Exception):
            raise error
    return status


async def _lines(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while True:
        try:
            line = await reader.readline()
        except ValueError:
            raise ValueError(f"a message of more than {LINE} bytes ends the session") from None
        if not line:
            return
        if line.strip():
            yield line


def _written(message: Any) -> bytes:
    return json.dumps(message, allow_nan=False).encode() + b"\n"
