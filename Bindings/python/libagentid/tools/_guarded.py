"""The decorator: every call of a function is decided first, whoever makes it."""

from __future__ import annotations

import functools
import inspect
import math
import typing
from collections.abc import Callable, Mapping, Sequence
from types import coroutine
from typing import TYPE_CHECKING, Any, TypeVar, cast, overload

from ._call import Call, authorize, taken
from ._returned import DONE, Running, streaming, streaming_async
from ._values import plain

if TYPE_CHECKING:
    from .._guard import Guard

_F = TypeVar("_F", bound=Callable[..., Any])
MARK = "__agentid_tool__"
_PLAIN = frozenset((str, int, bool, type(None)))


@overload
def guarded(function: _F, /) -> _F: ...
@overload
def guarded(*, name: str | None = None, guard: Guard | None = None, hidden: Sequence[str] = ()) -> Callable[[_F], _F]: ...
def guarded(
    function: _F | None = None, /, *, name: str | None = None, guard: Guard | None = None, hidden: Sequence[str] = ()
) -> _F | Callable[[_F], _F]:
    """Decides every call of a function as the current agent before it runs, and records its outcome.

        @guarded
        def read_file(path: str) -> str: ...

    The call has the function's name, or `name`, and its arguments by name: positional ones are bound, defaults filled in, except
    those that are None, which are "not given". `hidden`: parameters that no caller chooses, such as a framework's context; the
    `self` or `cls` of a method is hidden by itself. Functions, coroutines and generators of both kinds; a generator is decided
    when it starts. A call ends with the coroutine, future or generator that the function returns. What a `functools.partial`
    fills in is decided too; below Pydantic's `validate_call` it decides what that makes of the arguments. Objects are decided as
    `plain` has them where they are asked for. Raises `Denied`, `LookupError` outside of any agent, `TypeError` for arguments
    that do not fit or have no form in JSON, which names them: the function has not run then. Safe from any thread. What is
    decorated cannot be reached around the decorator by `__wrapped__`.
    """
    if function is not None and not callable(function):
        raise TypeError(f"what is guarded is a function, not {type(function).__name__}: a tool's name is given by name=")
    if function is None:

        def decorate(function: _F) -> _F:
            return _guard(function, name, guard, hidden)

        return decorate
    return _guard(function, name, guard, hidden)


def _guard(function: _F, name: str | None, guard: Guard | None, hidden: Sequence[str]) -> _F:
    if isinstance(function, staticmethod):
        return cast("_F", staticmethod(_guard(cast("Any", function).__func__, name, guard, hidden)))
    tool = name or _named(function)
    if hasattr(function, "raw_function"):
        raise TypeError(f"{tool}: put @guarded below @validate_call, next to the function: it decides what the function gets")
    bind = _binder(function, hidden)

    def begin(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call | None:
        """None where a framework's hook has decided this call already."""
        arguments = bind(args, kwargs)
        return None if taken(tool, arguments, guard) else authorize(tool, arguments, guard=guard)

    async def awaits(*args: Any, **kwargs: Any) -> Any:
        with Running(begin(args, kwargs)) as running:
            return running.until(await function(*args, **kwargs))

    def returns(*args: Any, **kwargs: Any) -> Any:
        with Running(begin(args, kwargs)) as running:
            result = function(*args, **kwargs)
            return result if type(result) in DONE else running.until(result)

    runs = _runs(function)
    if inspect.isasyncgenfunction(runs):
        made: Callable[..., Any] = streaming_async(begin, function)
    elif inspect.isgeneratorfunction(runs):
        made = streaming(begin, function)
        if runs.__code__.co_flags & inspect.CO_ITERABLE_COROUTINE:  # is awaited
            made = coroutine(made)
    else:
        made = awaits if inspect.iscoroutinefunction(runs) else returns
    return cast("_F", _dressed(made, function, tool))


def _named(function: Any) -> str:
    """The name of a function, or of the one that a `functools.partial` calls."""
    while isinstance(function, functools.partial):
        function = cast("functools.partial[Any]", function).func
    name = getattr(function, "__name__", None)
    if not isinstance(name, str):
        raise TypeError(f"a {type(function).__name__} has no name of its own: give the tool's name by name=")
    return name


def _runs(function: Any) -> Any:
    """The code that a call runs: that of `__call__`, of an object that has one."""
    while isinstance(function, functools.partial):
        function = cast("functools.partial[Any]", function).func
    return function if inspect.isroutine(function) or inspect.isclass(function) else type(function).__call__


def _binder(function: Callable[..., Any], hidden: Sequence[str]) -> Callable[[tuple[Any, ...], dict[str, Any]], dict[str, Any]]:
    """Makes a function that turns positional and named arguments into a call's arguments."""
    if isinstance(function, functools.partial):  # what it fills in is decided too
        partial = cast("functools.partial[Any]", function)
        inner = _binder(partial.func, hidden)
        return lambda args, kwargs: inner(_filled(partial, args), {**partial.keywords, **kwargs})
    signature, label = inspect.signature(function), getattr(function, "__name__", type(function).__name__)
    unseen, owner = set(hidden), _owner(function)
    first = next((name for name in list(signature.parameters)[:1] if owner and name in ("self", "cls")), None)
    if unknown := set(hidden) - set(signature.parameters):
        raise TypeError(f"{label} has no parameter {', '.join(sorted(unknown))} that could be hidden")
    kinds = {name: parameter.kind for name, parameter in signature.parameters.items()}
    defaults = {name: parameter.default for name, parameter in signature.parameters.items()}

    def bind(args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        arguments: dict[str, Any] = {}
        for name, value in bound.arguments.items():
            kind = kinds[name]
            if name in unseen or (value is None and defaults[name] is None) or (name == first and _is_of(value, owner)):
                continue
            if kind is inspect.Parameter.VAR_KEYWORD:
                named = cast("dict[str, Any]", value)
                if twice := arguments.keys() & named.keys():
                    raise TypeError(f"{label} got {', '.join(sorted(twice))} twice")
                arguments |= {key: _looked_at(each, label, key, name) for key, each in named.items()}
            elif kind is not inspect.Parameter.VAR_POSITIONAL or value:
                arguments[name] = value if type(value) in _PLAIN else _looked_at(value, label, name, name)
        return arguments

    return bind


def _looked_at(value: Any, label: str, name: str, parameter: str) -> Any:
    """An argument as JSON has it; TypeError, which names it, for what a guard cannot look at."""
    try:
        made = plain(value, asked=True)
        if not _is_finite(made):
            raise TypeError("NaN and infinity have no form in JSON")
    except (TypeError, RecursionError) as error:
        why = error if isinstance(error, TypeError) else "it holds itself, or too much in one another"
        what = f"give what JSON has, or guard the function with hidden=[{parameter!r}] if no caller chooses it"
        raise TypeError(f"{label}: the argument {name} cannot be decided: {why}; {what}") from error
    return made


def _is_finite(made: Any) -> bool:
    if isinstance(made, float):
        return math.isfinite(made)
    if isinstance(made, dict):
        return all(map(_is_finite, cast("dict[str, Any]", made).values()))
    return all(map(_is_finite, cast("list[Any]", made))) if isinstance(made, list) else True


def _owner(function: Any) -> tuple[str, str] | None:
    """The class that a function was written in, by its module and its name; None of a plain function."""
    within, dot, _ = str(getattr(function, "__qualname__", "")).rpartition(".")
    return (function.__module__, within) if dot and not within.endswith("<locals>") else None


def _is_of(value: Any, owner: tuple[str, str] | None) -> bool:
    """Whether a method's first argument is the object, or the class, that it is called of: a static method's may be anything."""
    kinds = [*cast("type[Any]", type(value)).__mro__, *(value.__mro__ if isinstance(value, type) else ())]
    return any((kind.__module__, kind.__qualname__) == owner for kind in kinds)


def _filled(partial: functools.partial[Any], args: tuple[Any, ...]) -> tuple[Any, ...]:
    rest, place = iter(args), getattr(functools, "Placeholder", None)  # Python 3.14 has places
    filled = [next(rest, each) if place is not None and each is place else each for each in partial.args]
    return (*filled, *rest)


def _dressed(made: Callable[..., Any], function: Callable[..., Any], tool: str) -> Callable[..., Any]:
    """Looks as the function does to those that make a schema of it, without handing out the function itself."""
    for name in ("__module__", "__name__", "__qualname__", "__doc__", "__type_params__"):
        if hasattr(function, name):
            setattr(made, name, getattr(function, name))
    signature = inspect.signature(function)
    try:
        types = typing.get_type_hints(function, include_extras=True)
    except Exception:  # names that exist for type checkers alone
        types = dict(inspect.get_annotations(function))
    parameters = [p.replace(annotation=types.get(p.name, p.annotation)) for p in signature.parameters.values()]
    returned = types.get("return", signature.return_annotation)
    made.__annotations__ = types
    made.__signature__ = signature.replace(parameters=parameters, return_annotation=returned)  # pyright: ignore[reportFunctionMemberAccess]
    setattr(made, MARK, tool)
    return made


def is_guarded(function: object) -> bool:
    """Whether `guarded` made it, or a method of it."""
    return hasattr(function, MARK)


class NotGuarded(RuntimeError):
    """A tool that nothing guards was given to a guarded run, or is run elsewhere than in this process."""


def require_guarded(tools: Mapping[str, object], where: str) -> None:
    """Raises `NotGuarded` where one of the named functions is not decorated with `guarded`."""
    if bare := sorted(name for name, function in tools.items() if not is_guarded(function)):
        raise NotGuarded(f"{where}: nothing guards {', '.join(bare)}; decorate with libagentid.tools.guarded, or leave out")
