"""python -m libagentid.integrations.mcp guard --directory ACME --audience NAME [--pins FILE] -- COMMAND ...
python -m libagentid.integrations.mcp certify --pins FILE -- COMMAND ...

`guard` runs an MCP server over stdio with a guard before it; `certify` writes down what its tools say of themselves now.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from ..._guard import Guard
from ._proxy import Proxy, digest, read_pins


async def _tools(command: list[str]) -> list[Any]:
    """A server's own list, all pages of it."""
    from mcp.client.session import ClientSession
    from mcp.client.stdio import StdioServerParameters, stdio_client

    how = StdioServerParameters(command=command[0], args=command[1:])
    async with stdio_client(how) as (read, write), ClientSession(read, write) as session:
        await session.initialize()
        listed = await session.list_tools()
        if getattr(listed, "next_cursor", None) or getattr(listed, "nextCursor", None):
            raise SystemExit("a list of several pages cannot be certified")
        return [tool.model_dump(by_alias=True, mode="json", exclude_none=True) for tool in listed.tools]


def main(arguments: list[str]) -> int:
    """Runs the command that the module's first lines describe."""
    own, command = (
        (arguments[: arguments.index("--")], arguments[arguments.index("--") + 1 :]) if "--" in arguments else (arguments, [])
    )
    parser = argparse.ArgumentParser(prog="python -m libagentid.integrations.mcp", description=__doc__)
    parser.add_argument("verb", choices=["guard", "certify"])
    parser.add_argument("--directory", help="of the authority")
    parser.add_argument("--audience", help="the guard's name, which each proof must have")
    parser.add_argument("--pins", help="the file of the certified tools")
    given = parser.parse_args(own)
    if not command:
        parser.error("the server's command is missing, after --")
    if given.verb == "certify":
        if not given.pins:
            parser.error("certify needs --pins")
        tools = asyncio.run(_tools(command))
        Path(given.pins).write_text(json.dumps({tool["name"]: digest(tool) for tool in tools}, indent=1, sort_keys=True) + "\n")
        print(f"{given.pins}: {len(tools)} tools", file=sys.stderr)
        return 0
    if not given.directory or not given.audience:
        parser.error("guard needs --directory and --audience")
    with Guard.open_directory(given.directory, audience=given.audience) as guard:
        return asyncio.run(Proxy(guard, read_pins(given.pins) if given.pins else None).run(command))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
