"""Tools that are guarded as they run: whatever a framework does before, nothing stands between the decision and the run."""

# pyright: reportPrivateUsage=false
from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, Callable
from typing import Any

from .._call import within
from ..tools import Call
from ..tools._call import EARLY, _now


class Holds:
    """Has tools run by methods of ours, each made for the class that a tool had. A tool stays the object that it is."""

    def __init__(self, **methods: Callable[[Any], Any]) -> None:
        self._methods, self._kinds = methods, dict[Any, Any]()

    def __call__(self, tool: Any) -> None:
        """Holds a tool; more than once is harmless."""
        kind: Any = type(tool)
        if kind in self._kinds.values():
            return
        if kind not in self._kinds:
            own = {name: around(kind) for name, around in self._methods.items() if hasattr(kind, name)}
            own |= {"__module__": kind.__module__, "__slots__": ()}
            self._kinds.setdefault(kind, type(kind.__name__, (kind,), own))
        tool.__class__ = self._kinds[kind]


def paused(call: Call) -> None:
    """Ends a call that is made again after a pause, and costs then."""
    call._end(call._call.abort, "paused")


async def runs(call: Call, run: Callable[[], Any], told: Callable[[Any], None]) -> Any:
    """What a tool returns, which ends its call; if that is an asynchronous generator, its end does. `told` is told the result."""
    now = _now.set(call)
    try:
        with within(call):
            result: Any = run()
            if inspect.isawaitable(result):
                result = await result
    except BaseException as error:
        _raised(call, error)
        raise
    finally:
        _now.reset(now)
    if inspect.isasyncgen(result):
        stream: AsyncGenerator[Any, Any] = result
        return steps(call, stream, told)
    told(result)
    call.done()
    return result


async def steps(call: Call, stream: AsyncGenerator[Any, Any], told: Callable[[Any], None]) -> AsyncGenerator[Any, None]:
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
    except BaseException as error:
        _raised(call, error)
        raise
    else:
        call.done()
    finally:
        await stream.aclose()


def _raised(call: Call, error: BaseException) -> None:
    if isinstance(error, GeneratorExit):
        call.done(EARLY)
    elif isinstance(error, call.pauses):
        paused(call)
    else:
        call.failed(error)
