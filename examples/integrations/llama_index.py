"""A guarded agent of LlamaIndex: python llama_index.py. Needs `pip install 'libagentid[llama-index]'`.

The model here is scripted.
"""

import sys

sys.path.pop(0)  # this file has the name of a package

import asyncio

import libagentid
from libagentid.integrations.llama_index import guard  # guard
from llama_index.core.agent.workflow import FunctionAgent, ToolCallResult
from llama_index.core.base.llms.types import ChatMessage, ChatResponse
from llama_index.core.llms.llm import ToolSelection
from llama_index.core.llms.mock import MockFunctionCallingLLM
from llama_index.core.tools import FunctionTool


def read_file(path: str) -> str:
    """Reads a file."""
    return f"the text of {path}"


class Scripted(MockFunctionCallingLLM):
    paths: list

    async def achat_with_tools(self, tools, user_msg=None, chat_history=None, **_):
        return ChatResponse(message=ChatMessage(role="assistant", content="" if self.paths else "That is all I may read."))

    def get_tool_calls_from_response(self, response, error_on_no_tool_call=False, **_):
        if not self.paths:
            return []
        path = self.paths.pop(0)
        return [ToolSelection(tool_id=path, tool_name="read_file", tool_kwargs={"path": path})]


model = Scripted(paths=["/data/q3/report", "/data/salaries"])
agent = guard(FunctionAgent(name="reader", llm=model, tools=[FunctionTool.from_defaults(read_file)], streaming=False))  # guard


async def ask(question: str) -> None:
    running = agent.run(user_msg=question)
    async for event in running.stream_events():
        if isinstance(event, ToolCallResult):
            print(event.tool_output.content)
    print(await running)


acme = libagentid.Authority.open(trust_domain="acme.example")
acme.put_profile("reader", owner="team:data@acme.example", ceiling="read_file(path under '/data')")
with acme.agent("reader", principal="user:alice@acme.example", task="T-1", scope="read_file(path under '/data/q3')"):  # guard
    asyncio.run(ask("What does the report say?"))
