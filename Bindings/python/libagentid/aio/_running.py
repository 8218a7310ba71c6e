"""Runs calls that wait on threads of agentid's own, so that no call stalls the loop."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import os
from collections.abc import Awaitable, Callable, Coroutine, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Concatenate, Generic, Literal, ParamSpec, Protocol, TypeVar, overload

if TYPE_CHECKING:
    from typing_extensions import Self

THREADS = 16
Kind = Literal["calls", "ends", "secrets"]
"""Each kind of call has threads of its own: what takes authority away does not queue behind what hangs, and a provider, which
calls for secrets wait for, may itself call the library."""

S = TypeVar("S")
S_co = TypeVar("S_co", covariant=True)
T = TypeVar("T")
P = ParamSpec("P")


@cache
def _threads(kind: Kind) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(THREADS, f"agentid-{kind}")


os.register_at_fork(after_in_child=_threads.cache_clear)  # no thread outlives a fork


async def in_thread(
    work: Callable[[], T], undo: Callable[[T], object] | None = None, *, surely: bool = False, kind: Kind = "calls"
) -> T:  # fmt: skip
    """Runs `work` on a thread, in this task's context.

    If the task is cancelled while `work` waits for a thread, `work` is not run, unless `surely`. If it is cancelled later, it
    ends after `work` has, whose result is given to `undo`: nothing goes on after this returns. A coroutine that is closed
    instead, as by a loop that ends with its tasks pending, or interrupted cannot wait: then `undo` follows on a thread.
    """
    begun = _threads(kind).submit(contextvars.copy_context().run, work)
    undoing: Kind = "secrets" if kind == "secrets" else "ends"
    try:
        return await asyncio.shield(asyncio.wrap_future(begun))
    except asyncio.CancelledError:
        if surely or not begun.cancel():
            await _ended(begun)
            if undo and begun.exception() is None:
                await _ended(_threads(undoing).submit(undo, begun.result()))
        raise
    except BaseException:  # also an interrupt that strikes here, and what `work` itself raised
        if undo and (surely or not begun.cancel()):
            begun.add_done_callback(partial(_undone, undo, undoing))
        raise


def _undone(undo: Callable[[T], object], undoing: Kind, begun: Future[T]) -> None:
    """Undoes what nobody waits for any more, on a thread."""
    if begun.exception() is None:
        with contextlib.suppress(RuntimeError):  # the interpreter ends, and with it what was made
            _threads(undoing).submit(undo, begun.result())


async def _ended(begun: Future[Any]) -> None:
    """Waits, whatever is cancelled meanwhile: the caller ends as cancelled anyhow."""
    waiting = asyncio.wrap_future(begun)
    while not waiting.done():
        try:
            await asyncio.wait([waiting])
        except asyncio.CancelledError:
            continue
    waiting.exception()  # seen


async def to_thread(call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Runs a call of the library on agentid's threads, as `asyncio.to_thread` does on the loop's.

    For decisions that wait for the disk, under `audit="always"`: `await to_thread(agent.authorize, tool, args)`.
    """
    return await in_thread(partial(call, *args, **kwargs))


class Sync(Protocol[S_co]):
    """An object that wraps a synchronous one of the package."""

    @property
    def sync(self) -> S_co: ...


class waits(Generic[S, P, T]):
    """A method of `sync` that can wait, as a coroutine of the same parameters."""

    def __init__(
        self, method: Callable[Concatenate[S, P], T], kind: Kind = "calls", undo: Callable[[S, T], object] | None = None
    ) -> None:  # fmt: skip
        self._method, self._undo = method, undo
        self._kind: Kind = kind
        self.__doc__ = method.__doc__

    @overload
    def __get__(self, view: None, owner: object) -> waits[S, P, T]: ...
    @overload
    def __get__(self, view: Sync[S], owner: object) -> Callable[P, Coroutine[Any, Any, T]]: ...
    def __get__(self, view: Sync[S] | None, owner: object) -> waits[S, P, T] | Callable[P, Coroutine[Any, Any, T]]:
        if view is None:
            return self

        async def call(*args: P.args, **kwargs: P.kwargs) -> T:
            undo = None if self._undo is None else partial(self._undo, view.sync)
            return await in_thread(partial(self._method, view.sync, *args, **kwargs), undo, kind=self._kind)

        return call


class Closing:
    """An object that `close`, or the end of its `async with` block, ends even if the task is cancelled."""

    def __init__(self, close: Callable[[], None]) -> None:
        self._close = close

    def __repr__(self) -> str:
        return f"<aio {getattr(self, 'sync', type(self).__name__)!r}>"

    async def close(self) -> None:
        """Ends it; further calls are harmless."""
        await in_thread(self._close, surely=True, kind="ends")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()


class Ended(Protocol):
    """An object that an `async with` block ends."""

    async def __aenter__(self) -> Any: ...
    async def __aexit__(self, *exception: object) -> None: ...


E_ = TypeVar("E_", bound=Ended)


class Starting(Awaitable[E_]):
    """A call that makes an object which must be ended: `await` it, or use `async with`, which ends it."""

    def __init__(self, start: Callable[[], Coroutine[Any, Any, E_]]) -> None:
        self._start = start
        self._is_entered = False

    def __await__(self) -> Generator[Any, Any, E_]:
        return self._start().__await__()

    async def __aenter__(self) -> E_:
        if self._is_entered:
            raise RuntimeError("this call was entered already: make another for each block")
        self._is_entered = True
        self._made = await self
        await self._made.__aenter__()
        return self._made

    async def __aexit__(self, *exception: object) -> None:
        await self._made.__aexit__(*exception)


def starting(
    make: Callable[P, T], undo: Callable[[T], object], view: Callable[[T], E_], kind: Kind = "calls"
) -> Callable[P, Starting[E_]]:  # fmt: skip
    """A call that makes an object, as an awaitable; `undo` ends the object if the task is cancelled."""

    def call(*args: P.args, **kwargs: P.kwargs) -> Starting[E_]:
        async def start() -> E_:
            return view(await in_thread(partial(make, *args, **kwargs), undo, kind=kind))

        return Starting(start)

    call.__doc__ = make.__doc__
    return call


class starts(Generic[S, P, T, E_]):
    """A method of `sync` that makes an object, as an awaitable."""

    def __init__(
        self, method: Callable[Concatenate[S, P], T], undo: Callable[[T], object], view: Callable[[T], E_], kind: Kind = "calls"
    ) -> None:  # fmt: skip
        self._method, self._undo, self._view = method, undo, view
        self._kind: Kind = kind
        self.__doc__ = method.__doc__

    @overload
    def __get__(self, view: None, owner: object) -> starts[S, P, T, E_]: ...
    @overload
    def __get__(self, view: Sync[S], owner: object) -> Callable[P, Starting[E_]]: ...
    def __get__(self, view: Sync[S] | None, owner: object) -> starts[S, P, T, E_] | Callable[P, Starting[E_]]:
        if view is None:
            return self
        method: Callable[P, T] = partial(self._method, view.sync)
        return starting(method, self._undo, self._view, self._kind)
