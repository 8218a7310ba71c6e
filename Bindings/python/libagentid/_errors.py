"""Exceptions: what the library's error object says, as attributes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from ctypes import byref, c_void_p, string_at
from typing import TYPE_CHECKING, Any

from ._abi import NO_DELEGATION, Bytes, lib
from ._raised import after_failure, after_success, pending

if TYPE_CHECKING:
    from typing_extensions import Self


class Error(Exception):
    """A call failed. Nothing was changed."""

    def __init__(self, code: int, name: str, message: str, where: str, link: int | None) -> None:
        super().__init__(f"{message} ({where})" if where else message)
        self.code, self.name, self.message, self.where, self.link = code, name, message, where, link

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _: Any) -> Self:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        # Across processes: what is made from its message alone could not be made again.
        return type(self), (self.code, self.name, self.message, self.where, self.link)


class Denied(Error):
    """A rule said no: `reason` which, `link` where in the chain, `argument` on account of what."""

    decision: Any = None
    """The `Decision`; None in another process, where this was pickled to."""

    @property
    def reason(self) -> str:
        return self.name

    @property
    def argument(self) -> str | None:
        return self.where.removeprefix("arguments.") if self.where.startswith("arguments.") else None


class ScopeError(Error):
    """A scope is malformed, or an intersection is empty."""


class StateError(Error):
    """Not possible now: closed, expired, revoked, too deep."""


class NotFound(Error):
    """There is no such thing."""


_CLASSES = {1: Denied, 6: ScopeError, 7: NotFound, 9: StateError}


def failure(error: c_void_p) -> Error:
    """The exception for an error object, which is freed."""
    code = lib.agentid_error_code(error)
    link = lib.agentid_error_link(error)
    try:
        texts = [f(error).decode() for f in (lib.agentid_error_name, lib.agentid_error_message, lib.agentid_error_where)]
    finally:
        lib.agentid_error_free(error)
    return _CLASSES.get(code, Error)(code, texts[0], texts[1], texts[2], None if link < 0 else link)


def call(function: Any, *arguments: Any) -> None:
    """Calls a fallible function and raises what it answers."""
    error = c_void_p()
    if function(*arguments, byref(error)) == 0:
        if pending:
            after_success()
        return
    raised = failure(error)
    if pending:
        raised.__cause__ = after_failure()
    raise raised


def take(function: Any, *arguments: Any) -> str:
    """Calls a function whose last output is bytes."""
    out = Bytes()
    call(function, *arguments, byref(out))
    return text(out)


def text(out: Bytes) -> str:
    """The text of bytes, which are freed."""
    try:
        return string_at(out.data or 0, out.len).decode() if out.len else ""
    finally:
        lib.agentid_bytes_free(byref(out))


def counted(data: bytes) -> tuple[bytes, int]:
    """Bytes as pointer and length."""
    return data, len(data)


def pair(value: str) -> tuple[bytes, int]:
    """A text as pointer and length."""
    if not isinstance(value, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"a text is needed here, not {type(value).__name__}")
    return counted(value.encode())


def option(value: str | None) -> bytes | None:
    """A text inside an option struct: NUL would end it early."""
    if value is None:
        return None
    if not isinstance(value, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"an option that is a text cannot be {type(value).__name__}")
    if "\0" in value:
        raise ValueError("a NUL character cannot be part of an option")
    return value.encode()


def number(value: int | None, name: str) -> int:
    """A number inside an option struct, where 0 is the library's own default."""
    if value == 0:
        raise ValueError(f"{name} cannot be 0: leave it out, or give None, for the default")
    return 0 if value is None else value


def depth(value: int | None) -> int:
    """A `max_depth`, where 0 is a depth of its own."""
    if value is not None and value < 0:
        raise ValueError("max_depth is at least 0, or None for the default")
    return 0 if value is None else value or NO_DELEGATION


def texts(values: Sequence[str], name: str) -> bytes | None:
    """Texts as a JSON array; None for none of them."""
    if isinstance(values, str | bytes) or not all(isinstance(value, str) for value in values):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"{name} is a list of texts, not {values!r}")
    return json.dumps(list(values)).encode() if values else None
