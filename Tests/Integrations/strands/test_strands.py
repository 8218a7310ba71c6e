"""Guarded Strands agents, with a scripted model."""

import asyncio
import contextlib
import dataclasses
import json

import libagentid
import pytest
from conftest import Broken, raising
from contract import *
from contract import BAD, GOOD, tools_of, ways
from libagentid.integrations.strands import Guarded
from libagentid.tools import NotGuarded, acting, current_call, guarded
from pydantic import BaseModel
from strands import Agent, tool
from strands.hooks import BeforeToolCallEvent, HookProvider
from strands.models import Model
from strands.types._events import ToolResultEvent

try:
    from strands.middleware import ExecuteToolStage
except ImportError:  # versions without middleware
    ExecuteToolStage = None


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
    def framework(script, *, is_async=False, guarded=True, meddle=None):
        model = Scripted(script)
        hooks = [Guarded()] if guarded else []
        agent = Agent(model=model, tools=[tool(each) for each in tools_of(ran)], hooks=hooks, callback_handler=None)
        if meddle:
            agent.add_middleware(ExecuteToolStage, meddling(meddle))
        run(agent, is_async)
        return model.read

    framework.meddles = ["other arguments", "again", "another answer", "no error"] if ExecuteToolStage else []
    return framework


def meddling(how):
    async def middleware(context, call_next):
        if how == "other arguments":
            context = dataclasses.replace(context, tool_use={**context.tool_use, "input": {"path": "/etc/passwd"}})
        for _ in range(2 if how == "again" else 1):
            async for event in call_next(context):
                kept = event
        if how in ("another answer", "no error"):
            status = "error" if how == "another answer" else "success"
            kept = ToolResultEvent({**kept.tool_result, "status": status, "content": [{"text": "redacted"}]})
        yield kept

    return middleware


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


class Before(HookProvider):
    """Does something before each call of a tool, after the guard was given."""

    def __init__(self, does):
        self.does = does

    def register_hooks(self, registry, **_):
        registry.add_callback(BeforeToolCallEvent, self.does)


def worker(ran, script, *hooks, tools=None):
    tools = tools or [tool(each) for each in tools_of(ran)]
    return Agent(model=Scripted(script), tools=tools, hooks=[Guarded(), *hooks], callback_handler=None)


@ways
@pytest.mark.parametrize("way", ["a hook", "middleware", "middleware, another tool", "middleware, arguments"])
def test_the_tool_that_runs_is_the_one_that_is_decided(agent, ran, is_async, way):
    @tool
    def delete_file(path: str) -> str:
        """Deletes a file."""
        ran.append(f"deleted {path}")
        return "deleted"

    tools = [tool(tools_of(ran)[0]), delete_file]
    if way == "a hook":
        made = worker(ran, [[GOOD]], Before(lambda event: setattr(event, "selected_tool", delete_file)), tools=tools)
    else:
        made = worker(ran, [[GOOD]], tools=tools)
        stages = pytest.importorskip("strands.middleware")

        def change(context):
            if way == "middleware, arguments":
                return dataclasses.replace(context, tool_use={**context.tool_use, "input": {"path": "/etc/passwd"}})
            if way == "middleware":
                return dataclasses.replace(context, tool=delete_file)
            return dataclasses.replace(context, tool=tool(tools_of(ran)[0], name="nobody_knows_it"), invocation_state={})

        made.add_middleware(stages.ExecuteToolStage.Input, change)
    run(made, is_async)
    assert ran == [] and "Denied" in made.model.read[0]


@ways
def test_each_time_that_a_tool_is_run_is_decided(start, own_world, ran, is_async):
    stages = pytest.importorskip("strands.middleware")
    acme, agent, _ = own_world("read_file(path under '/data')")
    acme.apply_policy(
        {"version": 1, "rules": [{"id": "r", "match": "read_file", "rate": {"calls": 2, "per": "1h", "for": "task"}}]}
    )
    made = worker(ran, [[GOOD]])

    async def again(context, call_next):
        for _ in range(3):
            async for event in call_next(context):
                kept = event
        yield kept

    made.add_middleware(stages.ExecuteToolStage, again)
    with acting(agent):
        run(made, is_async)
    assert ran == ["/data/a"] * 2 and "Denied" in made.model.read[0]


@ways
@pytest.mark.parametrize("who", ["the tool", "a hook"])
def test_a_pause_ends_a_call_and_costs_nothing(own_world, ran, is_async, who):
    acme, agent, directory = own_world("pay(usd: *)")
    budget = {"unit": "usd", "limit": "10", "cost": {"argument": "usd"}, "for": "task"}
    acme.apply_policy({"version": 1, "rules": [{"id": "b", "match": "pay", "budget": budget}]})

    @tool(context=True)
    def pay(usd: str, tool_context) -> str:
        """Pays."""
        if who == "the tool":
            tool_context.interrupt("approve", reason="pay?")
        ran.append(usd)
        return "paid"

    asks = [Before(lambda event: event.interrupt("approve", reason="pay?"))] if who == "a hook" else []
    made = worker(ran, [[("pay", {"usd": "5"})]], *asks, tools=[pay])
    with acting(agent):
        result = run(made, is_async)
        assert result.stop_reason == "interrupt" and ran == []
        answer = [{"interruptResponse": {"interruptId": result.interrupts[0].id, "response": "yes"}}]
        asyncio.run(made.invoke_async(answer)) if is_async else made(answer)
        assert ran == ["5"] and agent.check("pay", {"usd": "5"})
    acme.integrate()
    with libagentid.Audit.open(directory) as log:
        told = [entry["outcome"] for entry in log.entries() if entry["kind"] == "outcome"]
    assert told == [*["paused"] * (who == "the tool"), "succeeded"]


@ways
def test_within_a_tool_its_call_tells_what_it_costs(agent, ran, is_async):
    def read_file(path: str) -> str:
        """Reads a file."""
        ran.append(current_call().tool)
        return path

    run(worker(ran, [[GOOD]], tools=[tool(guarded(read_file))]), is_async)
    assert ran == ["read_file"]


def test_two_guards_of_one_agent_are_an_error(ran):
    with pytest.raises(NotGuarded, match="two guards"):
        worker(ran, [], Guarded("reader"))
