"""A run that pauses for a person: its agent is parked, and the call is decided anew when the run goes on."""

import asyncio
import contextlib

import libagentid
import pytest
from conftest import Broken
from graphs import ASK, GOOD
from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command, interrupt
from libagentid.integrations.langchain import Guarded
from libagentid.integrations.langgraph import guarded_graph
from libagentid.tools import NotGuarded
from scripted import Scripted


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


def test_a_run_that_is_cancelled_as_it_goes_on_is_parked_again(acme, ran):
    saver, config = InMemorySaver(), {"configurable": {**CONFIG["configurable"], "thread_id": "cancelled"}}
    paused(acme, ran, saver).invoke(ASK, config)

    async def main():
        going = asyncio.ensure_future(paused(acme, ran, saver, []).ainvoke(Command(resume="yes"), config))
        await asyncio.sleep(0)
        while threads(acme, "cancelled")[0][0] == "parked":  # the loop is not turned: the task does not learn of it
            pass
        going.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await going

    asyncio.run(main())
    assert ([state for state, _ in threads(acme, "cancelled")], ran) == (["parked"], [])


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


def test_a_graph_that_nothing_guards_runs_no_tool(acme, ran):
    graph = create_agent(Scripted(script=[GOOD]), [asking(ran)], checkpointer=InMemorySaver())
    wrapped = guarded_graph(graph, acme, profile="worker", scope="boom", principal=lambda _: "user:a@acme.example")
    with pytest.raises(NotGuarded, match="read_file"):
        wrapped.invoke(ASK, {"configurable": {"thread_id": "bare"}})
    assert ran == [] and [state for state, _ in threads(acme, "bare")] == ["deprovisioned"]
    for config in (None, {}, {"configurable": {}}, {"configurable": {"thread_id": ""}}):
        with pytest.raises(ValueError, match="thread_id"):
            wrapped.invoke(ASK, config)


class Fails(AgentMiddleware):
    def before_model(self, state, runtime):
        raise Broken("elsewhere")
