"""The decorator: every call of a function is decided first, whoever makes it."""

from __future__ import annotations

import inspect
import typing
from collections.abc import AsyncGenerator, Callable, Generator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, cast, overload

from .._call import within
from ._call import Call, authorize, decided, taken
from ._values import plain

if TYPE_CHECKING:
    from .._guard import Guard

_F = TypeVar("_F", bound=Callable[..., Any])
MARK = "__agentid_tool__"


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
    those that are None, which are "not given". `hidden`: parameters that no caller chooses, such as a framework's context; a
    method's `self` is hidden by itself. Functions, coroutines and generators of both kinds; a generator is decided when it
    starts. Raises `Denied`, `LookupError` outside of any agent, `TypeError` for arguments that do not fit or are not JSON: the
    function has not run then. Safe from any thread. What is decorated cannot be reached around the decorator by `__wrapped__`.
    """
    if function is not None and not callable(function):
        raise TypeError(f"what is guarded is a function, not {type(function).__name__}: a tool's name is given by name=")
    if function is None:

        def decorate(function: _F) -> _F:
            return _guard(function, name, guard, hidden)

        return decorate
    return _guard(function, name, guard, hidden)


def _guard(function: _F, name: str | None, guard: Guard | None, hidden: Sequence[str]) -> _F:
    tool = name or function.__name__
    bind = _binder(function, hidden)

    def begin(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call | None:
        """None where a framework's hook has decided this call already."""
        arguments = bind(args, kwargs)
        return None if taken(tool, arguments) else authorize(tool, arguments, guard=guard)

    async def streams_async(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        with _recorded(begin(args, kwargs)):
            running = function(*args, **kwargs)
            step = running.asend(None)
            try:
                while True:
                    try:
                        item = await step
                    except StopAsyncIteration:
                        return
                    try:
                        step = running.asend((yield item))
                    except GeneratorExit:
                        raise
                    except BaseException as error:
                        step = running.athrow(error)
            finally:
                await running.aclose()

    def streams(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        with _recorded(begin(args, kwargs)):
            running: Generator[Any, Any, Any] = function(*args, **kwargs)
            return (yield from running)

    async def awaits(*args: Any, **kwargs: Any) -> Any:
        with _running(begin(args, kwargs)):
            return await function(*args, **kwargs)

    def returns(*args: Any, **kwargs: Any) -> Any:
        with _running(begin(args, kwargs)):
            return function(*args, **kwargs)

    if inspect.isasyncgenfunction(function):
        made: Callable[..., Any] = streams_async
    elif inspect.isgeneratorfunction(function):
        made = streams
    else:
        made = awaits if inspect.iscoroutinefunction(function) else returns
    return cast("_F", _dressed(made, function, tool))


class _recorded:
    """Records the outcome of a call. Not `with call` itself: a generator shares its context with whatever iterates over it."""

    __slots__ = ("_call",)

    def __init__(self, call: Call | None) -> None:
        self._call = call

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if self._call is None:
            return
        if error is None or isinstance(error, GeneratorExit):
            self._call.done("succeeded" if error is None else "closed early")
        else:
            self._call.failed(error)


class _running(_recorded):
    """And is the `current_call` meanwhile."""

    __slots__ = ("_within",)

    def __enter__(self) -> None:
        self._within = within(self._call or decided())  # decided by a framework's hook
        self._within.__enter__()

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._within.__exit__(kind, error, trace)
        super().__exit__(kind, error, trace)


def _binder(function: Callable[..., Any], hidden: Sequence[str]) -> Callable[[tuple[Any, ...], dict[str, Any]], dict[str, Any]]:
    """Makes a function that turns positional and named arguments into a call's arguments."""
    signature = inspect.signature(function)
    unseen = {*hidden, *[name for name in list(signature.parameters)[:1] if name in ("self", "cls")]}
    if unknown := set(hidden) - set(signature.parameters):
        raise TypeError(f"{function.__name__} has no parameter {', '.join(sorted(unknown))} that could be hidden")
    kinds = {name: parameter.kind for name, parameter in signature.parameters.items()}
    defaults = {name: parameter.default for name, parameter in signature.parameters.items()}

    def bind(args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        arguments: dict[str, Any] = {}
        for name, value in bound.arguments.items():
            kind = kinds[name]
            if name in unseen or (value is None and defaults[name] is None):
                continue
            if kind is inspect.Parameter.VAR_KEYWORD:
                named = cast("dict[str, Any]", value)
                if twice := arguments.keys() & named.keys():
                    raise TypeError(f"{function.__name__} got {', '.join(sorted(twice))} twice")
                arguments |= {key: plain(each) for key, each in named.items()}
            elif kind is not inspect.Parameter.VAR_POSITIONAL or value:
                arguments[name] = plain(value)
        return arguments

    return bind


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
