"""JSON and base64 of bundles and tokens, read strictly: duplicate names, other spellings and what is too large are refused."""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import Any, NoReturn

from ._id import SVIDError

_URL = re.compile("[A-Za-z0-9_-]*")


def members(text: str | bytes, longest: int, what: str) -> dict[str, Any]:
    """A JSON object; raises `SVIDError`."""
    if len(text) > longest:
        raise SVIDError("too_large", f"{what} has {longest} bytes at most, this one {len(text)}")
    try:
        # Decoded here: what json does with bytes is to guess.
        decoded = text if isinstance(text, str) else text.decode()
        found = json.loads(decoded, object_pairs_hook=_unique, parse_constant=_refused)
    except (ValueError, RecursionError):
        raise SVIDError("json", f"{what} is not JSON without duplicate names") from None
    if not isinstance(found, dict):
        raise SVIDError("json", f"{what} is not a JSON object")
    return found  # pyright: ignore[reportUnknownVariableType]


def whole(value: Any) -> int | None:
    """A whole number, not negative and within 2^53; None for anything else."""
    return value if type(value) is int and 0 <= value < 1 << 53 else None


def base64url(text: Any, longest: int) -> bytes:
    """The bytes of base64url without padding, in the one spelling that they have."""
    if not isinstance(text, str) or len(text) > 2 * longest or not _URL.fullmatch(text) or len(text) % 4 == 1:
        raise SVIDError("base64", "not base64url without padding")
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if unpadded(data) != text or len(data) > longest:
        raise SVIDError("base64", "base64url with stray bits, or too long")
    return data


def base64der(text: Any, longest: int) -> bytes:
    """The bytes of base64 with padding, as `x5c` has it (RFC 7517, 4.7)."""
    if not isinstance(text, str) or len(text) > 2 * longest:
        raise SVIDError("base64", "a certificate in x5c is base64, and not too long")
    try:
        return base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        raise SVIDError("base64", "a certificate in x5c is base64 with padding") from None


def unpadded(data: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is there twice")
    return found


def _refused(_: str) -> NoReturn:
    raise ValueError("not a number that is read here")
