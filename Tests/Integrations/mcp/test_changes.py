"""What an operator changes is in force for the next request of a session that has been open all the time: calls, and the list of tools."""

import asyncio
import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time

import libagentid
import pytest
from flavours import over_http, over_stdio, text
from libagentid.integrations.mcp import prove_calls
from test_mcp import AUDIENCE, SERVED, told
from test_proxy import BARE, MODULE

ALICE, SCOPE = "user:alice@acme.example", "read_file(path under '/data'); boom"
DENIES = {"version": 1, "rules": [{"id": "no", "match": "read_file", "then": "deny"}]}


@pytest.fixture
def office(tmp_path):
    """An authority of one's own, an agent, and the directory."""
    with libagentid.Authority.open(tmp_path / "office", trust_domain="acme.example") as acme:
        acme.put_profile("reader", owner="team:x@acme.example", ceiling=SCOPE)
        agent = acme.agent("reader", principal=ALICE, task="T-1", scope=SCOPE)
        yield acme, agent, tmp_path / "office"
        with contextlib.suppress(libagentid.Error):
            agent.end()


@contextlib.asynccontextmanager
async def stdio(directory, ran):
    async with over_stdio(SERVED, str(directory), AUDIENCE, str(ran)) as session:
        yield session


@contextlib.contextmanager
def served(directory, ran):
    """The port of a server in a process of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, SERVED, str(directory), AUDIENCE, str(ran), str(port)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        for _ in range(3000):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        try:
            yield port
        finally:
            server.terminate()


@contextlib.asynccontextmanager
async def http(directory, ran):
    with served(directory, ran) as port:
        async with over_http(port) as session:
            yield session


@contextlib.asynccontextmanager
async def guarded(directory, ran):
    """Behind `agentidctl mcp guard`, whose client proves its calls."""
    options = [*MODULE, "guard", "--authority", str(directory), "--audience", AUDIENCE]
    async with over_stdio(*options, "--", sys.executable, BARE, str(ran)) as session:
        yield session


WAYS = pytest.mark.parametrize("way", [stdio, http, guarded], ids=["stdio", "http", "guarded"])


async def seen(session):
    """What a call is answered with, and which tools are shown."""
    answer = text(await session.call_tool("read_file", {"path": "/data/a"}))
    return answer, [tool.name for tool in (await session.list_tools()).tools]


def session(office, way, ran, *steps):
    """What is seen at first, and after each step, by one session."""

    async def body():
        found = []
        async with way(office[2], ran) as opened:
            prove_calls(opened, audience=AUDIENCE)
            with office[1]:
                found.append(await seen(opened))
                for step in steps:
                    await asyncio.to_thread(step)
                    await asyncio.sleep(0.1)
                    found.append(await seen(opened))
        return found

    return asyncio.run(body())


PERMITTED, ALL = ("text of /data/a", False), ["read_file", "boom"]
CHANGES = {
    "a policy": (lambda acme, agent: acme.apply_policy(DENIES), "policy", ALL),
    "a suspension": (lambda acme, agent: acme.suspend(agent.id), "suspended", []),
    "a revocation": (lambda acme, agent: acme.revoke(agent=agent), "revoked", []),
    "a principal that has left": (lambda acme, agent: acme.revoke(principal=ALICE), "revoked", []),
    "a new key": (lambda acme, agent: (acme.publish_key(), acme.activate_key()), None, ALL),
}


@WAYS
@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_in_force_for_the_next_request_of_an_open_session(office, tmp_path, way, change):
    does, why, listed = CHANGES[change]
    ran = tmp_path / "ran"
    before, after = session(office, way, ran, lambda: does(*office[:2]))
    assert before == (PERMITTED, ALL) and after[1] == listed
    if why is None:
        assert after[0] == PERMITTED
        return
    assert after[0][1] and why in after[0][0] and told(ran) == ["read_file /data/a"]


@WAYS
def test_a_suspended_agent_is_shown_its_tools_again_when_it_is_resumed(office, tmp_path, way):
    acme, agent, _ = office
    found = session(office, way, tmp_path / "ran", lambda: acme.suspend(agent.id), lambda: acme.resume(agent.id))
    assert [each[1] for each in found] == [ALL, [], ALL] and found[0] == found[2]


@WAYS
def test_a_directory_that_is_lost_under_a_session_permits_and_lists_nothing_until_it_is_back(office, tmp_path, way):
    directory, away = office[2], tmp_path / "away"

    def replace():
        os.rename(directory, away)
        shutil.copytree(away, directory)

    def put_back():
        shutil.rmtree(directory)
        os.rename(away, directory)

    before, lost, after = session(office, way, tmp_path / "ran", replace, put_back)
    assert before == after == (PERMITTED, ALL)
    assert lost[0][1] and lost[1] == []
    assert told(tmp_path / "ran") == ["read_file /data/a"] * 2
