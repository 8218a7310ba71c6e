"""Guarded workbenches of AutoGen agents, with a scripted model. Their runs are asynchronous only: both ways are the same here."""

import asyncio
import contextlib
import json
import typing

import pytest
from autogen_agentchat.agents import AssistantAgent
from autogen_core import FunctionCall
from autogen_core.models import ChatCompletionClient, CreateResult, ModelFamily, RequestUsage
from autogen_core.tools import BaseTool, FunctionTool, StaticWorkbench
from conftest import Broken, raising
from contract import *
from contract import BAD, GOOD, tools_of
from libagentid.integrations.autogen import guard, guard_agent
from libagentid.tools import NotGuarded
from nested import *
from pydantic import SecretStr, create_model

USAGE = RequestUsage(prompt_tokens=0, completion_tokens=0)


class Scripted(ChatCompletionClient):
    component_type = "replay_chat_completion_client"

    def __init__(self, script):
        self.turns, self.read, self.shown, self._number = iter(script), [], [], 0

    async def create(self, messages, *, tools=(), **_):
        self.shown.append([tool["name"] if isinstance(tool, dict) else tool.name for tool in tools])
        self.read[:] = [r.content for m in messages if m.type == "FunctionExecutionResultMessage" for r in m.content]
        calls = next(self.turns, None)
        if not calls:
            return CreateResult(finish_reason="stop", content="done", usage=USAGE, cached=False)
        made = []
        for name, arguments in calls:
            self._number += 1
            made.append(FunctionCall(id=f"c{self._number}", name=name, arguments=json.dumps(arguments)))
        return CreateResult(finish_reason="function_calls", content=made, usage=USAGE, cached=False)

    def create_stream(self, *_, **__):
        raise AssertionError("the scripted model does not stream")

    async def close(self): ...
    def actual_usage(self):
        return USAGE

    total_usage = actual_usage

    def count_tokens(self, *_, **__):
        return 0

    remaining_tokens = count_tokens

    @property
    def capabilities(self):
        return self.model_info

    @property
    def model_info(self):
        return {
            "vision": False,
            "function_calling": True,
            "json_output": False,
            "family": ModelFamily.UNKNOWN,
            "structured_output": False,
        }


def run(script, workbench):
    model = Scripted(script)
    asyncio.run(AssistantAgent("worker", model_client=model, workbench=workbench, max_tool_iterations=9).run(task="go"))
    return model


class Modelled(BaseTool):
    """A tool that reads its arguments by a model, with all that a `FunctionTool` cannot say of them."""

    def __init__(self, function):
        hints = typing.get_type_hints(function, include_extras=True)
        del hints["return"]
        super().__init__(create_model("Arguments", **hints), str, function.__name__, function.__name__)
        self._function = function

    async def run(self, args, cancellation_token):
        return self._function(**{name: getattr(args, name) for name in type(args).model_fields})


@pytest.fixture
def calling():
    def calling(functions, script):
        run(script, guard([Modelled(each) for each in functions]))

    return calling


@pytest.fixture
def framework(ran):
    def framework(script, *, is_async=False, guarded=True, shown=None):
        tools = [FunctionTool(each, description=each.__name__) for each in tools_of(ran)]
        model = run(script, guard(tools) if guarded else StaticWorkbench(tools))
        if shown is not None:
            shown += model.shown
        return model.read

    return framework


def test_the_model_is_shown_the_tools_it_may_call_and_no_others(framework, agent):
    shown = []
    framework([[GOOD]], shown=shown)
    assert all(each == ["read_file", "boom"] for each in shown) and shown


def test_whatever_breaks_in_the_glue_the_tool_does_not_run(framework, agent, ran, monkeypatch):
    for part in ("authorize", "current_agent", "acting", "refusal", "defaulted", "permitted"):
        with monkeypatch.context() as patch, contextlib.suppress(Exception):
            patch.setattr(f"libagentid.integrations.autogen.{part}", raising(Broken("hook")))
            framework([[BAD if part == "refusal" else GOOD]])
    assert ran == []


def test_a_named_workbench_is_that_of_a_narrower_agent(start, acme, ran):
    agent = start("read_file(path under '/data'); send_mail(to: *, body: *)")
    run([[GOOD], [BAD]], guard([FunctionTool(tools_of(ran)[0], description="reads")], "reader"))
    assert ran == ["/data/a"]
    [child] = acme.agents(parent=agent)
    assert "/reader/" in child.id


def test_an_agent_that_is_guarded_has_no_workbench_that_was_forgotten(agent, ran):
    read, mail, boom = tools_of(ran)
    other = StaticWorkbench([FunctionTool(mail, description="mails")])
    for how in ({"tools": [read, mail, boom]}, {"workbench": [guard([FunctionTool(read, description="reads")]), other]}):
        model = Scripted([[GOOD], [BAD], [("send_mail", {"to": "eve", "body": ""})]])
        worker = AssistantAgent("worker", model_client=model, max_tool_iterations=9, **how)
        assert guard_agent(worker) is worker
        asyncio.run(worker.run(task="go"))
        assert "send_mail" not in model.shown[0]
    assert ran == ["/data/a"] * 2
    with pytest.raises(TypeError, match="an AssistantAgent, not StaticWorkbench"):
        guard_agent(other)


def test_a_guarded_workbench_is_not_written_to_a_file(ran):
    with pytest.raises(NotGuarded):
        guard([]).dump_component()


def read_file(path: str) -> str:
    """Not a tool yet."""
    return path


@pytest.mark.parametrize(
    "tools, said",
    [([read_file], r"\[0\] is of the type function"), ("read_file", r"\[0\] is of the type str"), (read_file, "not function")],
)
def test_what_is_not_a_list_of_tools_is_named(tools, said):
    with pytest.raises(TypeError, match=f"a list of tools.*{said}"):
        guard(tools)
    with pytest.raises(TypeError, match="name is a text, the sub-agent's, not int"):
        guard([], 5)


def test_what_the_model_reads_of_a_call_outside_of_any_agent_says_what_to_do(ran, caplog):
    tools = [FunctionTool(each, description="x") for each in tools_of(ran)]
    answer = asyncio.run(guard(tools).call_tool("read_file", {"path": "/data/a"}))
    assert "no agent here: call this inside a `with` block" in answer.to_text() and ran == []
    assert "LookupError" in caplog.text


def test_what_a_tool_gets_that_has_no_form_in_json_is_left_to_it_where_the_scope_says_so(calling, own_world, ran):
    def read_file(path: str, word: SecretStr, lines: dict[int, str], most: float) -> str:
        """Reads a file."""
        ran.append((path, word.get_secret_value(), lines, most))
        return "text"

    given = {"path": "/data/a", "word": "x", "lines": {"1": "one"}, "most": float("inf")}
    _, agent, _ = own_world("read_file(path under '/data', *: *)")
    with agent:
        calling([read_file], [[("read_file", given)], [("read_file", {**given, "path": "/etc"})]])
    assert ran == [("/data/a", "x", {1: "one"}, float("inf"))]
