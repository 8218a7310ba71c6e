"""A graph in a graph: it has an agent of its own, below the one that runs it, with less."""

import asyncio
from threading import Barrier

import pytest
from graphs import *
from graphs import ASK, BAD, GOOD, agent_of, answers
from langchain.agents import create_agent
from langchain_core.tools import tool
from langgraph.graph import MessagesState, StateGraph
from libagentid.integrations.langchain import Guarded
from libagentid.tools import NotGuarded
from scripted import Scripted, calls


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
    shared, both = Guarded(), Barrier(2, timeout=60)

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
