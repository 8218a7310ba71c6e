"""Haystack: tools, of agents and of `ToolInvoker`, that are decided before they run.

    agent = Agent(chat_generator=..., tools=guard_tools([read_file]))
    with acme.agent("researcher", principal=..., task=..., scope=...):
        agent.run(messages=[...])

docs/integrations.md says what holds in every framework.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

from .._current import current_agent
from .._errors import Denied
from ..tools import NotGuarded, SubAgents, acting, authorize, defaulted, plain, refusal
from . import named, needs, tools_of

VERSION = needs("haystack-ai", "2.18.1", "haystack")

_below = SubAgents()


def guard_tools(tools: Iterable[Any], name: str | None = None) -> list[Any]:
    """Copies of tools, or of a toolset's, that are decided as the current agent.

    `name`: as a sub-agent with what that may do of these tools. What `inputs_from_state` fills in is decided too.
    """
    named(name)
    given = tools_of(tools, ("name", "function"), "a list of tools, such as Tool(...), or a toolset")
    names = tuple(tool.name for tool in given)
    return [_guarded(tool, name, names) for tool in given]


def _guarded(tool: Any, name: str | None, names: tuple[str, ...]) -> Any:
    made: Any = copy.copy(tool)
    run: Any = tool.function
    run_async: Any = getattr(tool, "async_function", None)

    def agent() -> Any:
        return acting(current_agent() if name is None else _below.agent(name, name, names))

    def decided(arguments: dict[str, Any]) -> Any:
        plainly = {key: plain(value) for key, value in arguments.items()}
        return authorize(tool.name, defaulted(plainly, tool.parameters))

    def function(**arguments: Any) -> Any:
        with agent():
            try:
                call = decided(arguments)
            except Denied as denied:
                return refusal(denied)
            with call:
                return run(**arguments)

    async def async_function(**arguments: Any) -> Any:
        with agent():
            try:
                call = decided(arguments)
            except Denied as denied:
                return refusal(denied)
            with call:
                return await run_async(**arguments)

    def to_dict() -> Any:
        raise NotGuarded(f"the guarded tool {tool.name} is made in code: a file would not have its guard")

    made.to_dict = to_dict
    made.function = function if run is not None else None
    if run_async is not None:
        made.async_function = async_function
    return made
