"""A call of a tool whose result comes later has the outcome of its task, and none before that is known."""

import libagentid
import pytest
from libagentid.mcp._proxy import Proxy
from mcp_world import answered, call

SCOPE = "read_file(path under '/data'); tasks/result(taskId: *); tasks/get(taskId: *); tasks/cancel(taskId: *)"


@pytest.fixture
def world(tmp_path):
    with libagentid.Authority.open(tmp_path / "acme", trust_domain="acme.example") as acme:
        acme.put_profile("reader", owner="team:x@acme.example", ceiling=SCOPE)
        with (
            acme.agent("reader", principal="user:a@acme.example", task="T", scope=SCOPE) as agent,
            acme.guard(audience="mcp://files") as guard,
        ):
            yield acme, Proxy(guard, None, agent)


@pytest.fixture
def outcomes(world, tmp_path):
    """The outcomes of calls of the tool."""

    def outcomes():
        world[0].integrate()
        with libagentid.Audit.open(tmp_path / "acme") as log:
            entries = list(log.entries())
        own = [each["id"] for each in entries if each["kind"] == "decision" and each["tool"] == "read_file"]
        return [each["outcome"] for each in entries if each["kind"] == "outcome" and each["decision"] in own]

    return outcomes


def begins(proxy, number=1, status="working"):
    asked, _ = proxy.from_client(call(number))
    assert asked is not None
    said = proxy.from_server(answered(number, {"task": {"taskId": "t", "status": status}}))
    assert said["result"]["_meta"]


def about(proxy, method, result):
    assert proxy.from_client({"jsonrpc": "2.0", "id": 9, "method": method, "params": {"taskId": "t"}})[0] is not None
    assert proxy.from_server({"jsonrpc": "2.0", "id": 9, **result}) is not None


def status(value):
    return {"result": {"taskId": "t", "status": value}}


@pytest.mark.parametrize(
    ("method", "result", "outcome"),
    [
        ("tasks/result", {"result": {"content": []}}, "succeeded"),
        ("tasks/result", {"result": {"content": [], "isError": True}}, "failed: the tool says so"),
        ("tasks/result", {"error": {"code": 1, "message": "not yet"}}, "begun"),
        ("tasks/get", status("working"), "begun"),
        ("tasks/get", status("completed"), "succeeded"),
        ("tasks/get", status("failed"), "failed: the tool says so"),
        ("tasks/get", {"result": {"taskId": "another", "status": "completed"}}, "begun"),
        ("tasks/cancel", status("cancelled"), "cancelled by the client"),
    ],
)
def test_a_call_with_a_task_has_the_outcome_that_the_server_says_later(world, outcomes, method, result, outcome):
    _, proxy = world
    begins(proxy)
    assert outcomes() == []
    about(proxy, method, result)
    proxy.close()
    assert outcomes() == [outcome]


def test_the_server_may_tell_a_state_by_itself_and_one_task_for_two_calls_leaves_none_open(world, outcomes):
    _, proxy = world
    begins(proxy)
    begins(proxy, 2)
    assert outcomes() == ["begun"]
    told = {"jsonrpc": "2.0", "method": "notifications/tasks/status", "params": {"taskId": "t", "status": "failed"}}
    assert proxy.from_server(told) is not None
    begins(proxy, 3, "completed")
    assert outcomes() == ["begun", "failed: the tool says so", "succeeded"]
    proxy.close()
    assert len(outcomes()) == 3
