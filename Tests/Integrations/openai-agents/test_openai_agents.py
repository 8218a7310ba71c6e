"""Guarded agents of the OpenAI Agents SDK, with a scripted model."""

import asyncio
import contextlib
import json

import pytest
from agents import (
    Agent,
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
from conftest import Broken, raising
from contract import *
from contract import BAD, GOOD, tools_of, ways
from libagentid.integrations.openai_agents import guard
from libagentid.tools import NotGuarded
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


def run(agent, is_async):
    config = RunConfig(tracing_disabled=True)
    return (
        asyncio.run(Runner.run(agent, "go", run_config=config)) if is_async else Runner.run_sync(agent, "go", run_config=config)
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


def test_the_tools_of_an_mcp_server_are_guarded(agent, ran):
    from agents.mcp import MCPServer
    from mcp.types import CallToolResult, TextContent, Tool

    class Local(MCPServer):
        name = "local"

        async def connect(self): ...
        async def cleanup(self): ...
        async def list_tools(self, *_):
            return [Tool(name="read_file", inputSchema={"type": "object", "properties": {"path": {"type": "string"}}})]

        async def call_tool(self, tool_name, arguments, meta=None):
            ran.append(arguments["path"])
            return CallToolResult(content=[TextContent(type="text", text="x")])

        async def list_prompts(self): ...
        async def get_prompt(self, *_): ...

    for _ in range(2):
        model = Scripted([[BAD], [GOOD]])
        run(guard(Agent("worker", model=model, mcp_servers=[Local()])), True)
    assert ran == ["/data/a"] * 2
    with pytest.raises(NotGuarded, match="MCP"):
        guard(Agent("outer", handoffs=[Agent("inner", mcp_servers=[Local()])]))


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
