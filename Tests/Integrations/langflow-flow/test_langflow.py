"""Flows of Langflow with guarded agents, with a scripted model; run in this process and by `lfx serve`, as Langflow runs them."""

import asyncio
import json
import os
import pathlib
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "langchain"))

import libagentid
from contract import *
from contract import BAD, GOOD, tools_of
from langchain_core.messages import ToolMessage
from langchain_core.tools import StructuredTool
from lfx.components.input_output import ChatInput, ChatOutput
from lfx.components.models_and_agents.agent import AgentComponent
from lfx.custom.custom_component.component import Component
from lfx.field_typing import LanguageModel, Tool
from lfx.graph import Graph
from lfx.io import Output, StrInput
from libagentid.integrations.langflow import GuardedAgent
from scripted import Scripted, calls

EXAMPLE = HERE.parents[2] / "examples/integrations/langflow_flow.py"


class Model(Component):
    name = display_name = "Model"
    outputs = [Output(name="model", display_name="Model", method="build_model")]
    given = None

    def build_model(self) -> LanguageModel:
        return self.given


class Tools(Component):
    name = display_name = "Tools"
    outputs = [Output(name="tools", display_name="Tools", method="build_tools")]
    given = tools_of_others = ()

    def build_tools(self) -> list[Tool]:
        return [*(StructuredTool.from_function(function) for function in self.given), *self.tools_of_others]


class Reader(Component):
    """A component that an agent has as a tool, as Langflow makes it of components in tool mode."""

    name = "Reader"
    display_name = "read_file"
    description = "Reads a file."
    inputs = [StrInput(name="path", display_name="Path", tool_mode=True)]
    outputs = [Output(name="text", display_name="Text", method="read_file")]
    ran = None

    def read_file(self) -> str:
        self.ran.append(self.path)
        return f"text of {self.path}"


def flow(agent, model, tools, question=None):
    """A flow: a question, an agent, an answer."""
    source, kit = Model(), Tools()
    source.given, kit.given = model, tools
    question = question or ChatInput()
    tools = [kit.build_tools] if tools and not isinstance(tools[0], Component) else tools
    agent.set(model=source.build_model, tools=tools, input_value=question.message_response, add_current_date_tool=False)
    return Graph(question, ChatOutput().set(input_value=agent.message_response))


async def steps(graph):
    return [step async for step in graph.async_start()]


def run(graph, is_async=True):
    if is_async:
        asyncio.run(steps(graph))
    else:
        list(graph.start())


@pytest.fixture
def framework(ran):
    def framework(script, is_async=False, guarded=True):
        model = Scripted(script=[calls(*turn) for turn in script], shown=[], read=[])
        run(flow(GuardedAgent() if guarded else AgentComponent(), model, tools_of(ran)), is_async)
        framework.model = model
        return [message.content for message in model.read[-1] if isinstance(message, ToolMessage)]

    return framework


def test_the_model_is_shown_what_its_agent_may_call(framework, agent):
    framework([])
    assert framework.model.shown[-1] == ["read_file", "boom"]


def test_a_component_that_is_a_tool_is_decided(agent, ran, monkeypatch):
    reader, question, component, source = Reader(_id="reader"), ChatInput(), GuardedAgent(), Model()
    monkeypatch.setattr(Reader, "ran", ran)  # each call is another copy of the component
    (tool,) = asyncio.run(reader.to_toolkit())
    source.given = Scripted(script=[calls((tool.name, {"path": path})) for path in ("/etc/x", "/data/a")], shown=[], read=[])
    kit = Tools()
    kit.tools_of_others = [tool]
    component.set(
        model=source.build_model, tools=[kit.build_tools], input_value=question.message_response, add_current_date_tool=False
    )
    run(Graph(question, ChatOutput().set(input_value=component.message_response)))
    assert (tool.name, ran) == ("read_file", ["/data/a"])


def test_an_agent_of_the_flow_that_nothing_guards_is_an_error(agent, ran):
    question = ChatInput()
    model = Scripted(script=[calls(GOOD)], shown=[], read=[])
    first, second = GuardedAgent(), AgentComponent()
    one = flow(first, model, tools_of(ran), question)
    assert one
    source, kit = Model(), Tools()
    source.given, kit.given = model, tools_of(ran)
    second.set(model=source.build_model, tools=[kit.build_tools], input_value=first.message_response, add_current_date_tool=False)
    with pytest.raises(Exception, match="nothing guards the agent"):
        run(Graph(question, ChatOutput().set(input_value=second.message_response)))
    assert ran == []


class Started(GuardedAgent):
    """An agent of a flow that a server runs."""

    name = "Started"
    acme = None

    def start_agent(self):
        return self.acme.agent("worker", principal="user:bob@acme.example", task="served", scope="read_file(path under '/data')")


@pytest.fixture
def served(acme, ran):
    def served(*script):
        started = Started()
        started.acme = acme
        return flow(started, Scripted(script=[calls(each) for each in script], shown=[], read=[]), tools_of(ran))

    return served


def states(acme, task):
    return [record.state for record in acme.agents(principal="user:bob@acme.example") if record.task == task]


def test_a_flow_outside_of_any_block_starts_an_agent_that_ends_with_the_run(acme, served, ran):
    before = len(states(acme, "served"))
    for _ in range(2):
        run(served(BAD, GOOD))
    assert ran == ["/data/a"] * 2
    assert states(acme, "served")[before:] == ["deprovisioned"] * 2


def test_within_an_agents_block_none_is_started_that_could_do_more(acme, served, ran, start):
    before = len(states(acme, "served"))
    start("boom")
    run(served(GOOD))
    assert ran == [] and len(states(acme, "served")) == before


def test_an_agent_that_is_cancelled_ends(acme, served, ran, monkeypatch):
    async def waits(*_, **__):
        await asyncio.sleep(60)

    monkeypatch.setattr(AgentComponent, "run_agent", waits)

    async def main():
        task = asyncio.create_task(steps(served(GOOD)))
        await asyncio.sleep(1)
        assert states(acme, "served")[-1] == "active"
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert states(acme, "served")[-1] == "deprovisioned"


def test_what_start_agent_raises_runs_nothing(served, ran, monkeypatch):
    monkeypatch.setattr(Started, "start_agent", lambda self: 1 / 0)
    with pytest.raises(Exception, match="division"):
        run(served(GOOD))
    assert ran == []


def test_lfx_serves_the_example_and_decides_what_it_calls(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    variables = {**os.environ, "LANGFLOW_API_KEY": "key", "AGENTID_AUTHORITY": str(tmp_path / "acme"), "DO_NOT_TRACK": "true"}
    command = [str(pathlib.Path(sys.executable).parent / "lfx"), "serve", str(EXAMPLE), "--port", port]
    with subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as server:
        try:

            def ask(path, body=None):
                headers = {"x-api-key": "key", "Content-Type": "application/json"}
                request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", body and json.dumps(body).encode(), headers)
                with urllib.request.urlopen(request, timeout=60) as answer:
                    return json.load(answer)

            found = None
            while found is None:
                try:
                    (found,) = ask("/flows")
                except (urllib.error.URLError, ConnectionError):
                    assert server.poll() is None, server.stdout.read().decode()
                    time.sleep(0.1)
            answer = ask(f"/flows/{found['id']}/run", {"input_value": "What does the report say?"})
        finally:
            server.terminate()
            server.wait(30)
    assert "the text of /data/q3/report" in json.dumps(answer) and "Denied: path of read_file" in json.dumps(answer)
    with libagentid.Authority.open(tmp_path / "acme", trust_domain="acme.example") as acme:
        acme.integrate()
    with libagentid.Audit.open(tmp_path / "acme") as log:
        entries = list(log.entries())
    assert [entry["decision"] for entry in entries if entry["kind"] == "decision"] == ["permit", "deny"]
