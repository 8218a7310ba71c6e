"""Arguments as JSON: what a tool is given, in the form that scopes speak of."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from typing import Any, cast
from uuid import UUID

from .._decision import one_reading


def plain(value: Any) -> Any:
    """A value as JSON has it; TypeError for what has no such form: what cannot be looked at cannot be permitted.

    Decimals, UUIDs, dates and paths become texts, enumerations their values, data classes and Pydantic models objects.
    """
    if value is None or type(value) in (str, int, float, bool):
        return value
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, Decimal | UUID):
        return str(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, os.PathLike):
        return plain(os.fspath(cast("os.PathLike[str]", value)))
    if isinstance(value, Mapping):
        return _object(cast("Mapping[Any, Any]", value))
    if isinstance(value, list | tuple):
        return [plain(each) for each in cast("list[Any]", value)]
    if isinstance(value, str):
        return str.__str__(value)  # what a subclass is to JSON
    if isinstance(value, int | float):
        return int(value) if isinstance(value, int) else float(value)
    kind = cast("type[Any]", type(value))
    if is_dataclass(kind):
        return {field.name: plain(getattr(value, field.name)) for field in fields(kind)}
    if hasattr(kind, "model_dump"):
        shown = plain(value.model_dump(mode="json"))
        if _is_more_than_its_dump(value):
            named = f"a {kind.__name__} with a secret, NaN, infinity or a field that its JSON leaves out"
            raise TypeError(f"{named} is not what a guard sees")
        return shown
    raise TypeError(f"an argument of the type {kind.__name__} has no form in JSON: a guard cannot look at it")


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


def _object(value: Mapping[Any, Any]) -> dict[str, Any]:
    if not all(isinstance(name, str) for name in value):
        raise TypeError("an argument with members that are not named by texts has no form in JSON")
    if cast("type[Any]", type(value)) is not dict:
        one_reading(value)
    return {name: plain(each) for name, each in value.items()}


def defaulted(arguments: Mapping[str, Any], schema: Mapping[str, Any] | None) -> dict[str, Any]:
    """A model's arguments with the defaults that the tool's JSON Schema has for what was left out: what the tool will see.

    As `guarded` has it: defaults that are null are not given.
    """
    given = dict(arguments)
    properties: Mapping[str, Any] = (schema or {}).get("properties") or {}
    for name, property in properties.items():
        default = property.get("default") if isinstance(property, Mapping) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        if name not in given and default is not None:
            given[name] = default
    return given
