"""Coroutines as hooks and providers: run on the loop that added them, while the library waits on a thread."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Sequence
from concurrent.futures import TimeoutError as NotYet
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import libagentid._broker as _broker
import libagentid._callbacks as _callbacks

if TYPE_CHECKING:
    from libagentid.types import SecretLease, SecretRequest

A = TypeVar("A")


class Provider(Protocol):
    """An `libagentid.Provider` whose methods are coroutines.

    They may await `libagentid.aio`, but for other secrets: each is waited for on one of the sixteen threads for those.
    """

    @property
    def release_command(self) -> Sequence[str]: ...

    async def acquire(self, request: SecretRequest, /) -> str: ...

    async def release(self, lease: SecretLease, /) -> None: ...


def called(function: Callable[[A], Any]) -> Callable[[A], Any]:
    """A callback as the library calls it, on a thread: a coroutine it returns runs on this loop, while that is open."""
    return partial(_call, asyncio.get_running_loop(), _callbacks.function(function, "a callback"))


def _call(loop: asyncio.AbstractEventLoop, function: Callable[[A], Any], argument: A) -> Any:
    made = function(argument)
    if not inspect.iscoroutine(made):
        return made
    try:
        running = asyncio.run_coroutine_threadsafe(made, loop)
    except RuntimeError:
        made.close()
        raise
    while True:
        try:
            return running.result(1)
        except NotYet:
            if running.done():
                raise
            if loop.is_closed():
                raise RuntimeError("the event loop was closed before it was done") from None


class OnLoop:
    """A provider, as the library calls it."""

    def __init__(self, provider: Provider | _broker.Provider) -> None:
        _broker.whole(provider)
        self.release_command = provider.release_command
        self.acquire = called(provider.acquire)
        self.release = called(provider.release)
