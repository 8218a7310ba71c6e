"""Google ADK: a plugin that decides each tool call of every agent of a runner; an agent below the first one is a narrower agent,
and so is one that is a tool.

    runner = Runner(app=App(name="app", root_agent=agent, plugins=[Guarded()]), session_service=...)
    with acme.agent("researcher", principal=..., task=..., scope=...):
        async for event in runner.run_async(...): ...

docs/integrations.md says what holds in every framework.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from functools import partial
from typing import Any

from .._current import current_agent
from .._errors import Denied
from ..tools import Call, NotGuarded, SubAgents, acting, authorize, permitted, plain, refusal
from ..tools._defaults import with_unknown
from ..tools._recent import Recent
from ..tools._values import readable
from . import needs
from ._held import Holds, paused, runs

VERSION = needs("google-adk", "2.9", "google-adk")

from google.adk.plugins.base_plugin import BasePlugin  # noqa: E402
from google.adk.tools.agent_tool import AgentTool  # noqa: E402
from google.adk.tools.example_tool import ExampleTool  # noqa: E402
from google.adk.tools.preload_memory_tool import PreloadMemoryTool  # noqa: E402
from google.adk.tools.set_model_response_tool import SetModelResponseTool  # noqa: E402
from google.adk.tools.transfer_to_agent_tool import transfer_to_agent  # noqa: E402

_AT_HOME = (ExampleTool, PreloadMemoryTool)  # they write into the prompt: no model calls them

# The agent that a tool, which is an agent itself, runs below.
_above: ContextVar[Any] = ContextVar("agentid.google_adk", default=None)


class Guarded(BasePlugin):
    """Decides each call as the current agent, and shows the model the tools that this agent may call. A call is decided as its
    tool begins to run, whatever plugins and callbacks do before.

    A tool that runs at the provider, an agent with a code executor, and one that is a tool without plugins raise `NotGuarded`.
    """

    def __init__(self, name: str = "agentid") -> None:
        if not (isinstance(name, str) and name):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"name is the plugin's, a text, not {name!r:.40}: the guard finds the current agent by itself")
        super().__init__(name)
        self._below = SubAgents()
        self._tools = Recent["tuple[str, str]", "tuple[str, ...]"]()  # of an agent in one run: another run's may differ

    def _agent(self, context: Any) -> Any:
        agent, above = context._invocation_context.agent, _above.get()
        if above is None and agent is getattr(agent, "root_agent", agent):
            return current_agent()
        with acting(above or current_agent()):
            return self._below.agent(agent.name, agent.name, self._tools.get((context.invocation_id, agent.name)) or ())

    def _has(self, context: Any, tools: Iterable[str]) -> None:
        self._tools.put((context.invocation_id, context._invocation_context.agent.name), tuple(tools))

    async def before_agent_callback(self, *, agent: Any, callback_context: Any) -> None:
        if getattr(agent, "code_executor", None) is not None:
            raise NotGuarded(f"{agent.name} runs code that a model writes, which nothing guards: leave out its code_executor")
        if callback_context._invocation_context.live_request_queue is None or not hasattr(agent, "canonical_tools"):
            return
        # A live run is connected to its model before any hook is shown the tools.
        for tool in await agent.canonical_tools(callback_context):
            if tool._get_declaration() is None and not isinstance(tool, _AT_HOME):
                raise NotGuarded(f"a tool runs at the model's provider, where nothing guards it: {tool.name}")

    async def before_model_callback(self, *, callback_context: Any, llm_request: Any) -> None:
        tools, kept = llm_request.tools_dict, []
        self._has(callback_context, tools)
        shown = {*permitted(tools, str, agent=self._agent(callback_context)), *[name for name in tools if _is_adks(tools[name])]}
        for tool in llm_request.config.tools or []:
            if not getattr(tool, "function_declarations", None):
                raise NotGuarded(f"a tool runs at the model's provider, where nothing guards it: {tool!r:.200}")
            tool.function_declarations = [each for each in tool.function_declarations if each.name in shown]
            if tool.function_declarations:
                kept.append(tool)
        llm_request.config.tools = kept or None

    async def before_tool_callback(self, *, tool: Any, tool_args: dict[str, Any], tool_context: Any) -> dict[str, Any] | None:
        if _is_adks(tool):
            return None
        if isinstance(tool, AgentTool) and not getattr(tool, "include_plugins", True):
            raise NotGuarded(f"the tool {tool.name} is an agent that nothing guards: AgentTool(..., include_plugins=True)")
        agent = tool_context._invocation_context.agent
        if self._tools.get((tool_context.invocation_id, agent.name)) is None and hasattr(agent, "canonical_tools"):
            self._has(tool_context, [each.name for each in await agent.canonical_tools(tool_context)])  # it goes on after a pause
        if tool.name == "stop_streaming" and tool_context._invocation_context.live_request_queue is not None:
            try:  # in a live run ADK does that itself, and the tool does not run
                self._decided(tool, tool_args, tool_context)[0].done("begun")
            except Denied as denied:
                return {"error": refusal(denied)}
        _hold(tool)
        return None

    def _decided(self, tool: Any, args: dict[str, Any], context: Any) -> tuple[Call, Any]:
        with acting(self._agent(context)) as acts:
            return authorize(tool.name, _defaulted(tool, args)), acts

    async def run(self, tool: Any, args: dict[str, Any], context: Any, run: Callable[[], Any]) -> Any:
        """Decides a call of a tool, and runs it; a denial is its result."""
        try:
            call, acts = self._decided(tool, args, context)
        except Denied as denied:
            return {"error": refusal(denied)}
        above = _above.set(acts)
        try:
            return await runs(call, run, partial(_told, call, context.actions))
        finally:
            _above.reset(above)

    async def after_run_callback(self, *, invocation_context: Any) -> None:
        self._tools.forget(lambda key: key[0] == invocation_context.invocation_id)


def _told(call: Call, actions: Any, result: Any) -> None:
    if getattr(actions, "requested_tool_confirmations", None) or actions.requested_auth_configs:
        paused(call)
    call.answered(result, lambda result: isinstance(result, dict) and "error" in result)


def _around(kind: Any) -> Any:
    async def run_async(self: Any, *, args: dict[str, Any], tool_context: Any) -> Any:
        run = partial(kind.run_async, self, args=args, tool_context=tool_context)
        guard = _guard_of(tool_context)
        return await (run() if guard is None else guard.run(self, args, tool_context, run))

    return run_async


def _around_live(kind: Any) -> Any:
    async def _call_live(self: Any, *, args: dict[str, Any], tool_context: Any, **more: Any) -> Any:
        run = partial(kind._call_live, self, args=args, tool_context=tool_context, **more)
        guard = _guard_of(tool_context)
        result = run() if guard is None else await guard.run(self, args, tool_context, run)
        if isinstance(result, dict):
            yield result
            return
        async for item in result:
            yield item

    return _call_live


def _guard_of(context: Any) -> Guarded | None:
    return next((each for each in context._invocation_context.plugin_manager.plugins if isinstance(each, Guarded)), None)


_hold = Holds(run_async=_around, _call_live=_around_live)


def _is_adks(tool: Any) -> bool:
    """Whether ADK itself made it, and it does nothing: a transfer, to an agent with its own narrower authority, or the answer."""
    return getattr(tool, "func", None) is transfer_to_agent or type(tool) is SetModelResponseTool


def _defaulted(tool: Any, given: dict[str, Any]) -> dict[str, Any]:
    """The arguments, with the defaults of the tool's function: what it will see."""
    arguments = {name: plain(value) for name, value in given.items()}
    if function := getattr(tool, "func", None):
        for name, parameter in inspect.signature(function).parameters.items():
            if name not in arguments and parameter.default not in (inspect.Parameter.empty, None):
                arguments[name] = readable(parameter.default)
    return with_unknown(arguments)
