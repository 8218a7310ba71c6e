"""How agents call: a guarded MCP server, over stdio, chain and proof in each request's `_meta`."""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import libagentid
import screen
from mcp import Client, MCPError, StdioServerParameters

AUDIENCE = "mcp://files"
DENIED = -32001


def connect(directory: Path, data: Path) -> Client:
    """A client of an MCP server that is started for it, and ends with it."""
    program = str(Path(__file__).with_name("server.py"))
    return Client(StdioServerParameters(command=sys.executable, args=[program, str(directory), str(data)], env=dict(os.environ)))


async def call(
    client: Client, who: libagentid.Agent, tool: str, args: dict[str, Any], *, signer: libagentid.Agent | None = None, proof: str = ""
) -> dict[str, Any]:
    """Calls a tool as an agent: what the guard said, and what came of it."""
    proof = proof or (signer or who).prove(tool, args, audience=AUDIENCE)
    meta, start = {"io.agentid/chain": who.chain, "io.agentid/proof": proof}, time.perf_counter()
    answer = {"who": screen.short(who.id), "what": f"{tool} {next(iter(args.values()))}", "proof": proof}
    try:
        result = await client.call_tool(tool, args, meta=meta)
    except MCPError as error:
        if error.error.code != DENIED:
            raise
        return answer | json.loads(error.error.message)
    took = (time.perf_counter() - start) * 1000
    text = result.content[0].text
    return answer | result.meta["io.agentid/decision"] | {"text": f"{text.splitlines()[0]} ({took:.1f} ms with MCP)", "whole": text}
