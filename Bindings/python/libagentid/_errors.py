"""Exceptions: what the library's error object says, as attributes."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from ctypes import byref, c_int64, c_void_p, string_at
from typing import TYPE_CHECKING, Any, NoReturn, cast

from ._abi import NO_DELEGATION, Bytes, checked, lib
from ._raised import after_failure, after_success, pending
from ._reasons import Category, Reason, category, http_status

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from typing_extensions import Self

    from ._decision import Decision
    from .types import BudgetRest, DecisionDocument

_LONGEST_INPUT = 1 << 20  # of the library


class Error(Exception):
    """A call failed. Nothing was changed, unless the name's line in docs/operations.md says so.

    `code` is the status of agentid.h; `name` is stable, for programs; `message` is for people and never has the value of an
    argument; `where` names the parameter, option, JSON path or claim at fault, and may be empty; `link` is the link of the chain
    at fault, 0 for the root, or None. May be copied and pickled with all of it.
    """

    code: int
    name: str
    message: str
    where: str
    link: int | None

    def __init__(self, code: int, name: str, message: str, where: str, link: int | None) -> None:
        super().__init__(f"{message} ({where})" if where else message)
        self.code, self.name, self.message, self.where, self.link = code, name, message, where, link

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, {str(self)!r})"

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _: Any) -> Self:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        # Across processes: what is made from its message alone could not be made again.
        return type(self), (self.code, self.name, self.message, self.where, self.link), self._kept()

    def _kept(self) -> dict[str, Any]:
        """The members that go along to another process: notes, and those that callers added."""
        return dict(self.__dict__)


class Denied(Error):
    """A rule said no: `reason` which, `link` where in the chain, `argument` on account of what."""

    decision: Decision | None = None
    """The `Decision`; None where nothing was decided, and in another process, where this was pickled to."""
    _document: DecisionDocument | None = None

    @property
    def reason(self) -> Reason:
        """Which rule. A newer library may have reasons that `Reason` does not list."""
        return cast("Reason", self.name)

    @property
    def argument(self) -> str | None:
        """The name of the argument at fault; None where none is."""
        return self.where.removeprefix("arguments.") if self.where.startswith("arguments.") else None

    @property
    def approval(self) -> str | None:
        """The request for approval that the call waits for, or was refused; None where there is none."""
        document = self.document
        return document.get("approval") if document else None

    @property
    def rule(self) -> str | None:
        """The rule of the policy that said no; None where none did."""
        document = self.document
        return document.get("rule") if document else None

    @property
    def retry_after(self) -> float | None:
        """In how many seconds the call could be permitted, where time alone stands against it; else None."""
        document = self.document
        milliseconds = document.get("retry_after") if document else None
        return milliseconds / 1000 if milliseconds else None

    @property
    def left(self) -> BudgetRest | None:
        """The rest of the budget that said no, e.g. `{"amount": "0.20", "unit": "usd"}`; None where none did."""
        document = self.document
        return document.get("left") if document else None

    @property
    def category(self) -> Category:
        """Says whether another call may do: `forbidden`, `unauthorized` or `undecided`."""
        return category(self.name)

    @property
    def http_status(self) -> int:
        """A server's answer: 403; 401 where another chain or proof may do; 428 where the whole chain is needed once; 503
        where the guard cannot decide now."""
        return http_status(self.name)

    @property
    def challenge(self) -> str | None:
        """The value of `WWW-Authenticate` that goes with the status; None where that is not 401."""
        return take(lib.agentid_reason_challenge, *pair(self.name, "name")) or None

    @property
    def document(self) -> DecisionDocument | None:
        """The decision's document (docs/schemas/decision.json), also in another process; None where nothing was decided."""
        return self._document if self.decision is None else self.decision.document

    def _kept(self) -> dict[str, Any]:
        kept = super()._kept()
        kept.pop("decision", None)
        try:
            kept["_document"] = self.document
        except (Error, ValueError):  # the decision was closed
            kept["_document"] = None
        return kept


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


def text(out: Bytes) -> str:
    """The text of bytes, which are freed."""
    try:
        return string_at(out.data or 0, out.len).decode() if out.len else ""
    finally:
        lib.agentid_bytes_free(byref(out))


def identifier(value: Any, name: str) -> tuple[bytes, int]:
    """An ID as pointer and length, of a text or of what has one."""
    given = value if isinstance(value, str) else getattr(value, "id", None)
    if not isinstance(given, str):
        raise TypeError(f"{name} is an ID, or an object that has one, not {type(value).__name__}")
    return pair(given, name)


def counted(data: bytes) -> tuple[bytes, int]:
    """Bytes as pointer and length."""
    return data, len(data)


def utf8(value: str) -> bytes:
    """A text's bytes. The library refuses a lone surrogate, which UTF-8 does not have, as it does any other malformed input, and
    says which parameter it was."""
    return value.encode("utf-8", "surrogatepass")


def pair(value: str, name: str) -> tuple[bytes, int]:
    """A text as pointer and length; TypeError, which names the argument, for anything else."""
    if not isinstance(value, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"{name} is a text, not {type(value).__name__}")
    return counted(utf8(value))


def of(kind: type[Any], value: Any, name: str) -> Any:
    """A value of this kind; TypeError, which names the argument, for any other."""
    if not isinstance(value, kind):
        raise TypeError(f"{name} is of the type {kind.__name__}, not {type(value).__name__}")
    return value


def option(value: str | None, name: str) -> bytes | None:
    """A text inside an option struct: NUL would end it early."""
    if value is None:
        return None
    if not isinstance(value, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"{name} is a text, not {type(value).__name__}")
    if "\0" in value:
        raise Error(2, "argument", "a NUL character cannot be part of an option", f"options.{name}", None)
    return utf8(value)


def number(value: int | None, name: str) -> int:
    """A number inside an option struct, where 0 is the library's own default."""
    if value == 0:
        raise ValueError(f"{name} cannot be 0: leave it out, or give None, for the default")
    return 0 if value is None else value


def duration(value: int | timedelta | None, name: str) -> int:
    """A length of time inside an option struct."""
    return number(None if value is None else length(value, name), name)


def moment(value: int | datetime | None, name: str) -> int:
    """A point in time inside an option struct."""
    return number(None if value is None else point(value, name), name)


def milliseconds(value: float | timedelta, name: str) -> Any:
    """A wait in milliseconds."""
    seconds: Any = value if isinstance(value, int | float) else getattr(value, "total_seconds", lambda: None)()
    if seconds is None or isinstance(value, bool):
        raise TypeError(f"{name} is a number of seconds, or a timedelta, not {type(value).__name__}")
    try:
        whole = int(1000 * seconds)
    except (ValueError, OverflowError):  # NaN, infinity, what times 1000 is infinite
        raise OverflowError(f"{name} is out of bounds: {seconds}") from None
    return checked(c_int64, whole, name)


def length(value: int | timedelta, name: str) -> Any:
    """A length of time in whole seconds, what is beyond them cut off: never longer."""
    times: Any = sys.modules.get("datetime")  # slow to import: there are such values only where somebody else has
    given: Any = value
    if times is not None and isinstance(given, times.datetime):
        raise TypeError(f"{name} is a length of time: seconds, or a timedelta, not a datetime")
    if times is not None and isinstance(given, times.timedelta):
        return given // times.timedelta(seconds=1)
    if isinstance(given, bool) or not isinstance(given, int):
        raise TypeError(f"{name} is a whole number of seconds, or a timedelta, not {type(given).__name__}")
    return given


def point(value: int | datetime, name: str) -> Any:
    """A point in time in whole seconds since 1970, what is beyond them cut off: never later."""
    times: Any = sys.modules.get("datetime")
    given: Any = value
    if times is not None and isinstance(given, times.timedelta):
        raise TypeError(f"{name} is a point in time: seconds since 1970, or a datetime with its time zone, not a timedelta")
    if times is None or not isinstance(given, times.datetime):
        if isinstance(given, bool) or not isinstance(given, int):
            kind = type(given).__name__
            raise TypeError(f"{name} is whole seconds since 1970, or a datetime with its time zone, not {kind}")
        return given
    if given.utcoffset() is None:
        raise ValueError(f"{name} is a datetime without a time zone, which could be any: use datetime.now(timezone.utc)")
    return (given - times.datetime(1970, 1, 1, tzinfo=times.timezone.utc)) // times.timedelta(seconds=1)


def depth(value: int | None) -> int:
    """A `max_depth`, where 0 is a depth of its own."""
    if isinstance(value, bool) or not isinstance(value, int | None):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"max_depth is a whole number, not {type(value).__name__}")
    if value is not None and value < 0:
        raise ValueError("max_depth is at least 0, or None for the default")
    return 0 if value is None else value or NO_DELEGATION


def texts(values: Sequence[str], name: str) -> bytes | None:
    """Texts as a JSON array; None for none of them. What is over the library's bound is cut past it, and refused by it."""
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"{name} is a list of texts, not {type(values).__name__}")
    kept, size = list[str](), 0
    for value in values:
        if not isinstance(value, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"{name} is a list of texts, and has {type(value).__name__} in it")
        kept.append(value)
        size += len(value) + 4  # its quotes, a comma and a blank
        if size > _LONGEST_INPUT:
            break
    return json.dumps(kept).encode() if kept else None
