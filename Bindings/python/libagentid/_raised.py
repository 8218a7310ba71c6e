"""Exceptions raised by callbacks during a call of this thread: the library only learns that one failed, the caller learns why."""

from __future__ import annotations

import _thread
import sys
from collections.abc import Callable
from threading import get_ident
from typing import Any, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])

# By thread. Empty except after a failed callback: a successful call looks at nothing else.
pending: dict[int, BaseException] = {}


def log(message: str, *arguments: object, error: BaseException | bool = True) -> None:
    """Logs what a callback raised: the library only learns that it failed, and tries again.

    Never raises: a handler of the program's may, and ctypes would leave the callback's result uninitialised.
    """
    try:
        import logging  # slow to import, and seldom needed

        logging.getLogger("libagentid").warning(message, *arguments, exc_info=error)
    except KeyboardInterrupt:
        _thread.interrupt_main()
    except BaseException:
        pass


def record(error: BaseException) -> None:
    """Keeps an exception for the call during which it was raised; on a thread of the library's nobody waits for it."""
    if sys._getframe(1).f_back is not None:  # pyright: ignore[reportPrivateUsage]
        pending[get_ident()] = error
    else:
        log("a callback failed")


def callback(function: Function) -> Function:
    """Marks a callback: an interrupt that strikes before its first line ends as ctypes wants, unraisable.

    The call that caused the callback raises it as well.
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
    """Raises an interrupt that came during a successful call, as if it came now: the call's result keeps its owner."""
    error = pending.pop(get_ident(), None)
    if isinstance(error, KeyboardInterrupt):
        _thread.interrupt_main()
    elif error is not None and not isinstance(error, Exception):
        try:
            raise error
        finally:
            del error


def after_failure() -> Exception | None:
    """Raises an interrupt of a call: Ctrl-C, sys.exit(). Returns any other exception: it is the reason why the call failed."""
    error = pending.pop(get_ident(), None)
    if error is None or isinstance(error, Exception):
        return error
    try:
        raise error
    finally:
        del error
