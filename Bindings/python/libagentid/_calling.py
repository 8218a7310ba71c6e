"""Calls of the library's functions, and the bytes that they return."""

from __future__ import annotations

from ctypes import byref, c_void_p, string_at
from typing import Any, NoReturn

from ._abi import Bytes, lib
from ._errors import Error, failure
from ._raised import after_failure, after_success, pending


def call(function: Any, *arguments: Any) -> None:
    """Calls a fallible function and raises what it answers."""
    error = c_void_p()
    if function(*arguments, byref(error)) == 0:
        if pending:
            after_success()
        return
    throw(failure(error))


def throw(raised: Error) -> NoReturn:
    """Raises what the library answered; the caller must not keep it in a variable of its own.

    Its traceback holds the frames it came through: together with a variable there it would live until the collector comes.
    """
    try:
        if pending:
            raised.__cause__ = after_failure()
        raise raised
    finally:
        del raised


def take(function: Any, *arguments: Any) -> str:
    """Calls a function whose last output is bytes."""
    out = Bytes()
    call(function, *arguments, byref(out))
    return text(out)


def copied(out: Bytes) -> str:
    """The text of bytes."""
    return string_at(out.data or 0, out.len).decode() if out.len else ""


def text(out: Bytes) -> str:
    """The text of bytes, which are freed."""
    try:
        return copied(out)
    finally:
        lib.agentid_bytes_free(byref(out))
