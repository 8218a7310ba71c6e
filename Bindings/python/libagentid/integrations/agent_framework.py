"""Microsoft Agent Framework: a function middleware that decides each tool call, and one that shows the model those it may make.

    agent = Agent(client=client, tools=[...], middleware=[Shown(), Guarded()])
    with acme.agent("researcher", principal=..., task=..., scope=...):
        await agent.run("...")

docs/integrations.md says what holds in every framework.
"""

from __future__ import annotations

from typing import Any

from .._current import current_agent
from .._errors import Denied
from ..tools import SubAgents, acting, authorize, defaulted, permitted, plain, refusal
from . import needs

VERSION = needs("agent-framework-core", "1.0", "agent-framework")

from agent_framework import ChatMiddleware, FunctionMiddleware, MiddlewareFailure  # noqa: E402  # pyright: ignore[reportAttributeAccessIssue]


class Shown(ChatMiddleware):  # pyright: ignore[reportGeneralTypeIssues]
    """Shows the model the tools that the current agent may call, beside a `Guarded()` without a name, which decides them.

    Tools without a name of their own, such as those that run at the model's provider, are not shown.
    """

    async def process(self, context: Any, call_next: Any) -> None:
        tools = (context.options or {}).get("tools")
        if tools:
            named: list[Any] = [tool for tool in tools if isinstance(getattr(tool, "name", None), str)]
            context.options = {**context.options, "tools": permitted(named, lambda tool: tool.name)}
        await call_next()


class Guarded(FunctionMiddleware):  # pyright: ignore[reportGeneralTypeIssues]
    """Decides each call as the current agent; with `name`, as a sub-agent with what that may do of the run's tools.

    Put it last, so that what it decides is what runs. What goes wrong in the guard ends the run.
    """

    def __init__(self, name: str | None = None) -> None:
        self._name, self._below = name, SubAgents()

    async def process(self, context: Any, call_next: Any) -> None:
        try:
            with acting(self._agent(context)):
                call = authorize(context.function.name, self._arguments(context))
        except Denied as denied:
            context.result = refusal(denied)
            return
        except Exception as error:
            raise MiddlewareFailure(f"the guard failed: {type(error).__name__}") from error  # pyright: ignore[reportCallIssue]
        with call:
            await call_next()

    def _agent(self, context: Any) -> Any:
        if self._name is None:
            return current_agent()
        tools = {context.function.name, *[tool.name for tool in context.tools or () if hasattr(tool, "name")]}
        return self._below.agent(self._name, self._name, tools)

    def _arguments(self, context: Any) -> dict[str, Any]:
        return defaulted(plain(context.arguments), context.function.parameters())
