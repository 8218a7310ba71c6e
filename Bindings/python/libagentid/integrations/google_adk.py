"""Google ADK: a plugin that decides each tool call of every agent of a runner; an agent below the first one is a narrower agent.

    runner = Runner(app=App(name="app", root_agent=agent, plugins=[Guarded()]), session_service=...)
    with acme.agent("researcher", principal=..., task=..., scope=...):
        async for event in runner.run_async(...): ...

docs/integrations.md says what holds in every framework.
"""

from __future__ import annotations

from typing import Any

from .._current import current_agent
from .._errors import Denied
from ..tools import Call, NotGuarded, SubAgents, acting, authorize, permitted, plain, refusal
from . import needs

VERSION = needs("google-adk", "1.7", "google-adk")

from google.adk.plugins.base_plugin import BasePlugin  # noqa: E402
from google.adk.tools.transfer_to_agent_tool import transfer_to_agent  # noqa: E402

try:
    from google.adk.tools.set_model_response_tool import SetModelResponseTool as _Answer
except ImportError:  # versions that have no structured answer beside tools
    _Answer = None


class Guarded(BasePlugin):
    """Decides each call as the current agent, and shows the model the tools that this agent may call. Put it last.

    A tool that runs at the provider, and an agent with a code executor, raise `NotGuarded`.
    """

    def __init__(self, name: str = "agentid") -> None:
        super().__init__(name)
        self._below, self._calls, self._tools = SubAgents(), dict[str, Call](), dict[str, tuple[str, ...]]()

    def _agent(self, context: Any) -> Any:
        agent = context._invocation_context.agent
        root = getattr(agent, "root_agent", agent)
        if agent is root:
            return current_agent()
        return self._below.agent(agent.name, agent.name, self._tools.get(agent.name, ()))

    async def before_agent_callback(self, *, agent: Any, callback_context: Any) -> None:
        if getattr(agent, "code_executor", None) is not None:
            raise NotGuarded(f"{agent.name} runs code that a model writes, which nothing guards: leave out its code_executor")

    async def before_model_callback(self, *, callback_context: Any, llm_request: Any) -> None:
        tools, kept = llm_request.tools_dict, []
        self._tools[callback_context._invocation_context.agent.name] = tuple(tools)
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
        try:
            with acting(self._agent(tool_context)):
                call = authorize(tool.name, _defaulted(tool, tool_args))
        except Denied as denied:
            return {"error": refusal(denied)}
        self._calls[self._key(tool_context)] = call
        return None

    async def after_tool_callback(self, *, tool: Any, tool_args: Any, tool_context: Any, result: Any) -> None:
        if call := self._calls.pop(self._key(tool_context), None):
            call.answered(result, lambda result: isinstance(result, dict) and "error" in result)
            call.done()

    async def on_tool_error_callback(self, *, tool: Any, tool_args: Any, tool_context: Any, error: Exception) -> None:
        if call := self._calls.pop(self._key(tool_context), None):
            call.failed(error)

    def _key(self, context: Any) -> str:
        return f"{context.invocation_id}/{context.function_call_id}"


def _is_adks(tool: Any) -> bool:
    """Whether ADK itself made it, and it does nothing: a transfer, to an agent with its own narrower authority, or the answer."""
    return getattr(tool, "func", None) is transfer_to_agent or (_Answer is not None and type(tool) is _Answer)


def _defaulted(tool: Any, given: dict[str, Any]) -> dict[str, Any]:
    """The arguments, with the defaults of the tool's function: what it will see."""
    import inspect

    arguments = {name: plain(value) for name, value in given.items()}
    if function := getattr(tool, "func", None):
        for name, parameter in inspect.signature(function).parameters.items():
            if name not in arguments and parameter.default not in (inspect.Parameter.empty, None):
                arguments[name] = plain(parameter.default)
    return arguments
