"""Agno: each tool call of an agent, or of a team's members, is decided.

    agent = guard(Agent(model=model, tools=[...]))
    with acme.agent("researcher", principal=..., task=..., scope=...):
        agent.run("...")

docs/integrations.md says what holds in every framework.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextvars import ContextVar
from functools import partial
from typing import Any

from .._current import current_agent
from .._errors import Denied
from ..tools import NotGuarded, SubAgents, acting, authorize, plain, refusal
from ..tools._defaults import with_unknown
from ..tools._values import readable
from . import named, needs, wanted
from ._held import ran, runs

VERSION = needs("agno", "3.1", "agno")


def guard(agent: Any, name: str | None = None) -> Any:
    """Has an agent's, or a team's, tool calls decided as the current agent; returns it.

    Members of a team, and an agent with `name`, are sub-agents with what the current agent may do of their tools: tools that are
    functions or toolkits with names. A tool that runs at the provider, a function that makes tools, and a toolkit whose code
    calls other tools (`CodeMode(tools=[...])`) raise `NotGuarded`.
    """
    wanted(agent, "tool_hooks", "an Agent or a Team")
    named(name)
    _refuse_unguarded(agent)
    hooks = list(agent.tool_hooks or [])
    before = next((hook for hook in hooks if isinstance(hook, _Hook)), None)
    tools = {n: f for tool in agent.tools or [] for n, f in _functions(tool).items()}
    last = before or _Hook(agent, name, tools)
    agent.tool_hooks = [*_marked([hook for hook in hooks if hook is not last]), last]
    for member in getattr(agent, "members", None) or []:
        guard(member, member.name or "member")
    return agent


def _refuse_unguarded(agent: Any) -> None:
    """Raises `NotGuarded` for tools that run without the hook."""
    if callable(agent.tools):
        raise NotGuarded(f"{agent.name or 'it'} gets its tools from a function, which nothing guards: give a list of tools")
    if foreign := [tool for tool in agent.tools or [] if isinstance(tool, dict)]:
        raise NotGuarded(f"tools run at the model's provider, where nothing guards them: {foreign!r:.200}")
    if inner := [tool.name for tool in agent.tools or [] if getattr(tool, "injected_tools", None)]:
        raise NotGuarded(f"code that a model writes calls the tools in {', '.join(inner)}, where nothing guards them")


def _functions(tool: Any) -> dict[str, Any]:
    """The functions of a tool or a toolkit, by the names that they are called by."""
    if functions := getattr(tool, "functions", None):
        return {name: each.entrypoint for name, each in functions.items()}
    return {getattr(tool, "name", None) or getattr(tool, "__name__", ""): getattr(tool, "entrypoint", None) or tool}


_given: ContextVar[dict[str, Any] | None] = ContextVar("agentid.agno", default=None)
"""The arguments that a tool runs with: those that its first hook is given. What a hook hands on other hooks see, not the tool."""


def _marked(hooks: list[Any]) -> list[Any]:
    """Hooks, of which the first one keeps what it is given: where a tool is called synchronously, the first that Agno does not
    leave out."""
    own = [getattr(hook, "__agentid_hook__", hook) for hook in hooks]
    first = next((hook for hook in own if not inspect.iscoroutinefunction(hook)), None)
    return [_keeping(hook, at > 0) if at == 0 or hook is first else hook for at, hook in enumerate(own)]


def _keeping(hook: Any, if_sync: bool) -> Any:
    takes = inspect.signature(hook).parameters

    def call(given: dict[str, Any]) -> Any:
        return hook(**{name: value for name, value in given.items() if name in takes})

    async def keeps_async(given: dict[str, Any], run: Callable[[], Any]) -> Any:
        before = _given.set(given["arguments"])
        try:
            return await run()
        finally:
            _given.reset(before)

    async def hooks_async(**given: Any) -> Any:
        return await keeps_async(given, lambda: call(given))

    def hooks(**given: Any) -> Any:
        if inspect.iscoroutinefunction(given["func"]):  # what it returns may be awaited later
            return call(given) if if_sync else keeps_async(given, lambda: _awaited(call(given)))
        before = _given.set(given["arguments"])
        try:
            return call(given)
        finally:
            _given.reset(before)

    made: Any = hooks_async if inspect.iscoroutinefunction(hook) else hooks
    made.__name__, made.__agentid_hook__ = getattr(hook, "__name__", type(hook).__name__), hook
    names = dict.fromkeys([*takes, "arguments", "func"])
    made.__signature__ = inspect.Signature([inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY) for name in names])
    return made


async def _awaited(result: Any) -> Any:
    return await result if inspect.isawaitable(result) else result


class _Hook:
    """Runs around each tool; not a coroutine function, which Agno leaves out where a tool is called synchronously."""

    __name__ = "agentid"

    def __init__(self, of: Any, name: str | None, tools: dict[str, Any]) -> None:
        self._of, self._name, self._tools, self._below = of, name, tuple(tools), SubAgents()
        self._defaults = {each: _defaults(function) for each, function in tools.items()}

    def __call__(self, function_name: str, function_call: Any, arguments: dict[str, Any]) -> Any:
        for member in getattr(self._of, "members", None) or []:
            if not any(isinstance(hook, _Hook) for hook in member.tool_hooks or []):
                raise NotGuarded(f"the team was given {member.name} after it was guarded: guard() it with that")
        _refuse_unguarded(self._of)
        is_async, hooks = inspect.iscoroutinefunction(function_call), self._of.tool_hooks or []
        real = _given.get()
        if (first := next((hook for hook in hooks if is_async or not inspect.iscoroutinefunction(hook)), self)) is self:
            real = arguments
        if hooks and (hooks[-1] is not self or (first is not self and not hasattr(first, "__agentid_hook__"))):
            raise NotGuarded("tool_hooks has a hook that came after the guard, and could change a call: guard() it with that")
        if real is None:
            raise NotGuarded(f"a hook calls {function_name} in a context of its own, where nothing is known of the call")
        agent = current_agent() if self._name is None else self._below.agent(self._name, self._name, self._tools)
        try:
            with acting(agent):
                given = {name: plain(value) for name, value in real.items()}
                call = authorize(function_name, with_unknown({**self._defaults.get(function_name, {}), **given}))
        except Denied as denied:
            return refusal(denied)
        run = runs if is_async else ran
        return run(call, partial(function_call, **arguments), agent=None if self._name is None else agent)


def _defaults(function: Any) -> dict[str, Any]:
    """The defaults of a function, but those that are None: what it sees where a model leaves them out."""
    if not callable(function):
        return {}
    parameters = inspect.signature(function).parameters
    return {name: readable(p.default) for name, p in parameters.items() if p.default not in (inspect.Parameter.empty, None)}
