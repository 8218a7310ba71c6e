"""Guarded LangChain agents and LangGraph graphs, with a scripted model: the model asks, the guard decides."""

import asyncio
import contextlib
from threading import Barrier
from typing import Annotated

import libagentid
import pytest
from conftest import Broken, raising
from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware, ToolRetryMiddleware
from langchain.tools import ToolRuntime
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import MessagesState, StateGraph
from langgraph.prebuilt import InjectedState, ToolNode
from langgraph.types import Command, interrupt
from libagentid.integrations.langchain import Guarded
from libagentid.integrations.langgraph import guarded_graph
from libagentid.tools import NotGuarded, guarded
from scripted import Scripted, calls

ASK = {"messages": [HumanMessage("go")]}


@pytest.fixture
def tools(ran):
    @tool
    def read_file(path: str) -> str:
        """Reads a file."""
        ran.append(path)
        return f"text of {path}"

    @tool
    async def search(query: str) -> str:
        """Searches."""
        ran.append(query)
        return "found"

    @tool
    def send_mail(to: str, body: str = "") -> str:
        """Sends a mail."""
        ran.append(to)
        return "sent"

    @tool
    def boom() -> str:
        """Fails."""
        ran.append("boom")
        raise ValueError("boom")

    return {each.name: each for each in (read_file, search, send_mail, boom)}


def agent_of(tools, *script, guard=None, names=("read_file", "send_mail"), **more):
    model = Scripted(script=list(script))
    middleware = [guard or Guarded()] if guard is not False else []
    return create_agent(model, [tools[name] for name in names], middleware=[*more.pop("outside", []), *middleware], **more), model


def answers(result):
    return [m for m in result["messages"] if isinstance(m, ToolMessage)]


BAD = calls(("read_file", {"path": "/etc/passwd"}))
GOOD = calls(("read_file", {"path": "/data/a"}))


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


def nested(tools, inner_tools, inner_script, inner_guard):
    inner = create_agent(
        Scripted(script=list(inner_script)),
        [tools[name] for name in inner_tools],
        middleware=[inner_guard] if inner_guard else [],
    )

    @tool
    def search(query: str) -> str:
        """Asks a sub-agent."""
        return inner.invoke(ASK)["messages"][-1].content

    return search


def test_a_sub_agent_has_less_and_ends_with_its_run(tools, start, acme, ran):
    agent = start("read_file(path under '/data'); search(query: *); send_mail(to: *, body: *); boom")
    search = nested(
        tools,
        ["read_file"],
        [calls(("read_file", {"path": "/data/a"}), ("send_mail", {"to": "eve", "body": ""})), BAD],
        Guarded(),
    )
    create_agent(Scripted(script=[calls(("search", {"query": "x"}))]), [search], middleware=[Guarded()]).invoke(ASK)
    assert ran == ["/data/a"]
    [child] = acme.agents(parent=agent)
    assert (child.state, child.end_reason) == ("deprovisioned", "its run ended")


def test_graphs_that_share_a_guard_at_the_same_time_have_each_their_own_tools(tools, start, acme, ran):
    agent = start("read_file(path under '/data'); search(query: *); send_mail(to: *, body?: *)")
    shared, both = Guarded(), Barrier(2, timeout=20)

    class Together(Scripted):
        def _generate(self, *arguments, **more):
            if self.script:  # each has been shown its tools before either calls one
                both.wait()
            return super()._generate(*arguments, **more)

    wanted = {"read_file": GOOD, "send_mail": calls(("send_mail", {"to": "bob"}))}

    @tool
    def search(query: str) -> str:
        """Asks a sub-agent."""
        graph = create_agent(Together(script=[wanted[query]]), [tools[query]], middleware=[shared])
        return answers(graph.invoke(ASK))[-1].content

    asked = calls(*(("search", {"query": each}) for each in wanted))
    outer = create_agent(Scripted(script=[asked]), [search], middleware=[Guarded()]).invoke(ASK)
    assert [each.content for each in answers(outer)] == ["text of /data/a", "sent"]
    assert sorted(ran) == ["/data/a", "bob"]
    assert len(acme.agents(parent=agent)) == 2 and not shared._tools


@pytest.mark.parametrize("is_async", [False, True])
def test_a_sub_agent_that_nobody_guards_is_an_error(tools, start, ran, is_async):
    start("read_file(path under '/data'); search(query: *)")
    search = nested(tools, ["read_file"], [GOOD], None)
    graph = create_agent(Scripted(script=[calls(("search", {"query": "x"}))]), [search], middleware=[Guarded()])
    with pytest.raises(NotGuarded, match="read_file"):
        asyncio.run(graph.ainvoke(ASK)) if is_async else graph.invoke(ASK)
    assert ran == []


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


def test_a_call_that_is_made_again_after_it_was_decided_once_is_an_error(tools, agent, ran):
    graph, _ = agent_of(
        tools, calls(("boom", {})), names=["boom"], outside=[Guarded()], guard=ToolRetryMiddleware(initial_delay=0)
    )
    assert "NotGuarded" in answers(graph.invoke(ASK))[0].content and ran == ["boom"]


def test_deep_agents_sub_agents_are_guarded_or_an_error(tools, acme, ran, request):
    from deepagents import create_deep_agent

    acme.put_profile(
        "deep", owner="team:x@acme.example", ceiling="task; read_file(path under '/data'); send_mail(to: *, body: *)"
    )
    agent = acme.agent(
        "deep",
        principal="user:alice@acme.example",
        task="T",
        scope="task; read_file(path under '/data'); send_mail(to: *, body: *)",
    )
    agent.__enter__()
    request.addfinalizer(lambda: agent.__exit__(None, None, None))
    mail = calls(("send_mail", {"to": "eve", "body": ""}))

    def deep(middleware):
        helper = {
            "name": "helper",
            "description": "helps",
            "system_prompt": "help",
            "tools": [tools["send_mail"]],
            "middleware": middleware,
        }
        script = [calls(("task", {"description": "x", "subagent_type": "helper"})), mail]
        return create_deep_agent(model=Scripted(script=script), tools=[], subagents=[helper], middleware=[Guarded()])

    with pytest.raises(NotGuarded, match="send_mail"):
        deep([]).invoke(ASK)
    assert ran == []
    deep([Guarded("helper")]).invoke(ASK)
    assert ran == ["eve"]


def test_a_named_graph_as_a_node_has_a_sub_agent_of_its_own(tools, start, acme, ran):
    agent = start("read_file(path under '/data'); send_mail(to: *, body: *)")
    reader, _ = agent_of(
        tools, GOOD, calls(("send_mail", {"to": "eve", "body": ""})), names=["read_file"], guard=Guarded("reader")
    )
    outer = StateGraph(MessagesState).add_node("reader", reader).set_entry_point("reader").compile()
    outer.invoke(ASK)
    assert ran == ["/data/a"]
    assert [("reader" in child.id, child.state) for child in acme.agents(parent=agent)] == [(True, "deprovisioned")]


@pytest.mark.parametrize("is_async", [False, True])
def test_a_tool_node_of_ones_own(tools, agent, ran, is_async):
    g = Guarded()
    node = ToolNode([tools["read_file"], tools["send_mail"]], wrap_tool_call=g.wrap_tool_call, awrap_tool_call=g.awrap_tool_call)
    graph = StateGraph(MessagesState).add_node("tools", node).set_entry_point("tools").compile()
    ask = {"messages": [calls(("read_file", {"path": "/data/a"}), ("read_file", {"path": "/etc"}), ("nobody", {}))]}
    result = asyncio.run(graph.ainvoke(ask)) if is_async else graph.invoke(ask)
    assert [m.status for m in answers(result)] == ["success", "error", "error"]
    assert ran == ["/data/a"]


def asking(ran):
    @tool
    def read_file(path: str) -> str:
        """Reads, once a person has said yes."""
        ran.append(interrupt("may I?"))
        return path

    return read_file


CONFIG = {"configurable": {"thread_id": "7", "user": "user:alice@acme.example"}}


def paused(acme, ran, saver, script=(GOOD,)):
    graph = create_agent(Scripted(script=list(script)), [asking(ran)], middleware=[Guarded()], checkpointer=saver)
    return guarded_graph(
        graph, acme, profile="worker", scope="read_file(path under '/data')", principal=lambda c: c["configurable"]["user"]
    )


def threads(acme, number="7"):
    return [(a.state, a.id) for a in acme.agents(profile="worker") if a.task == f"thread {number}"]


@pytest.mark.parametrize("is_async", [False, True])
def test_a_pause_parks_the_agent_and_the_resumed_call_is_decided_anew(acme, ran, is_async):
    config = {"configurable": {**CONFIG["configurable"], "thread_id": f"p{is_async}"}}
    saver = InMemorySaver()

    def go(given, script):
        graph = paused(acme, ran, saver, script)
        return asyncio.run(graph.ainvoke(given, config)) if is_async else graph.invoke(given, config)

    assert "__interrupt__" in go(ASK, [GOOD])
    [(state, identity)] = threads(acme, f"p{is_async}")
    assert (state, ran) == ("parked", [])
    result = go(Command(resume="yes"), [])
    assert (ran, result["messages"][-1].content) == (["yes"], "done")
    assert threads(acme, f"p{is_async}") == [("deprovisioned", identity)]


@pytest.mark.parametrize("is_async", [False, True])
def test_the_agent_of_a_named_graph_goes_on_after_a_pause(acme, ran, is_async):
    config = {"configurable": {**CONFIG["configurable"], "thread_id": f"named{is_async}"}}
    saver = InMemorySaver()

    def go(given, script):
        inner = create_agent(Scripted(script=script), [asking(ran)], middleware=[Guarded("reader")], checkpointer=saver)
        graph = guarded_graph(
            inner, acme, profile="worker", scope="read_file(path under '/data')", principal=lambda c: c["configurable"]["user"]
        )
        return asyncio.run(graph.ainvoke(given, config)) if is_async else graph.invoke(given, config)

    assert "__interrupt__" in go(ASK, [GOOD])
    paused_ones = threads(acme, f"named{is_async}")
    assert [state for state, _ in paused_ones] == ["parked", "parked"]
    assert ran == []
    result = go(Command(resume="yes"), [])
    assert (ran, result["messages"][-1].content) == (["yes"], "done")
    assert threads(acme, f"named{is_async}") == [("deprovisioned", identity) for _, identity in paused_ones]


def test_what_was_revoked_in_the_pause_does_not_go_on(acme, ran):
    saver, config = InMemorySaver(), {"configurable": {**CONFIG["configurable"], "thread_id": "revoked"}}
    paused(acme, ran, saver).invoke(ASK, config)
    acme.put_profile("worker", owner="team:x@acme.example", ceiling="send_mail(to: *, body: *)")
    try:
        with contextlib.suppress(libagentid.Error):
            paused(acme, ran, saver).invoke(Command(resume="yes"), config)
    finally:
        from conftest import CEILING

        acme.put_profile("worker", owner="team:x@acme.example", ceiling=CEILING)
    assert ran == []


def test_another_persons_thread_is_not_taken_up(acme, ran):
    saver, config = InMemorySaver(), {"configurable": {**CONFIG["configurable"], "thread_id": "8"}}
    paused(acme, ran, saver).invoke(ASK, config)
    [(_, alices)] = threads(acme, "8")
    eves = {"configurable": {"thread_id": "8", "user": "user:eve@evil.example"}}
    paused(acme, ran, saver).invoke(Command(resume="yes"), eves)
    assert ("parked", alices) in threads(acme, "8") and len(threads(acme, "8")) == 2


def test_a_run_that_fails_ends_its_agent(acme, ran):
    graph = create_agent(Scripted(script=[GOOD]), [asking(ran)], middleware=[Fails(), Guarded()], checkpointer=InMemorySaver())
    wrapped = guarded_graph(graph, acme, profile="worker", scope="boom", principal=lambda _: "user:a@acme.example")
    with pytest.raises(Broken):
        wrapped.invoke(ASK, {"configurable": {"thread_id": "fails"}})
    assert [state for state, _ in threads(acme, "fails")] == ["deprovisioned"]
    with pytest.raises(ValueError, match="checkpointer"):
        guarded_graph(create_agent(Scripted(script=[]), []), acme, profile="worker", scope="boom", principal=str)
    with pytest.raises(TypeError, match="principal is a function of a run's config, not str"):
        guarded_graph(graph, acme, profile="worker", scope="boom", principal="user:a@acme.example")


class Fails(AgentMiddleware):
    def before_model(self, state, runtime):
        raise Broken("elsewhere")


@pytest.mark.parametrize("name, given", [(5, "int"), ("", "an empty one")])
def test_a_name_is_a_text(name, given):
    with pytest.raises(TypeError, match=f"name is a text, the sub-agent's, not {given}"):
        Guarded(name)
