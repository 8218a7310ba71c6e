"""What an MCP server says passes the guard only as an answer to its own request, and shows what was certified."""

import json

import pytest
from libagentid.mcp._pins import digest
from mcp_world import POISON, TOOL, answered, call, listing

POISONED = [
    '{"jsonrpc":"2.0","id":7.0,"result":{"tools":[%s]}}',
    '{"jsonrpc":"2.0","id":"7","result":{"tools":[%s]}}',
    '{"jsonrpc":"2.0","id":8,"result":{"tools":[%s]}}',
    '{"jsonrpc":"2.0","id":null,"result":{"tools":[%s]}}',
    '{"jsonrpc":"2.0","result":{"tools":[%s]}}',
    '{"jsonrpc":"2.0","id":7,"Result":{"tools":[%s]}}',
    '{"jsonrpc":"2.0","ID":7,"result":{"tools":[%s]}}',
    '{"jsonrpc":"2.0","id":7,"result":{"tools":[],"Tools":[%s]}}',
    '{"jsonrpc":"2.0","id":7,"result":{"tools":[]},"re\u017fult":{"tools":[%s]}}',
    '{"jsonrpc":"2.0","id":7,"result":{"tools":[],"tools":[%s]}}',
    '{"jsonrpc":"2.0","id":7,"result":{"more":[%s],"tools":[]}}',
    '{"jsonrpc":"2.0","id":7,"result":[%s]}',
    '{"jsonrpc":"2.0","id":7,"result":{"tools":{"0":%s}}}',
    '{"jsonrpc":"2.0","id":7,"result":{"tools":[[%s]]}}',
    '{"jsonrpc":"2.0","id":7,"result":{"tools":[]},"error":{"code":1,"message":"x","data":[%s]}}',
    '{"jsonrpc":"2.0","id":7,"method":"x","result":{"tools":[%s]}}',
    '[{"jsonrpc":"2.0","id":7,"result":{"tools":[%s]}}]',
    '{"jsonrpc":"2.0","id":7,"result":{"tools":[%s]},"x":NaN}',
]


@pytest.mark.parametrize("line", POISONED)
def test_however_a_server_spells_it_a_poisoned_description_is_not_shown(pinned, line):
    assert pinned.from_client(listing(7))[0] is not None
    said = pinned.server_line((line % json.dumps(POISON)).encode())
    assert "eve" not in json.dumps(said)


@pytest.mark.parametrize("more", [{"Description": "eve"}, {"NAME": "eve"}, {"_meta": {"x": "eve"}}])
def test_what_is_shown_of_a_tool_is_what_was_certified(proxied, more):
    tool = {**TOOL, **more}
    proxy = proxied({"read_file": digest(tool)})
    assert proxy.from_client(listing(7))[0] is not None
    assert "eve" not in json.dumps(proxy.from_server(answered(7, {"tools": [tool]})))


def test_each_page_of_a_list_is_filtered_and_its_cursor_passes(pinned):
    for number, tool, shown in ((1, TOOL, [TOOL]), (2, POISON, [])):
        asks = listing(number, params={"cursor": f"page {number}"})
        assert pinned.from_client(asks)[0] == asks
        page = pinned.from_server(answered(number, {"tools": [tool, 7, {"name": 7}, None], "nextCursor": "next"}))
        assert page["result"] == {"tools": shown, "nextCursor": "next"}
    assert "has not listed" in json.dumps(pinned.from_client(call(3))[1])


@pytest.mark.parametrize("line", [b'{"jsonrpc":"2.0","id":1,"result":{"content":[],"n":NaN}}',
    b'{"jsonrpc":"2.0","id":1,"Result":{}}', b'{"jsonrpc":"2.0","id":1}', b'{"jsonrpc":"2.0","id":1,"error":{"code":"x"}}'])  # fmt: skip
def test_an_answer_that_cannot_be_read_is_an_error_to_the_client_and_an_outcome(proxy, outcomes, line):
    assert proxy.from_client(call(1))[0] is not None
    said = proxy.server_line(line)
    assert said["id"] == 1 and "not passed on" in said["error"]["message"]
    assert outcomes() == ["the answer could not be read"]


@pytest.mark.parametrize("line", [b"", b"noise", b"{}", b"[]", b"7", b'{"id":9,"result":{}}', b"[" * 100_000, b"\xff",
    b'{"id":1,"method":7}', b'{"id":1,"method":"ping","result":{}}'])  # fmt: skip
def test_what_answers_nothing_does_not_reach_the_client(proxy, line):
    assert proxy.from_client(call(1))[0] is not None
    assert proxy.server_line(line) is None


def test_what_a_server_tells_and_asks_passes(proxy):
    asks = {"jsonrpc": "2.0", "id": 0, "method": "elicitation/create", "params": {"message": "who?"}}
    for said in (asks, {"jsonrpc": "2.0", "method": "notifications/tools/list_changed"},
                 {"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progressToken": 1, "progress": 1}}):  # fmt: skip
        assert proxy.from_server(said) == said
    answer = answered(0, {"action": "decline"})
    assert proxy.from_client(answer) == (answer, None)


def test_a_server_says_nothing_in_the_guards_name(proxy):
    forged = {"io.agentid/nonce": "n", "io.agentid/decision": {"decision": "deny"}, "own": 1}
    for number in (1, 2):
        assert proxy.from_client(call(number))[0] is not None
    said = proxy.from_server(answered(1, {"content": [], "_meta": forged}))["result"]["_meta"]
    assert said["io.agentid/decision"]["decision"] == "permit" and "io.agentid/nonce" not in said and said["own"] == 1
    error = {"code": 1, "message": "x", "data": forged}
    assert proxy.from_server({"jsonrpc": "2.0", "id": 2, "error": error})["error"]["data"] == {"own": 1}


def test_a_call_that_is_cancelled_has_an_outcome_and_its_id_is_not_taken_again(proxy, outcomes):
    cancel = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}}
    assert proxy.from_client(cancel) == (None, None)  # nothing to cancel
    assert proxy.from_client(call(1))[0] is not None
    assert proxy.from_client(cancel)[0] == cancel
    assert outcomes() == ["cancelled by the client"]
    assert proxy.from_client(listing(1))[0] is None  # else the late answer would pass for the list
    assert proxy.from_server(answered(1, {"content": []})) is None
    assert proxy.from_client(listing(1))[0] is not None


def test_calls_without_an_answer_have_an_outcome_when_the_session_ends(proxy, outcomes):
    for number in (1, 2):
        assert proxy.from_client(call(number))[0] is not None
    assert proxy.from_server(answered(2, {"content": []})) is not None
    proxy.close()
    assert outcomes() == ["no answer: the session ended", "succeeded"]
