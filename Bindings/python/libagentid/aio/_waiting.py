"""Waits for what people and hooks do, without a thread: for minutes or hours, from any number of tasks at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from libagentid._inputs import milliseconds

from ._running import in_thread

if TYPE_CHECKING:
    from datetime import timedelta

T = TypeVar("T")
_FIRST, _LONGEST = 0.01, 0.25
"""Seconds between two looks: more and more, as in a thread of the library."""


async def look_until(look: Callable[[], T], is_over: Callable[[T], bool], timeout: float | timedelta) -> T:
    """The answer of `look` once it is over, or when the time is; `look` waits for nothing."""
    loop = asyncio.get_running_loop()
    ends, pause = loop.time() + milliseconds(timeout, "timeout") / 1000, _FIRST
    while True:
        said = await in_thread(look)
        left = ends - loop.time()
        if is_over(said) or left <= 0:
            return said
        await asyncio.sleep(min(pause, left))
        pause = min(2 * pause, _LONGEST)
