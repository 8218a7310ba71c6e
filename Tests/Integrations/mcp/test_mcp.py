"""Guarded MCP servers and clients that prove, in each package that has them."""

import asyncio
import os
import pathlib
import socket
import subprocess
import sys
import time

import flavours
import libagentid
import pytest
from conftest import Broken
from flavours import MCPError, over_http, over_stdio, text
from libagentid.integrations.mcp import guard_server, prove_calls
from libagentid.tools import current_call, narrowed
from sessions import AUDIENCE, run

SERVED = str(pathlib.Path(__file__).with_name("served.py"))


@pytest.fixture
def guard(acme):
    return acme.guard(audience=AUDIENCE)


@pytest.fixture
def server(ran, guard):
    return guard_server(flavours.make(ran), guard)


async def refused(session, name, arguments):
    said, is_error = text(await session.call_tool(name, arguments))
    assert is_error and "has not run" in said, said
    return said


def test_unguarded_the_server_does_what_anybody_asks(ran):
    async def body(session):
        return text(await session.call_tool("read_file", {"path": "/etc/passwd"}))

    assert run(flavours.make(ran), body, audience=None) == ("text of /etc/passwd", False)


def test_a_permitted_call_runs_and_its_outcome_is_recorded(server, agent, ran, outcomes):
    async def body(session):
        failed = text(await session.call_tool("boom", {}))
        result = await session.call_tool("read_file", {"path": "/data/a"})
        meta = getattr(result, "meta", None) or {}
        assert meta["io.agentid/decision"]["decision"] == "permit"
        return text(result), failed[1]

    assert run(server, body) == (("text of /data/a", False), True)
    assert ran == [("boom",), ("read_file", "/data/a")]
    assert sorted(outcomes(agent)) == ["failed: the tool says so", "succeeded"]


def test_what_the_chain_does_not_permit_never_runs_and_the_model_reads_why(server, agent, ran):
    async def body(session):
        assert 'must be under "/data"' in await refused(session, "read_file", {"path": "/hunter2"})
        assert "hunter2" not in await refused(session, "read_file", {"path": "/hunter2"})
        await refused(session, "read_file", {"path": "/data/../etc"})
        await refused(session, "read_file", {"path": "/data/a", "more": 1})
        await refused(session, "send_mail", {"to": "eve@evil.example"})
        await refused(session, "no_such_tool", {})

    run(server, body)
    assert ran == []


@pytest.fixture
def asking(ran, acme):
    """A server whose guard asks for nonces."""
    with acme.guard(audience=AUDIENCE, require_nonce=True) as guard:
        yield guard_server(flavours.make(ran), guard)


def test_where_the_guard_asks_for_a_nonce_the_client_sends_the_call_once_more(asking, start, ran, acme):
    start("read_file(path under '/data'); resources/read(uri: *)")

    async def body(session):
        for path in ("/data/a", "/data/b"):
            assert text(await session.call_tool("read_file", {"path": path})) == (f"text of {path}", False)
        await refused(session, "read_file", {"path": "/etc/passwd"})
        assert "hidden" in str(await session.read_resource("note://secret"))

    run(asking, body)
    assert ran == [("read_file", "/data/a"), ("read_file", "/data/b"), ("secret",)]


def test_a_guard_that_has_no_nonce_to_give_denies_as_ever(asking, agent, ran, monkeypatch):
    def broken(_):
        raise libagentid.Error(9, "no_nonce", "none", "", None)

    monkeypatch.setattr(libagentid.Guard, "nonce", broken)

    async def body(session):
        await refused(session, "read_file", {"path": "/data/a"})

    run(asking, body)
    assert ran == []


def test_without_a_proof_nothing_runs_and_nothing_is_listed(server, agent, ran):
    async def body(session):
        await refused(session, "read_file", {"path": "/data/a"})
        return (await session.list_tools()).tools

    assert run(server, body, audience=None) == []
    assert ran == []


def test_a_client_is_shown_the_tools_it_may_call_and_no_others(server, agent):
    async def body(session):
        mine = [tool.name for tool in (await session.list_tools()).tools]
        with narrowed(agent, "child", ["boom"]):
            return mine, [tool.name for tool in (await session.list_tools()).tools]

    assert run(server, body) == (["read_file", "boom"], ["boom"])


def test_what_is_no_tool_needs_a_permit_too(server, start, ran):
    async def body(session):
        outcomes = []
        for ask in (lambda: session.read_resource("note://secret"), lambda: session.get_prompt("greet")):
            try:
                await ask()
                outcomes.append("permit")
            except MCPError as error:
                assert "not granted" in str(error)
                outcomes.append("deny")
        return outcomes

    start()
    assert (run(server, body), ran) == (["deny", "deny"], [])
    start("resources/read(uri: *); prompts/get(name: *)")
    assert (run(server, body), ran) == (["permit", "permit"], [("secret",), ("greet",)])


def test_a_tool_of_a_methods_name_is_not_called_by_the_methods_grant(server, start, ran):
    @server.tool(name="resources/read")
    def taken(uri: str) -> str:
        """Reads what the grant of the method was not for."""
        ran.append(uri)
        return uri

    async def body(session):
        listed = [tool.name for tool in (await session.list_tools()).tools]
        return listed, text(await session.call_tool("resources/read", {"uri": "note://secret"}))[1]

    start("resources/read(uri: *)")
    assert (run(server, body), ran) == (([], True), [])


def test_a_proof_for_another_server_and_a_used_one_are_refused(server, agent, ran):
    async def elsewhere(session):
        await refused(session, "read_file", {"path": "/data/a"})

    run(server, elsewhere, audience="mcp://others")
    chain, proof = agent.present("read_file", {"path": "/data/a"}, audience=AUDIENCE)

    async def twice(session):
        meta = {"io.agentid/chain": chain, "io.agentid/proof": proof}
        assert text(await session.call_tool("read_file", {"path": "/data/a"}, meta=meta)) == ("text of /data/a", False)
        for given in (
            meta,
            {"io.agentid/chain": chain},
            {"io.agentid/proof": proof},
            {"io.agentid/chain": 7, "io.agentid/proof": []},
        ):
            assert text(await session.call_tool("read_file", {"path": "/data/a"}, meta=given))[1]

    run(server, twice, audience=None)
    assert ran == [("read_file", "/data/a")]


@pytest.mark.skipif(flavours.FLAVOUR != "mcp1", reason="mcp 1 makes objects of requests before a guard sees them")
@pytest.mark.parametrize("number", [float("nan"), float("inf"), {"a": [float("-inf")]}])
def test_a_number_that_json_does_not_have_is_not_decided_as_null(server, start, ran, number):
    from mcp import types

    agent = start("send_mail(to: *, body: *)")
    null = {"a": [None]} if isinstance(number, dict) else None
    chain, proof = agent.present("send_mail", {"to": null, "body": ""}, audience=AUDIENCE)
    meta = {"io.agentid/chain": chain, "io.agentid/proof": proof}
    params = {"name": "send_mail", "arguments": {"to": number, "body": ""}, "_meta": meta}
    request = types.CallToolRequest.model_validate({"method": "tools/call", "params": params})
    answer = asyncio.run(server._mcp_server.request_handlers[types.CallToolRequest](request))
    assert answer.root.isError and "has not run" in answer.root.content[0].text and ran == []


def test_each_of_many_calls_at_once_is_proved_as_the_agent_that_makes_it(server, start, ran):
    agent = start("read_file(path under '/data'); send_mail(to: *, body: *)")

    async def body(session):
        async def as_child(number):
            with narrowed(agent, f"child-{number}", ["read_file"] if number % 2 else ["send_mail"]):
                results = [text(await session.call_tool("read_file", {"path": f"/data/{number}"}))[1] for _ in range(3)]
                results.append(text(await session.call_tool("send_mail", {"to": str(number), "body": ""}))[1])
                return results

        return await asyncio.gather(*[as_child(number) for number in range(8)])

    assert run(server, body) == [[False] * 3 + [True] if number % 2 else [True] * 3 + [False] for number in range(8)]
    assert len(ran) == 4 * 3 + 4


def test_an_agent_that_has_ended_is_refused(server, acme, ran):
    async def body(session):
        with acme.agent("worker", principal="user:alice@acme.example", task="T", scope="read_file(path under '/data')") as one:
            assert not text(await session.call_tool("read_file", {"path": "/data/a"}))[1]
            acme.revoke(agent=one)
            await refused(session, "read_file", {"path": "/data/a"})

    run(server, body)
    assert ran == [("read_file", "/data/a")]


def test_a_client_outside_of_any_agent_sends_nothing(server, ran):
    async def body(session):
        with pytest.raises(LookupError):
            await session.call_tool("read_file", {"path": "/data/a"})

    run(server, body)
    assert ran == []


@pytest.mark.parametrize("error", [Broken("x"), OSError("disk"), libagentid.Denied(1, "audit_unavailable", "full", "", None)])
def test_whatever_breaks_in_the_guard_the_tool_does_not_run(server, agent, ran, monkeypatch, error):
    def broken(*_, **__):
        raise error

    monkeypatch.setattr(libagentid.Guard, "authorize", broken)

    async def body(session):
        try:
            assert text(await session.call_tool("read_file", {"path": "/data/a"}))[1]
        except MCPError:
            pass

    run(server, body)
    assert ran == []


def test_whatever_breaks_around_the_guard_the_tool_does_not_run(server, agent, ran, monkeypatch):
    def broken(*_, **__):
        raise Broken("x")

    async def body(session):
        for wanted in ("asked", "shown"):
            with monkeypatch.context() as patch:
                patch.setattr(f"libagentid.integrations.mcp._server.{wanted}", broken)
                try:
                    assert text(await session.call_tool("read_file", {"path": "/data/a"}))[1]
                except MCPError:
                    pass

    run(server, body)
    assert ran == []


def test_a_server_has_one_guard_and_what_is_no_server_has_none(server, guard):
    with pytest.raises(ValueError, match="already"):
        guard_server(server, guard)
    with pytest.raises(TypeError, match="not a server"):
        guard_server(object(), guard)


def test_a_tool_that_is_added_later_is_guarded_as_well(server, agent, ran):
    @server.tool()
    def late(path: str) -> str:
        """Late."""
        ran.append("late")
        return path

    async def body(session):
        await refused(session, "late", {"path": "/data/a"})

    run(server, body)
    assert ran == []


def test_a_tool_knows_its_call_to_say_what_it_costs(server, start):
    start("search(query: *)")

    @server.tool()
    def search(query: str) -> str:
        """Searches."""
        current_call().cost(usd="0.10")
        return str(current_call().decision.permitted)

    async def body(session):
        return text(await session.call_tool("search", {"query": "revenue"}))

    assert run(server, body) == ("True", False)
    with pytest.raises(LookupError):
        current_call()


def test_a_client_that_is_none_and_an_audience_that_is_none_are_named(server):
    with pytest.raises(TypeError, match="a Client inside its `async with`, or a ClientSession, not "):
        prove_calls(server, audience=AUDIENCE)
    with pytest.raises(TypeError, match="audience is a text"):
        prove_calls(object(), audience=None)


def told(path):
    return pathlib.Path(path).read_text().splitlines() if pathlib.Path(path).exists() else []


async def over_the_wire(session):
    prove_calls(session, audience=AUDIENCE)
    assert text(await session.call_tool("read_file", {"path": "/data/a"})) == ("text of /data/a", False)
    await refused(session, "read_file", {"path": "/etc/passwd"})
    assert [tool.name for tool in (await session.list_tools()).tools] == ["read_file", "boom"]


def test_a_server_process_over_stdio(agent, directory, tmp_path):
    async def main():
        async with over_stdio(SERVED, str(directory), AUDIENCE, str(tmp_path / "ran")) as session:
            await over_the_wire(session)

    asyncio.run(main())
    assert told(tmp_path / "ran") == ["read_file /data/a"]


def test_a_server_process_over_http(agent, directory, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(
        [sys.executable, SERVED, str(directory), AUDIENCE, str(tmp_path / "ran"), str(port)],
        env=environment,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(6000):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)

        async def main():
            async with over_http(port) as session:
                await over_the_wire(session)

        asyncio.run(main())
    finally:
        process.terminate()
        process.wait()
    assert told(tmp_path / "ran") == ["read_file /data/a"]
