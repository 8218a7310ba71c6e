"""LlamaIndex: each tool call of an agent workflow is decided; an agent that is handed over to is a narrower agent.

    workflow = guard(AgentWorkflow(agents=[researcher, writer], root_agent="researcher"))
    with acme.agent("researcher", principal=..., task=..., scope=...):
        await workflow.run(user_msg="...")

docs/integrations.md says what holds in every framework.
"""

from __future__ import annotations

from typing import Any

from .._current import current_agent
from .._errors import Denied
from ..tools import NotGuarded, SubAgents, acting, authorize, defaulted, permitted, refusal
from . import needs

VERSION = needs("llama-index-core", "0.14.10", "llama-index")

from llama_index.core.agent.workflow import AgentWorkflow, BaseWorkflowAgent, CodeActAgent  # noqa: E402
from llama_index.core.agent.workflow.multi_agent_workflow import handoff  # noqa: E402
from llama_index.core.tools import ToolOutput  # noqa: E402

try:
    from workflows.runtime.types.results import WaitingForEvent as _Pause
except ImportError:  # versions that do not run a step again
    _Pause = ()


def _name(tool: Any) -> str:
    return tool.metadata.get_name()


def _hands_over(tool: Any) -> bool:
    """Whether it is LlamaIndex's own handoff. It gives no authority: the agent it goes to has its own, narrower one."""
    return getattr(tool, "real_fn", None) is handoff


def guard(workflow: Any) -> Any:
    """Has the tool calls of an `AgentWorkflow`, or of one agent, decided as the current agent; returns it.

    Of a workflow, the agents but the first are sub-agents with what the current agent may do of their tools. Each model is shown
    the tools that its agent may call. An agent that writes code and runs it raises `NotGuarded`.
    """
    if not isinstance(workflow, AgentWorkflow | BaseWorkflowAgent):
        raise TypeError(f"{type(workflow).__name__} is neither an AgentWorkflow nor an agent of one")
    agents: dict[str, Any] = getattr(workflow, "agents", None) or {workflow.name: workflow}
    if code := [name for name, agent in agents.items() if isinstance(agent, CodeActAgent)]:
        raise NotGuarded(f"{', '.join(code)} runs code that a model writes, which nothing guards")
    first: Any = getattr(workflow, "root_agent", None)
    below, run = SubAgents(), workflow._call_tool

    def acts_as(acts: Any) -> Any:
        if acts == first:
            return current_agent()
        own = [each.metadata.get_name() if hasattr(each, "metadata") else each.__name__ for each in agents[acts].tools or []]
        return below.agent(acts, acts, own)

    def shows(name: str, agent: Any) -> None:
        step = agent.take_step

        async def shown(ctx: Any, llm_input: Any, tools: Any, memory: Any) -> Any:
            kept = permitted(tools, _name, agent=acts_as(name if first is not None else None))
            handoffs = [tool for tool in tools if first is not None and _hands_over(tool) and tool not in kept]
            return await step(ctx, llm_input, [*kept, *handoffs], memory)

        object.__setattr__(agent, "take_step", shown)

    async def decided(ctx: Any, tool: Any, tool_input: dict[str, Any]) -> Any:
        name = tool.metadata.get_name()
        acts: Any = await ctx.store.get("current_agent_name", default=first) if first is not None else None
        if first is not None and _hands_over(tool):
            return await run(ctx, tool, tool_input)
        with acting(acts_as(acts)):
            try:
                call = authorize(name, defaulted(tool_input, tool.metadata.get_parameters_dict()))
            except Denied as denied:
                said = refusal(denied)
                return ToolOutput(content=said, tool_name=name, raw_input={}, raw_output=said, is_error=True)
            call.pauses = _Pause
            with call:
                return call.answered(await run(ctx, tool, tool_input), lambda output: output.is_error)

    for name, agent in agents.items():
        shows(name, agent)
    object.__setattr__(workflow, "_call_tool", decided)
    return workflow
