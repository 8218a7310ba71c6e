"""Tools that are guarded as they run: whatever a framework does before, nothing stands between the decision and the run."""

# pyright: reportPrivateUsage=false
from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import nullcontext
from typing import Any, cast

from .._call import within
from ..tools import Call, acting
from ..tools._call import EARLY, _now


class _Quiet:
    """Comes right after a held tool's class: else the tool's own `__init_subclass__`, which may do anything, would be called."""

    __slots__ = ()

    def __init_subclass__(cls, **_: Any) -> None:
        pass

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        pass


def _quietly(kind: Any) -> Any:
    """The metaclass of a held tool's class. `_Quiet` is in its order alone: no object changes to a class of other bases."""
    meta: Any = type(kind)

    def mro(cls: Any) -> list[Any]:
        first, *rest = meta.mro(cls)
        return [first, _Quiet, *rest]

    return type(meta.__name__, (meta,), {"mro": mro, "__module__": meta.__module__, "__qualname__": meta.__qualname__})


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
            own |= {"__module__": kind.__module__, "__qualname__": kind.__qualname__, "__slots__": ()}
            self._kinds.setdefault(kind, _quietly(kind)(kind.__name__, (kind,), own))
        tool.__class__ = self._kinds[kind]


def paused(call: Call) -> None:
    """Ends a call that is made again after a pause, and costs then."""
    call._end(call._call.abort, "paused")


def _nothing(_: Any) -> None:
    """Of what a result says nobody needs to be told."""


def ran(call: Call, run: Callable[[], Any], told: Callable[[Any], None] = _nothing, agent: Any = None) -> Any:
    """Runs a tool. Its call ends with it, or with the generator, of either kind, that it returns. `told` is told the result.

    `agent`: who acts meanwhile, if not the current agent.
    """
    try:
        with _Step(call, agent):
            result: Any = run()
    except BaseException as error:
        _raised(call, error)
        raise
    return _returned(call, result, told, agent)


async def runs(call: Call, run: Callable[[], Any], told: Callable[[Any], None] = _nothing, agent: Any = None) -> Any:
    """As `ran`, of a tool that may have to be awaited."""
    try:
        with _Step(call, agent):
            result: Any = run()
            if inspect.isawaitable(result):
                result = await result
    except BaseException as error:
        _raised(call, error)
        raise
    return _returned(call, result, told, agent)


def _returned(call: Call, result: Any, told: Callable[[Any], None], agent: Any) -> Any:
    if inspect.isasyncgen(result):
        return steps(call, cast("AsyncGenerator[Any, Any]", result), told, agent)
    if inspect.isgenerator(result):
        return _steps(call, cast("Generator[Any, Any, Any]", result), told, agent)
    told(result)
    call.done()
    return result


async def steps(
    call: Call, stream: AsyncGenerator[Any, Any], told: Callable[[Any], None] = _nothing, agent: Any = None
) -> AsyncGenerator[Any, None]:
    """Runs a tool that yields, whose end ends its call. `told` is told each item.

    The call is the current one within the tool's steps alone: a generator shares its context with whatever iterates over it.
    """
    try:
        while True:
            try:
                with _Step(call, agent):
                    item = await stream.__anext__()
            except StopAsyncIteration:
                break
            told(item)
            yield item
    except BaseException as error:
        _raised(call, error)
        raise
    else:
        call.done()
    finally:
        await stream.aclose()


def _steps(
    call: Call, stream: Generator[Any, Any, Any], told: Callable[[Any], None], agent: Any
) -> Generator[Any, None, Any]:  # fmt: skip
    try:
        while True:
            try:
                with _Step(call, agent):
                    item = next(stream)
            except StopIteration as end:
                call.done()
                return end.value
            told(item)
            yield item
    except BaseException as error:
        _raised(call, error)
        raise
    finally:
        stream.close()


class _Step:
    """A part of a tool's run: the call is the current one, and is not decided again."""

    __slots__ = ("_acting", "_call", "_now", "_within")

    def __init__(self, call: Call, agent: Any) -> None:
        self._call, self._within, self._acting = call, within(call), acting(agent) if agent is not None else nullcontext()

    def __enter__(self) -> None:
        self._acting.__enter__()
        self._now = _now.set(self._call)
        self._within.__enter__()

    def __exit__(self, *error: Any) -> None:  # noqa: PYI036 - handed on as it is
        self._within.__exit__(*error)
        _now.reset(self._now)
        self._acting.__exit__(*error)


def _raised(call: Call, error: BaseException) -> None:
    if isinstance(error, GeneratorExit):
        call.done(EARLY)
    elif isinstance(error, call.pauses):
        paused(call)
    else:
        call.failed(error)
