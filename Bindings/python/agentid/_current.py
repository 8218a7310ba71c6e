"""The agent that code runs as: that of the innermost `with` or `async with` block around it."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._agent import Agent

# The agents whose blocks are open here, the innermost last. No tokens: a block may be left in another context.
_open: ContextVar[tuple[Agent, ...]] = ContextVar("agentid.agents", default=())


def current_agent() -> Agent:
    """The agent of the innermost `with` or `async with` block of one; raises `LookupError` outside of any.

    Belongs to the context, as `contextvars` has it: a task has that of where it was created, a new thread has none. What
    outlives the block finds an agent that has ended, whose calls are refused.
    """
    agents = _open.get()
    if not agents:
        raise LookupError("no agent here: this is not inside a `with` block of one, or on another thread")
    return agents[-1]


def enter(agent: Agent) -> None:
    """Opens the block of an agent."""
    _open.set((*_open.get(), agent))


def leave(agent: Agent) -> None:
    """Closes the innermost block of an agent, if it is open in this context."""
    agents = list(_open.get())
    for index in range(len(agents) - 1, -1, -1):
        if agents[index] is agent:
            del agents[index]
            _open.set(tuple(agents))
            return
