"""Values of Python as the library takes them. Each is refused by the name of its parameter."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from ctypes import c_int64
from typing import TYPE_CHECKING, Any, TypeAlias

from ._abi import E_ARGUMENT, NO_DELEGATION, checked
from ._errors import Error

if TYPE_CHECKING:
    from datetime import datetime, timedelta

# Rates and budgets that a grant states: docs/policies.md.
Limits: TypeAlias = Sequence[Mapping[str, Any]] | str

_LONGEST_INPUT = 1 << 20  # of the library


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
    return str.encode(value, "utf-8", "surrogatepass")


def pair(value: str, name: str) -> tuple[bytes, int]:
    """A text as pointer and length; TypeError, which names the argument, for anything else."""
    if not isinstance(value, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"{name} is a text, not {type(value).__name__}")
    return counted(utf8(value))


def named_audience(value: str) -> str:
    """The name of a guard; TypeError, or ValueError for what none can have."""
    if not isinstance(value, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"audience is a text, the name of the guard, not {type(value).__name__}")
    if not 0 < len(utf8(value)) <= 256:
        raise ValueError(f"audience is the name of the guard, of 1 to 256 bytes, not of {len(utf8(value))}")
    return value


def one_by_one(names: tuple[str, ...], name: str) -> tuple[str, ...]:
    """Names that are given one by one; TypeError for a list of them."""
    if names and not isinstance(names[0], str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"{name} are given one by one, {name}('a', 'b'), not in a {type(names[0]).__name__}")
    return names


def of(kind: type[Any], value: Any, name: str) -> Any:
    """A value of this kind; TypeError, which names the argument, for any other."""
    if not isinstance(value, kind):
        raise TypeError(f"{name} is of the type {kind.__name__}, not {type(value).__name__}")
    return value


def flag(value: bool, name: str) -> int:
    """1 or 0 for True or False; TypeError, which names the argument, for anything else: to Python the text "false" is true, and
    None is false, where neither was meant."""
    if not isinstance(value, bool):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"{name} is True or False, not {type(value).__name__}")
    return int(value)


def option(value: str | None, name: str) -> bytes | None:
    """A text inside an option struct: NUL would end it early."""
    if value is None:
        return None
    if not isinstance(value, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"{name} is a text, not {type(value).__name__}")
    if "\0" in value:
        raise Error(E_ARGUMENT, "argument", "a NUL character cannot be part of an option", f"options.{name}", None)
    return utf8(value)


def grant_limits(value: Limits | None) -> bytes | None:
    """Limits of a grant, as JSON: a text, or a list of mappings."""
    if value is None or isinstance(value, str):
        return option(value, "limits")
    try:
        return json.dumps(value).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise TypeError(f"limits is a list of dicts, or JSON: {error}") from error


def number(value: int | None, name: str) -> int:
    """A number, where 0 is the library's own default."""
    if value is None:
        return 0
    if value == 0:
        raise ValueError(f"{name} cannot be 0: leave it out, or give None, for the default")
    return checked(c_int64, value, name)


def duration(value: int | timedelta | None, name: str) -> int:
    """A length of time, where 0 is the library's own default."""
    return number(None if value is None else length(value, name), name)


def moment(value: int | datetime | None, name: str) -> int:
    """A point in time, where 0 is the library's own default."""
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
    return checked(c_int64, given, name)


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
        return checked(c_int64, given, name)
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
