"""A guarded agent of Microsoft's Agent Framework: python agent_framework.py. Needs `pip install 'libagentid[agent-framework]'`.

The model here is scripted.
"""

import sys

sys.path.pop(0)  # this file has the name of a package

import asyncio
import json

import libagentid
from agent_framework import (
    Agent,
    BaseChatClient,
    ChatMiddlewareLayer,
    ChatResponse,
    Content,
    FunctionInvocationLayer,
    FunctionTool,
    Message,
)  # fmt: skip
from libagentid.integrations.agent_framework import Guarded, Shown  # guard


def read_file(path: str) -> str:
    """Reads a file."""
    return f"the text of {path}"


class Scripted(FunctionInvocationLayer, ChatMiddlewareLayer, BaseChatClient):
    paths = iter(["/data/q3/report", "/data/salaries"])

    async def _inner_get_response(self, *, messages, stream, options, **_):
        path = next(self.paths, None)
        if path is None:
            return ChatResponse(messages=[Message("assistant", ["That is all I may read."])])
        call = Content.from_function_call(path, "read_file", arguments=json.dumps({"path": path}))
        return ChatResponse(messages=[Message("assistant", [call])])


tool = FunctionTool(name="read_file", description="Reads a file.", func=read_file)
agent = Agent(client=Scripted(), tools=[tool], middleware=[Shown(), Guarded()])  # guard

acme = libagentid.Authority.open(trust_domain="acme.example")
acme.put_profile("reader", owner="team:data@acme.example", ceiling="read_file(path under '/data')")
with acme.agent("reader", principal="user:alice@acme.example", task="T-1", scope="read_file(path under '/data/q3')"):  # guard
    response = asyncio.run(agent.run("What does the report say?"))
for message in response.messages:
    for content in message.contents:
        if content.type in ("function_result", "text"):
            print(content.result if content.type == "function_result" else content.text)
