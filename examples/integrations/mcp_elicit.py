"""A guarded MCP server that asks its client's user before it pays: python mcp_elicit.py. Needs `pip install 'libagentid[mcp]'`."""

import asyncio
import json
import sys

sys.path.pop(0)  # a file beside this one has the name of a package

import libagentid
from libagentid.integrations.mcp import Elicitation, guard_server, prove_calls
from mcp import Client
from mcp.server.mcpserver import MCPServer
from mcp_types import ElicitResult

# The operator's: a policy that asks one approver, and that approver's key. It has a name of its own, as the log says it.
key = libagentid.generate_key()
acme = libagentid.Authority.open(trust_domain="acme.example")
acme.put_profile("buyer", owner="team:shop@acme.example", ceiling="pay(usd: *, to: *)")
acme.apply_policy({
    "version": 1,
    "approvers": [{"name": "desk:shop", "key": json.loads(key)["x"]}],
    "rules": [{"id": "big", "match": "pay(usd >= 1000)", "approval": {"of": ["desk:shop"], "within": "15m"}}],
})  # fmt: skip

server = MCPServer("shop")
guard_server(server, acme.guard(audience="mcp://shop"), elicit=Elicitation(acme, by="desk:shop", key=key))


@server.tool()
def pay(usd: int, to: str) -> str:
    """Pays."""
    return f"paid {usd} to {to}"


async def ask(context, params):
    """The client's form: here the user approves what goes to the bookshop."""
    print(params.message.replace("\n", "\n    "))
    return ElicitResult(action="accept", content={"approve": '"to": "bookshop"' in params.message})


async def main():
    with acme.agent("buyer", principal="user:alice@acme.example", task="books", scope="pay(usd: *, to: *)"):
        async with Client(server, elicitation_callback=ask) as client:
            prove_calls(client, audience="mcp://shop")
            for usd, to in ((20, "bookshop"), (2000, "bookshop"), (3000, "casino")):
                answer = await client.call_tool("pay", {"usd": usd, "to": to})
                print("->", answer.content[0].text)


asyncio.run(main())
