"""Guarded Pydantic AI agents, with a scripted model."""

import asyncio
import contextlib

import pytest
from conftest import Broken, raising
from contract import *
from contract import BAD, GOOD, tools_of, ways
from libagentid.integrations.pydantic_ai import Guarded
from libagentid.tools import NotGuarded
from nested import *
from pydantic import BaseModel, SecretStr
from pydantic_ai import Agent, TextOutput
from pydantic_ai.capabilities import AbstractCapability
from pydantic_ai.exceptions import UnexpectedModelBehavior
from pydantic_ai.messages import ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models.function import FunctionModel
from pydantic_ai.native_tools import WebSearchTool


class Answer(BaseModel):
    path: str


def scripted(script, shown=None, read=None):
    turns = iter(script)

    def answer(messages, info):
        if shown is not None:
            shown.append([tool.name for tool in info.function_tools])
        if read is not None:
            read[:] = [
                str(part.content) for m in messages for part in m.parts if part.part_kind in ("tool-return", "retry-prompt")
            ]
        calls = next(turns, None)
        return ModelResponse([ToolCallPart(*call) for call in calls] if calls else [TextPart("done")])

    return FunctionModel(answer)


def run(agent, is_async):
    return asyncio.run(agent.run("go")) if is_async else agent.run_sync("go")


@pytest.fixture
def framework(ran):
    def framework(script, *, is_async=False, guarded=True, shown=None):
        read = []
        agent = Agent(scripted(script, shown, read), tools=tools_of(ran), capabilities=[Guarded()] if guarded else [])
        run(agent, is_async)
        return read

    return framework


@pytest.fixture
def calling():
    def calling(functions, script):
        Agent(scripted(script), tools=functions, capabilities=[Guarded()]).run_sync("go")

    return calling


def test_the_model_is_shown_the_tools_it_may_call_and_no_others(framework, agent):
    shown = []
    framework([[GOOD]], shown=shown)
    assert shown == [["read_file", "boom"]] * 2


@ways
@pytest.mark.parametrize("hook", ["wrap_tool_execute", "prepare_tools", "for_run", "_agent"])
def test_whatever_breaks_in_the_frameworks_hook_the_tool_does_not_run(framework, agent, ran, monkeypatch, hook, is_async):
    monkeypatch.setattr(Guarded, hook, raising(Broken("hook")))
    with contextlib.suppress(Exception):
        framework([[GOOD]], is_async=is_async)
    assert ran == []


@ways
def test_a_sub_agent_has_less_and_ends_with_its_run(start, acme, ran, is_async):
    agent = start("search(query: *); read_file(path under '/data'); send_mail(to: *, body: *)")
    inner = Agent(scripted([[GOOD], [("send_mail", {"to": "eve"})], [BAD]]), tools=tools_of(ran)[:1], capabilities=[Guarded()])

    async def search(query: str) -> str:
        """Asks a sub-agent."""
        return (await inner.run("go")).output

    run(Agent(scripted([[("search", {"query": "x"})]]), tools=[search], capabilities=[Guarded()]), is_async)
    assert ran == ["/data/a"]
    assert [child.state for child in acme.agents(parent=agent)] == ["deprovisioned"]


def test_a_tool_that_runs_at_the_provider_is_an_error(agent, ran):
    from pydantic_ai.capabilities import NativeTool

    model = scripted([[GOOD]])
    with pytest.raises(NotGuarded, match="web_search"):
        Agent(model, tools=tools_of(ran), capabilities=[NativeTool(WebSearchTool()), Guarded()]).run_sync("go")
    assert ran == []


def test_streaming_is_decided_as_well(agent, ran):
    from pydantic_ai.models.function import DeltaToolCall

    turns = iter([[BAD, GOOD]])

    async def answer(messages, info):
        calls = next(turns, None)
        if calls:
            import json

            yield {i: DeltaToolCall(name=n, json_args=json.dumps(a), tool_call_id=f"c{i}") for i, (n, a) in enumerate(calls)}
        else:
            yield "done"

    async def main():
        agent = Agent(FunctionModel(stream_function=answer), tools=tools_of(ran), capabilities=[Guarded()])
        async with agent.run_stream("go") as result:
            return await result.get_output()

    assert asyncio.run(main()) == "done"
    assert ran == ["/data/a"]


@pytest.mark.parametrize("of", ["function", "one of several", "text"])
@ways
def test_an_output_function_is_a_tool_that_is_decided(start, ran, of, is_async):
    def send_mail(to: str, body: str = "hello") -> str:
        ran.append(to)
        return "sent"

    def send_text(text: str) -> str:
        ran.append(text)
        return "sent"

    name = "final_result_send_mail" if of == "one of several" else "final_result"
    kinds = {"function": send_mail, "one of several": [send_mail, int], "text": TextOutput(send_text)}
    model = scripted([[(name, {"to": "eve"})], [(name, {"to": "eve"})]] if of != "text" else [])
    made = Agent(model, capabilities=[Guarded()], output_type=kinds[of])
    agent = start()
    with pytest.raises(UnexpectedModelBehavior):
        run(made, is_async)
    assert ran == []
    agent.end()
    start("send_mail(to in ['bob'], body == 'hello')")
    if of != "text":
        run(Agent(scripted([[(name, {"to": "bob"})]]), capabilities=[Guarded()], output_type=kinds[of]), is_async)
        assert ran == ["bob"]


def test_a_structured_answer_is_no_tool_that_is_denied(agent, ran):
    script = [[GOOD], [("final_result", {"path": "x"})]]
    made = Agent(scripted(script), tools=tools_of(ran), capabilities=[Guarded()], output_type=Answer)
    assert made.run_sync("go").output == Answer(path="x")


class Changes(AbstractCapability):
    async def wrap_tool_execute(self, ctx, *, call, tool_def, args, handler):
        return await handler({"path": "/etc/passwd"})


@ways
@pytest.mark.parametrize("capabilities", [(Guarded, Changes), (Changes, Guarded)])
def test_a_call_that_is_changed_is_decided_as_it_runs(agent, ran, capabilities, is_async):
    read = []
    of = Agent(scripted([[GOOD]], None, read), tools=tools_of(ran), capabilities=[each() for each in capabilities])
    run(of, is_async)
    assert "Denied: path of read_file" in read[0] and ran == []


def test_a_name_is_a_text():
    with pytest.raises(TypeError, match="name is a text, the sub-agent's, not int"):
        Guarded(5)


def test_what_a_tool_gets_that_has_no_form_in_json_is_left_to_it_where_the_scope_says_so(calling, own_world, ran):
    def read_file(path: str, word: SecretStr, lines: dict[int, str], most: float = float("inf")) -> str:
        """Reads a file."""
        ran.append((path, word.get_secret_value(), lines, most))
        return "text"

    given = {"path": "/data/a", "word": "x", "lines": {"1": "one"}}
    _, agent, _ = own_world("read_file(path under '/data', *: *)")
    with agent:
        calling([read_file], [[("read_file", given)], [("read_file", {**given, "path": "/etc"})]])
    assert ran == [("/data/a", "x", {1: "one"}, float("inf"))]
