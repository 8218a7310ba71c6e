"""Guarded LangChain agents, with a scripted model: the model asks, the guard decides."""

import asyncio
import contextlib
import itertools
from typing import Annotated

import libagentid
import pytest
from conftest import Broken, raising
from graphs import *
from graphs import ASK, BAD, GOOD, agent_of, answers
from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware, ToolRetryMiddleware
from langchain.tools import ToolRuntime
from langchain_core.messages import ToolMessage
from langchain_core.tools import tool
from langgraph.graph import MessagesState, StateGraph
from langgraph.prebuilt import InjectedState, ToolNode
from libagentid.integrations.langchain import Guarded
from libagentid.tools import NotGuarded, guarded
from nested import *
from pydantic import AliasChoices, BaseModel, Field, SecretStr, model_validator
from scripted import Scripted, calls


@pytest.fixture
def calling():
    def calling(functions, script):
        made = [tool(each, args_schema=_Export) if each.__name__ in ("export", "free") else tool(each) for each in functions]
        create_agent(Scripted(script=[calls(*turn) for turn in script]), made, middleware=[Guarded()]).invoke(ASK)

    return calling


class _Export(BaseModel):
    name: str
    path: str = Field(default_factory=lambda: "/etc")


def test_unguarded_the_agent_does_what_the_model_says(tools, ran):
    graph, _ = agent_of(tools, BAD, guard=False)
    graph.invoke(ASK)
    assert ran == ["/etc/passwd"]


@pytest.mark.parametrize("way", ["invoke", "ainvoke", "stream", "astream"])
def test_what_is_permitted_runs_and_the_model_reads_why_not_otherwise(tools, agent, ran, outcomes, way):
    graph, model = agent_of(tools, BAD, calls(("send_mail", {"to": "eve"})), GOOD)

    async def asynchronously():
        if way == "ainvoke":
            return await graph.ainvoke(ASK)
        return [chunk async for chunk in graph.astream(ASK, stream_mode="values")][-1]

    if way.startswith("a"):
        result = asyncio.run(asynchronously())
    else:
        result = graph.invoke(ASK) if way == "invoke" else list(graph.stream(ASK, stream_mode="values"))[-1]
    said = answers(result)
    assert ran == ["/data/a"]
    assert [m.status for m in said] == ["error", "error", "success"]
    assert 'must be under "/data"' in said[0].content and "passwd" not in said[0].content
    assert outcomes(agent) == ["succeeded"]
    assert result["messages"][-1].content == "done"


def test_the_model_is_shown_the_tools_it_may_call_and_no_others(tools, agent):
    graph, model = agent_of(tools, GOOD, names=list(tools))
    graph.invoke(ASK)
    assert model.shown == [["read_file", "boom"]] * 2


@pytest.mark.parametrize("is_async", [False, True])
def test_each_of_many_calls_at_once_is_decided(tools, agent, ran, is_async):
    wanted = [("read_file", {"path": f"/{'data' if number % 2 else 'etc'}/{number}"}) for number in range(10)]
    graph, _ = agent_of(tools, calls(*wanted))
    result = asyncio.run(graph.ainvoke(ASK)) if is_async else graph.invoke(ASK)
    assert sorted(ran) == [f"/data/{number}" for number in range(1, 10, 2)]
    assert [m.status for m in answers(result)] == ["error", "success"] * 5


def test_a_default_that_the_model_leaves_out_is_decided_too(tools, start, ran):
    @tool
    def wipe(path: str = "/everything") -> str:
        """Wipes."""
        ran.append(path)
        return "wiped"

    start("read_file(path under '/data'); boom")
    graph = create_agent(
        Scripted(script=[calls(("read_file", {}))]), [wipe.model_copy(update={"name": "read_file"})], middleware=[Guarded()]
    )
    assert answers(graph.invoke(ASK))[0].status == "error"
    assert ran == []


def test_each_attempt_of_a_retry_is_decided_and_failures_are_recorded(tools, agent, ran, outcomes):
    outside = [ToolRetryMiddleware(max_retries=2, initial_delay=0, jitter=False, on_failure="continue")]
    graph, _ = agent_of(tools, calls(("boom", {})), names=["boom"], outside=outside)
    graph.invoke(ASK)
    assert (ran, outcomes(agent)) == (["boom"] * 3, ["failed: ValueError"] * 3)


@pytest.mark.parametrize("is_async", [False, True])
def test_whatever_breaks_in_the_guard_the_tool_does_not_run(tools, agent, ran, broken, is_async):
    graph, _ = agent_of(tools, GOOD)
    broken()
    with contextlib.suppress(Exception):
        asyncio.run(graph.ainvoke(ASK)) if is_async else graph.invoke(ASK)
    assert ran == []


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("hook", ["_agent", "_decided", "_refused"])
def test_whatever_breaks_in_the_frameworks_hook_the_tool_does_not_run(tools, agent, ran, monkeypatch, hook, is_async):
    monkeypatch.setattr(Guarded, hook, raising(Broken("hook")))
    graph, _ = agent_of(tools, BAD if hook == "_refused" else GOOD)
    with contextlib.suppress(Exception):
        asyncio.run(graph.ainvoke(ASK)) if is_async else graph.invoke(ASK)
    assert ran == []


def test_outside_of_any_agent_nothing_runs(tools, ran):
    graph, _ = agent_of(tools, GOOD)
    with pytest.raises(LookupError):
        graph.invoke(ASK)
    assert ran == []


def test_a_tool_that_runs_at_the_provider_is_an_error(tools, agent, ran):
    graph = create_agent(Scripted(script=[GOOD]), [tools["read_file"], {"type": "web_search_preview"}], middleware=[Guarded()])
    with pytest.raises(NotGuarded, match="web_search_preview"):
        graph.invoke(ASK)


def test_a_guarded_function_as_a_tool_is_decided_once(agent, ran, monkeypatch):
    asked, real = [], libagentid.Agent.authorize
    monkeypatch.setattr(libagentid.Agent, "authorize", lambda self, *call: asked.append(call) or real(self, *call))

    @tool
    @guarded
    def read_file(path: str) -> str:
        """Reads."""
        ran.append(path)
        return path

    create_agent(Scripted(script=[GOOD]), [read_file], middleware=[Guarded()]).invoke(ASK)
    assert (len(asked), ran) == (1, ["/data/a"])


class Changes(AgentMiddleware):
    """Middleware that was put after the guard, and changes what was decided."""

    def __init__(self, change):
        super().__init__()
        self.change = change

    def wrap_tool_call(self, request, handler):
        return handler(self.change(request))

    async def awrap_tool_call(self, request, handler):
        return await handler(self.change(request))


def anew(request):
    return request.override(tool_call={**request.tool_call, "args": {"path": "/etc/passwd"}})


def in_place(request):
    request.tool_call["args"]["path"] = "/etc/passwd"
    return request


def deep(request):
    request.tool_call["args"]["paths"].append("/etc/passwd")
    return request


def beside(request):
    return request.override(tool_call={**request.tool_call, "args": {**request.tool_call["args"], "mode": "w"}})


def without(request):
    return request.override(tool_call={**request.tool_call, "args": {"path": request.tool_call["args"]["path"]}})


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("change", [anew, in_place, deep, beside, without])
def test_a_call_that_is_changed_after_it_was_decided_does_not_run(own_world, ran, change, is_async):
    @tool
    def read_file(path: str, paths: list[str] = [], lines: int = 5, mode: str | None = None) -> str:  # noqa: B006
        """Reads a file."""
        ran.append(path)
        return path

    script = calls(("read_file", {"path": "/data/a", "paths": ["/data/b"], "lines": 1}))
    graph = create_agent(Scripted(script=[script]), [read_file], middleware=[Guarded(), Changes(change)])
    _, agent, _ = own_world("read_file(path: *, paths?: *, lines?: *, mode?: *)")
    with agent, pytest.raises(NotGuarded, match=r"read_file .* put Guarded\(\) last"):
        asyncio.run(graph.ainvoke(ASK)) if is_async else graph.invoke(ASK)
    assert ran == []


def test_what_the_framework_puts_into_a_call_is_no_change_nor_is_a_default(own_world, ran):
    @tool
    def read_file(
        path: str, runtime: ToolRuntime, state: Annotated[dict, InjectedState], lines: int = 5, mode: str | None = None
    ) -> str:
        """Reads a file."""
        ran.append((path, lines, mode, len(state["messages"]), runtime.tool_call_id))
        return path

    script = calls(("read_file", {"path": "/data/a"}), ("read_file", {"path": "/data/b", "lines": 5, "mode": None}))
    graph = create_agent(Scripted(script=[script]), [read_file], middleware=[Guarded(), Changes(lambda request: request)])
    _, agent, _ = own_world("read_file(path: *, lines == 5, mode?: *)")
    with agent:
        graph.invoke(ASK)
    assert sorted(each[:4] for each in ran) == [("/data/a", 5, None, 2), ("/data/b", 5, None, 2)]


class _Anew(BaseModel):
    path: str = Field(validation_alias=AliasChoices("path", "file"))
    word: SecretStr = SecretStr("x")
    lines: int = 5
    numbers: dict[int, str] = {}
    at: int | None = None

    @model_validator(mode="after")
    def stamp(self):
        self.at = next(_numbers) if self.at is None else self.at
        return self


_numbers = itertools.count()


def reads_anew(ran, given, *middleware):
    @tool(args_schema=_Anew)
    def read_file(path, word, lines, numbers, at=None):
        """Reads a file."""
        ran.append((path, word.get_secret_value(), numbers))

    return create_agent(Scripted(script=[calls(("read_file", given))]), [read_file], middleware=[Guarded(), *middleware])


def test_a_tool_that_reads_its_arguments_otherwise_each_time_runs_where_the_scope_leaves_that_open(own_world, ran):
    _, agent, _ = own_world("read_file(path under '/data', *: *)")
    with agent:
        reads_anew(ran, {"file": "/data/a", "word": "y", "numbers": {"1": "one"}}).invoke(ASK)
        reads_anew(ran, {"file": "/etc/a"}).invoke(ASK)
    assert ran == [("/data/a", "y", {1: "one"})]


@pytest.mark.parametrize("more", [{"word": "z"}, {"file": "/data/b"}, {"at": 7}])
def test_what_is_read_otherwise_each_time_is_not_changed_after_it_was_decided(own_world, ran, more):
    def change(request):
        return request.override(tool_call={**request.tool_call, "args": {**request.tool_call["args"], **more}})

    _, agent, _ = own_world("read_file(path under '/data', *: *)")
    with agent, pytest.raises(NotGuarded, match=r"put Guarded\(\) last"):
        reads_anew(ran, {"file": "/data/a", "word": "y"}, Changes(change)).invoke(ASK)
    assert ran == []


def test_a_call_that_is_made_again_after_it_was_decided_once_is_an_error(tools, agent, ran):
    graph, _ = agent_of(
        tools, calls(("boom", {})), names=["boom"], outside=[Guarded()], guard=ToolRetryMiddleware(initial_delay=0)
    )
    assert "NotGuarded" in answers(graph.invoke(ASK))[0].content and ran == ["boom"]


@pytest.mark.parametrize("is_async", [False, True])
def test_a_tool_node_of_ones_own(tools, agent, ran, is_async):
    g = Guarded()
    node = ToolNode([tools["read_file"], tools["send_mail"]], wrap_tool_call=g.wrap_tool_call, awrap_tool_call=g.awrap_tool_call)
    graph = StateGraph(MessagesState).add_node("tools", node).set_entry_point("tools").compile()
    ask = {"messages": [calls(("read_file", {"path": "/data/a"}), ("read_file", {"path": "/etc"}), ("nobody", {}))]}
    result = asyncio.run(graph.ainvoke(ask)) if is_async else graph.invoke(ask)
    assert [m.status for m in answers(result)] == ["success", "error", "error"]
    assert ran == ["/data/a"]


@pytest.mark.parametrize("name, given", [(5, "int"), ("", "an empty one")])
def test_a_name_is_a_text(name, given):
    with pytest.raises(TypeError, match=f"name is a text, the sub-agent's, not {given}"):
        Guarded(name)


@pytest.mark.parametrize("is_async", [False, True])
def test_the_outcome_is_the_tools_whatever_later_middleware_makes_of_it(tools, agent, ran, outcomes, is_async):
    class Answers(AgentMiddleware):
        def wrap_tool_call(self, request, handler):
            with contextlib.suppress(ValueError):
                handler(request)
            return ToolMessage("redacted", tool_call_id=request.tool_call["id"])

        async def awrap_tool_call(self, request, handler):
            with contextlib.suppress(ValueError):
                await handler(request)
            return ToolMessage("redacted", tool_call_id=request.tool_call["id"])

    graph = create_agent(
        Scripted(script=[calls(("boom", {})), GOOD]), [tools["boom"], tools["read_file"]], middleware=[Guarded(), Answers()]
    )
    result = asyncio.run(graph.ainvoke(ASK)) if is_async else graph.invoke(ASK)
    assert [m.content for m in answers(result)] == ["redacted"] * 2
    assert (ran, outcomes(agent)) == (["boom", "/data/a"], ["failed: ValueError", "succeeded"])
