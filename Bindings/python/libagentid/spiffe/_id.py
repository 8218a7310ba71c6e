"""SPIFFE IDs, and why something is refused."""

from __future__ import annotations

import re
from typing import NamedTuple

# Characters by name: no class of Unicode's, no case folding, so that what looks alike is not the same.
_DOMAIN = re.compile("[a-z0-9._-]{1,255}")
_PATH = re.compile("(?:/[A-Za-z0-9._-]+)+")
_LONGEST = 2048


class SVIDError(ValueError):
    """An SVID, a token or a bundle that is not valid, or a workload that gets nothing. `rule` names what it breaks."""

    def __init__(self, rule: str, message: str) -> None:
        super().__init__(f"{rule}: {message}")
        self.rule = rule


class SPIFFEID(NamedTuple):
    """A SPIFFE ID, as the standard spells it: what exists is valid."""

    trust_domain: str
    path: str
    """Empty in the ID of a trust domain, else it begins with a slash."""

    @classmethod
    def parse(cls, text: str, *, is_domain: bool = False) -> SPIFFEID:
        """Reads the ID of a workload, or with `is_domain` that of a trust domain. Nothing is normalised; raises `SVIDError`."""
        scheme, domain = "spiffe://", text[len("spiffe://") :]
        if not text.startswith(scheme) or len(text) > _LONGEST or not text.isascii():
            raise SVIDError("spiffe_id", f"a SPIFFE ID is spiffe://, then ASCII, {_LONGEST} bytes at most")
        domain, slash, rest = domain.partition("/")
        path = slash + rest
        if not _DOMAIN.fullmatch(domain):
            raise SVIDError(
                "spiffe_id", "a trust domain has lower-case letters, digits, dots, dashes and underscores, 255 at most"
            )
        if is_domain != (path == ""):
            raise SVIDError("spiffe_id", f"the ID of {'a trust domain has no' if is_domain else 'a workload has a'} path")
        if path and (not _PATH.fullmatch(path) or any(part in (".", "..") for part in path.split("/"))):
            raise SVIDError(
                "spiffe_id", "a path's parts have letters, digits, dots, dashes and underscores; none is empty, . or .."
            )
        return cls(domain, path)

    def __str__(self) -> str:
        return f"spiffe://{self.trust_domain}{self.path}"


def trust_domain(name: str) -> str:
    """A trust domain's name as it was given; raises `SVIDError` for what is none."""
    return SPIFFEID.parse(f"spiffe://{name}", is_domain=True).trust_domain


def matches(pattern: str, workload: SPIFFEID) -> bool:
    """Whether a pattern names a workload: its ID, or everything below a path that ends with a slash. Compared byte by byte."""
    text = str(workload)
    return text.startswith(pattern) if pattern.endswith("/") else text == pattern


def checked_pattern(pattern: str) -> str:
    """A pattern for `matches`; raises `SVIDError` for what could never match, or would match more than was meant."""
    is_below = pattern.endswith("/")
    if is_below and pattern.count("/") == 3:
        SPIFFEID.parse(pattern[:-1], is_domain=True)  # everything in a trust domain
    else:
        SPIFFEID.parse(pattern[:-1] if is_below else pattern)
    return pattern
