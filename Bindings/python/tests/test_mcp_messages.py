"""What passes the guard before an MCP server: messages are read in one way only."""

import json

import pytest
from libagentid.mcp._messages import PARAMS, Refused, read
from mcp_world import EVIL, PATH, answered, call, listing, refused


@pytest.mark.parametrize(("message", "named"), [
    ({"jsonrpc": "2.0", "id": 2, "Method": "tools/call", "params": EVIL}, "'Method'"),
    ({"jsonrpc": "2.0", "id": 2, "method": "ping", "METHOD": "tools/call", "params": EVIL}, "METHOD"),
    ({"jsonrpc": "2.0", "id": 2, "method": "ping", "Params": EVIL}, "'Params'"),
    ({"jsonrpc": "2.0", "id": 2, "method": "ping", "param\u017f": EVIL}, "'param\u017f'"),
    ({"jsonrpc": "2.0", "id": 2, "method": "ping", "\u0130D": 3}, "'\u0130D'"),
    ({"jsonrpc": "2.0", "id": 2, "method": "ping", "\u0131d": 3}, "'\u0131d'"),
    ({"jsonrpc": "2.0", "id": 2, "method": "ping", "ID": 3}, "'ID'"),
    ({"jsonrpc": "2.0", "id": 2, "Result": {}}, "'Result'"),
    (call(params={"name": "read_file", "arguments": PATH, "Name": "delete_all"}), "'Name'"),
    (call(params={"name": "read_file", "arguments": PATH, "Arguments": {}}), "'Arguments'"),
    (call(params={"name": "read_file", "arguments": PATH, "argument\u017f": {}}), "'argument\u017f'"),
    (call(params={"name": "read_file", "Arguments": PATH}), "'Arguments'"),
    (call(arguments={"path": "/data/a", "Path": "/etc/passwd"}), "'Path'"),
    (call(arguments={"path": "/data/a", "x": [{"to": 1, "TO": 2}]}), "'TO'"),
    (call(method="Tools/Call"), "'Tools/Call'"),
    (call(method="tool\u017f/call"), "method must be"),
    (call(method="tools/call\0"), "method must be"),
    (call(method="tools/call "), "method must be"),
    (call(method="Resources/Read"), "'Resources/Read'"),
    (call(method="notifications/tools/call"), "is a notification"),
    (call(method="notifications/"), "is a notification"),
])  # fmt: skip
def test_a_name_that_equals_a_known_one_but_for_case_is_refused_by_name(proxy, message, named):
    assert named in refused(proxy, message)


def test_what_a_server_reads_is_made_of_known_names_only(proxy):
    asks = call(more=1, params={"name": "read_file", "arguments": PATH, "_meta": {"progressToken": 1}, "more": 2, "task": {}})
    assert proxy.from_client(asks)[0] == call(
        params={"name": "read_file", "arguments": PATH, "_meta": {"progressToken": 1}, "task": {}}
    )


@pytest.mark.parametrize("line", [
    b'{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call"}',
    b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read_file","arguments":{"path":"/data/a","path":"/etc"}}}',
    b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read_file","arguments":{"path":"/data/a","pat\\u0068":1}}}',
    b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a\\u0000b":1}}',
    b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":NaN}}',
    b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":-Infinity}}',
    b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":1e999}}',
    b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":"\\ud800"}}',
    b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":"\xff"}}',
    b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":"\xed\xa0\x80"}}',
    b'\xef\xbb\xbf{"jsonrpc":"2.0","id":1,"method":"ping"}',
    '{"jsonrpc":"2.0","id":1,"method":"ping"}'.encode("utf-16"),
    b'{"jsonrpc":"2.0","id":1,"method":"ping"} {"jsonrpc":"2.0","id":2,"method":"ping"}',
    b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":' + b"[" * 200 + b"]" * 200 + b"}}",
    b'{"a":' * 100_000,
    b'{"jsonrpc":"2.0","id":' + b"9" * 10_000 + b',"method":"ping"}',
    b'[{"jsonrpc":"2.0","id":1,"method":"ping"}]',
])  # fmt: skip
def test_what_parsers_read_in_two_ways_is_refused(proxy, line):
    assert refused(proxy, line)


def test_line_ends_and_pairs_of_surrogates_are_read(proxy):
    said = b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":"\\ud83d\\ude00"}}\r\n'
    assert proxy.client_line(said)[0]["params"] == {"a": "\U0001f600"}


@pytest.mark.parametrize("number", [True, None, 7.0, 1.5, [], {}, 2**53, -(2**53), "x" * 1025])
def test_an_id_is_a_text_or_an_integer_that_all_read_as_the_same(proxy, number):
    for message in (call(number), listing(number)):
        assert refused(proxy, message)
    assert proxy.from_server(answered(number, {})) is None


def test_an_id_that_waits_for_its_answer_is_refused_and_no_outcome_is_lost(proxy, outcomes):
    assert proxy.from_client(call(1))[0] is not None
    for again in (call(1), listing(1), {"jsonrpc": "2.0", "id": 1, "method": "ping"}):
        sent, said = proxy.from_client(again)
        assert sent is None and said["id"] is None and "is another request's" in said["error"]["message"]
    assert proxy.from_client(call("1"))[0] is not None  # a text differs from a number
    for number in (1, "1"):
        assert proxy.from_server(answered(number, {"content": []}))["result"]["content"] == []
        assert proxy.from_server(answered(number, {"content": []})) is None
    assert outcomes() == ["succeeded", "succeeded"]


def test_a_message_without_a_method_passes_only_as_an_answer_to_what_the_server_asked(proxy):
    answer = {"jsonrpc": "2.0", "id": 3, "result": {"roots": []}}
    assert "does not answer what" in refused(proxy, answer)
    assert proxy.from_server({"jsonrpc": "2.0", "id": 3, "method": "roots/list"}) == {
        "jsonrpc": "2.0",
        "id": 3,
        "method": "roots/list",
    }
    assert proxy.from_server({"jsonrpc": "2.0", "id": 3, "method": "sampling/createMessage"}) is None  # its id waits
    for wrong in ({"id": "3", "result": {}}, {"id": 3.0, "result": {}}, {"id": 3}, {"id": 3, "result": {}, "error": {}},
                  {"id": 3, "error": "x"}, {"result": {}}):  # fmt: skip
        assert refused(proxy, wrong)
    assert proxy.from_client({**answer, "params": EVIL})[0] == answer
    assert refused(proxy, answer)


def test_a_notification_passes_only_where_the_specification_has_it(proxy):
    for name in ("initialized", "progress", "roots/list_changed"):
        told = {"jsonrpc": "2.0", "method": f"notifications/{name}"}
        assert proxy.from_client(told) == (told, None)
        assert "has no id" in refused(proxy, {**told, "id": 1})
    for name in ("tools/call", "tools/list", "ping", "notifications/run"):
        assert proxy.from_client({"jsonrpc": "2.0", "method": name, "params": EVIL}) == (None, None)


def test_a_tool_with_the_name_of_a_method_is_not_called_by_the_methods_grant(proxy):
    sent, said = proxy.client_line(json.dumps(call(name="resources/read")).encode())
    assert sent is None and "tools/call/resources/read is not granted" in said["result"]["content"][0]["text"], said
    for params in ({"name": 7}, {"name": "read_file", "arguments": []}, {"name": None}, {}):
        assert "has a name" in refused(proxy, call(params=params))


def test_names_are_known_by_their_own_case_only():
    for name in PARAMS:
        with pytest.raises(Refused, match="twice"):
            read(json.dumps({name: 1, name.swapcase(): 2}).encode(), in_any_case=True)
    assert read(b'{"a": 1, "A": 2}', in_any_case=False) == {"a": 1, "A": 2}
