"""A session of the proxy ends, and its agent with it, whatever the server and the client do."""

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time

import pytest
from libagentid.mcp._pins import listed
from libagentid.mcp._proxy import Proxy
from test_mcp import AUDIENCE
from test_proxy import MODULE, STARTED

HOSTILE = str(pathlib.Path(__file__).with_name("hostile.py"))
PROGRESS = {"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progressToken": 1, "progress": 1}}
CAROL = "user:carol@acme.example"
WHOSE = [CAROL if word.startswith("user:") else word for word in STARTED]
DENIED = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "nothing", "arguments": {}}}


@pytest.fixture
def session(acme, directory):
    """Starts a session before a hostile server; how it ended, and the agents that are left."""
    acme.put_profile("reader", owner="team:x@acme.example", ceiling="read_file(path under '/data')")
    started = []

    def session(how, end, sent=()):
        command = [sys.executable, *MODULE, "guard", "--authority", str(directory), "--audience", AUDIENCE, *WHOSE]
        process = subprocess.Popen(
            [*command, "--", sys.executable, HOSTILE, how],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )  # fmt: skip
        started.append(process)

        def write():
            with contextlib.suppress(BrokenPipeError):
                process.stdin.write(b"".join(json.dumps(each).encode() + b"\n" for each in sent))
                process.stdin.flush()

        writer = threading.Thread(target=write, daemon=True)
        writer.start()
        writer.join(3)
        deadline = time.monotonic() + 60
        while not live(acme) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert len(live(acme)) == 1
        time.sleep(0.5)
        process.stdin.close() if end == "gone" else process.send_signal(end)
        return process.wait(60), live(acme)

    yield session
    for process in started:
        if process.poll() is None:
            process.kill()
        process.stdout.close()
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()


def live(acme):
    return [record.id for record in acme.agents(principal=CAROL) if record.state == "active"]


def test_a_server_that_does_not_read_holds_no_session_whose_client_has_gone(session):
    _, left = session("deaf", "gone", [{**PROGRESS, "params": {**PROGRESS["params"], "reason": "x" * 1000}}] * 400)
    assert left == []


def test_a_client_that_does_not_read_can_end_its_session(session):
    _, left = session("reads", signal.SIGTERM, [{**DENIED, "id": number} for number in range(2000)])
    assert left == []


def test_a_session_that_is_to_stop_ends_before_clients_kill_it(session):
    _, left = session("deaf", signal.SIGTERM)
    assert left == []


@pytest.mark.parametrize("end", [signal.SIGHUP, signal.SIGINT])
def test_a_terminal_that_is_closed_or_interrupts_ends_the_session(session, end):
    status, left = session("reads", end)
    assert (status, left) == (128 + signal.SIGKILL, [])


def test_a_process_that_the_server_leaves_behind_holds_no_session(session):
    status, left = session("forks", "gone")
    assert (status, left) == (3, [])


def test_a_list_for_an_agent_that_has_ended_is_empty_and_the_session_goes_on(acme):
    acme.put_profile("reader", owner="team:x@acme.example", ceiling="read_file(path under '/data')")
    bob = acme.agent("reader", principal=CAROL, task="T-2", scope="read_file(path under '/data')")
    proxy = Proxy(acme.guard(audience=AUDIENCE), None, bob)
    acme.deprovision(bob.id)
    assert proxy.client_line(b'{"jsonrpc":"2.0","id":1,"method":"tools/list"}')[0] is not None
    assert proxy.server_line(b'{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"read_file"}]}}')["result"]["tools"] == []


GRANTED = ["boom", "acme/reindex", "resources/read", "methods/acme/reindex", "tools/call/resources/read"]


@pytest.mark.parametrize("granted", GRANTED)
def test_no_tool_has_a_grant_in_common_with_a_method(acme, granted):
    acme.put_profile("any", owner="team:x@acme.example", ceiling=f"{granted}()")
    with acme.agent("any", principal=CAROL, task="T-3", scope=f"{granted}()") as agent:
        proxy = Proxy(acme.guard(audience=AUDIENCE), None, agent)

        def passes(number, method, params):
            return proxy.from_client({"jsonrpc": "2.0", "id": number, "method": method, "params": params})[0] is not None

        methods = {each for each in GRANTED if passes(f"method {each}", each, {})}
        tools = {each for each in GRANTED if passes(f"tool {each}", "tools/call", {"name": each, "arguments": {}})}
        proxy.from_client({"jsonrpc": "2.0", "id": "list", "method": "tools/list"})
        listed = {"tools": [{"name": each, "inputSchema": {}} for each in GRANTED]}
        shown = proxy.from_server({"jsonrpc": "2.0", "id": "list", "result": listed})["result"]["tools"]
    expected = {
        "boom": (set(), {"boom"}),
        "acme/reindex": (set(), {"acme/reindex"}),
        "resources/read": ({"resources/read"}, set()),
        "methods/acme/reindex": ({"acme/reindex"}, set()),
        "tools/call/resources/read": (set(), {"resources/read"}),
    }
    assert (methods, tools) == expected[granted] and {each["name"] for each in shown} == tools


def test_who_certifies_a_server_does_not_tell_it_which_agent_it_has(tmp_path, monkeypatch):
    import asyncio

    monkeypatch.setenv("AGENTID_AGENT", "held")
    seen = tmp_path / "seen"
    program = f"import os; open({str(seen)!r}, 'w').write(str('AGENTID_AGENT' in os.environ))"
    with pytest.raises(ValueError, match="before it answered"):
        asyncio.run(listed([sys.executable, "-c", program]))
    assert seen.read_text() == "False"
    tools = '{"jsonrpc":"2.0","id":%d,"result":{"tools":5}}'
    program = f"[print({tools!r} % n, flush=True) for n in (0, 1)]; input()"
    with pytest.raises(ValueError, match="no array of tools"):
        asyncio.run(listed([sys.executable, "-c", program]))
