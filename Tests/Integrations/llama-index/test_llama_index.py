"""Guarded LlamaIndex agents and workflows, with a scripted model. Their runs are asynchronous only: both ways are the same here."""

import asyncio
import contextlib

import pytest
from conftest import Broken, raising
from contract import *
from contract import BAD, GOOD, tools_of
from libagentid.integrations.llama_index import guard
from libagentid.tools import NotGuarded
from llama_index.core.agent.workflow import AgentWorkflow, CodeActAgent, FunctionAgent, ReActAgent
from llama_index.core.base.llms.types import ChatMessage, ToolCallBlock
from llama_index.core.llms.mock import MockFunctionCallingLLM
from llama_index.core.tools import FunctionTool
from llama_index.core.workflow import Context, HumanResponseEvent, InputRequiredEvent
from nested import *


def scripted(script, read):
    turns, number = iter(script), iter(range(1000))

    def answer(messages, **_):
        read[:] = [str(m.content) for m in messages if m.role.value == "tool"]
        calls = next(turns, None)
        if not calls:
            return ChatMessage(role="assistant", content="done")
        blocks = [ToolCallBlock(tool_call_id=f"c{next(number)}", tool_name=n, tool_kwargs=a) for n, a in calls]
        return ChatMessage(role="assistant", blocks=blocks)

    return Model(answer)


class Model(MockFunctionCallingLLM):
    def __init__(self, answer):
        super().__init__()
        object.__setattr__(self, "answer", answer)
        object.__setattr__(self, "shown", [])

    async def astream_chat_with_tools(self, tools, user_msg=None, chat_history=None, **_):
        from llama_index.core.base.llms.types import ChatResponse

        self.shown.append([tool.metadata.get_name() for tool in tools])
        message = self.answer(chat_history or [])

        async def stream():
            yield ChatResponse(message=message)

        return stream()

    async def achat_with_tools(self, tools, user_msg=None, chat_history=None, **_):
        from llama_index.core.base.llms.types import ChatResponse

        return ChatResponse(message=self.answer(chat_history or []))

    def get_tool_calls_from_response(self, response, error_on_no_tool_call=False, **_):
        from llama_index.core.llms.llm import ToolSelection

        found = [b for b in response.message.blocks if isinstance(b, ToolCallBlock)]
        return [ToolSelection(tool_id=b.tool_call_id, tool_name=b.tool_name, tool_kwargs=b.tool_kwargs) for b in found]


def run(workflow):
    async def main():
        return await workflow.run(user_msg="go")

    return asyncio.run(main())


@pytest.fixture
def calling():
    def calling(functions, script):
        tools = [FunctionTool.from_defaults(each) for each in functions]
        run(guard(FunctionAgent(name="worker", tools=tools, llm=scripted(script, []))))

    calling.without = ["an argument that the tool reads as another", "a default that is made anew"]
    return calling


@pytest.fixture(params=["agent", "workflow"])
def framework(ran, request):
    def framework(script, *, is_async=False, guarded=True):
        read = []
        tools = tools_of(ran)
        if is_async:

            async def read_file(path: str) -> str:
                """Reads a file."""
                return tools_of(ran)[0](path)

            tools[0] = read_file
        made = FunctionAgent(
            name="worker", llm=scripted(script, read), tools=[FunctionTool.from_defaults(each) for each in tools]
        )
        if is_async:
            made.tools[0] = FunctionTool.from_defaults(async_fn=tools[0])
        if request.param == "workflow":
            made = AgentWorkflow(agents=[made], root_agent="worker")
        run(guard(made) if guarded else made)
        return read

    framework.answered = ["failed: the tool says so"]
    return framework


def test_whatever_breaks_in_the_glue_the_tool_does_not_run(framework, agent, ran, monkeypatch):
    for part in ("authorize", "current_agent", "acting", "refusal", "defaulted"):
        with monkeypatch.context() as patch, contextlib.suppress(Exception):
            patch.setattr(f"libagentid.integrations.llama_index.{part}", raising(Broken("hook")))
            framework([[BAD if part == "refusal" else GOOD]])
    assert ran == []


def test_at_a_handoff_authority_narrows(start, acme, ran):
    agent = start("read_file(path under '/data'); send_mail(to: *, body: *)")
    read, mail, _ = tools_of(ran)
    reader = FunctionAgent(name="reader", description="reads", llm=scripted([[GOOD], [BAD]], []), tools=[read])
    hand = [[("handoff", {"to_agent": "reader", "reason": "x"})]]
    triage = FunctionAgent(name="triage", description="asks", llm=scripted(hand, []), tools=[mail], can_handoff_to=["reader"])
    run(guard(AgentWorkflow(agents=[triage, reader], root_agent="triage")))
    assert ran == ["/data/a"]
    [child] = acme.agents(parent=agent)
    assert "/reader/" in child.id


def test_an_agent_that_runs_code_is_an_error():
    with pytest.raises(NotGuarded, match="code"):
        guard(CodeActAgent(name="coder", llm=scripted([], []), tools=[], code_execute_fn=lambda code: ""))
    with pytest.raises(TypeError):
        guard(object())
    assert guard(ReActAgent(name="reacts", llm=scripted([], []), tools=[]))


@pytest.mark.parametrize("is_workflow", [False, True], ids=["agent", "workflow"])
def test_the_model_is_shown_the_tools_it_may_call_and_no_others(agent, ran, is_workflow):
    model = scripted([[GOOD]], [])
    tools = [FunctionTool.from_defaults(each) for each in tools_of(ran)]
    made = FunctionAgent(name="worker", description="works", llm=model, tools=tools)
    other = FunctionAgent(name="other", description="other", llm=model, tools=tools[:1])
    run(guard(AgentWorkflow(agents=[made, other], root_agent="worker") if is_workflow else made))
    assert model.shown == [["read_file", "boom", *(["handoff"] if is_workflow else [])]] * 2
    assert ran == ["/data/a"]


def test_a_tool_of_ones_own_with_the_name_of_a_handoff_is_decided(agent, ran):
    def handoff(to_agent: str) -> str:
        """Not the framework's."""
        ran.append(to_agent)
        return "sent"

    hand = [[("handoff", {"to_agent": "eve"})]]
    worker = FunctionAgent(name="worker", llm=scripted(hand, []), tools=[FunctionTool.from_defaults(tools_of(ran)[0])])
    worker.tools.append(FunctionTool.from_defaults(handoff))  # where the name is not checked
    run(guard(AgentWorkflow(agents=[worker], root_agent="worker")))
    assert ran == []


def test_a_tool_that_waits_for_somebody_pauses_its_call_and_is_decided_anew(agent, ran, outcomes, left_open):
    async def read_file(ctx: Context, path: str) -> str:
        """Reads a file, if somebody says so."""
        await ctx.wait_for_event(HumanResponseEvent, waiter_event=InputRequiredEvent(prefix="may I?"), waiter_id="may")
        ran.append(path)
        return f"text of {path}"

    async def main():
        made = FunctionAgent(name="worker", llm=scripted([[GOOD]], []), tools=[FunctionTool.from_defaults(async_fn=read_file)])
        running = guard(AgentWorkflow(agents=[made], root_agent="worker")).run(user_msg="go")
        async for event in running.stream_events():
            if isinstance(event, InputRequiredEvent):
                assert ran == []
                running.ctx.send_event(HumanResponseEvent(response="yes"))
        await running

    asyncio.run(main())
    assert ran == ["/data/a"] and left_open(agent) == []
    assert outcomes(agent) == ["paused", "succeeded"]
