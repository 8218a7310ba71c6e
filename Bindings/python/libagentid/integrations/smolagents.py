"""smolagents: each tool of an agent, and of the agents it manages, is decided, also where a model writes code that calls it.

    agent = guard(ToolCallingAgent(tools=[...], model=model))
    with acme.agent("researcher", principal=..., task=..., scope=...):
        agent.run("...")

A `CodeAgent` runs what a model writes in this process: what such code may do without a tool is not guarded.
"""

from __future__ import annotations

import inspect
from threading import Lock
from typing import Any

from .._current import current_agent
from ..tools import NotGuarded, SubAgents, acting, authorize, plain
from . import needs, wanted

VERSION = needs("smolagents", "1.20", "smolagents")

from smolagents.default_tools import FinalAnswerTool  # noqa: E402

_MARK = "__agentid_tool__"


def guard(agent: Any) -> Any:
    """Has the tools of an agent decided as the current agent; returns it. The agents that it manages are sub-agents.

    A managed agent may do what the current agent may do of its tools. An agent whose code runs elsewhere raises `NotGuarded`:
    its tools would as well.
    """
    wanted(agent, "managed_agents", "an agent")
    if getattr(agent, "executor_type", "local") != "local":
        raise NotGuarded(f"the code of this agent runs elsewhere ({agent.executor_type}), and its tools with it")
    code = None
    if (inner := getattr(agent, "python_executor", None)) is not None:
        code = agent.python_executor = inner if isinstance(inner, _Executor) else _Executor(inner)
    for name, tool in agent.tools.items():
        if not _is_answer(tool) and not hasattr(tool.forward, _MARK):
            tool.forward = _decided(name, tool, code)
    for name, managed in agent.managed_agents.items():
        guard(managed)
        _narrow(name, managed)
    if not hasattr(agent.run, _MARK):
        agent.run = _only_guarded(agent, agent.run)
    return agent


def _is_answer(tool: Any) -> bool:
    """Whether it is the answer that smolagents adds, which does nothing. One of another class, of the same name, is a tool."""
    return type(tool) is FinalAnswerTool


def _only_guarded(agent: Any, run: Any) -> Any:
    def guarded(*args: Any, **kwargs: Any) -> Any:
        bare = [name for name, tool in agent.tools.items() if not _is_answer(tool) and not hasattr(tool.forward, _MARK)]
        bare += [name for name, managed in agent.managed_agents.items() if not hasattr(managed.run, _MARK)]
        if bare:
            raise NotGuarded(f"this agent was given {', '.join(bare)} after it was guarded: guard() it with that")
        return run(*args, **kwargs)

    setattr(guarded, _MARK, "run")
    return guarded


class _Executor:
    """Runs code of one agent at a time: it does so on a thread of its own, which knows of no agent."""

    def __init__(self, inner: Any) -> None:
        self._inner, self._lock, self.agent = inner, Lock(), None

    def __call__(self, code: str) -> Any:
        if not self._lock.acquire(blocking=False):
            raise RuntimeError("this agent runs code already: one run at a time")
        try:
            self.agent = current_agent()
            return self._inner(code)
        finally:
            self.agent = None
            self._lock.release()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def _decided(name: str, tool: Any, code: _Executor | None) -> Any:
    run, parameters = tool.forward, inspect.signature(tool.forward).parameters
    defaults = {each: p.default for each, p in parameters.items() if p.default not in (inspect.Parameter.empty, None)}

    def forward(*args: Any, **kwargs: Any) -> Any:
        if len(args) > len(tool.inputs):
            raise TypeError(f"{name} takes {len(tool.inputs)} arguments, and {len(args)} were given")
        given = {**dict(zip(tool.inputs, args, strict=False)), **kwargs}
        arguments = {each: plain(value) for each, value in {**defaults, **given}.items() if value is not None}
        with acting((code and code.agent) or current_agent()), authorize(name, arguments):
            return run(**given)

    setattr(forward, _MARK, name)
    return forward


def _narrow(name: str, managed: Any) -> None:
    if hasattr(managed.run, "__agentid_below__"):
        return
    below, run = SubAgents(), managed.run

    def narrower(*args: Any, **kwargs: Any) -> Any:
        with acting(below.agent(name, name, [name for name, tool in managed.tools.items() if not _is_answer(tool)])):
            return run(*args, **kwargs)

    setattr(narrower, _MARK, name)
    narrower.__agentid_below__ = below  # pyright: ignore[reportFunctionMemberAccess]
    managed.run = narrower
