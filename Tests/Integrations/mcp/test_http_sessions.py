"""A session of streamable HTTP gives nobody authority: each request is decided by what is in it, whoever's session it is sent in."""

import json
import urllib.error
import urllib.request

import pytest
from test_changes import served
from test_mcp import AUDIENCE, told

VERSION = "2025-06-18"
FIRST = {"protocolVersion": VERSION, "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}


@pytest.fixture
def send(directory, tmp_path):
    """Sends one message to a served MCP server; the status, the session's ID and the answer."""

    def send(message, session=None):
        headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream",
                   "MCP-Protocol-Version": VERSION, **({"Mcp-Session-Id": session} if session else {})}  # fmt: skip
        request = urllib.request.Request(f"http://127.0.0.1:{port}/mcp", json.dumps(message).encode(), headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                lines = [line[6:] for line in answer.read().splitlines() if line.startswith(b"data: {")]
                return answer.status, answer.headers.get("Mcp-Session-Id"), json.loads(lines[-1]) if lines else None
        except urllib.error.HTTPError as error:
            return error.code, None, None

    with served(directory, tmp_path / "ran") as port:
        yield send


def call(agent, number, name, arguments):
    chain, proof = agent.present(name, arguments, audience=AUDIENCE)
    meta = {"io.agentid/chain": chain, "io.agentid/proof": proof}
    params = {"name": name, "arguments": arguments, "_meta": meta}
    return {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}


def test_who_takes_part_in_anothers_session_has_no_more_authority_there(send, start, tmp_path):
    owner, other = start("read_file(path under '/data')"), start("boom")
    _, session, _ = send({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": FIRST})
    send({"jsonrpc": "2.0", "method": "notifications/initialized"}, session)
    assert not send(call(owner, 1, "read_file", {"path": "/data/a"}), session)[2]["result"]["isError"]
    _, _, said = send(call(other, 2, "read_file", {"path": "/data/a"}), session)
    assert said["result"]["_meta"]["io.agentid/decision"]["reason"] == "tool_not_authorized"
    bare = call(owner, 3, "read_file", {"path": "/data/a"})
    del bare["params"]["_meta"]
    _, _, said = send(bare, session)
    assert said["result"]["_meta"]["io.agentid/decision"]["reason"] == "chain_empty"
    _, _, said = send({"jsonrpc": "2.0", "id": 4, "method": "tools/list"}, session)
    assert said["result"]["tools"] == []
    assert send([call(owner, 5, "read_file", {"path": "/data/b"})], session)[0] == 400  # a batch is no request
    assert told(tmp_path / "ran") == ["read_file /data/a"]
