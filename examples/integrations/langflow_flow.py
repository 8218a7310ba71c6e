"""A guarded flow of Langflow: python langflow_flow.py runs it, LANGFLOW_API_KEY=... lfx serve langflow_flow.py serves it.

Needs `pip install 'libagentid[langflow]'`; the model here is scripted. In Langflow itself `Researcher` is a custom component.
"""

import asyncio
import os
import sys
import tempfile

sys.path.append(sys.path.pop(0))  # files beside this one have names of packages

import libagentid
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.tools import StructuredTool
from lfx.components.input_output import ChatInput, ChatOutput
from lfx.custom.custom_component.component import Component
from lfx.field_typing import LanguageModel, Tool
from lfx.graph import Graph
from lfx.io import Output
from libagentid.integrations.langflow import GuardedAgent  # guard

acme = libagentid.Authority.open(os.environ.get("AGENTID_AUTHORITY") or tempfile.mkdtemp(), trust_domain="acme.example")
acme.put_profile("reader", owner="team:data@acme.example", ceiling="read_file(path under '/data')")


class Researcher(GuardedAgent):  # guard
    name = "Researcher"

    def start_agent(self):  # guard: whose run it is, where a server runs the flow
        task = {"principal": "user:alice@acme.example", "task": "T-1", "scope": "read_file(path under '/data/q3')"}  # guard
        return acme.agent("reader", **task)  # guard


def asks(path: str) -> AIMessage:
    return AIMessage("", tool_calls=[{"name": "read_file", "args": {"path": path}, "id": path}])


class Scripted(BaseChatModel):
    """Asks for two files, and answers with what it has read of them."""

    @property
    def _llm_type(self):
        return "scripted"

    def bind_tools(self, tools, **_):
        return self

    def _generate(self, messages, *_, **__):
        read = [message.content for message in messages if isinstance(message, ToolMessage)]
        said = [asks("/data/q3/report"), asks("/data/salaries"), AIMessage("\n".join(read))][len(read)]
        return ChatResult(generations=[ChatGeneration(message=said)])


class Model(Component):
    outputs = [Output(name="model", display_name="Model", method="build_model")]

    def build_model(self) -> LanguageModel:
        return Scripted()


class Files(Component):
    outputs = [Output(name="tools", display_name="Tools", method="build_tools")]

    def build_tools(self) -> list[Tool]:
        def read_file(path: str) -> str:
            """Reads a file."""
            return f"the text of {path}"

        return [StructuredTool.from_function(read_file)]


question, model, files = ChatInput(), Model(), Files()
researcher = Researcher().set(
    model=model.build_model, tools=[files.build_tools], input_value=question.message_response, add_current_date_tool=False
)
answer = ChatOutput().set(input_value=researcher.message_response)
graph = Graph(question, answer)


async def main() -> None:
    async for _ in graph.async_start():
        pass
    print(answer.get_output_by_method(answer.message_response).value.text)


if __name__ == "__main__":
    asyncio.run(main())
