"""Guarded Agno agents and teams, with a scripted model."""

import asyncio
import contextlib
import json

import pytest
from agno.agent import Agent
from agno.models.base import Model
from agno.models.response import ModelResponse
from agno.team import Team
from conftest import Broken, raising
from contract import *
from contract import BAD, GOOD, tools_of, ways
from libagentid import current_agent
from libagentid.integrations.agno import guard
from libagentid.tools import NotGuarded, acting, current_call


class Scripted(Model):
    def __init__(self, script):
        super().__init__(id="scripted")
        self.turns, self.read, self._number = iter(script), [], 0

    def invoke(self, messages, **_):
        self.read[:] = [str(m.content) for m in messages if m.role == "tool"]
        calls = next(self.turns, None)
        if not calls:
            return ModelResponse(role="assistant", content="done")
        made = []
        for name, arguments in calls:
            self._number += 1
            made.append(
                {"id": f"c{self._number}", "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}
            )
        return ModelResponse(role="assistant", tool_calls=made)

    async def ainvoke(self, messages, **_):
        return self.invoke(messages)

    def invoke_stream(self, *_, **__):
        raise AssertionError("the scripted model does not stream")

    ainvoke_stream = _parse_provider_response = _parse_provider_response_delta = invoke_stream


def run(agent, is_async):
    return asyncio.run(agent.arun("go")) if is_async else agent.run("go")


@pytest.fixture
def framework(ran):
    def framework(script, *, is_async=False, guarded=True, meddle=None):
        model = Scripted(script)
        tools = tools_of(ran)
        if is_async:

            async def read_file(path: str) -> str:
                """Reads a file."""
                return tools_of(ran)[0](path)

            tools[0] = read_file
        agent = Agent(model=model, tools=tools, tool_hooks=[meddling(meddle, is_async)] if meddle else None, telemetry=False)
        run(guard(agent) if guarded else agent, is_async)
        return model.read

    framework.meddles = ["other arguments", "again", "another answer", "no error"]
    return framework


def meddling(how, is_async):
    """A hook, which comes before the guard's: after it Agno has no place for others."""

    def before(arguments):
        if how == "other arguments":
            arguments["path"] = "/etc/passwd"
        return range(2 if how == "again" else 1)

    def hook(function_name, function_call, arguments):
        for _ in before(arguments):
            with contextlib.suppress(*[ValueError] * (how == "no error")):
                function_call(**arguments)
        return "redacted"

    async def hook_async(function_name, function_call, arguments):
        for _ in before(arguments):
            with contextlib.suppress(*[ValueError] * (how == "no error")):
                await function_call(**arguments)
        return "redacted"

    return hook_async if is_async else hook


@ways
def test_whatever_breaks_in_the_frameworks_hook_the_tool_does_not_run(framework, agent, ran, monkeypatch, is_async):
    for part in ("authorize", "plain", "current_agent", "acting", "refusal"):
        with monkeypatch.context() as patch, contextlib.suppress(Exception):
            patch.setattr(f"libagentid.integrations.agno.{part}", raising(Broken("hook")))
            framework([[BAD if part == "refusal" else GOOD]], is_async=is_async)
    assert ran == []


@ways
def test_a_member_of_a_team_is_a_narrower_agent(acme, ran, is_async):
    from libagentid.tools import acting

    scope = "delegate_task_to_member; read_file(path under '/data'); send_mail(to: *, body: *)"
    acme.put_profile("team", owner="team:x@acme.example", ceiling=scope)
    agent = acme.agent("team", principal="user:a@acme.example", task="T", scope=scope)
    member = Agent(name="reader", model=Scripted([[GOOD], [BAD]]), tools=tools_of(ran)[:1], telemetry=False)
    asks = Scripted([[("delegate_task_to_member", {"member_id": "reader", "task": "read"})]])
    team = guard(Team(members=[member], model=asks, tools=[tools_of(ran)[1]], telemetry=False))
    with acting(agent):
        run(team, is_async)
    assert ran == ["/data/a"]
    [child] = acme.agents(parent=agent)
    assert "/reader/" in child.id
    agent.end()


def test_a_tool_that_runs_at_the_provider_is_an_error():
    with pytest.raises(NotGuarded):
        guard(Agent(model=Scripted([]), tools=[{"type": "web_search"}], telemetry=False))


@ways
def test_tools_that_code_of_a_model_calls_are_an_error(agent, ran, is_async):
    from agno.tools import Toolkit

    def read_file(path: str) -> str:
        """Reads a file."""
        return kit.injected_tools[0](path)

    kit = Toolkit("code_mode", tools=[read_file])  # as CodeMode(tools=[...]) holds those of its code, which sees no hook
    kit.injected_tools = tools_of(ran)[:1]
    with pytest.raises(NotGuarded, match="code_mode"):
        guard(Agent(model=Scripted([]), tools=[kit], telemetry=False))
    late = guard(Agent(model=Scripted([[GOOD]]), tools=[], telemetry=False))
    late.tools.append(kit)
    with contextlib.suppress(NotGuarded):
        run(late, is_async)
    assert ran == []


@ways
def test_a_member_that_is_added_after_the_guard_does_not_run(acme, ran, is_async):
    from libagentid.tools import acting

    acme.put_profile("late", owner="team:x@acme.example", ceiling="delegate_task_to_member")
    agent = acme.agent("late", principal="user:a@acme.example", task="T", scope="delegate_task_to_member")
    member = Agent(name="reader", model=Scripted([[GOOD]]), tools=tools_of(ran)[:1], telemetry=False)
    asks = Scripted([[("delegate_task_to_member", {"member_id": "reader", "task": "read"})]])
    team = guard(Team(members=[], model=asks, telemetry=False))
    team.members.append(member)
    with acting(agent), contextlib.suppress(NotGuarded):
        run(team, is_async)
    assert ran == []


def test_a_function_that_makes_the_tools_is_an_error(ran):
    with pytest.raises(NotGuarded, match="a list of tools"):
        guard(Agent(model=Scripted([]), tools=lambda: tools_of(ran), telemetry=False))


@ways
def test_a_hook_after_the_guards_which_could_change_what_was_decided_is_an_error(agent, ran, is_async):
    def changes(function_name, function_call, arguments):
        return function_call(path="/etc/passwd")

    def worker(*hooks):
        return Agent(model=Scripted([[GOOD]]), tools=tools_of(ran)[:1], tool_hooks=list(hooks), telemetry=False)

    late = guard(worker())
    late.tool_hooks.append(changes)
    with contextlib.suppress(NotGuarded):
        run(late, is_async)
    assert ran == []
    late.model = Scripted([[GOOD]])
    for made in (late, worker(changes)):
        run(guard(guard(made)), is_async)
    assert ran == ["/data/a"] * 2  # what a hook hands on, Agno gives to hooks, and not to the tool


def test_a_name_is_a_text():
    with pytest.raises(TypeError, match="name is a text, the sub-agent's, not int"):
        guard(Agent(model=Scripted([]), telemetry=False), 5)


@ways
def test_the_arguments_that_are_decided_are_those_of_the_tool_whatever_hooks_hand_on(agent, ran, is_async):
    def pretends(function_name, function_call, arguments):
        return function_call(path="/data/a")

    model = Scripted([[BAD], [GOOD]])
    run(guard(Agent(model=model, tools=tools_of(ran)[:1], tool_hooks=[pretends], telemetry=False)), is_async)
    assert ran == ["/data/a"] and "Denied" in model.read[0]  # what a hook hands on, Agno gives to hooks, and not to the tool


@ways
@pytest.mark.parametrize("kinds", ["s", "a", "ss", "as", "sa", "aa"])
def test_arguments_that_a_hook_writes_are_decided_where_the_tool_gets_them(agent, ran, is_async, kinds):
    """Agno's tool gets what the first hook writes into the arguments; one that is asynchronous is left out of synchronous calls."""

    def hook(name, kind):
        def writes(function_call, arguments):
            arguments["path"] += name
            return function_call(**arguments)

        async def writes_async(args, function_call):
            args["path"] += name
            return await function_call(**args)

        return writes_async if kind == "a" else writes

    hooks = [hook("123"[at], kind) for at, kind in enumerate(kinds)]
    for path, guarded in (("/data/a", False), ("/data/a", True), ("/data/../etc", True)):
        model = Scripted([[("read_file", {"path": path})]])
        made = Agent(model=model, tools=tools_of(ran)[:1], tool_hooks=list(hooks), telemetry=False)
        run(guard(made) if guarded else made, is_async)
    assert len(ran) == 2 and ran[0] == ran[1] and "Denied" in model.read[0]


@ways
def test_each_time_that_a_hook_runs_a_tool_is_decided(own_world, ran, is_async):
    acme, agent, _ = own_world("boom")
    acme.apply_policy({"version": 1, "rules": [{"id": "r", "match": "boom", "rate": {"calls": 2, "per": "1h", "for": "task"}}]})

    async def again_async(function_name, function_call, arguments):
        for _ in range(3):
            with contextlib.suppress(ValueError):
                said = await function_call(**arguments)
        return said

    def again(function_name, function_call, arguments):
        for _ in range(3):
            with contextlib.suppress(ValueError):
                said = function_call(**arguments)
        return said

    model, hook = Scripted([[("boom", {})]]), again_async if is_async else again
    with acting(agent):
        run(guard(Agent(model=model, tools=tools_of(ran)[2:], tool_hooks=[hook], telemetry=False)), is_async)
    assert ran == ["boom"] * 2 and "Denied" in model.read[0]


@ways
@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("name", [None, "reader"])
def test_a_generator_ends_its_call_where_it_ends(start, acme, ran, outcomes, is_async, fails, name):
    def pieces(path: str):
        """Reads a file piece by piece."""
        ran.append((current_call().tool, current_agent().id))
        yield "a"
        if fails:
            raise ValueError("boom")

    async def pieces_async(path: str):
        """Reads a file piece by piece."""
        ran.append((current_call().tool, current_agent().id))
        yield "a"
        if fails:
            raise ValueError("boom")

    for function in (pieces, pieces_async) if is_async else (pieces,):
        ran.clear()
        agent, function.__name__ = start(), "read_file"
        with contextlib.suppress(ValueError):
            run(guard(Agent(model=Scripted([[GOOD]]), tools=[function], telemetry=False), name), is_async)
        [acts] = acme.agents(parent=agent) if name else [agent]
        assert ran == [("read_file", acts.id)]
        assert outcomes(acts) == ["failed: ValueError" if fails else "succeeded"]
