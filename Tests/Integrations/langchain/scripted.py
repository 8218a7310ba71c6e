"""A chat model that says what it was told to say, one message after the other, and notes what it was shown."""

from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult


def calls(*wanted):
    """A message that asks for tools, all at once: (name, arguments) each."""
    return AIMessage(
        "", tool_calls=[{"name": n, "args": a, "id": f"call-{i}-{n}", "type": "tool_call"} for i, (n, a) in enumerate(wanted)]
    )


class Scripted(BaseChatModel):
    script: list[Any]
    shown: list[Any] = []
    read: list[Any] = []

    @property
    def _llm_type(self):
        return "scripted"

    def bind_tools(self, tools, **_):
        self.shown.append([tool.name for tool in tools])
        return self

    def _generate(self, messages, stop=None, run_manager=None, **_):
        self.read.append(messages)
        said = self.script.pop(0) if self.script else AIMessage("done")
        return ChatResult(generations=[ChatGeneration(message=said)])

    def _stream(self, messages, stop=None, run_manager=None, **_):
        said = self._generate(messages).generations[0].message
        yield ChatGenerationChunk(message=AIMessageChunk(content=said.content, tool_calls=said.tool_calls))
