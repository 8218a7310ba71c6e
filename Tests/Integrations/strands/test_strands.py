"""Guarded Strands agents, with a scripted model."""

import asyncio
import contextlib
import json

import pytest
from conftest import Broken, raising
from contract import *
from contract import BAD, GOOD, tools_of, ways
from libagentid.integrations.strands import Guarded
from pydantic import BaseModel
from strands import Agent, tool
from strands.hooks import BeforeToolCallEvent, HookProvider
from strands.models import Model


class Scripted(Model):
    def __init__(self, script):
        self.turns, self.read, self.shown, self._number = iter(script), [], [], 0

    def update_config(self, **_): ...
    def get_config(self):
        return {}

    async def structured_output(self, *_, **__):
        raise AssertionError("the scripted model is not asked for one")
        yield

    async def stream(self, messages, tool_specs=None, system_prompt=None, **_):
        self.read[:] = [
            b["toolResult"]["content"][0].get("text", "") for m in messages for b in m["content"] if "toolResult" in b
        ]
        self.shown.append([spec["name"] for spec in tool_specs or []])
        calls = next(self.turns, None)
        yield {"messageStart": {"role": "assistant"}}
        for name, arguments in calls or []:
            self._number += 1
            yield {"contentBlockStart": {"start": {"toolUse": {"name": name, "toolUseId": f"c{self._number}"}}}}
            yield {"contentBlockDelta": {"delta": {"toolUse": {"input": json.dumps(arguments)}}}}
            yield {"contentBlockStop": {}}
        if not calls:
            yield {"contentBlockStart": {"start": {}}}
            yield {"contentBlockDelta": {"delta": {"text": "done"}}}
            yield {"contentBlockStop": {}}
        yield {"messageStop": {"stopReason": "tool_use" if calls else "end_turn"}}


def run(agent, is_async):
    return asyncio.run(agent.invoke_async("go")) if is_async else agent("go")


@pytest.fixture
def framework(ran):
    def framework(script, *, is_async=False, guarded=True):
        model = Scripted(script)
        hooks = [Guarded()] if guarded else []
        run(Agent(model=model, tools=[tool(each) for each in tools_of(ran)], hooks=hooks, callback_handler=None), is_async)
        return model.read

    return framework


@ways
def test_whatever_breaks_in_the_frameworks_hook_the_tool_does_not_run(framework, agent, ran, monkeypatch, is_async):
    for part in ("authorize", "defaulted", "current_agent", "acting"):
        with monkeypatch.context() as patch, contextlib.suppress(Exception):
            patch.setattr(f"libagentid.integrations.strands.{part}", raising(Broken("hook")))
            framework([[GOOD]], is_async=is_async)
    assert ran == []


@ways
def test_a_named_agent_is_a_narrower_one(start, acme, ran, is_async):
    agent = start("read_file(path under '/data'); send_mail(to: *, body: *)")
    read = tool(tools_of(ran)[0])
    inner = Agent(model=Scripted([[GOOD], [BAD]]), tools=[read], hooks=[Guarded("reader")], callback_handler=None)
    run(inner, is_async)
    assert ran == ["/data/a"]
    [child] = acme.agents(parent=agent)
    assert "/reader/" in child.id


@ways
def test_the_model_is_shown_the_tools_it_may_call_and_no_others(agent, ran, is_async):
    model = Scripted([[GOOD]])
    run(Agent(model=model, tools=[tool(each) for each in tools_of(ran)], hooks=[Guarded()], callback_handler=None), is_async)
    assert model.shown == [["read_file", "boom"]] * 2
    assert ran == ["/data/a"]


class Answer(BaseModel):
    """The answer."""

    text: str


@ways
def test_a_structured_answer_is_no_tool_that_is_denied(agent, ran, is_async):
    model = Scripted([[BAD], [("Answer", {"text": "hi"})]])
    made = Agent(model=model, tools=[tool(each) for each in tools_of(ran)], hooks=[Guarded()], callback_handler=None)
    asked = {"structured_output_model": Answer}
    result = asyncio.run(made.invoke_async("go", **asked)) if is_async else made("go", **asked)
    assert result.structured_output == Answer(text="hi")
    assert model.shown[0] == ["read_file", "boom", "Answer"]
    assert ran == []


def test_a_tool_of_ones_own_with_the_name_of_an_answer_is_decided(agent, ran):
    def answer(text: str) -> str:
        """Does something."""
        ran.append(text)
        return text

    made = tool(answer, name="Answer")
    Agent(model=Scripted([[("Answer", {"text": "eve"})]]), tools=[made], hooks=[Guarded()], callback_handler=None)("go")
    assert ran == []


@ways
def test_a_call_that_a_later_hook_changes_is_decided_as_it_runs(agent, ran, is_async):
    class Changes(HookProvider):
        def register_hooks(self, registry, **_):
            registry.add_callback(BeforeToolCallEvent, self.change)

        def change(self, event):
            event.tool_use["input"] = {"path": "/etc/passwd"}

    model = Scripted([[GOOD]])
    tools = [tool(each) for each in tools_of(ran)]
    run(Agent(model=model, tools=tools, hooks=[Guarded(), Changes()], callback_handler=None), is_async)
    assert "Denied: path of read_file" in model.read[0] and ran == []


def test_a_name_is_a_text():
    with pytest.raises(TypeError, match="name is a text, the sub-agent's, not int"):
        Guarded(5)
