"""Arguments as JSON: what a tool is given, in the form that scopes speak of."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, cast
from uuid import UUID

from .._decision import one_reading


def plain(value: Any, *, asked: bool = False) -> Any:
    """A value as JSON has it; TypeError for what has no such form: what cannot be looked at cannot be permitted.

    Decimals, UUIDs, dates, paths and URLs become texts, and so do bytes that are UTF-8; enumerations their values, sets arrays in
    one order, times that pass seconds, data classes and Pydantic models objects of what they hold, whatever they write of it.
    `asked`: objects as a schema asks for them, by their fields' aliases, without what is null by default.
    """
    return _plain(value, asked, False)


def readable(value: Any, *, asked: bool = False) -> Any:
    """As `plain`, for what a tool makes of arguments: a part that has no form in JSON is `NO_FORM`, and no error."""
    return _part(value, asked, True)


class _NoForm:
    """Stands for a part of a value that a guard cannot look at."""

    __slots__ = ()


NO_FORM: Any = _NoForm()


def _part(value: Any, asked: bool, gaps: bool) -> Any:
    if not gaps:
        return _plain(value, asked, False)
    try:
        return _plain(value, asked, True)
    except TypeError:
        return NO_FORM


def _plain(value: Any, asked: bool, gaps: bool) -> Any:
    """`gaps`: parts that have no form are `NO_FORM`."""
    if gaps and isinstance(value, float) and not math.isfinite(value):
        raise TypeError("NaN and infinity have no form in JSON")
    if value is None or type(value) in (str, int, float, bool):
        return value
    if isinstance(value, Enum):
        return _plain(value.value, asked, gaps)
    if isinstance(value, Decimal | UUID):
        return str(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        seconds = value.total_seconds()
        return int(seconds) if seconds.is_integer() else seconds
    if isinstance(value, os.PathLike):
        return plain(os.fspath(cast("os.PathLike[str]", value)))
    if isinstance(value, Mapping):
        return _object(cast("Mapping[Any, Any]", value), asked, gaps)
    if isinstance(value, list | tuple):
        return [_part(each, asked, gaps) for each in cast("list[Any]", value)]
    if isinstance(value, set | frozenset):
        return sorted((_part(each, asked, gaps) for each in cast("set[Any]", value)), key=_in_order)
    if isinstance(value, str):
        return str.__str__(value)  # what a subclass is to JSON
    if isinstance(value, int | float):
        return int(value) if isinstance(value, int) else float(value)
    if isinstance(value, bytes | bytearray):
        return _text(value)
    kind = cast("type[Any]", type(value))
    if is_dataclass(kind):
        known = {each.name: each.default for each in fields(kind)}
        held = {name: getattr(value, name) for name in known}
        return {name: _part(each, asked, gaps) for name, each in held.items() if not (asked and each is known[name] is None)}
    if hasattr(kind, "model_dump"):
        return _model(value, kind, asked, gaps)
    if kind.__module__ == "ipaddress" or hasattr(kind, "unicode_string"):  # Pydantic's URLs
        return str(value)
    raise TypeError(f"an argument of the type {kind.__name__} has no form in JSON: a guard cannot look at it")


def _in_order(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _text(value: bytes | bytearray) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise TypeError("an argument of bytes that are not UTF-8 has no form in JSON: a guard cannot look at it") from None


def _model(value: Any, kind: Any, asked: bool, gaps: bool) -> Any:
    """A Pydantic model as what it holds: its own serializers may write something else."""
    known: Mapping[str, Any] | None = getattr(kind, "model_fields", None)
    if not (gaps and known is not None) and _is_more_than_its_dump(value):
        named = f"a {kind.__name__} with a secret, NaN, infinity or a field that its JSON leaves out"
        raise TypeError(f"{named} is not what a guard sees")
    if known is None:
        return plain(value.model_dump(mode="json"))
    if getattr(kind, "__pydantic_root_model__", False):
        return _plain(value.root, asked, gaps)
    made: dict[str, Any] = {}
    for name, field in known.items():
        held = getattr(value, name)
        if not (asked and held is None and field.default is None):
            made[_alias(name, field) if asked else name] = _part(held, asked, gaps)
    return {**made, **_plain(value.model_extra or {}, asked, gaps)}


def _alias(name: str, field: Any) -> str:
    return next((each for each in (field.validation_alias, field.alias) if isinstance(each, str)), name)


def _is_more_than_its_dump(value: Any) -> bool:
    """Whether a Pydantic model, or what is in it, has a value that its JSON does not show."""
    if isinstance(value, float):
        return not math.isfinite(value)
    if isinstance(value, Mapping):
        return any(map(_is_more_than_its_dump, cast("Mapping[Any, Any]", value).values()))
    if isinstance(value, list | tuple | set | frozenset):
        return any(map(_is_more_than_its_dump, cast("list[Any]", value)))
    if hasattr(value, "get_secret_value"):
        return True
    known: Mapping[str, Any] = getattr(cast("type[Any]", type(value)), "model_fields", {})
    inner = (getattr(value, name, None) for name in (*known, *(getattr(value, "model_extra", None) or ())))
    return any(field.exclude for field in known.values()) or any(map(_is_more_than_its_dump, inner))


def _object(value: Mapping[Any, Any], asked: bool, gaps: bool) -> dict[str, Any]:
    if gaps and cast("type[Any]", type(value)) is dict:
        named: dict[Any, Any] = {_name(name): each for name, each in value.items()}
        if len(named) < len(value):
            raise TypeError("an argument with two members of one name has no form in JSON")
        value = named
    elif not all(isinstance(name, str) for name in value):
        raise TypeError("an argument with members that are not named by texts has no form in JSON")
    if cast("type[Any]", type(value)) is not dict:
        one_reading(value)
    return {name: _part(each, asked, gaps) for name, each in value.items()}


def _name(name: Any) -> str:
    """The name of a member, as Pydantic reads it from JSON."""
    made = _plain(name, False, True)
    if isinstance(made, str):
        return made
    if made is None or isinstance(made, int | float):
        return json.dumps(made)
    raise TypeError("an argument with members that are not named by texts or numbers has no form in JSON")
