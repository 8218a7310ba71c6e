"""Compact JWS (RFC 7515) signed with Ed25519 (RFC 8032, RFC 9864), keys (RFC 7517) and their thumbprints (RFC 7638)."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from .strictjson import JSON, NotJSON, parse

URL_SAFE = re.compile(r"[A-Za-z0-9_-]*")
PRIME = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
THUMBPRINT = "urn:ietf:params:oauth:jwk-thumbprint:sha-256:"
# RFC 7518 section 6 and RFC 8037: what is private, in any kind of key.
PRIVATE = ("d", "p", "q", "dp", "dq", "qi", "oth", "k")


class NotJWS(ValueError):
    """Not a compact serialization, or not a key."""


def decode(text: str) -> bytes:
    if not URL_SAFE.fullmatch(text) or len(text) % 4 == 1:
        raise NotJWS("not base64url without padding")
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if encode(data) != text:
        raise NotJWS("unused bits are set")
    return data


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def hashed(text: str) -> str:
    """base64url-nopad(SHA-256(signing input)), as in section 4.6."""
    return encode(hashlib.sha256(text.encode("ascii")).digest())


@dataclass(frozen=True)
class Key:
    """An Ed25519 public key."""

    x: str

    @staticmethod
    def read(jwk: JSON) -> Key:
        if not isinstance(jwk, dict) or jwk.get("kty") != "OKP" or jwk.get("crv") != "Ed25519":
            raise NotJWS("not an Ed25519 key")
        if any(name in jwk for name in PRIVATE):
            raise NotJWS("private key material")
        x = jwk.get("x")
        if not isinstance(x, str) or len(decode(x)) != 32:
            raise NotJWS("x is not 32 bytes")
        return Key(x)

    def thumbprint_uri(self) -> str:
        return THUMBPRINT + hashed(f'{{"crv":"Ed25519","kty":"OKP","x":"{self.x}"}}')

    def verifies(self, message: bytes, signature: bytes) -> bool:
        """RFC 8032 section 5.1.7; the two bounds are checked here, whatever OpenSSL does about them."""
        public = decode(self.x)
        if int.from_bytes(public, "little") & (2**255 - 1) >= PRIME:
            return False
        if len(signature) != 64 or int.from_bytes(signature[32:], "little") >= ORDER:
            return False
        try:
            Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True)
class Compact:
    """A token in three parts, not verified."""

    signing_input: str
    payload_part: str
    header: dict[str, JSON]
    signature: bytes

    @staticmethod
    def read(text: str) -> Compact:
        parts = text.split(".")
        if len(parts) != 3:
            raise NotJWS("not three parts")
        try:
            header = parse(decode(parts[0]))
        except NotJSON as error:
            raise NotJWS(f"header: {error}") from None
        if not isinstance(header, dict):
            raise NotJWS("the header is not an object")
        if not isinstance(header.get("kid", ""), str):  # RFC 7515, 4.1.4
            raise NotJWS("kid is not a string")
        return Compact(f"{parts[0]}.{parts[1]}", parts[1], header, decode(parts[2]))

    def payload(self) -> bytes:
        return decode(self.payload_part)

    def digest(self) -> str:
        return hashed(self.signing_input)

    def header_fits(self, typ: str) -> bool:
        """Steps 3a, 4a and 7a, with Ed25519 alone on the allowlist and no `crit` parameter understood."""
        return self.header.get("alg") == "Ed25519" and self.header.get("typ") == typ and "crit" not in self.header

    def signed_by(self, key: Key) -> bool:
        return key.verifies(self.signing_input.encode("ascii"), self.signature)
