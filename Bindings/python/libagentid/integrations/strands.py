"""Strands Agents: a hook that decides each tool call.

    agent = Agent(model=model, tools=[...], hooks=[Guarded()])
    with acme.agent("researcher", principal=..., task=..., scope=...):
        agent("...")

docs/integrations.md says what holds in every framework.
"""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Callable
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

from .._current import current_agent
from .._errors import Denied
from ..tools import NotGuarded, SubAgents, acting, authorize, defaulted, permitted, refusal
from . import named, needs
from ._held import Holds, paused, steps

VERSION = needs("strands-agents", "1.43", "strands")

from strands.hooks import AgentInitializedEvent, BeforeToolCallEvent, HookProvider, HookRegistry  # noqa: E402
from strands.types._events import ToolResultEvent  # noqa: E402

try:
    from strands.interrupt import InterruptException as _Pause
except ImportError:  # versions that do not pause
    _Pause = ()

try:
    from strands.tools.structured_output.structured_output_tool import StructuredOutputTool as _Answer
except ImportError:  # versions that ask for a structured answer in another way
    _Answer = None


def _is_answer(tool: Any) -> bool:
    """Whether Strands itself made it of a `structured_output_model`: it keeps the answer, and does nothing."""
    return _Answer is not None and type(tool) is _Answer


def _says_it_failed(result: Any) -> bool:
    return isinstance(result, dict) and result.get("status") == "error"


class Guarded(HookProvider):
    """Decides each call as the current agent; with `name`, as a sub-agent with what that may do of this agent's tools.

    The model is shown the tools that this agent may call. A call is decided as its tool begins to run, by the name of that tool
    and by what it is given: whatever hooks and middleware do before. One that they have run again is decided again.
    """

    def __init__(self, name: str | None = None) -> None:
        named(name)
        self._name, self._below = name, SubAgents()

    def register_hooks(self, registry: HookRegistry, **_: Any) -> None:
        registry.add_callback(AgentInitializedEvent, self._initialized)
        registry.add_callback(BeforeToolCallEvent, self._before, order=math.inf)

    def _acts_as(self, agent: Any) -> Any:
        return current_agent() if self._name is None else self._below.agent(self._name, self._name, agent.tool_names)

    def _has(self, agent: Any) -> None:
        if _guards.setdefault(agent, self) is not self:
            raise NotGuarded("this agent has two guards: hooks=[Guarded()]")

    def _initialized(self, event: Any) -> None:
        registry, agent = event.agent.tool_registry, event.agent
        specs, middleware = registry.get_all_tool_specs, getattr(agent, "_middleware_registry", None)
        self._has(agent)

        def shown() -> list[Any]:
            every = specs()
            kept = permitted(every, lambda spec: spec["name"], agent=self._acts_as(agent))
            return [spec for spec in every if spec in kept or _is_answer(registry.dynamic_tools.get(spec["name"]))]

        registry.get_all_tool_specs = shown
        if middleware is not None:
            middleware.invoke = _holding(middleware.invoke)

    def _before(self, event: Any) -> None:
        event.cancel_tool = "The guard could not be put around the tool: it has not run."
        self._has(event.agent)
        _hold_for(event.agent, event.selected_tool, event.invocation_state)
        event.cancel_tool = False

    async def run(self, agent: Any, tool: Any, use: Any, stream: Callable[[], Any]) -> AsyncGenerator[Any, None]:
        """Decides a call of a tool, and runs it."""
        try:
            with acting(self._acts_as(agent)):
                call = authorize(tool.tool_name, defaulted(use["input"], tool.tool_spec["inputSchema"].get("json")))
        except Denied as denied:
            said = {"toolUseId": use["toolUseId"], "status": "error", "content": [{"text": refusal(denied)}]}
            yield ToolResultEvent(said)  # pyright: ignore[reportArgumentType]
            return
        call.pauses = _Pause

        def told(event: Any) -> None:
            if type(event).__name__ == "ToolInterruptEvent":
                paused(call)
            if error := getattr(event, "exception", None):
                call.failed(error)
            call.answered(getattr(event, "tool_result", event), _says_it_failed)
            if isinstance(event, ToolResultEvent):  # Strands asks for nothing more
                call.done()

        async for event in steps(call, stream(), told):
            yield event


_guards: WeakKeyDictionary[Any, Guarded] = WeakKeyDictionary()


def _around(kind: Any) -> Any:
    async def stream(self: Any, tool_use: Any, invocation_state: Any, **more: Any) -> Any:
        agent: Any = invocation_state.get("agent")
        guard, run = _guards.get(agent), partial(kind.stream, self, tool_use, invocation_state, **more)
        async for event in run() if guard is None else guard.run(agent, self, tool_use, run):
            yield event

    return stream


_hold = Holds(stream=_around)


def _hold_for(agent: Any, tool: Any, state: dict[str, Any]) -> None:
    """Holds a tool that an agent with a guard runs next."""
    if tool is not None and not _is_answer(tool):
        _hold(tool)
    state["agent"] = agent


def _holding(invoke: Any) -> Any:
    """Holds the tool also where middleware, which runs after all hooks, has put another one in its place."""

    def invokes(stage: Any, context: Any, terminal: Any) -> Any:
        def last(changed: Any) -> Any:
            if hasattr(changed, "tool"):
                _hold_for(context.agent, changed.tool, changed.invocation_state)
            return terminal(changed)

        return invoke(stage, context, last)

    return invokes
