"""A guarded agent of AutoGen: python autogen.py. Needs `pip install 'libagentid[autogen]'`.

The model here is scripted.
"""

import sys

sys.path.pop(0)  # this file has the name of a package

import asyncio
import json

import libagentid
from autogen_agentchat.agents import AssistantAgent
from autogen_core import FunctionCall
from autogen_core.models import ChatCompletionClient, CreateResult, ModelFamily, RequestUsage
from autogen_core.tools import FunctionTool
from libagentid.integrations.autogen import guard  # guard

USAGE = RequestUsage(prompt_tokens=0, completion_tokens=0)


def read_file(path: str) -> str:
    """Reads a file."""
    return f"the text of {path}"


class Scripted(ChatCompletionClient):
    component_type = "replay_chat_completion_client"
    paths = iter(["/data/q3/report", "/data/salaries"])

    async def create(self, messages, **_):
        path = next(self.paths, None)
        if path is None:
            return CreateResult(finish_reason="stop", content="That is all I may read.", usage=USAGE, cached=False)
        call = FunctionCall(id=path, name="read_file", arguments=json.dumps({"path": path}))
        return CreateResult(finish_reason="function_calls", content=[call], usage=USAGE, cached=False)

    def create_stream(self, *_, **__):
        raise AssertionError("the scripted model does not stream")

    async def close(self): ...

    def actual_usage(self):
        return USAGE

    total_usage = actual_usage

    def count_tokens(self, *_, **__):
        return 0

    remaining_tokens = count_tokens
    model_info = capabilities = {
        "vision": False, "function_calling": True, "json_output": False, "family": ModelFamily.UNKNOWN, "structured_output": False,
    }  # fmt: skip


workbench = guard([FunctionTool(read_file, description="Reads a file.")])  # guard
agent = AssistantAgent("reader", model_client=Scripted(), workbench=workbench, max_tool_iterations=5)

acme = libagentid.Authority.open(trust_domain="acme.example")
acme.put_profile("reader", owner="team:data@acme.example", ceiling="read_file(path under '/data')")
with acme.agent("reader", principal="user:alice@acme.example", task="T-1", scope="read_file(path under '/data/q3')"):  # guard
    result = asyncio.run(agent.run(task="What does the report say?"))
for message in result.messages:
    if message.type == "ToolCallExecutionEvent":
        print(*[each.content for each in message.content])
print(result.messages[-1].content)
