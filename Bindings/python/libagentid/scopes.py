"""Constraints on arguments, made from values: no text is assembled, so nothing has to be quoted.

    from libagentid.scopes import at_most, one_of, optional, under
    scope = Scope.tool("read_file", path=under("/data"), mode=one_of("r", "rb"), head=optional(at_most(200)))

docs/constraints.md describes what each type permits, and what is below it. Nothing is checked here: `Scope.tool` checks, and
raises `ScopeError`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from ._inputs import flag

if TYPE_CHECKING:
    from decimal import Decimal

__all__ = [
    "Constraint", "all_of", "any_of", "anything", "at_least", "at_most", "between", "cidr", "contains", "decimal", "each",
    "equals", "less_than", "like", "members", "more_than", "none_of", "number", "one_of", "optional", "subset_of", "under", "uri",
]  # fmt: skip

Value: TypeAlias = "str | int | float | bool | None"
"""A value that an argument is compared with: a JSON scalar."""


class Constraint:
    """A constraint on one argument. Immutable; made by the functions of this module. Two with the same token form are equal."""

    __slots__ = ("_is_optional", "_token")

    def __init__(self, type: str, members: Mapping[str, Any], *, is_optional: bool = False) -> None:
        self._token, self._is_optional = {"constraint_type": type, **members}, is_optional

    def __repr__(self) -> str:
        return f"Constraint({json.dumps(_written(self), default=repr)})"

    def __eq__(self, other: object) -> bool:
        return _written(self) == _written(other) if isinstance(other, Constraint) else NotImplemented

    def __hash__(self) -> int:
        return hash(json.dumps(_written(self), sort_keys=True))


Argument: TypeAlias = "Constraint | Value"


def _of(argument: Argument) -> Constraint:
    return argument if isinstance(argument, Constraint) else equals(argument)


def _written(constraint: Constraint) -> dict[str, Any]:
    return {**constraint._token, "optional": True} if constraint._is_optional else constraint._token  # pyright: ignore[reportPrivateUsage]


def _inner(argument: Argument) -> dict[str, Any]:
    constraint = _of(argument)
    if constraint._is_optional:  # pyright: ignore[reportPrivateUsage]
        raise TypeError("only an argument of a tool, or a member of an object, can be optional: not what is inside a constraint")
    return constraint._token  # pyright: ignore[reportPrivateUsage]


def token(tools: Mapping[str, Mapping[str, Argument]]) -> str:
    """The token form of a scope, JSON: names and values are whatever they are, and never syntax."""
    if not all(isinstance(name, str) for arguments in (tools, *tools.values()) for name in arguments):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError("tools and arguments are named by texts")
    written = {tool: {name: _written(_of(argument)) for name, argument in arguments.items()} for tool, arguments in tools.items()}
    for tool, arguments in written.items():
        for name, argument in arguments.items():
            try:
                json.dumps(argument, allow_nan=False)
            except (TypeError, ValueError) as error:
                raise type(error)(f"{tool}.{name}: {error}: constraints have texts, numbers, booleans and None") from None
    return json.dumps(written)


def optional(constraint: Argument) -> Constraint:
    """The argument may be left out; if it is given, `constraint` applies."""
    written = dict(_inner(constraint))
    return Constraint(written.pop("constraint_type"), written, is_optional=True)


def anything() -> Constraint:
    """Any value. Under the name `"*"`: arguments that are not named."""
    return Constraint("wildcard", {})


def equals(value: Value) -> Constraint:
    """This value; numbers by value. A plain value stands for this."""
    return Constraint("exact", {"value": value})


def one_of(*values: Value) -> Constraint:
    """One of these values."""
    return Constraint("one_of", {"values": list(values)})


def none_of(*values: Value) -> Constraint:
    """None of these values."""
    return Constraint("not_one_of", {"excluded": list(values)})


def contains(*values: Value) -> Constraint:
    """A list that has all of these."""
    return Constraint("contains", {"required": list(values)})


def subset_of(*values: Value) -> Constraint:
    """A list with nothing but these; it may be empty."""
    return Constraint("subset", {"allowed": list(values)})


def number() -> Constraint:
    """Any number."""
    return Constraint("range", {})


def at_least(bound: float) -> Constraint:
    """A number of at least this."""
    return Constraint("range", {"min": bound})


def at_most(bound: float) -> Constraint:
    """A number of at most this."""
    return Constraint("range", {"max": bound})


def more_than(bound: float) -> Constraint:
    """A number above this."""
    return Constraint("range", {"min": bound, "min_inclusive": False})


def less_than(bound: float) -> Constraint:
    """A number below this."""
    return Constraint("range", {"max": bound, "max_inclusive": False})


def between(least: float, most: float) -> Constraint:
    """A number from `least` to `most`, both included."""
    return Constraint("range", {"min": least, "max": most})


def under(root: str) -> Constraint:
    """A path that is `root`, which is absolute, or below it; compared as text, without following links."""
    return Constraint("path_containment", {"root": root})


def like(pattern: str) -> Constraint:
    """A text of this pattern: `*` is any run without `/`, `**` any run, `?` one character other than `/`."""
    return Constraint("glob", {"pattern": pattern})


def uri(
    *, schemes: Sequence[str] = (), hosts: Sequence[str] = (), ports: Sequence[int] = (), path: str | None = None
) -> Constraint:
    """A URI with these parts, at least one; a part that is not given may be anything. `*.` before a host: all below it."""
    parts = {"schemes": _list(schemes, "schemes"), "hosts": _list(hosts, "hosts"), "ports": _list(ports, "ports"), "path": path}
    return Constraint("uri", {name: part for name, part in parts.items() if part})


def cidr(*networks: str) -> Constraint:
    """An IP address in one of these networks, such as `"10.0.0.0/8"`."""
    return Constraint("cidr", {"networks": list(networks)})


def decimal(*, least: Decimal | int | str | None = None, most: Decimal | int | str | None = None) -> Constraint:
    """A decimal number in a text, such as `"12.50"`, from `least` to `most`. No floats, which are not what they look like."""
    bounds = {"min": _decimal(least), "max": _decimal(most)}
    return Constraint("decimal_range", {name: bound for name, bound in bounds.items() if bound is not None})


def each(constraint: Argument) -> Constraint:
    """A list whose elements all satisfy `constraint`."""
    return Constraint("each", {"constraint": _inner(constraint)})


def members(named: Mapping[str, Argument] | None = None, /, *, others: bool = False, **more: Argument) -> Constraint:
    """An object with these members, each under its constraint; with `others`, other members too."""
    given = {name: _of(argument) for name, argument in {**(named or {}), **more}.items()}
    left_out = [name for name, constraint in given.items() if constraint._is_optional]  # pyright: ignore[reportPrivateUsage]
    written: dict[str, Any] = {"members": {name: constraint._token for name, constraint in given.items()}}  # pyright: ignore[reportPrivateUsage]
    if left_out:
        written["optional_members"] = left_out
    if flag(others, "others"):
        written["others"] = True
    return Constraint("members", written)


def all_of(*constraints: Argument) -> Constraint:
    """A value that satisfies all of these."""
    return Constraint("all", {"constraints": [_inner(constraint) for constraint in constraints]})


def any_of(*constraints: Argument) -> Constraint:
    """A value that satisfies at least one of these."""
    return Constraint("any", {"constraints": [_inner(constraint) for constraint in constraints]})


def _list(values: Sequence[Any], name: str) -> list[Any]:
    if isinstance(values, str | bytes):
        raise TypeError(f"{name} is a list, not {values!r}")
    return list(values)


def _decimal(bound: Decimal | int | str | None) -> str | None:
    if bound is None or isinstance(bound, str):
        return bound
    if isinstance(bound, float):
        raise TypeError("a bound of decimal() is a Decimal, a whole number or a text, not a float")
    return f"{bound:d}" if isinstance(bound, int) else f"{bound:f}"
