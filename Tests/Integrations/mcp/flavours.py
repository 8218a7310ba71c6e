"""The same server and client in each package that is tested here: mcp 2, mcp 1, FastMCP 4."""

import contextlib
import importlib.metadata
import os
import sys

try:
    importlib.metadata.version("fastmcp")
    FLAVOUR = "fastmcp"
except importlib.metadata.PackageNotFoundError:
    FLAVOUR = "mcp1" if importlib.metadata.version("mcp").startswith("1.") else "mcp2"

if FLAVOUR == "mcp2":
    from mcp import Client, MCPError, StdioServerParameters
    from mcp.server.mcpserver import MCPServer as Server
elif FLAVOUR == "mcp1":
    from mcp import ClientSession, StdioServerParameters, stdio_client
    from mcp import McpError as MCPError
    from mcp.client.streamable_http import streamable_http_client
    from mcp.server.fastmcp import FastMCP as Server
    from mcp.shared.memory import create_connected_server_and_client_session
else:
    from fastmcp import Client
    from fastmcp import FastMCP as Server
    from fastmcp.client.transports import StdioTransport
    from mcp import MCPError

Server, MCPError = Server, MCPError


def make(ran, **options):
    """A server with tools, a resource and a prompt, each of which says that it ran."""
    server = Server("files", **options)

    @server.tool()
    def read_file(path: str) -> str:
        """Reads a file."""
        ran.append(("read_file", path))
        return f"text of {path}"

    @server.tool()
    async def send_mail(to: str, body: str = "") -> str:
        """Sends a mail."""
        ran.append(("send_mail", to))
        return "sent"

    @server.tool()
    def boom() -> str:
        """Fails."""
        ran.append(("boom",))
        raise ValueError("boom")

    @server.resource("note://secret")
    def secret() -> str:
        """A note."""
        ran.append(("secret",))
        return "hidden"

    @server.prompt()
    def greet() -> str:
        """Greets."""
        ran.append(("greet",))
        return "hello"

    return server


@contextlib.asynccontextmanager
async def in_memory(server):
    """A session with a server in this process."""
    if FLAVOUR == "mcp1":
        async with create_connected_server_and_client_session(server._mcp_server) as session:
            yield session
    else:
        async with Client(server) as client:
            yield client.session


@contextlib.asynccontextmanager
async def over_stdio(program, *args):
    """A session with a server in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    if FLAVOUR == "fastmcp":
        async with Client(StdioTransport(sys.executable, [program, *args], env=environment)) as client:
            yield client.session
        return
    how = StdioServerParameters(command=sys.executable, args=[program, *args], env=environment)
    if FLAVOUR == "mcp2":
        async with Client(how) as client:
            yield client.session
    else:
        async with stdio_client(how) as (read, write), ClientSession(read, write) as session:
            await session.initialize()
            yield session


@contextlib.asynccontextmanager
async def over_http(port):
    """A session over streamable HTTP."""
    url = f"http://127.0.0.1:{port}/mcp"
    if FLAVOUR == "mcp1":
        async with streamable_http_client(url) as (read, write, _), ClientSession(read, write) as session:
            await session.initialize()
            yield session
    else:
        async with Client(url) as client:
            yield client.session


def text(result):
    """The text of a tool's answer, and whether it is an error."""
    return result.content[0].text, result.isError if FLAVOUR == "mcp1" else result.is_error
