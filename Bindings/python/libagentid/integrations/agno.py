"""Agno: each tool call of an agent, or of a team's members, is decided.

    agent = guard(Agent(model=model, tools=[...]))
    with acme.agent("researcher", principal=..., task=..., scope=...):
        agent.run("...")

docs/integrations.md says what holds in every framework.
"""

from __future__ import annotations

import inspect
from typing import Any

from .._current import current_agent
from .._errors import Denied
from ..tools import NotGuarded, SubAgents, acting, authorize, plain, refusal
from . import named, needs, wanted

VERSION = needs("agno", "2.0", "agno")


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
    agent.tool_hooks = [*[hook for hook in hooks if hook is not before], before or _Hook(agent, name, tools)]
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
        if (hooks := self._of.tool_hooks or []) and hooks[-1] is not self:
            raise NotGuarded("tool_hooks has a hook after the guard's, which could change what was decided: guard() it with that")
        agent = current_agent() if self._name is None else self._below.agent(self._name, self._name, self._tools)
        given = {name: plain(value) for name, value in arguments.items()}
        try:
            with acting(agent):
                call = authorize(function_name, {**self._defaults.get(function_name, {}), **given})
        except Denied as denied:
            return refusal(denied)
        if inspect.iscoroutinefunction(function_call):
            return _awaited(call, agent, function_call, arguments)
        with acting(agent), call:
            return function_call(**arguments)


async def _awaited(call: Any, agent: Any, function_call: Any, arguments: dict[str, Any]) -> Any:
    with acting(agent), call:
        return await function_call(**arguments)


def _defaults(function: Any) -> dict[str, Any]:
    """The defaults of a function, but those that are None: what it sees where a model leaves them out."""
    if not callable(function):
        return {}
    parameters = inspect.signature(function).parameters
    return {name: plain(p.default) for name, p in parameters.items() if p.default not in (inspect.Parameter.empty, None)}
