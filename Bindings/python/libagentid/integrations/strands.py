"""Strands Agents: a hook that decides each tool call.

    agent = Agent(model=model, tools=[...], hooks=[Guarded()])
    with acme.agent("researcher", principal=..., task=..., scope=...):
        agent("...")

docs/integrations.md says what holds in every framework.
"""

from __future__ import annotations

import math
from typing import Any

from .._current import current_agent
from .._errors import Denied
from ..tools import Call, SubAgents, acting, authorize, defaulted, permitted, refusal
from . import named, needs

VERSION = needs("strands-agents", "1.10", "strands")

from strands.hooks import AfterToolCallEvent, AgentInitializedEvent, BeforeToolCallEvent, HookProvider, HookRegistry  # noqa: E402

try:
    from strands.tools.structured_output.structured_output_tool import StructuredOutputTool as _Answer
except ImportError:  # versions that ask for a structured answer in another way
    _Answer = None


def _is_answer(tool: Any) -> bool:
    """Whether Strands itself made it of a `structured_output_model`: it keeps the answer, and does nothing."""
    return _Answer is not None and type(tool) is _Answer


class Guarded(HookProvider):
    """Decides each call as the current agent; with `name`, as a sub-agent with what that may do of this agent's tools.

    The model is shown the tools that this agent may call.
    It is the last of the hooks, whatever the order they are given in, so that what it decides is what runs.
    """

    def __init__(self, name: str | None = None) -> None:
        named(name)
        self._name, self._below, self._calls = name, SubAgents(), dict[int, Call]()

    def register_hooks(self, registry: HookRegistry, **_: Any) -> None:
        registry.add_callback(AgentInitializedEvent, self._initialized)
        try:
            registry.add_callback(BeforeToolCallEvent, self._before, order=math.inf)
        except TypeError:  # versions in which hooks run as they were added: put it last
            registry.add_callback(BeforeToolCallEvent, self._before)
        registry.add_callback(AfterToolCallEvent, self._after)

    def _acts_as(self, agent: Any) -> Any:
        return current_agent() if self._name is None else self._below.agent(self._name, self._name, agent.tool_names)

    def _initialized(self, event: Any) -> None:
        registry, agent = event.agent.tool_registry, event.agent
        specs = registry.get_all_tool_specs

        def shown() -> list[Any]:
            every = specs()
            kept = permitted(every, lambda spec: spec["name"], agent=self._acts_as(agent))
            return [spec for spec in every if spec in kept or _is_answer(registry.dynamic_tools.get(spec["name"]))]

        registry.get_all_tool_specs = shown

    def _before(self, event: Any) -> None:
        event.cancel_tool = "The guard has not decided: the tool has not run."
        tool, use = event.selected_tool, event.tool_use
        if _is_answer(tool):
            event.cancel_tool = False
            return
        agent = self._acts_as(event.agent)
        schema = tool.tool_spec["inputSchema"].get("json") if tool is not None else None
        try:
            with acting(agent):
                self._calls[id(use)] = authorize(use["name"], defaulted(use["input"], schema))
        except Denied as denied:
            event.cancel_tool = refusal(denied)
            return
        event.cancel_tool = False

    def _after(self, event: Any) -> None:
        call = self._calls.pop(id(event.tool_use), None)
        if call is None:
            return
        error = getattr(event, "exception", None)
        if error is not None:
            call.failed(error)
        call.answered(event.result, lambda result: result.get("status") == "error")
        call.done()
