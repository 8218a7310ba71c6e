"""Agents below agents, as frameworks have them: narrower by themselves, and seen only where they act."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakKeyDictionary

from .._current import current_agent, enter, leave
from .._scope import Scope

if TYPE_CHECKING:
    from .._agent import Agent, Identity

_T = TypeVar("_T")
_scopes: WeakKeyDictionary[Identity, dict[str, Any]] = WeakKeyDictionary()


def scope_of(agent: Identity) -> dict[str, Any]:
    """An agent's tools with their constraints, in token form. A grant that is renewed has the same."""
    found = _scopes.get(agent)
    if found is None:
        with agent.scope as scope:
            found = _scopes[agent] = scope.json
    return found


def permitted(tools: Iterable[_T], name: Callable[[_T], str], *, agent: Identity | None = None) -> list[_T]:
    """Those of some tools that the current agent, or `agent`, may call at all: what a model is shown."""
    scope = scope_of(current_agent() if agent is None else agent)
    return [tool for tool in tools if name(tool) in scope]


def narrowed(parent: Agent, name: str, tools: Iterable[str], *, scope: Scope | str | None = None) -> Agent:
    """Starts a sub-agent with what its parent may do of these tools, and no more; with none of them it may do nothing.

    `scope` narrows it further. `name` may be any text: an ID has its letters, digits, dots and dashes. End it, or use `with`.
    """
    above, wanted = scope_of(parent), set(tools)
    kept = Scope(json.dumps({tool: above[tool] for tool in above if tool in wanted}))
    if scope is not None:
        kept = kept & (scope if isinstance(scope, Scope) else Scope(scope))
    return parent.spawn(re.sub(r"[^A-Za-z0-9.-]+", "-", name).strip("-.")[:48] or "agent", kept)


class acting:
    """A block in which an agent is the current one, and which, unlike `with agent`, does not end it."""

    __slots__ = ("_agent",)

    def __init__(self, agent: Any) -> None:
        self._agent: Agent = getattr(agent, "sync", agent)

    def __enter__(self) -> Agent:
        enter(self._agent)
        return self._agent

    def __exit__(self, *_: object) -> None:
        leave(self._agent)
