"""Agents below agents, as frameworks have them: narrower by themselves, and seen only where they act."""

# pyright: reportPrivateUsage=false
from __future__ import annotations

import json
import re
from collections.abc import Callable, Hashable, Iterable
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakKeyDictionary

from .._current import current_agent, enter, leave
from .._scope import Scope

if TYPE_CHECKING:
    from .._agent import Agent
    from .._identity import Identity

_T = TypeVar("_T")
_scopes: WeakKeyDictionary[Identity, dict[str, Any]] = WeakKeyDictionary()
_resuming = Lock()


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
    return parent.spawn(_segment(name), kept)


def _segment(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9.-]+", "-", name).strip("-.")[:48] or "agent"


def _resumed(parent: Agent, name: str, tools: frozenset[str]) -> Agent | None:
    """One that was parked with its parent, of this name and with what its parent may do of these tools."""
    above = scope_of(parent)
    with _resuming:
        taken = parent.unparked()
        for child in taken:
            child._remind(False)  # it ends with its parent, unless a part asks for it
        parent._resumed = [*parent._resumed, *taken]
        for child in parent._resumed:
            its = child.id.rsplit("/", 1)[0] == f"{parent.id}/{_segment(name)}"
            if its and scope_of(child) == {tool: above[tool] for tool in above if tool in tools}:
                parent._resumed = [each for each in parent._resumed if each is not child]
                child._remind(True)
                return child
    return None


class SubAgents:
    """The sub-agents of a framework's parts: one for each part below each parent, ended with the part or with the parent."""

    def __init__(self) -> None:
        self._kept: dict[tuple[Hashable, frozenset[str], Agent], Agent] = {}
        self._lock = Lock()

    def agent(self, part: Hashable, name: str, tools: Iterable[str]) -> Agent:
        """The sub-agent of a part below the current agent, which may do of these tools what that may; started when asked for.

        Where the current agent was parked in a pause, one of that name that was parked with it goes on.
        """
        parent, wanted = current_agent(), frozenset(tools)
        key = part, wanted, parent
        found = self._kept.get(key)
        if found is None:
            made = _resumed(parent, name, wanted) or narrowed(parent, name, wanted)
            with self._lock:
                found = self._kept.setdefault(key, made)
                gone = [each for each in self._kept if each[2]._is_closed]
                let_go = [self._kept.pop(each) for each in gone]
            if found is not made:  # another thread was faster
                let_go.append(made)
            for each in let_go:
                each.end("nobody uses it") if each is made else None
                each.close()
        return found

    def end(self, part: Hashable) -> None:
        """Ends the sub-agents of a part."""
        with self._lock:
            ended = [self._kept.pop(key) for key in [key for key in self._kept if key[0] == part]]
        for agent in ended:
            agent.end("its run ended")
            agent.close()


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
