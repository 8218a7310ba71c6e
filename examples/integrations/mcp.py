"""A guarded MCP server, and an agent that calls it: python mcp.py. Needs `pip install 'libagentid[mcp]'`."""

import asyncio
import sys

sys.path.pop(0)  # this file has the name of a package

import libagentid
from libagentid.integrations.mcp import guard_server, prove_calls  # guard
from mcp import Client
from mcp.server.mcpserver import MCPServer

acme = libagentid.Authority.open(trust_domain="acme.example")
acme.put_profile("reader", owner="team:data@acme.example", ceiling="read_file(path under '/data')")

server = MCPServer("files")
guard_server(server, acme.guard(audience="mcp://files"))  # guard; in a process of its own: Guard.open_directory("./acme", ...)


@server.tool()
def read_file(path: str) -> str:
    """Reads a file."""
    return f"the text of {path}"


@server.tool()
def delete_file(path: str) -> str:
    """Deletes a file."""
    raise AssertionError("nobody was granted this")


async def main() -> None:
    async with Client(server) as client:
        prove_calls(client, audience="mcp://files")  # guard
        with acme.agent("reader", principal="user:alice@acme.example", task="T-1", scope="read_file(path under '/data/q3')"):
            print("shown:", [tool.name for tool in (await client.list_tools()).tools])
            for path in ("/data/q3/report", "/data/salaries"):
                print((await client.call_tool("read_file", {"path": path})).content[0].text)


asyncio.run(main())
