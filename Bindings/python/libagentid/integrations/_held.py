"""Tools that are guarded as they run: whatever a framework does before, nothing stands between the decision and the run."""

# pyright: reportPrivateUsage=false
from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import nullcontext
from types import MethodType, SimpleNamespace
from typing import Any, cast

from .._call import within
from ..tools import Call, NotGuarded, acting
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


class _Method(property):
    """A method of ours. It comes before one that the tool itself was given, as a property does and a function does not.

    What it runs is then that one. Pydantic takes a property for what it is.
    """

    def __init__(self, name: str, around: Callable[[Any], Any], kind: Any) -> None:
        super().__init__()
        self._name, self._around, self._function = name, around, around(kind)

    def __get__(self, tool: Any, kind: Any = None) -> Any:
        if tool is None:
            return self._function
        given = getattr(tool, "__dict__", {}).get(self._name)
        function: Any = self._function if given is None else self._around(self._run_by(given))
        function.__agentid_held__ = True
        return MethodType(function, tool)

    def _run_by(self, given: Any) -> Any:
        def run(_: Any, *args: Any, **named: Any) -> Any:
            return given(*args, **named)

        return SimpleNamespace(**{self._name: run})

    def __set__(self, tool: Any, given: Any) -> None:
        tool.__dict__[self._name] = given

    def __delete__(self, tool: Any) -> None:
        del tool.__dict__[self._name]


class Holds:
    """Has tools run by methods of ours, each made for the class that a tool had. A tool stays the object that it is."""

    def __init__(self, **methods: Callable[[Any], Any]) -> None:
        self._methods, self._kinds = methods, dict[Any, Any]()

    def __call__(self, tool: Any) -> None:
        """Holds a tool; more than once is harmless. Raises `NotGuarded` where it could be run around that."""
        kind: Any = type(tool)
        try:
            if kind not in self._kinds.values():
                # Not by assignment: a `__setattr__` of the tool's own, of a frozen one for example, may refuse that.
                object.__dict__["__class__"].__set__(tool, self._kind(kind))
            runs = [getattr(tool, name) for name in self._methods if hasattr(tool, name)]
        except Exception as error:
            raise _cannot_hold(tool, kind, f"nothing can be put around what that runs ({type(error).__name__})") from error
        if not runs or not all(hasattr(each, "__agentid_held__") for each in runs):
            raise _cannot_hold(tool, kind, "it is run by something else than its class says, as a proxy is")

    def _kind(self, kind: Any) -> Any:
        found = self._kinds.get(kind)
        if found is None:
            own: dict[str, Any] = {
                name: _Method(name, around, kind) for name, around in self._methods.items() if hasattr(kind, name)
            }
            own |= {"__module__": kind.__module__, "__qualname__": kind.__qualname__, "__slots__": ()}
            found = self._kinds.setdefault(kind, _quietly(kind)(kind.__name__, (kind,), own))
        return found


def _cannot_hold(tool: Any, kind: Any, why: str) -> NotGuarded:
    names = (getattr(tool, each, None) for each in ("name", "tool_name"))
    name = next((each for each in names if isinstance(each, str)), kind.__name__)
    return NotGuarded(
        f"the tool {name}, a {kind.__name__}, has not run: {why}; give the agent a tool of the framework's own class"
    )


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
