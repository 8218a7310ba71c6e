"""Guarded agents of the OpenAI Agents SDK, with a scripted model."""

import asyncio
import contextlib
import json

import pytest
from agents import (
    Agent,
    AgentsException,
    CodeInterpreterTool,
    Model,
    ModelResponse,
    RunConfig,
    Runner,
    Usage,
    WebSearchTool,
    function_tool,
    handoff,
)
from agents.mcp import MCPServer
from conftest import Broken, raising
from contract import *
from contract import BAD, GOOD, tools_of, ways
from libagentid.integrations.openai_agents import guard
from libagentid.tools import NotGuarded
from mcp.types import CallToolResult, TextContent, Tool
from nested import *
from openai.types.responses import ResponseFunctionToolCall, ResponseOutputMessage, ResponseOutputText


class Scripted(Model):
    def __init__(self, script):
        self.turns, self.shown, self.read, self._number = iter(script), [], [], 0

    async def get_response(self, system_instructions, input, model_settings, tools, output_schema, handoffs, tracing, **_):
        self.shown.append([tool.name for tool in tools])
        if not isinstance(input, str):
            self.read[:] = [item["output"] for item in input if item.get("type") == "function_call_output"]
        calls = next(self.turns, None)
        if calls:
            output = []
            for name, arguments in calls:
                self._number += 1
                said = {
                    "name": name,
                    "arguments": json.dumps(arguments),
                    "call_id": f"c{id(self)}-{self._number}",
                    "type": "function_call",
                }
                output.append(ResponseFunctionToolCall(**said))
        else:
            text = ResponseOutputText(text="done", type="output_text", annotations=[])
            output = [ResponseOutputMessage(id="m", content=[text], role="assistant", status="completed", type="message")]
        return ModelResponse(output=output, usage=Usage(), response_id=None)

    def stream_response(self, *_, **__):
        raise AssertionError("the scripted model does not stream")


def run(agent, is_async, said="go"):
    config = RunConfig(tracing_disabled=True)
    return (
        asyncio.run(Runner.run(agent, said, run_config=config)) if is_async else Runner.run_sync(agent, said, run_config=config)
    )


@pytest.fixture
def calling():
    def calling(functions, script):
        tools = [function_tool(each, strict_mode=False) for each in functions]
        run(guard(Agent("worker", model=Scripted(script), tools=tools)), is_async=False)

    calling.without = ["an argument that the tool reads as another"]
    return calling


@pytest.fixture
def framework(ran):
    def framework(script, *, is_async=False, guarded=True, shown=None):
        model = Scripted(script)
        tools = [function_tool(each, strict_mode=False) for each in tools_of(ran)]
        agent = Agent("worker", model=model, tools=tools)
        run(guard(agent) if guarded else agent, is_async)
        if shown is not None:
            shown += model.shown
        return model.read

    return framework


def test_the_model_is_shown_the_tools_it_may_call_and_no_others(framework, agent):
    shown = []
    framework([[GOOD]], shown=shown)
    assert shown == [["read_file", "boom"]] * 2


@ways
def test_whatever_breaks_in_the_frameworks_hook_the_tool_does_not_run(framework, agent, ran, monkeypatch, is_async):
    for part in ("authorize", "permitted", "defaulted", "_acting"):
        with monkeypatch.context() as patch, contextlib.suppress(Exception):
            patch.setattr(f"libagentid.integrations.openai_agents.{part}", raising(Broken("hook")))
            framework([[GOOD]], is_async=is_async)
    assert ran == []


@ways
@pytest.mark.parametrize("wrap", [lambda agent: agent, lambda agent: handoff(agent)], ids=["agent", "handoff"])
def test_at_a_handoff_authority_narrows(start, acme, ran, is_async, wrap):
    agent = start("read_file(path under '/data'); send_mail(to: *, body: *)")
    read, mail, _ = [function_tool(each, strict_mode=False) for each in tools_of(ran)]
    writer = Agent("writer", model=Scripted([[("send_mail", {"to": "bob"})]]), tools=[mail])
    inner = Scripted([[GOOD], [BAD]])
    reader = Agent("reader", model=inner, tools=[read])
    outer = Agent("triage", model=Scripted([[("transfer_to_reader", {})]]), tools=[mail], handoffs=[wrap(reader), writer])
    run(guard(outer), is_async)
    assert ran == ["/data/a"]
    [child] = acme.agents(parent=agent)
    assert "/reader/" in child.id


@ways
def test_an_agent_as_a_tool_is_a_sub_agent_or_an_error(start, acme, ran, is_async):
    agent = start("read_file(path under '/data'); search(query: *)")
    read = function_tool(tools_of(ran)[0], strict_mode=False)

    def helper(how):
        inner = Agent("helper", model=Scripted([[GOOD], [BAD]]), tools=[read])
        return how(inner).as_tool("ask_helper", "asks")

    acme.put_profile("asking", owner="team:x@acme.example", ceiling="ask_helper; read_file(path under '/data')")
    with pytest.raises(NotGuarded, match="ask_helper"):
        guard(Agent("outer", tools=[helper(lambda inner: inner)]))
    agent = acme.agent("asking", principal="user:a@acme.example", task="T", scope="ask_helper; read_file(path under '/data')")
    from libagentid.tools import acting

    with acting(agent):
        run(guard(Agent("outer", model=Scripted([[("ask_helper", {"input": "x"})]]), tools=[helper(guard)])), is_async)
    assert ran == ["/data/a"]
    [child] = acme.agents(parent=agent)
    assert "/helper/" in child.id
    agent.end()


def test_a_tool_that_runs_at_the_provider_is_an_error():
    for tool in (WebSearchTool(), CodeInterpreterTool({"type": "code_interpreter", "container": {"type": "auto"}})):
        with pytest.raises(NotGuarded):
            guard(Agent("worker", tools=[tool]))


class Local(MCPServer):
    """A server in this process; its tool `send_mail` says that it failed, and `boom` raises."""

    name = "local"

    def __init__(self, ran, **more):
        super().__init__(**more)
        self.ran = ran

    async def connect(self): ...
    async def cleanup(self): ...
    async def list_tools(self, *_):
        schema = {"type": "object", "properties": {"path": {"type": "string"}}}
        return [Tool(name=name, inputSchema=schema) for name in ("read_file", "send_mail", "boom", "drop")]

    async def call_tool(self, tool_name, arguments, meta=None):
        self.ran.append(arguments.get("path", tool_name))
        if tool_name == "boom":
            raise ValueError("boom")
        return CallToolResult(content=[TextContent(type="text", text="x")], isError=tool_name == "send_mail")

    async def list_prompts(self): ...
    async def get_prompt(self, *_): ...


def test_the_tools_of_an_mcp_server_are_guarded(agent, ran):
    server = Local(ran)
    for _ in range(2):
        model = Scripted([[BAD], [GOOD]])
        run(guard(Agent("worker", model=model, mcp_servers=[server])), True)
        assert "Denied" in model.read[0]
    assert ran == ["/data/a"] * 2
    with pytest.raises(NotGuarded, match="MCP"):
        guard(Agent("outer", handoffs=[Agent("inner", mcp_servers=[server])]))


@ways
def test_the_call_of_an_mcp_servers_tool_ends_as_the_tool_does(start, ran, outcomes, left_open, is_async):
    agent = start("read_file(path under '/data'); send_mail(to: *, body: *); boom")
    model = Scripted([[GOOD], [("send_mail", {"to": "a", "body": "b"})], [("boom", {})]])
    with contextlib.suppress(AgentsException):  # of old, the run ends where a server raises
        run(guard(Agent("worker", model=model, mcp_servers=[Local(ran)])), is_async)
    assert ran == ["/data/a", "send_mail", "boom"] and left_open(agent) == []
    assert outcomes(agent) == ["succeeded", "failed: the tool says so", "failed: ValueError"]


@ways
def test_the_model_is_shown_those_tools_of_a_server_that_it_may_call(agent, ran, is_async):
    model = Scripted([[GOOD]])
    run(guard(Agent("worker", model=model, mcp_servers=[Local(ran)])), is_async)
    assert model.shown == [["read_file", "boom"]] * 2


@ways
def test_a_server_that_is_given_to_a_guarded_agent_is_guarded_or_an_error(agent, ran, is_async):
    model = Scripted([[BAD], [GOOD]])
    run(guard(Agent("worker", model=model)).clone(mcp_servers=[Local(ran)]), is_async)
    assert ran == ["/data/a"]
    sub = guard(Agent("worker", model=Scripted([[("transfer_to_other", {})]]), handoffs=[Agent("other", model=model)]))
    sub.handoffs = [sub.handoffs[0].clone(mcp_servers=[Local(ran)])]
    with pytest.raises(NotGuarded, match="after it was guarded"):
        run(sub, is_async)
    assert ran == ["/data/a"]
    retrying = Local(ran)
    retrying.max_retry_attempts = 2
    with pytest.raises(NotGuarded, match="max_retry_attempts=0"):
        run(guard(Agent("worker", model=Scripted([[GOOD]]))).clone(mcp_servers=[retrying]), is_async)


@ways
def test_a_call_that_needs_approval_is_decided_when_it_runs(agent, ran, outcomes, left_open, is_async):
    made = guard(Agent("worker", model=Scripted([[GOOD]]), mcp_servers=[Local(ran, require_approval="always")]))
    waiting = run(made, is_async)
    assert ran == [] and outcomes(agent) == [] and left_open(agent) == []
    state = waiting.to_state()
    state.approve(waiting.interruptions[0])
    run(made, is_async, state)
    assert ran == ["/data/a"] and outcomes(agent) == ["succeeded"]


def later(ran):
    """A tool that is given to an agent after it was guarded."""

    def send_file(path: str) -> str:
        """Sends a file."""
        ran.append(path)
        return "sent"

    return function_tool(send_file, strict_mode=False)


ADDED = {
    "a tool": lambda agent, tool: agent.tools.append(tool) or agent,
    "a clone's tool": lambda agent, tool: agent.clone(tools=[*agent.tools, tool]),
    "a tool of the list's": lambda agent, tool: setattr(agent, "tools", [tool]) or agent,
    "a handoff": lambda agent, tool: agent.handoffs.append(Agent("other", tools=[tool])) or agent,
    "a handoff of its own": lambda agent, tool: agent.handoffs.append(handoff(Agent("other", tools=[tool]))) or agent,
}


@ways
@pytest.mark.parametrize("how", ADDED)
def test_what_is_added_after_the_guard_is_an_error_and_does_not_run(agent, ran, how, is_async):
    model = Scripted(
        [[("transfer_to_other", {})], [("send_file", {"path": "/etc"})]]
        if "handoff" in how
        else [[("send_file", {"path": "/etc"})]]
    )
    added = ADDED[how](guard(Agent("worker", model=model)), later(ran))
    for each in added.handoffs:
        if isinstance(each, Agent):
            each.model = model
    with pytest.raises(NotGuarded, match="after it was guarded"):
        run(added, is_async)
    assert ran == []


@ways
def test_a_clone_of_a_guarded_agent_is_guarded(agent, ran, is_async):
    model = Scripted([[BAD], [GOOD]])
    tools = [function_tool(each, strict_mode=False) for each in tools_of(ran)]
    run(guard(guard(Agent("worker", model=model, tools=tools)).clone(instructions="go")), is_async)
    assert ran == ["/data/a"]


def test_an_mcp_server_that_makes_failed_calls_again_is_an_error():
    from agents.mcp import MCPServerStdio

    server = MCPServerStdio({"command": "none"}, max_retry_attempts=2)
    with pytest.raises(NotGuarded, match="max_retry_attempts=0"):
        guard(Agent("worker", mcp_servers=[server]))
    guard(Agent("worker", mcp_servers=[MCPServerStdio({"command": "none"})]))
