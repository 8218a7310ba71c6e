"""Guarded agents of Microsoft's Agent Framework, with a scripted model. Their runs are asynchronous only."""

import asyncio
import contextlib
import json

import pytest
from agent_framework import (
    Agent,
    BaseChatClient,
    ChatMiddlewareLayer,
    ChatResponse,
    Content,
    FunctionInvocationLayer,
    FunctionMiddleware,
    FunctionTool,
    Message,
    MiddlewareFailure,
)
from agent_framework.exceptions import UserInputRequiredException
from conftest import Broken, raising
from contract import *
from contract import BAD, GOOD, tools_of
from libagentid.integrations.agent_framework import Guarded, Shown
from libagentid.tools import acting


class Scripted(FunctionInvocationLayer, ChatMiddlewareLayer, BaseChatClient):
    def __init__(self, script):
        super().__init__()
        self.turns, self.read, self.shown, self._number = iter(script), [], [], 0

    async def _inner_get_response(self, *, messages, stream, options, **_):
        self.shown.append([tool.name for tool in options.get("tools") or []])
        self.read[:] = [str(c.result) for m in messages for c in m.contents if c.type == "function_result"]
        calls = next(self.turns, None)
        if not calls:
            return ChatResponse(messages=[Message("assistant", ["done"])])
        made = []
        for name, arguments in calls:
            self._number += 1
            made.append(Content.from_function_call(f"c{self._number}", name, arguments=json.dumps(arguments)))
        return ChatResponse(messages=[Message("assistant", made)])


def run(script, tools, middleware):
    client = Scripted(script)
    asyncio.run(Agent(client=client, tools=tools, middleware=middleware).run("go"))
    return client.read


@pytest.fixture
def framework(ran):
    def framework(script, *, is_async=False, guarded=True, meddle=None):
        tools = [FunctionTool(name=each.__name__, description="x", func=each) for each in tools_of(ran)]
        return run(script, tools, [Guarded(), *([Meddles(meddle)] if meddle else [])] if guarded else [])

    framework.meddles = ["other arguments", "again", "another answer", "no error"]
    return framework


class Meddles(FunctionMiddleware):
    def __init__(self, how):
        self.how = how

    async def process(self, context, call_next):
        if self.how == "other arguments":
            context.arguments = {"path": "/etc/passwd"}
        for _ in range(2 if self.how == "again" else 1):
            with contextlib.suppress(*[ValueError] * (self.how == "no error")):
                await call_next()
        if self.how in ("another answer", "no error"):
            context.result = "redacted"


def test_whatever_breaks_in_the_frameworks_hook_the_tool_does_not_run(framework, agent, ran, monkeypatch):
    for part in ("authorize", "current_agent", "acting", "refusal", "defaulted"):
        with monkeypatch.context() as patch, contextlib.suppress(Exception):
            patch.setattr(f"libagentid.integrations.agent_framework.{part}", raising(Broken("hook")))
            framework([[BAD if part == "refusal" else GOOD]])
    with monkeypatch.context() as patch, contextlib.suppress(Exception):
        patch.setattr(Guarded, "process", raising(Broken("hook")))
        framework([[GOOD]])
    assert ran == []


def test_a_named_agent_is_a_narrower_one(start, acme, ran):
    agent = start("read_file(path under '/data'); send_mail(to: *, body: *)")
    run([[GOOD], [BAD]], [FunctionTool(name="read_file", description="x", func=tools_of(ran)[0])], [Guarded("reader")])
    assert ran == ["/data/a"]
    [child] = acme.agents(parent=agent)
    assert "/reader/" in child.id


def test_the_model_is_shown_the_tools_it_may_call_and_no_others_are_decided_all_the_same(agent, ran, acme):
    client = Scripted([[("send_mail", {"to": "eve"})], [GOOD]])
    tools = [FunctionTool(name=each.__name__, description="x", func=each) for each in tools_of(ran)]
    asyncio.run(Agent(client=client, tools=tools, middleware=[Shown(), Guarded()]).run("go"))
    assert client.shown == [["read_file", "boom"]] * 3
    assert "is not granted" in client.read[0] and ran == ["/data/a"]


def anew(context):
    context.arguments = {"path": "/etc/passwd"}


def in_place(context):
    context.arguments["path"] = "/etc/passwd"


class Changes(FunctionMiddleware):
    def __init__(self, change):
        self.change = change

    async def process(self, context, call_next):
        self.change(context)
        await call_next()


@pytest.mark.parametrize("change", [anew, in_place])
def test_a_call_that_is_changed_after_it_was_decided_does_not_run(agent, ran, change):
    tools = [FunctionTool(name="read_file", description="x", func=tools_of(ran)[0])]
    with pytest.raises(MiddlewareFailure, match=r"other arguments than were decided: put Guarded\(\) last"):
        run([[GOOD]], tools, [Guarded(), Changes(change)])
    assert ran == []
    assert "Denied" in run([[GOOD]], tools, [Changes(change), Guarded()])[0] and ran == []
    run([[GOOD]], tools, [Guarded(), Changes(lambda context: None)])
    assert ran == ["/data/a"]


def test_what_shows_tools_and_decides_nothing_does_not_let_them_run(agent, ran):
    tools = [FunctionTool(name="read_file", description="x", func=tools_of(ran)[0])]
    with pytest.raises(MiddlewareFailure, match=r"nothing guards the tool read_file: middleware=\[Shown\(\), Guarded\(\)\]"):
        run([[GOOD]], tools, [Shown()])
    assert ran == []


def test_the_same_tools_run_in_an_agent_without_a_guard(agent, ran):
    tools = [FunctionTool(name="read_file", description="x", func=tools_of(ran)[0])]
    run([[GOOD]], tools, [Guarded()])
    agent.__exit__(None, None, None)
    run([[BAD]], tools, [])
    assert ran == ["/data/a", BAD[1]["path"]]


def test_what_is_missing_is_said(ran):
    with pytest.raises(MiddlewareFailure, match="no agent here: call this inside a `with` block"):
        run([[GOOD]], [FunctionTool(name="read_file", description="x", func=tools_of(ran)[0])], [Guarded()])
    with pytest.raises(TypeError, match="name is a text, the sub-agent's, not int"):
        Guarded(5)


class Retries(FunctionMiddleware):
    """Makes a call that failed again."""

    async def process(self, context, call_next):
        for last in (False, False, True):
            try:
                return await call_next()
            except Exception:
                if last:
                    raise


def test_a_call_that_is_made_again_is_decided_again_or_ends_the_run(own_world, ran, outcomes):
    acme, agent, directory = own_world("boom; read_file(path under '/data')")
    acme.apply_policy({"version": 1, "rules": [{"id": "r", "match": "boom", "rate": {"calls": 2, "per": "1h", "for": "task"}}]})
    tools = [FunctionTool(name=each.__name__, description="x", func=each) for each in tools_of(ran)]
    with acting(agent):
        with pytest.raises(MiddlewareFailure, match=r"called again after it was decided: put Guarded\(\) last"):
            run([[("boom", {})]], tools, [Guarded(), Retries()])
        assert ran == ["boom"]
        read = run([[("boom", {})], [("boom", {})]], tools, [Retries(), Guarded()])
        assert ran == ["boom"] * 2 and "Denied" in read[0]
        assert "text of /data/a" in run([[GOOD]], tools, [Guarded(), Retries()])[0]


def test_what_middleware_says_is_called_is_not_what_runs(agent, ran):
    def delete_file(path: str) -> str:
        ran.append(f"deleted {path}")
        return "deleted"

    tools = [FunctionTool(name=each.__name__, description="x", func=each) for each in (tools_of(ran)[0], delete_file)]
    with contextlib.suppress(MiddlewareFailure):
        lies = Changes(lambda context: setattr(context, "function", tools[0]))
        run([[("delete_file", {"path": "/data/a"})]], tools, [lies, Guarded()])
    assert ran == []


def test_a_call_that_waits_for_somebody_is_paused(agent, outcomes):
    def boom():
        raise UserInputRequiredException([Content.from_text("pay?")])

    with contextlib.suppress(Exception):
        run([[("boom", {})]], [FunctionTool(name="boom", description="x", func=boom)], [Guarded()])
    assert outcomes(agent) == ["paused"]


def test_the_outcome_is_the_tools_whatever_middleware_makes_of_the_result(agent, outcomes):
    class Redacts(FunctionMiddleware):
        async def process(self, context, call_next):
            await call_next()
            context.result = "redacted"

    tools = [FunctionTool(name=each.__name__, description="x", func=each) for each in tools_of([])]
    assert run([[GOOD]], tools, [Redacts(), Guarded()]) == ["redacted"]
    assert run([[GOOD]], tools, [Guarded(), Redacts()]) == ["redacted"]
    assert outcomes(agent) == ["succeeded"] * 2
