"""Whole sessions of `agentidctl mcp guard`, with a server that takes names in any case; and what is certified."""

import asyncio
import json
import pathlib
import subprocess
import sys

import libagentid
import pytest
from libagentid.mcp import _pins
from libagentid.mcp.__main__ import main as mcp
from mcp_world import EVIL, PATH, SCOPE, TOOL, call

# A server that takes names in any case, as Go's does; it says what it ran on stderr, dies of /data/die, does not answer /data/wait.
SERVER = """
import json, os, sys
def lower(value):
    return {k.lower(): lower(v) for k, v in value.items()} if isinstance(value, dict) else value
for line in sys.stdin:
    m = lower(json.loads(line))
    if m.get("method") == "tools/call":
        print("RAN", m["params"]["name"], m["params"]["arguments"]["path"], file=sys.stderr, flush=True)
        if m["params"]["arguments"]["path"] == "/data/die":
            os._exit(3)
        if m["params"]["arguments"]["path"] == "/data/wait":
            continue
        print(json.dumps({"jsonrpc": "2.0", "id": m.get("id"), "result": {"content": []}}), flush=True)
"""
WHOSE = ["--profile", "reader", "--principal", "user:a@acme.example", "--task", "T", "--scope", SCOPE]


@pytest.fixture
def session(mcp_acme, mcp_directory, tmp_path):
    server = tmp_path / "server.py"
    server.write_text(SERVER)

    def session(lines, stop=False):
        code = "import sys; from libagentid.mcp.__main__ import main; sys.exit(main(sys.argv[1:]))"
        place = str(pathlib.Path(libagentid.__file__).parents[1])
        own = ["guard", "--authority", str(mcp_directory), "--audience", "mcp://files", *WHOSE, "--", sys.executable, str(server)]
        command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {place!r}); {code}", *own]
        pipe = subprocess.PIPE
        with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe) as process:
            first = b""
            if stop:
                process.stdin.write(lines)
                process.stdin.flush()
                first = process.stderr.readline()
                process.terminate()
                said, told = process.stdout.read(), process.stderr.read()
            else:
                said, told = process.communicate(lines, timeout=120)
        ran = [line for line in (first + told).decode().splitlines() if line.startswith("RAN")]
        return process.returncode, ran, [json.loads(line) for line in said.splitlines()]

    return session


def lines(*messages):
    return b"".join(json.dumps(message).encode() + b"\n" for message in messages)


def test_a_server_that_takes_names_in_any_case_runs_what_was_decided(session, outcomes):
    status, ran, said = session(b"\r\n\n" + lines(
        {"jsonrpc": "2.0", "id": 2, "Method": "tools/call", "params": EVIL},
        {"jsonrpc": "2.0", "id": 3, "method": "ping", "METHOD": "tools/call", "params": EVIL},
        call(4, params={"name": "read_file", "arguments": PATH, "Name": "delete_all", "Arguments": {"path": "/"}}),
        {"jsonrpc": "2.0", "id": 5, "result": {}, "Method": "tools/call", "params": EVIL},
        call(6, name="delete_all"),
        call(7),
    ))  # fmt: skip
    assert (status, ran) == (0, ["RAN read_file /data/a"])
    assert {message["id"] for message in said} == {2, 3, 4, 5, 6, 7}
    assert outcomes() == ["succeeded"]


def test_a_server_that_dies_in_a_call_leaves_an_outcome(session, outcomes):
    status, ran, _ = session(lines(call(1, {"path": "/data/die"})))
    assert (status, ran) == (3, ["RAN read_file /data/die"])
    assert outcomes() == ["no answer: the session ended"]


def test_a_session_that_is_stopped_leaves_an_outcome_and_ends_its_agent(session, mcp_acme, outcomes):
    status, ran, _ = session(lines(call(1, {"path": "/data/wait"})), stop=True)
    assert (status, ran) == (0, ["RAN read_file /data/wait"])
    assert outcomes() == ["no answer: the session ended"]
    assert {record.state for record in mcp_acme.agents(principal="user:a@acme.example")} == {"deprovisioned"}


def test_a_line_that_is_too_long_ends_the_session(session):
    status, ran, said = session(b'{"a": "' + b"x" * (17 * 1024 * 1024) + b'"}\n' + lines(call(1)))
    assert (status, ran, said) == (1, [], [])


def test_certify_shows_all_that_a_tool_says_and_takes_no_second_spelling(tmp_path, capfd):
    server, pins = tmp_path / "server.py", tmp_path / "pins.json"

    def certify(tool):
        page = json.dumps({"tools": [tool]})
        server.write_text(
            "import json, sys\n"
            "print('files, at your service', flush=True)\n"
            "for line in sys.stdin:\n"
            "    m = json.loads(line)\n"
            f"    result = {page} if m['method'] == 'tools/list' else {{}}\n"
            "    'id' in m and print(json.dumps({'jsonrpc': '2.0', 'id': m['id'], 'result': result}), flush=True)\n"
        )
        return mcp(["certify", "--pins", str(pins), "--", sys.executable, str(server)]), capfd.readouterr().err

    status, said = certify({**TOOL, "inputSchema": {"properties": {"path": {"description": "as eve says"}}}})
    assert status == 0 and "as eve says" in said and "files, at your service" in said
    status, said = certify({**TOOL, "Description": "as eve says"})
    assert status == 1 and "'Description'" in said


@pytest.mark.parametrize(
    ("server", "patience", "said"),
    [
        ("sleep 30 & exec sleep 30", 1, "has not listed"),  # the one in the background keeps the pipes open
        ('exec yes \'{"jsonrpc": "2.0", "method": "notifications/x"}\'', 60, "has sent more than"),
    ],
)
def test_a_server_that_is_silent_or_never_ends_is_not_waited_for(server, patience, said, monkeypatch):
    for name, value in {"_PATIENCE": patience, "_GRACE": 0.2, "LINE": 1 << 20}.items():
        monkeypatch.setattr(_pins, name, value, raising=False)
    with pytest.raises(ValueError, match=said):
        asyncio.run(_pins.listed(["sh", "-c", server]))
