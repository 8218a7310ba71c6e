"""The canonical form of RFC 8785, and what section 3.4 of the draft makes of it: equality and admissible numbers."""

from __future__ import annotations

import math
import re

from .strictjson import JSON, Number

SHORT = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
SPECIAL = re.compile(r'["\\\x00-\x1f]')


class NoCanonicalForm(ValueError):
    """A number beyond the doubles."""


def canonical(value: JSON) -> bytes:
    parts: list[str] = []
    write(value, parts)
    return "".join(parts).encode("utf-8")


def write(value: JSON, into: list[str]) -> None:
    match value:
        case None:
            into.append("null")
        case bool():
            into.append("true" if value else "false")
        case str():
            into.append(string(value))
        case Number():
            into.append(number(value.double()))
        case list():
            into.append("[")
            for place, element in enumerate(value):
                into.append("," if place else "")
                write(element, into)
            into.append("]")
        case dict():
            into.append("{")
            for place, name in enumerate(sorted(value, key=lambda name: name.encode("utf-16-be"))):
                into.append(("," if place else "") + string(name) + ":")
                write(value[name], into)
            into.append("}")


def string(text: str) -> str:
    return '"' + SPECIAL.sub(lambda found: SHORT.get(found.group()) or f"\\u{ord(found.group()):04x}", text) + '"'


def number(value: float) -> str:
    """ECMAScript's Number::toString, from the shortest digits that Python finds as well."""
    if not math.isfinite(value):
        raise NoCanonicalForm("a number beyond the doubles")
    if value == 0:
        return "0"
    sign = "-" if value < 0 else ""
    mantissa, _, exponent = repr(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    point = len(whole) + int(exponent or "0") - (len(whole + fraction) - len(digits))
    digits = digits.rstrip("0")
    count = len(digits)
    if count <= point <= 21:
        return sign + digits + "0" * (point - count)
    if 0 < point <= 21:
        return sign + digits[:point] + "." + digits[point:]
    if -6 < point <= 0:
        return sign + "0." + "0" * -point + digits
    power = f"e{'+' if point > 0 else '-'}{abs(point - 1)}"
    return sign + digits[0] + ("." + digits[1:] if count > 1 else "") + power


def admissible(value: Number) -> bool:
    """The canonical form denotes the number that is written (section 3.4)."""
    double = value.double()
    return math.isfinite(double) and Number(number(double)).exact() == value.exact()


def all_admissible(value: JSON) -> bool:
    match value:
        case Number():
            return admissible(value)
        case list():
            return all(all_admissible(element) for element in value)
        case dict():
            return all(all_admissible(element) for element in value.values())
        case _:
            return True


def same(a: JSON, b: JSON) -> bool:
    return canonical(a) == canonical(b)


def forms(values: list[JSON]) -> set[bytes]:
    """An array as a set."""
    return {canonical(value) for value in values}
