"""Guarded crews, with a scripted model: CrewAI swallows what a hook raises, and must not run the tool all the same."""

import asyncio
import contextlib
import json

import pytest
from conftest import Broken, raising
from contract import *
from contract import BAD, GOOD, tools_of, ways
from crewai import Agent, Crew, Task
from crewai.hooks.tool_hooks import (
    clear_after_tool_call_hooks,
    clear_before_tool_call_hooks,
    register_before_tool_call_hook,
    unregister_before_tool_call_hook,
)
from crewai.llms.base_llm import BaseLLM
from crewai.tools import tool
from libagentid.integrations.crewai import guard_crews


class Scripted(BaseLLM):
    def __init__(self, script):
        super().__init__(model="scripted")
        self._turns, self._read = iter([[call] for turn in script for call in turn]), []

    def call(self, messages, *_, **__):
        text = messages if isinstance(messages, str) else "\n".join(str(m.get("content")) for m in messages)
        self._read[:] = [
            p for p in text.split("Observation:")[1:] for p in [p.split("Thought:")[0]] if "Denied: " in p or "text of" in p
        ]
        call = next(self._turns, None)
        if not call:
            return "Thought: I now know the final answer\nFinal Answer: done"
        [(name, arguments)] = call
        return f"Thought: I need it\nAction: {name}\nAction Input: {json.dumps(arguments)}"

    async def acall(self, messages, *_, **__):
        return self.call(messages)

    def supports_function_calling(self):
        return False


@pytest.fixture(autouse=True)
def no_hooks():
    yield
    clear_before_tool_call_hooks()
    clear_after_tool_call_hooks()


def crew_of(script, functions, role="worker"):
    model = Scripted(script)
    member = Agent(
        role=role, goal="g", backstory="b", llm=model, tools=[tool(each.__name__)(each) for each in functions], max_iter=9
    )
    return Crew(agents=[member], tasks=[Task(description="d", expected_output="e", agent=member)]), model


def run(crew, is_async):
    return asyncio.run(crew.akickoff()) if is_async else crew.kickoff()


@pytest.fixture
def framework(ran):
    def framework(script, *, is_async=False, guarded=True):
        if guarded:
            guard_crews()
            guard_crews()
        crew, model = crew_of(script, tools_of(ran))
        run(crew, is_async)
        return model._read

    framework.answered, framework.repeats = ["answered"], True
    return framework


@ways
def test_whatever_breaks_in_the_frameworks_hook_the_tool_does_not_run(framework, agent, ran, monkeypatch, is_async):
    for part in ("authorize", "_decided", "_defaulted", "_named", "acting", "refusal"):
        with monkeypatch.context() as patch, contextlib.suppress(Exception):
            patch.setattr(f"libagentid.integrations.crewai.{part}", raising(Broken("hook")))
            framework([[BAD if part == "refusal" else GOOD]], is_async=is_async)
    assert ran == []


def test_the_same_hook_without_the_abort_would_let_the_tool_run(agent, ran):
    from crewai.hooks.tool_hooks import register_before_tool_call_hook

    register_before_tool_call_hook(raising(Broken("hook")))
    crew, _ = crew_of([[BAD]], tools_of(ran))
    crew.kickoff()
    assert ran == ["/hunter2"]


@ways
def test_each_member_of_a_crew_is_a_narrower_agent(start, acme, ran, is_async):
    agent = start("read_file(path under '/data'); send_mail(to: *, body: *)")
    guard_crews()
    crew, _ = crew_of([[GOOD], [BAD]], tools_of(ran)[:1], role="Senior reader")
    run(crew, is_async)
    assert ran == ["/data/a"]
    [child] = acme.agents(parent=agent)
    assert "/Senior-reader/" in child.id


@ways
def test_while_a_hook_comes_after_the_guards_nothing_runs(framework, agent, ran, is_async):
    def changes(context):
        context.tool_input["path"] = "/etc/passwd"

    guard_crews()
    register_before_tool_call_hook(changes)
    crew, _ = crew_of([[GOOD]], tools_of(ran))
    run(crew, is_async)
    assert ran == []
    guard_crews()
    crew, _ = crew_of([[GOOD]], tools_of(ran))
    run(crew, is_async)
    assert ran == []  # decided as it was changed
    unregister_before_tool_call_hook(changes)
    crew, _ = crew_of([[GOOD]], tools_of(ran))
    run(crew, is_async)
    assert ran == ["/data/a"]
