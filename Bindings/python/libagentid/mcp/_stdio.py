"""A proxy's session over stdio: the server's process, and one JSON-RPC message a line between it and the client."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import stat
import sys
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any

from ._pins import LINE, environment, has_ended

if TYPE_CHECKING:
    from ._proxy import Proxy

_PATIENCE = 5
_SHORT = 0.6
"""Once the session is to stop: clients kill what has not ended two seconds after SIGTERM."""
_STOPS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)


async def run(proxy: Proxy, command: Sequence[str]) -> int:
    """Runs the server until it ends, the client goes, or a signal says so; its status. `ValueError`: a message was too long."""
    mode = os.fstat(sys.stdin.fileno()).st_mode
    if not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or sys.stdin.isatty()):
        raise ValueError("stdin is not a pipe: an MCP client starts this command, and speaks to it")
    loop = asyncio.get_running_loop()
    stopped = loop.create_future()
    for number in _STOPS:
        loop.add_signal_handler(number, lambda: stopped.done() or stopped.set_result(None))
    client = asyncio.StreamReader(limit=LINE)
    incoming = _Incoming(client)
    await loop.connect_read_pipe(lambda: incoming, sys.stdin)
    to_client = await _Outgoing.of(sys.stdout)
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, limit=LINE, env=environment())
    to_server, server = process.stdin, process.stdout
    if to_server is None or server is None:
        raise RuntimeError("the server's process has no pipes")

    async def forward() -> None:
        async for line in _lines(client):
            sent, said = proxy.client_line(line)
            if said is not None:
                await to_client.write(_written(said))
            if sent is not None:
                with contextlib.suppress(ConnectionError):  # the server has ended: so does the session
                    to_server.write(_written(sent))
                    await to_server.drain()

    async def back() -> None:
        async for line in _lines(server):
            message = proxy.server_line(line)
            if message is not None:
                await to_client.write(_written(message))

    forwards, backs = asyncio.create_task(forward()), asyncio.create_task(back())
    try:
        until = [forwards, backs, stopped]
        await asyncio.wait([*until, incoming.gone], return_when=asyncio.FIRST_COMPLETED)
        # What the client said before it went. A server that does not read it must not hold the session.
        await asyncio.wait(until, timeout=_PATIENCE, return_when=asyncio.FIRST_COMPLETED)
        forwards.cancel()  # nothing more is decided that the server cannot get
        to_server.close()
        status = await _ended(process, stopped)
        await asyncio.wait([backs], timeout=_SHORT if stopped.done() else _PATIENCE)  # what the server said before it ended
    finally:
        if process.returncode is None:
            process.kill()
        forwards.cancel()
        backs.cancel()
        ended = await asyncio.gather(forwards, backs, return_exceptions=True)
        proxy.close()
        for number in _STOPS:
            loop.remove_signal_handler(number)
    for error in ended:
        if isinstance(error, Exception):
            raise error
    return status


async def _ended(process: asyncio.subprocess.Process, stopped: asyncio.Future[None]) -> int:
    """The status of a server that was told to end, by the end of its input, then by SIGTERM, then for good."""
    is_over = await has_ended(process, _PATIENCE, stopped) or await has_ended(process, _SHORT)
    for end in () if is_over else (process.terminate, process.kill):
        with contextlib.suppress(ProcessLookupError):  # it ended just now
            end()
        if await has_ended(process, _SHORT):
            break
    status = -signal.SIGKILL if process.returncode is None else process.returncode
    return 128 - status if status < 0 else status  # of a signal, as shells say it


class _Incoming(asyncio.StreamReaderProtocol):
    """The client's messages, and whether it has gone: also where those that it sent before are not read yet."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        super().__init__(reader)
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def eof_received(self) -> bool | None:
        if not self.gone.done():
            self.gone.set_result(None)
        return super().eof_received()


class _Outgoing:
    """Messages to the client, one message at a time. A client that does not read holds up no signal."""

    def __init__(self, writer: asyncio.StreamWriter | None) -> None:
        self._writer, self._lock = writer, asyncio.Lock()

    @classmethod
    async def of(cls, file: Any) -> _Outgoing:
        """A writer to a pipe or a socket; anything else (a file, a terminal) is written to as it is."""
        mode = os.fstat(file.fileno()).st_mode
        if not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)):
            return cls(None)
        loop = asyncio.get_running_loop()
        transport, protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, file)
        transport.set_write_buffer_limits(0)
        return cls(asyncio.StreamWriter(transport, protocol, None, loop))

    async def write(self, line: bytes) -> None:
        """Writes a line; returns when the client has it."""
        if self._writer is None:
            sys.stdout.buffer.write(line)
            sys.stdout.flush()
            return
        async with self._lock:
            self._writer.write(line)
            await self._writer.drain()


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
