"""The Workload API's answers as protocol buffers. They are few and flat: no generated code, of which two would collide."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .._bundle import Bundle
    from .._issuer import X509SVID


def _field(number: int, value: bytes | str) -> bytes:
    """A field of text, bytes or a message: its tag, its length, itself."""
    data = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _entries(number: int, entries: Mapping[str, bytes]) -> bytes:
    return b"".join(_field(number, _field(1, key) + _field(2, value)) for key, value in entries.items())


def _domain(bundle: Bundle) -> str:
    return f"spiffe://{bundle.trust_domain}"


def x509_svid_response(svid: X509SVID, own: Bundle, federated: list[Bundle]) -> bytes:
    """`X509SVIDResponse`: one SVID with its key and its domain's bundle, and the bundles of other domains."""
    fields = (str(svid.spiffe_id), b"".join(svid.certificates), svid.key_der(), own.der())
    message = b"".join(_field(number, value) for number, value in enumerate(fields, 1))
    return _field(1, message) + _entries(3, {_domain(bundle): bundle.der() for bundle in federated})


def x509_bundles_response(bundles: list[Bundle]) -> bytes:
    """`X509BundlesResponse`: bundles by trust domain."""
    return _entries(2, {_domain(bundle): bundle.der() for bundle in bundles})
