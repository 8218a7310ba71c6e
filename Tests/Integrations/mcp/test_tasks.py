"""A call of a tool that a server answers with a task has begun, and nobody knows how it ends."""

import asyncio
import types

import pytest
from libagentid.integrations.mcp import guard_server
from libagentid.mcp._wire import CHAIN, PROOF

AUDIENCE = "mcp://files"


def newer(guard, params, result):
    """By the SDK 2.x: middleware, to which an answer is JSON."""
    server = types.SimpleNamespace(middleware=[])
    guard_server(server, guard)

    async def call_next(_):
        return result

    return server.middleware[0](types.SimpleNamespace(method="tools/call", params=params), call_next)


def older(guard, params, result):
    """By the SDK 1.x: handlers, which answer with objects."""

    async def handler(_):
        found = types.SimpleNamespace(meta=None, **result)
        return types.SimpleNamespace(root=found)

    server = types.SimpleNamespace(request_handlers={"call": handler})
    guard_server(server, guard)
    request = types.SimpleNamespace(
        method="tools/call", model_dump=lambda **_: {"params": {**params}}, params=types.SimpleNamespace(**params)
    )
    return server.request_handlers["call"](request)


@pytest.mark.parametrize("way", [newer, older])
@pytest.mark.parametrize(("result", "outcome"), [({"task": {"taskId": "t", "status": "working"}}, "begun"), ({}, "succeeded")])
def test_a_call_with_a_task_is_begun(acme, agent, outcomes, way, result, outcome):
    with acme.guard(audience=AUDIENCE) as guard:
        chain, proof = agent.present("read_file", {"path": "/data/a"}, audience=AUDIENCE)
        params = {"name": "read_file", "arguments": {"path": "/data/a"}, "_meta": {CHAIN: chain, PROOF: proof}}
        asyncio.run(way(guard, params, result))
    assert outcomes(agent) == [outcome]
