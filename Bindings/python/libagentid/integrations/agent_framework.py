"""Microsoft Agent Framework: a function middleware that decides each tool call, and one that shows the model those it may make.

    agent = Agent(client=client, tools=[...], middleware=[Shown(), Guarded()])
    with acme.agent("researcher", principal=..., task=..., scope=...):
        await agent.run("...")

docs/integrations.md says what holds in every framework.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from .._current import current_agent
from .._errors import Denied
from ..tools import SubAgents, acting, authorize, broken, decided, defaulted, permitted, plain, refusal
from . import named, needs
from ._held import Holds, runs

VERSION = needs("agent-framework-core", "1.16", "agent-framework")

from agent_framework import ChatMiddleware, FunctionMiddleware, MiddlewareFailure  # noqa: E402  # pyright: ignore[reportAttributeAccessIssue]
from agent_framework.exceptions import UserInputRequiredException  # noqa: E402


class Shown(ChatMiddleware):  # pyright: ignore[reportGeneralTypeIssues]
    """Shows the model the tools that the current agent may call, beside a `Guarded()` without a name, which decides them.

    Tools without a name of their own, such as those that run at the model's provider, are not shown. It decides nothing: without
    a `Guarded()` the tools do not run.
    """

    async def process(self, context: Any, call_next: Any) -> None:
        tools = (context.options or {}).get("tools")
        if tools:
            own: list[Any] = [tool for tool in tools if isinstance(getattr(tool, "name", None), str)]
            for tool in own:
                _hold(tool)
            context.options = {**context.options, "tools": permitted(own, lambda tool: tool.name)}
        await call_next()


class Guarded(FunctionMiddleware):  # pyright: ignore[reportGeneralTypeIssues]
    """Decides each call as the current agent; with `name`, as a sub-agent with what that may do of the run's tools.

    Put it last: a call that other middleware changes, or makes again, after it was decided ends the run. So does what goes wrong
    in the guard.
    """

    def __init__(self, name: str | None = None) -> None:
        named(name)
        self._name, self._below = name, SubAgents()

    async def process(self, context: Any, call_next: Any) -> None:
        try:
            with acting(self._agent(context)):
                call = authorize(context.function.name, self._arguments(context))
        except Denied as denied:
            context.result = refusal(denied)
            return
        except Exception as error:
            raise _failed(broken(error)) from error
        call.pauses = UserInputRequiredException
        # What runs is the tool that was called, whatever middleware before has made of the context's.
        for tool in (context.function, *(context.tools or ())):
            _hold(tool)
        with call:
            await call_next()

    def _agent(self, context: Any) -> Any:
        if self._name is None:
            return current_agent()
        tools = {context.function.name, *[tool.name for tool in context.tools or () if hasattr(tool, "name")]}
        return self._below.agent(self._name, self._name, tools)

    def _arguments(self, context: Any) -> dict[str, Any]:
        return defaulted(plain(context.arguments), context.function.parameters())


def _failed(text: str) -> Exception:
    return MiddlewareFailure(text)  # pyright: ignore[reportCallIssue, reportUnknownVariableType]


def _is_acting() -> bool:
    try:
        current_agent()
    except LookupError:
        return False
    return True


def _around(kind: Any) -> Any:
    async def invoke(self: Any, *, arguments: Any = None, context: Any = None, **more: Any) -> Any:
        """Looks itself, after every middleware."""
        call, given = decided(), context.arguments if arguments is None and context is not None else arguments
        run = partial(kind.invoke, self, arguments=arguments, context=context, **more)
        if call is None or call.tool != self.name:
            if _is_acting():
                raise _failed(f"nothing guards the tool {self.name}: middleware=[Shown(), Guarded()]")
            return await run()
        if not call.is_of(defaulted(plain(given or {}), self.parameters())):
            raise _failed(f"{self.name} has other arguments than were decided: put Guarded() last among the middleware")
        if not call.begin(self.name):
            raise _failed(f"{self.name} is called again after it was decided: put Guarded() last among the middleware")
        return await runs(call, run)

    return invoke


_holds = Holds(invoke=_around)


def _hold(tool: Any) -> None:
    if hasattr(tool, "invoke"):
        _holds(tool)
