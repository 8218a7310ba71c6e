"""What a callback raised while this thread was in a call: the library is only told that it failed; the caller is told why."""

from __future__ import annotations

import _thread
import sys
from collections.abc import Callable
from threading import get_ident
from typing import Any, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])

# By thread. Empty but after a callback that failed: all that a call which went well looks at.
pending: dict[int, BaseException] = {}


def log(message: str, *arguments: object, error: BaseException | bool = True) -> None:
    """Tells what a callback raised: the library is only told that it failed, and tries again."""
    import logging  # slow to import, and seldom needed

    logging.getLogger("libagentid").warning(message, *arguments, exc_info=error)


def record(error: BaseException) -> None:
    """Keeps what a callback raised for the call that it was made in; on a thread of the library's nobody waits for it."""
    if sys._getframe(1).f_back is not None:  # pyright: ignore[reportPrivateUsage]
        pending[get_ident()] = error
    else:
        log("a callback failed")


def callback(function: Function) -> Function:
    """Marks what the library calls: an interrupt that strikes before its first line ends as ctypes wants, unraisable.

    The call that it was made in raises that as well.
    """
    global _previous
    function.__agentid_callback__ = True  # type: ignore[attr-defined]
    if sys.unraisablehook is not _unraisable:
        _previous, sys.unraisablehook = sys.unraisablehook, _unraisable
    return function


def _unraisable(unraisable: Any, /) -> Any:
    error = unraisable.exc_value
    if getattr(unraisable.object, "__agentid_callback__", False) and error and sys._getframe().f_back is not None:  # pyright: ignore[reportPrivateUsage]
        pending[get_ident()] = error
    else:
        _previous(unraisable)


_previous: Callable[[Any], Any] = sys.__unraisablehook__


def after_success() -> None:
    """Hands on an interrupt that came while a call went well, as if it came now: what the call made keeps its owner."""
    error = pending.pop(get_ident(), None)
    if isinstance(error, KeyboardInterrupt):
        _thread.interrupt_main()
    elif error is not None and not isinstance(error, Exception):
        raise error


def after_failure() -> Exception | None:
    """Raises what interrupted a call: Ctrl-C, sys.exit(). An exception is returned: it is why the call failed."""
    error = pending.pop(get_ident(), None)
    if error is None or isinstance(error, Exception):
        return error
    raise error
