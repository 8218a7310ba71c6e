"""The claims of tokens and proofs, by type; absence and a wrong type deny at the step that asks."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .constraints import Map
from .jws import Compact, Key
from .strictjson import JSON, Number

ENTRY = "attenuating_agent_token"
Claims = dict[str, JSON]

# RFC 3986: a scheme, then characters that a URI may have; percent signs only before two digits.
URI = re.compile(
    r"[A-Za-z][A-Za-z0-9+.-]*:(?:[A-Za-z0-9._~:/?\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*(?:#(?:[A-Za-z0-9._~:/?@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*)?"
)


@dataclass
class Token:
    """A token whose signature has been verified."""

    compact: Compact
    claims: Claims
    jti: str
    iat: int
    exp: int
    depth: int
    max_depth: int
    holder: Key
    tools: dict[str, Map]


def integer(value: JSON) -> int | None:
    """A number with no fraction or exponent part (section 3.2)."""
    return value.integer() if isinstance(value, Number) and value.is_integer else None


def natural(value: JSON) -> int | None:
    number = integer(value)
    return number if number is not None and number >= 0 else None


def text(value: JSON) -> str | None:
    """A string that is not empty."""
    return value if isinstance(value, str) and value else None


def is_uri(value: JSON) -> bool:
    return isinstance(value, str) and URI.fullmatch(value) is not None


def holder(claims: Claims) -> JSON:
    cnf = claims.get("cnf")
    return cnf.get("jwk") if isinstance(cnf, dict) else None


def entries(claims: Claims) -> list[dict[str, JSON]] | None:
    """The entries of our type; None where there is no array. Entries of other types, and what has none, are ignored."""
    details = claims.get("authorization_details")
    if not isinstance(details, list):
        return None
    return [entry for entry in details if isinstance(entry, dict) and entry.get("type") == ENTRY]


def tools(entry: dict[str, JSON]) -> dict[str, dict[str, JSON]] | None:
    """A JSON object whose values are JSON objects, or None."""
    value = entry.get("tools")
    if not isinstance(value, dict):
        return None
    found = {name: rules for name, rules in value.items() if isinstance(rules, dict)}
    return found if len(found) == len(value) else None


def audiences(value: JSON) -> list[str] | None:
    """A string or an array of strings (section 3.2), or None."""
    if isinstance(value, str):
        return [value]
    if not isinstance(value, list):
        return None
    named = [element for element in value if isinstance(element, str)]
    return named if len(named) == len(value) else None
