"""Guarded crews, with a scripted model: CrewAI swallows what a hook raises, and must not run the tool all the same."""

import asyncio
import contextlib
import json

import libagentid
import pytest
from conftest import Broken, raising
from contract import *
from contract import BAD, GOOD, tools_of, ways
from crewai import Agent, Crew, Task
from crewai.hooks.dispatch import InterceptionPoint, register_scoped, scoped_hooks
from crewai.hooks.tool_hooks import (
    clear_after_tool_call_hooks,
    clear_before_tool_call_hooks,
    register_after_tool_call_hook,
    register_before_tool_call_hook,
    unregister_before_tool_call_hook,
)
from crewai.llms.base_llm import BaseLLM
from crewai.tools import BaseTool, tool
from libagentid.integrations.crewai import guard_crews
from libagentid.tools import acting, current_call


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
    def framework(script, *, is_async=False, guarded=True, meddle=None):
        if guarded:
            guard_crews()
            guard_crews()
        crew, model = crew_of(script, tools_of(ran))
        if meddle == "another answer":
            register_after_tool_call_hook(lambda context: "redacted")
        with scoped_hooks() if meddle == "other arguments" else contextlib.nullcontext():
            if meddle == "other arguments":
                register_scoped(InterceptionPoint.PRE_TOOL_CALL, lambda context: context.tool_input.update(path="/etc/passwd"))
            run(crew, is_async)
        return model._read

    framework.repeats, framework.meddles = True, ["other arguments", "another answer"]
    return framework


@ways
def test_whatever_breaks_in_the_frameworks_hook_the_tool_does_not_run(framework, agent, ran, monkeypatch, is_async):
    for part in ("authorize", "Turn._decided", "Turn.__init__", "_defaulted", "_named", "acting", "refusal"):
        with monkeypatch.context() as patch, contextlib.suppress(Exception):
            patch.setattr(f"libagentid.integrations._crewai_runs.{part}", raising(Broken("hook")))
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


class Calls(BaseLLM):
    """A model that calls functions by itself, as those of providers do."""

    def __init__(self, script):
        super().__init__(model="calls")
        self._turns, self._read = iter(script), []

    def call(self, messages, tools=None, *_, **__):
        self._read[:] = [str(m.get("content")) for m in messages if m.get("role") == "tool"]
        calls = next(self._turns, None)
        if not calls or not tools:
            return "done"
        return [
            {"id": f"c{at}", "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}
            for at, (name, arguments) in enumerate(calls)
        ]

    async def acall(self, messages, tools=None, *_, **__):
        return self.call(messages, tools)

    def supports_function_calling(self):
        return True


@pytest.fixture(params=["text", "functions"])
def crew(request):
    """A crew of one whose model asks for tools by text, or by calls of functions."""

    def crew(script, *tools):
        guard_crews()
        model = Scripted(script) if request.param == "text" else Calls(script)
        member = Agent(role="worker", goal="g", backstory="b", llm=model, tools=list(tools), max_iter=5)
        return Crew(agents=[member], tasks=[Task(description="d", expected_output="e", agent=member)]), model

    crew.repeats = request.param == "text"
    return crew


class Pays(BaseTool):
    name: str = "pay"
    description: str = "Pays."
    ran: list = []
    fails: bool = False

    def _run(self, usd: str) -> str:
        self.ran.append(usd)
        if self.fails:
            raise ValueError("the bank says no")
        return f"paid {usd}"


def pays(ran, kind, fails):
    """A tool of either kind that CrewAI has."""
    own = Pays(ran=ran, fails=fails)
    own.ran = ran
    return own if kind == "class" else tool("pay")(pay_of(own))


def pay_of(own):
    def pay(usd: str) -> str:
        """Pays."""
        return own._run(usd)

    return pay


def in_budget(own_world, limit="10"):
    acme, agent, directory = own_world("pay(usd: *); read_file(path under '/data')")
    budget = {"unit": "usd", "limit": limit, "cost": {"argument": "usd"}, "for": "task"}
    acme.apply_policy({"version": 1, "rules": [{"id": "b", "match": "pay", "budget": budget}]})
    return acme, agent, directory


def recorded(acme, directory):
    acme.integrate()
    with libagentid.Audit.open(directory) as log:
        entries = list(log.entries())
    return [entry["outcome"] for entry in entries if entry["kind"] == "outcome"]


@ways
@pytest.mark.parametrize("kind", ["function", "class"])
def test_each_run_of_a_tool_that_fails_is_decided(own_world, ran, crew, is_async, kind):
    acme, agent, directory = in_budget(own_world)
    made, _ = crew([[("pay", {"usd": "4"})]], pays(ran, kind, fails=True))
    with acting(agent), contextlib.suppress(Exception):
        run(made, is_async)
    assert ran == (["4"] * 6 if crew.repeats else ["4"])
    assert recorded(acme, directory) == ["failed: ValueError"] * len(ran)


@ways
@pytest.mark.parametrize("kind", ["function", "class"])
def test_the_outcome_is_the_tools_whatever_hooks_make_of_it(own_world, ran, crew, is_async, kind):
    acme, agent, directory = in_budget(own_world)
    register_after_tool_call_hook(lambda context: "redacted")
    made, _ = crew([[("pay", {"usd": "4"})], [("pay", {"usd": "4"})]], pays(ran, kind, fails=False))
    with acting(agent):
        run(made, is_async)
    kept = ["failed: the tool has not run"] * crew.repeats  # by CrewAI, which asks no tool for what it has an answer to
    assert ran == ["4"] * (2 - len(kept))
    assert recorded(acme, directory) == [*["succeeded"] * len(ran), *kept]


@ways
def test_what_a_hook_of_a_scope_changes_is_decided_as_it_runs(agent, ran, crew, is_async):
    dispatch = pytest.importorskip("crewai.hooks.dispatch")

    def changes(context):
        context.tool_input["path"] = "/etc/passwd"

    read = tool("read_file")(tools_of(ran)[0])
    for change, expected in ((lambda context: None, ["/data/a"]), (changes, [])):
        ran.clear()
        made, model = crew([[GOOD]], read)
        with dispatch.scoped_hooks():
            dispatch.register_scoped(dispatch.InterceptionPoint.PRE_TOOL_CALL, change)
            run(made, is_async)
        assert ran == expected
    assert any("must be under" in each for each in model._read)


def test_within_a_tool_its_call_tells_what_it_costs(own_world, ran, crew):
    acme, agent, _ = in_budget(own_world)

    @tool("pay")
    def pay(usd: str) -> str:
        """Pays."""
        current_call().cost(usd="1")
        ran.append(usd)
        return "paid"

    made, _ = crew([[("pay", {"usd": "9"})]], pay)
    with acting(agent):
        run(made, False)
    assert ran == ["9"] and agent.check("pay", {"usd": "9"})
