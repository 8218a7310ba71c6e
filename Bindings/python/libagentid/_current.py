"""The agent that code runs as: that of the innermost `with` or `async with` block around it."""

from __future__ import annotations

import sys
from contextvars import ContextVar
from threading import get_ident
from types import FrameType
from typing import TYPE_CHECKING, Any
from weakref import ref

if TYPE_CHECKING:
    from ._agent import Agent

Opened = tuple[tuple["ref[Agent]", "_Here"], ...]

# The agents whose blocks are open in this context, the innermost last, with the task or thread that each was entered in. No
# tokens: a block may be left in another context. Referred to weakly: a `with` holds its agent itself, and an entry that an
# exception of a signal handler left behind holds none.
_open: ContextVar[Opened] = ContextVar("agentid.agents", default=())
# Those whose blocks were entered while a generator ran, with what was open around it. A generator shares the context of
# whoever asks it for the next value, who would be taken for its agent between two values; so its blocks belong to its frame.
_in_generators: dict[FrameType, list[tuple[ref[Agent], Opened]]] = {}
_GENERATOR = 0x20 | 0x200  # inspect.CO_GENERATOR and CO_ASYNC_GENERATOR, which is slow to import
_COROUTINE = 0x80


def current_agent() -> Agent:
    """The agent of the innermost `with` or `async with` block of one; raises `LookupError` outside of any.

    Belongs to the context, as `contextvars` has it: a task has that of where it was created, a new thread has none. What
    outlives the block finds none, or one that has ended, whose calls are refused. A block in a generator is seen by what the
    generator calls, not by whoever iterates over it. Tasks and threads that may be a generator's find none: hand those their
    agent.
    """
    agents = _open.get()
    if _in_generators:
        for frame in _generators():
            for found, _ in reversed(_in_generators.get(frame, [])):
                if agent := found():
                    return agent
        if agents and agents[-1][1].is_left() and any(o is agents for found in list(_in_generators.values()) for _, o in found):
            raise LookupError("no agent here for sure: this may be the task of a generator with a block of its own")
    for found, _ in reversed(agents):
        if agent := found():
            return agent
    raise LookupError(
        "no agent here: call this inside a `with` block of one; on another thread, by contextvars.copy_context().run"
    )


class _Here:
    """This thread, and this task of asyncio, which is not kept alive."""

    __slots__ = ("_task", "_thread")

    def __init__(self) -> None:
        task = running_task()
        self._thread, self._task = get_ident(), None if task is None else ref(task)

    def is_left(self) -> bool:
        """Whether this is another thread or task."""
        return self._thread != get_ident() or (None if self._task is None else self._task()) is not running_task()


def running_task() -> Any:
    """The task of asyncio that runs here; None where none does."""
    asyncio = sys.modules.get("asyncio")
    try:
        return asyncio.current_task() if asyncio else None
    except RuntimeError:  # no loop runs here
        return None


def _generators() -> list[FrameType]:
    """The generators that run on this stack, the innermost first, up to where a task begins.

    What contextlib makes of a generator is a block like any other: of whoever uses that.
    """
    found: list[FrameType] = []
    frame: FrameType | None = sys._getframe(2)  # pyright: ignore[reportPrivateUsage]
    while frame is not None:
        above, flags = frame.f_back, frame.f_code.co_flags
        if flags & _GENERATOR and not (above and above.f_globals.get("__name__") == "contextlib"):
            found.append(frame)
        if flags & _COROUTINE and not (above and above.f_code.co_flags & (_GENERATOR | _COROUTINE)):
            break
        frame = above
    return found


def enter(agent: Agent) -> None:
    """Opens the block of an agent."""
    generators = _generators()
    if generators:
        _in_generators.setdefault(generators[0], []).append((ref(agent), _open.get()))
        return
    _open.set((*_open.get(), (ref(agent), _Here())))


def leave(agent: Agent) -> None:
    """Closes the innermost block of an agent, wherever it is open."""
    for frame in [*_generators(), *list(_in_generators)]:
        found = _in_generators.get(frame, [])
        for index in range(len(found) - 1, -1, -1):
            if found[index][0]() is agent:
                del found[index]
                if not found:
                    _in_generators.pop(frame, None)
                return
    opened = list(_open.get())
    for index in range(len(opened) - 1, -1, -1):
        if opened[index][0]() is agent:
            del opened[index]
            _open.set(tuple(opened))
            return
