"""The agent that code runs as: that of the innermost `with` or `async with` block around it."""

from __future__ import annotations

import sys
from contextvars import ContextVar
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._agent import Agent

# The agents whose blocks are open in this context, the innermost last, with the frame that each block is in. No tokens: a
# block may be left in another context. The frame's number only: a context may outlive it.
_open: ContextVar[tuple[tuple[Agent, int], ...]] = ContextVar("agentid.agents", default=())
# Those whose blocks are open in a generator. A generator shares the context of whoever asks it for the next value, who would
# be taken for its agent between two values; so its blocks belong to its frame.
_in_generators: dict[FrameType, list[Agent]] = {}
_GENERATOR = 0x20 | 0x200  # inspect.CO_GENERATOR and CO_ASYNC_GENERATOR, which is slow to import


def current_agent() -> Agent:
    """The agent of the innermost `with` or `async with` block of one; raises `LookupError` outside of any.

    Belongs to the context, as `contextvars` has it: a task has that of where it was created, a new thread has none. What
    outlives the block finds an agent that has ended, whose calls are refused. A block in a generator is seen by what the
    generator calls, not by whoever iterates over it, and not by tasks that it creates: hand those their agent.
    """
    agents = _open.get()
    if _in_generators:
        inner = agents[-1][1] if agents else 0
        frame: FrameType | None = sys._getframe(1)  # pyright: ignore[reportPrivateUsage]
        while frame is not None and id(frame) != inner:
            if frame in _in_generators:
                return _in_generators[frame][-1]
            frame = frame.f_back
    if not agents:
        raise LookupError("no agent here: this is not inside a `with` block of one, or on another thread")
    return agents[-1][0]


def _block() -> tuple[FrameType | None, bool]:
    """The frame of the block that is entered or left, and whether it is a generator's own.

    What contextlib makes of a generator is a block like any other: of whoever uses that.
    """
    frame: FrameType | None = sys._getframe(2)  # pyright: ignore[reportPrivateUsage]
    while frame is not None:
        above = frame.f_back
        if not _is_between(frame):
            if not frame.f_code.co_flags & _GENERATOR:
                return frame, False
            if above is None or above.f_globals.get("__name__") != "contextlib":
                return frame, True
        frame = above
    return None, False


def _is_between(frame: FrameType) -> bool:
    name = frame.f_globals.get("__name__", "")
    return name == "contextlib" or name == "agentid" or name.startswith("agentid.")


def enter(agent: Agent) -> None:
    """Opens the block of an agent."""
    frame, is_generator = _block()
    if is_generator and frame is not None:
        _in_generators.setdefault(frame, []).append(agent)
    else:
        _open.set((*_open.get(), (agent, id(frame))))


def leave(agent: Agent) -> None:
    """Closes the innermost block of an agent, if it is open here."""
    frame, is_generator = _block()
    if is_generator and frame is not None:
        agents = _in_generators.get(frame, [])
        if agent in agents:
            agents.reverse()
            agents.remove(agent)
            agents.reverse()
        if not agents:
            _in_generators.pop(frame, None)
        return
    opened = list(_open.get())
    for index in range(len(opened) - 1, -1, -1):
        if opened[index][0] is agent:
            del opened[index]
            _open.set(tuple(opened))
            return
