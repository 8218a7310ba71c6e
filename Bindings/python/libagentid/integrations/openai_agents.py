"""OpenAI Agents SDK: the tools of an agent, of those it hands over to, and of its MCP servers are decided before they run.

    researcher = guard(Agent("researcher", tools=[read_file], handoffs=[writer]))
    with acme.agent("researcher", principal=..., task=..., scope=...):
        await Runner.run(researcher, "...")

docs/integrations.md says what holds in every framework.
"""

from __future__ import annotations

import copy
import functools
import json
from contextvars import ContextVar
from typing import Any

from .._errors import Denied
from ..tools import Call, NotGuarded, SubAgents, acting, authorize, defaulted, permitted, refusal
from ..tools import decided as now
from . import needs, wanted

VERSION = needs("openai-agents", "0.10.4", "openai-agents")

from agents import Agent, FunctionTool, Handoff  # noqa: E402

_MARK = "_agentid_guarded"
_subs = SubAgents()
_asks: ContextVar[Call | None] = ContextVar("agentid.openai_agents", default=None)
"""The call that an MCP server is asked for."""


def guard(agent: Any) -> Any:
    """A copy of an agent whose tools, also those of MCP servers, are decided as the current agent, which is shown its own only.

    The agents it hands over to are copied likewise: each is a sub-agent, with what the current agent may do of its tools. A tool
    that runs at the provider, an MCP server that makes a failed call again, or an agent as a tool that was not given to `guard`
    first, raises `NotGuarded`.
    """
    wanted(agent, "handoffs", "an Agent")
    return _copies(agent, {}, top=True)


def _copies(agent: Any, done: dict[int, Any], *, top: bool) -> Any:
    if id(agent) in done:
        return done[id(agent)]
    made = done[id(agent)] = copy.copy(agent)
    sub = None if top else (agent.name, tuple(tool.name for tool in agent.tools))
    if sub and agent.mcp_servers:
        raise NotGuarded(
            f"{agent.name}: what a sub-agent may do of its MCP servers' tools is not known yet: guard() the agent itself"
        )
    made.tools = [_tool(tool, sub) for tool in agent.tools]
    for server in agent.mcp_servers:
        _server(server)
    made.handoffs = [_handoff(each, done) for each in agent.handoffs]
    made.__class__ = _guarded_class(type(agent), top)
    return made


@functools.cache
def _guarded_class(kind: Any, top: bool) -> Any:
    """The class of guarded agents of a class, also of their clones: they run nothing that was put beside what is guarded.

    Tools of MCP servers are made anew for each turn, and guarded then.
    """

    async def get_all_tools(self: Any, *given: Any, **named: Any) -> Any:
        for server in self.mcp_servers if top else ():
            _server(server)
        found = await kind.get_all_tools(self, *given, **named)
        for each in (*(() if top else found), *self.tools, *self.handoffs):
            if not getattr(each, _MARK, False):
                what = getattr(each, "name", each)
                raise NotGuarded(f"{self.name} was given {what} after it was guarded: guard() it with that")
        return [each for each in map(_served, found) if getattr(each, _MARK) is True or permitted([each.name], str)]

    return kind if getattr(kind, _MARK, False) else type(kind.__name__, (kind,), {_MARK: True, "get_all_tools": get_all_tools})


def _served(tool: Any) -> Any:
    return tool if getattr(tool, _MARK, False) else _tool(tool, None, of_server=True)


def _acting(sub: tuple[str, tuple[str, ...]] | None) -> Any:
    from .._current import current_agent

    return acting(current_agent() if sub is None else _subs.agent(sub, *sub))


def _tool(tool: Any, sub: tuple[str, tuple[str, ...]] | None, *, of_server: bool = False) -> Any:
    if not isinstance(tool, FunctionTool):
        raise NotGuarded(
            f"the tool {getattr(tool, 'name', tool)} runs at the model's provider, or in a way of its own, unguarded"
        )
    if getattr(tool, _MARK, False):
        return tool
    nested = getattr(tool, "_agent_instance", None)
    if getattr(tool, "_is_agent_tool", False) and not getattr(nested, _MARK, False):
        raise NotGuarded(f"the tool {tool.name} is an agent that nothing guards: guard(agent).as_tool(...)")
    run, enabled, schema = _noting(tool.on_invoke_tool), tool.is_enabled, tool.params_json_schema
    below = (nested.name, tuple(each.name for each in nested.tools)) if nested is not None else None

    async def decided(context: Any, text: str) -> Any:
        with _acting(sub):
            try:
                arguments = json.loads(text or "{}")
                call = authorize(tool.name, defaulted(arguments, schema) if isinstance(arguments, dict) else arguments)
            except Denied as denied:
                return refusal(denied)
            with call, _acting(below):
                asked = _asks.set(call if of_server else None)
                try:
                    return await run(context, text)
                finally:
                    _asks.reset(asked)

    async def shown(context: Any, agent: Any) -> bool:
        with _acting(sub):
            if not permitted([tool.name], str):
                return False
        answer = enabled(context, agent) if callable(enabled) else enabled
        return bool(await answer) if hasattr(answer, "__await__") else bool(answer)  # pyright: ignore[reportGeneralTypeIssues]

    made = copy.copy(tool)
    made.on_invoke_tool, made.is_enabled = decided, shown
    setattr(made, _MARK, "of a server" if of_server else True)
    return made


def _noting(run: Any) -> Any:
    """The function that runs a tool, which tells the call of an error before the SDK makes an answer of it."""
    told = getattr(run, "_on_handled_error", None)
    if told is None:
        return run

    def noted(tool: Any, error: Exception, *more: Any) -> None:
        if (call := now()) is not None and call.tool == tool.name:
            call.failed(error)
        told(tool, error, *more)

    made = copy.copy(run)
    made._on_handled_error = noted
    return made


def _server(server: Any) -> None:
    """Has a server tell the call that it is asked for of its errors, of which the SDK makes answers."""
    if getattr(server, "max_retry_attempts", 0):
        raise NotGuarded(f"the MCP server {server.name} makes a call that fails again, undecided: max_retry_attempts=0")
    asks = server.call_tool
    if getattr(asks, _MARK, False):
        return

    @functools.wraps(asks)
    async def call_tool(*given: Any, **named: Any) -> Any:
        call = _asks.get()
        try:
            result = await asks(*given, **named)
        except Exception as error:
            if call is not None:
                call.failed(error)
            raise
        if call is not None and (getattr(result, "isError", False) or getattr(result, "is_error", False)):
            call.failed("the tool says so")
        return result

    setattr(call_tool, _MARK, True)
    server.call_tool = call_tool


def _handoff(to: Any, done: dict[int, Any]) -> Any:
    if isinstance(to, Agent):
        return _copies(to, done, top=False)
    if not isinstance(to, Handoff):
        raise NotGuarded(f"a handoff to {type(to).__name__} cannot be guarded")
    over, made = to.on_invoke_handoff, copy.copy(to)

    async def narrower(context: Any, text: str) -> Any:
        return _copies(await over(context, text), done, top=False)

    made.on_invoke_handoff = narrower
    setattr(made, _MARK, True)
    return made
