"""The end of a guarded call: that of its function, or of what that returned to be awaited or iterated over."""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Generator
from types import AsyncGeneratorType, CoroutineType, GeneratorType
from typing import TYPE_CHECKING, Any, cast

from .._call import within
from ._call import EARLY, Call, decided

if TYPE_CHECKING:
    from typing_extensions import Self

Begin = Callable[["tuple[Any, ...]", "dict[str, Any]"], "Call | None"]
DONE = frozenset((type(None), str, bool, int, float, list, dict, tuple, bytes))
"""Types of results with which a call has ended."""


class Recorded:
    """Records the outcome of a call."""

    __slots__ = ("call",)

    def __init__(self, call: Call | None) -> None:
        self.call = call
        """None where its end is another's."""

    def __enter__(self) -> Any:
        pass

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if self.call is None:
            return
        if error is None or isinstance(error, GeneratorExit):
            self.call.done("succeeded" if error is None else EARLY)
        else:
            self.call.failed(error)


class Running(Recorded):
    """And is the `current_call` meanwhile."""

    __slots__ = ("_within",)

    def __enter__(self) -> Self:
        self._within = within(self.call or decided())  # decided by a framework's hook
        self._within.__enter__()
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._within.__exit__(kind, error, trace)
        super().__exit__(kind, error, trace)

    def until(self, result: Any) -> Any:
        """The result of a function, whose call ends with that where it runs later: nothing has happened so far."""
        call, kind = self.call, cast("type[Any]", type(result))
        if call is None or kind in DONE:
            return result
        if kind is GeneratorType and not result.gi_code.co_flags & 0x100:  # inspect.CO_ITERABLE_COROUTINE: is awaited
            made: Any = streaming(*_Pending(call, result).steps)()
        elif kind is AsyncGeneratorType:
            made = streaming_async(*_Pending(call, result).steps)()
        elif kind in (CoroutineType, GeneratorType) or _is_coroutine(kind):
            made = _coroutine(_Pending(call, result), result)
            made.__name__, made.__qualname__ = (
                str(getattr(result, name, kind.__name__)) for name in ("__name__", "__qualname__")
            )
        elif (hasattr(kind, "__await__") and hasattr(kind, "add_done_callback")) or _is_future(result):
            result.add_done_callback(_Pending(call, None).ended)
            made = result
        else:  # also an object that can be awaited: it may be used otherwise, and awaited twice
            return result
        self.call = None
        return made


def _is_coroutine(kind: Any) -> bool:
    """Whether it is awaited and nothing else: what is used in other ways too must stay what it is."""
    others = ("__aenter__", "__aiter__", "add_done_callback")
    return not any(hasattr(kind, name) for name in others) and issubclass(kind, Coroutine)


def _is_future(result: Any) -> bool:
    futures = sys.modules.get("concurrent.futures")  # slow to import
    return futures is not None and isinstance(result, futures.Future)


class _Pending:
    """A call whose outcome is not known yet. One that is dropped before it has run ends so."""

    __slots__ = ("_result", "call")

    def __init__(self, call: Call, result: Any) -> None:
        self._result: Any = result
        self.call: Call | None = call

    @property
    def steps(self) -> tuple[Begin, Callable[[], Any]]:
        """A generator with its call, which has begun."""
        return self._begun, lambda: self._result

    def _begun(self, *_: Any) -> Call | None:
        return self.call

    def ended(self, future: Any) -> None:
        """A future is done."""
        error = "cancelled" if future.cancelled() else future.exception()
        if self.call is not None:
            self.call.done() if error is None else self.call.failed(error)

    def __del__(self) -> None:
        if self.call is not None:
            self.call.done(EARLY)  # which is nothing where it has ended
        if isinstance(self._result, CoroutineType):
            cast("Any", self._result).close()


async def _coroutine(pending: _Pending, result: Awaitable[Any]) -> Any:
    with Running(pending.call) as running:
        made = running.until(await result)
        pending.call = running.call  # None where it goes on
        return made


# A generator shares its context with whatever iterates over it: the call is the current one only while the generator runs.
def streaming(begin: Begin, function: Callable[..., Generator[Any, Any, Any]]) -> Callable[..., Generator[Any, Any, Any]]:
    """A generator's function whose call begins and ends with the generator."""

    def streams(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        call = begin(args, kwargs)
        current = call or decided()
        with Recorded(call):
            steps = function(*args, **kwargs)
            step: Callable[[Any], Any] = steps.send
            given: Any = None
            try:
                while True:
                    with within(current):
                        try:
                            item = step(given)
                        except StopIteration as end:
                            return end.value
                    try:
                        step, given = steps.send, (yield item)
                    except GeneratorExit:
                        raise
                    except BaseException as error:
                        step, given = steps.throw, error
            finally:
                with within(current):
                    steps.close()

    return streams


def streaming_async(begin: Begin, function: Callable[..., AsyncGenerator[Any, Any]]) -> Callable[..., AsyncGenerator[Any, Any]]:
    """As `streaming`, of an asynchronous generator."""

    async def streams(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        call = begin(args, kwargs)
        current = call or decided()
        with Recorded(call):
            steps = function(*args, **kwargs)
            step = steps.asend(None)
            try:
                while True:
                    with within(current):
                        try:
                            item = await step
                        except StopAsyncIteration:
                            return
                    try:
                        step = steps.asend((yield item))
                    except GeneratorExit:
                        raise
                    except BaseException as error:
                        step = steps.athrow(error)
            finally:
                with within(current):
                    await steps.aclose()

    return streams
