"""Guarded tools of Haystack agents, with a scripted generator."""

import asyncio
import contextlib

import pytest
from conftest import Broken, raising
from contract import *
from contract import BAD, GOOD, tools_of, ways
from haystack import component
from haystack.components.agents import Agent
from haystack.dataclasses import ChatMessage, ToolCall
from haystack.tools import ComponentTool, create_tool_from_function, serialize_tools_or_toolset
from libagentid.integrations.haystack import guard_tools
from libagentid.tools import NotGuarded


@component
class Scripted:
    def __init__(self, script):
        self.turns, self.read, self._number = iter(script), [], 0

    @component.output_types(replies=list[ChatMessage])
    def run(self, messages: list[ChatMessage], tools=None, **_):
        self.read[:] = [str(result.result) for m in messages for result in m.tool_call_results]
        calls = next(self.turns, None)
        if not calls:
            return {"replies": [ChatMessage.from_assistant("done")]}
        made = []
        for name, arguments in calls:
            self._number += 1
            made.append(ToolCall(tool_name=name, arguments=arguments, id=f"c{self._number}"))
        return {"replies": [ChatMessage.from_assistant(tool_calls=made)]}

    @component.output_types(replies=list[ChatMessage])
    async def run_async(self, messages: list[ChatMessage], tools=None, **_):
        return self.run(messages)


def go(generator, tools, is_async):
    agent = Agent(chat_generator=generator, tools=tools)
    ask = [ChatMessage.from_user("go")]
    return asyncio.run(agent.run_async(messages=ask)) if is_async else agent.run(messages=ask)


@pytest.fixture
def framework(ran):
    def framework(script, *, is_async=False, guarded=True):
        generator = Scripted(script)
        tools = [create_tool_from_function(each) for each in tools_of(ran)]
        go(generator, guard_tools(tools) if guarded else tools, is_async)
        return generator.read

    return framework


@ways
def test_whatever_breaks_in_the_glue_the_tool_does_not_run(framework, agent, ran, monkeypatch, is_async):
    for part in ("authorize", "plain", "current_agent", "acting", "refusal", "defaulted"):
        with monkeypatch.context() as patch, contextlib.suppress(Exception):
            patch.setattr(f"libagentid.integrations.haystack.{part}", raising(Broken("hook")))
            framework([[BAD if part == "refusal" else GOOD]], is_async=is_async)
    assert ran == []


@ways
def test_named_tools_are_those_of_a_narrower_agent(start, acme, ran, is_async):
    agent = start("read_file(path under '/data'); send_mail(to: *, body: *)")
    tools = guard_tools([create_tool_from_function(tools_of(ran)[0])], "reader")
    go(Scripted([[GOOD], [BAD]]), tools, is_async)
    assert ran == ["/data/a"]
    [child] = acme.agents(parent=agent)
    assert "/reader/" in child.id


@component
class Reads:
    @component.output_types(text=str)
    def run(self, path: str):
        return {"text": path}


def test_a_guarded_tool_is_not_written_to_a_file_that_would_not_have_the_guard():
    [tool] = guard_tools([ComponentTool(component=Reads(), name="read_file", description="x")])
    with pytest.raises(NotGuarded, match="a file would not have its guard"):
        tool.to_dict()
    with pytest.raises(NotGuarded):
        serialize_tools_or_toolset([tool])


def read_file(path: str) -> str:
    """Not a tool yet."""
    return path


@pytest.mark.parametrize(
    "tools, said",
    [([read_file], r"\[0\] is of the type function"), ("read_file", r"\[0\] is of the type str"), (read_file, "not function")],
)
def test_what_is_not_a_list_of_tools_is_named(tools, said):
    with pytest.raises(TypeError, match=f"a list of tools.*{said}"):
        guard_tools(tools)
    with pytest.raises(TypeError, match="name is a text, the sub-agent's, not int"):
        guard_tools([], 5)
