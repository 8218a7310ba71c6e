"""Guarded agents of Google's ADK, with a scripted model."""

import asyncio
import contextlib

import pytest
from conftest import Broken, raising
from contract import *
from contract import BAD, GOOD, tools_of
from google.adk.agents import LlmAgent
from google.adk.models import BaseLlm, LlmResponse
from google.adk.runners import InMemoryRunner
from google.adk.tools import google_search
from google.genai import types
from libagentid.integrations.google_adk import Guarded
from libagentid.tools import NotGuarded

SHOWN = []


class Scripted(BaseLlm):
    script: list
    read: list = []

    async def generate_content_async(self, llm_request, stream=False):
        SHOWN.append([d.name for tool in llm_request.config.tools or [] for d in tool.function_declarations])
        said = [p.function_response.response for c in llm_request.contents for p in c.parts or [] if p.function_response]
        self.read[:] = [str(each) for each in said]
        calls = self.script.pop(0) if self.script else None
        parts = [types.Part.from_function_call(name=n, args=a) for n, a in calls] if calls else [types.Part(text="done")]
        yield LlmResponse(content=types.Content(role="model", parts=parts))


def run(agent, plugins):
    async def main():
        runner = InMemoryRunner(agent, app_name="app", plugins=plugins)
        session = await runner.session_service.create_session(app_name="app", user_id="u")
        message = types.Content(role="user", parts=[types.Part(text="go")])
        async for _ in runner.run_async(user_id="u", session_id=session.id, new_message=message):
            pass

    asyncio.run(main())


@pytest.fixture
def framework(ran):
    SHOWN.clear()

    def framework(script, *, is_async=False, guarded=True):
        model = Scripted(model="scripted", script=list(script))
        tools = tools_of(ran)
        if is_async:

            async def read_file(path: str) -> str:
                """Reads a file."""
                return tools_of(ran)[0](path)

            tools[0] = read_file
        run(LlmAgent(name="worker", model=model, tools=tools), [Guarded()] if guarded else [])
        return model.read

    return framework


def test_the_model_is_shown_the_tools_it_may_call_and_no_others(framework, agent):
    framework([[GOOD]])
    assert SHOWN == [["read_file", "boom"]] * 2


@pytest.mark.parametrize("hook", ["before_tool_callback", "before_model_callback", "_agent"])
def test_whatever_breaks_in_the_frameworks_hook_the_tool_does_not_run(framework, agent, ran, monkeypatch, hook):
    monkeypatch.setattr(Guarded, hook, raising(Broken("hook")))
    with contextlib.suppress(Exception):
        framework([[GOOD]])
    assert ran == []


def test_at_a_transfer_authority_narrows(start, acme, ran):
    agent = start("read_file(path under '/data'); send_mail(to: *, body: *)")
    read, mail, _ = tools_of(ran)
    inner = Scripted(model="inner", script=[[GOOD], [BAD]])
    reader = LlmAgent(name="reader", model=inner, tools=[read])
    outer = Scripted(model="outer", script=[[("transfer_to_agent", {"agent_name": "reader"})]])
    run(LlmAgent(name="triage", model=outer, tools=[mail], sub_agents=[reader]), [Guarded()])
    assert ran == ["/data/a"]
    assert ["/reader/" in child.id for child in acme.agents(parent=agent)] == [True]


def test_a_tool_that_runs_at_the_provider_is_an_error(agent, ran):
    model = Scripted(model="gemini-2.5-flash", script=[[GOOD]])
    with pytest.raises((NotGuarded, RuntimeError), match="nothing guards"):
        run(LlmAgent(name="worker", model=model, tools=[google_search]), [Guarded()])


def test_a_tool_of_ones_own_with_the_name_of_a_transfer_is_decided(agent, ran):
    def transfer_to_agent(agent_name: str) -> str:
        """Not the framework's."""
        ran.append(agent_name)
        return "sent"

    model = Scripted(model="scripted", script=[[("transfer_to_agent", {"agent_name": "eve"})]])
    run(LlmAgent(name="worker", model=model, tools=[transfer_to_agent]), [Guarded()])
    assert ran == []


def test_code_that_a_model_writes_and_the_agent_runs_is_an_error(agent, ran, tmp_path):
    from google.adk.code_executors import UnsafeLocalCodeExecutor

    class Writes(BaseLlm):
        async def generate_content_async(self, llm_request, stream=False):
            text = f"```python\nopen({str(tmp_path / 'x')!r}, 'w')\n```" if len(llm_request.contents) < 2 else "done"
            yield LlmResponse(content=types.Content(role="model", parts=[types.Part(text=text)]))

    with pytest.raises((NotGuarded, RuntimeError), match="code_executor"):
        run(LlmAgent(name="worker", model=Writes(model="writes"), code_executor=UnsafeLocalCodeExecutor()), [Guarded()])
    assert not list(tmp_path.iterdir())


def test_a_structured_answer_beside_tools_is_no_tool_that_is_denied(agent, ran):
    from pydantic import BaseModel

    class Answer(BaseModel):
        text: str

    model = Scripted(model="scripted", script=[[GOOD], [("set_model_response", {"text": "hi"})]])
    run(LlmAgent(name="worker", model=model, tools=tools_of(ran), output_schema=Answer), [Guarded()])
    assert model.script == []
    assert sorted(SHOWN[-1]) == ["boom", "read_file", "set_model_response"]
    assert not any("Denied" in each for each in model.read)
