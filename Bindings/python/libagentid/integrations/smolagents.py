"""smolagents: each tool of an agent, and of the agents it manages, is decided, also where a model writes code that calls it.

    agent = guard(ToolCallingAgent(tools=[...], model=model))
    with acme.agent("researcher", principal=..., task=..., scope=...):
        agent.run("...")

A `CodeAgent` runs what a model writes in this process: what such code may do without a tool is not guarded.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from contextvars import Context, copy_context
from threading import Lock
from typing import Any

from .._current import current_agent
from ..tools import NotGuarded, SubAgents, acting, authorize, plain
from ..tools._defaults import with_unknown
from ..tools._values import readable
from . import needs, wanted

VERSION = needs("smolagents", "1.23", "smolagents")

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
    inner = getattr(agent, "python_executor", None)
    if inner is not None and not isinstance(inner, _Executor):
        agent.python_executor = _Executor(inner)
    for name, tool in agent.tools.items():
        if not _is_answer(tool) and not hasattr(tool.forward, _MARK):
            tool.forward = _decided(name, tool)
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
    """Runs code of one agent at a time. It does so on a thread of its own, which knows of no agent: each tool, and each managed
    agent, that the code calls there runs in the context of whoever runs the code."""

    def __init__(self, inner: Any) -> None:
        self._inner, self._lock = inner, Lock()
        self._here: tuple[Any, Context] | None = None

    def __call__(self, code: str) -> Any:
        if not self._lock.acquire(blocking=False):
            raise RuntimeError("this agent runs code already: one run at a time")
        try:
            self._here = current_agent(), copy_context()
            return self._inner(code)
        finally:
            self._here = None
            self._lock.release()

    def send_tools(self, tools: Mapping[str, Any]) -> None:
        """As smolagents calls it before each run."""
        self._inner.send_tools({name: _Carried(tool, self) for name, tool in tools.items()})

    def call(self, tool: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Calls a tool for the code that runs."""
        if self._here is None:
            raise LookupError("the run whose code this is has ended")
        agent, context = self._here

        def calls() -> Any:
            with acting(agent):
                return tool(*args, **kwargs)

        return context.copy().run(calls)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class _Carried:
    """A tool, or a managed agent, as the code of one agent sees it; the tool itself may be one of several agents."""

    def __init__(self, tool: Any, code: _Executor) -> None:
        self._tool, self._code = tool, code

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._code.call(self._tool, args, kwargs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tool, name)


def _decided(name: str, tool: Any) -> Any:
    run, parameters = tool.forward, inspect.signature(tool.forward).parameters
    defaults = {each: readable(p.default) for each, p in parameters.items() if p.default not in (inspect.Parameter.empty, None)}

    def forward(*args: Any, **kwargs: Any) -> Any:
        if len(args) > len(tool.inputs):
            raise TypeError(f"{name} takes {len(tool.inputs)} arguments, and {len(args)} were given")
        given = {**dict(zip(tool.inputs, args, strict=False)), **kwargs}
        left_out = {each: value for each, value in defaults.items() if each not in given}
        arguments = {**left_out, **{each: plain(value) for each, value in given.items() if value is not None}}
        with authorize(name, with_unknown(arguments)):
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
