"""A real MCP server with file tools. Every tools/call is asked of the guard first; nothing else changes in the server.

    server.py AUTHORITY_DIRECTORY DATA_DIRECTORY
"""

import json
import sys
import time
from pathlib import Path

import libagentid
from mcp import MCPError
from mcp.server.mcpserver import MCPServer

AUDIENCE = "mcp://files"
DENIED = -32001  # the code of an MCP error that carries a denial
guard = libagentid.Guard.open_directory(sys.argv[1], audience=AUDIENCE, require_claim=True)
data = Path(sys.argv[2]).resolve()


async def guarded(ctx, call_next):
    """Chain and proof travel in the request's `_meta`; the answer says what was decided, and in how many microseconds."""
    if ctx.method != "tools/call":
        return await call_next(ctx)
    meta = dict((ctx.params or {}).get("_meta") or {})
    chain, proof = str(meta.get("io.agentid/chain", "")), str(meta.get("io.agentid/proof", ""))
    start = time.perf_counter_ns()
    decision = guard.check(ctx.params["name"], ctx.params.get("arguments") or {}, chain=chain, proof=proof)
    took = (time.perf_counter_ns() - start) / 1000
    said = {"id": decision.id, "guard": took, "reason": decision.reason, "message": decision.document["message"]}
    if not decision:
        raise MCPError(code=DENIED, message=json.dumps(said))
    result = await call_next(ctx)
    return {**result, "_meta": {**(result.get("_meta") or {}), "io.agentid/decision": said}}


server = MCPServer("files", middleware=[guarded])


@server.tool()
def read_file(path: str) -> str:
    """Reads a file."""
    return (data / path.lstrip("/")).read_text()


@server.tool()
def send_mail(to: str, body: str) -> str:
    """Puts a mail into the outbox."""
    with open(data / "outbox", "a") as outbox:
        outbox.write(f"{to}: {body}\n")
    return "sent"


@server.tool()
def pay(usd: str, to: str) -> str:
    """Pays."""
    with open(data / "payments", "a") as payments:
        payments.write(f"{to}: {usd}\n")
    return f"paid {usd}"


server.run()
