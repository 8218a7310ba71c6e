"""Tools that are guarded as they run: whatever a framework does before, nothing stands between the decision and the run."""

# pyright: reportPrivateUsage=false
from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from typing import Any

from .._call import within
from ..tools import Call
from ..tools._call import EARLY, _now


class Holds:
    """Has tools run by a method of ours, which is given the class that the tool had. A tool stays the object that it is."""

    def __init__(self, method: str, around: Callable[[Any], Any]) -> None:
        self._method, self._around, self._kinds = method, around, dict[Any, Any]()

    def __call__(self, tool: Any) -> None:
        """Holds a tool; more than once is harmless."""
        kind: Any = type(tool)
        if kind in self._kinds.values():
            return
        if kind not in self._kinds:
            own = {self._method: self._around(kind), "__module__": kind.__module__, "__slots__": ()}
            self._kinds.setdefault(kind, type(kind.__name__, (kind,), own))
        tool.__class__ = self._kinds[kind]


def paused(call: Call) -> None:
    """Ends a call that is made again after a pause, and costs then."""
    call._end(call._call.abort, "paused")


async def steps(call: Call, stream: AsyncGenerator[Any, None], told: Callable[[Any], None]) -> AsyncGenerator[Any, None]:
    """What a tool yields, which ends its call. `told` is told each item.

    The call is the current one within the tool's steps alone: a generator shares its context with whatever iterates over it.
    """
    try:
        while True:
            now = _now.set(call)
            try:
                with within(call):
                    item = await stream.__anext__()
            except StopAsyncIteration:
                break
            finally:
                _now.reset(now)
            told(item)
            yield item
    except GeneratorExit:
        call.done(EARLY)
        raise
    except BaseException as error:
        paused(call) if isinstance(error, call.pauses) else call.failed(error)
        raise
    else:
        call.done()
    finally:
        await stream.aclose()
