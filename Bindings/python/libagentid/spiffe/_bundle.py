"""Trust bundles: the keys of a trust domain, and of those that it federates with."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from . import _certificates as rules
from ._id import SPIFFEID, SVIDError, trust_domain
from ._json import base64der, base64url, members, unpadded, whole

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

LONGEST_BUNDLE = 1 << 20
MOST_KEYS = 64
_CURVES: dict[str, ec.EllipticCurve] = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "P-521": ec.SECP521R1()}
TokenKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey
"""The key of an authority for JWT-SVIDs."""


@dataclass(frozen=True)
class Bundle:
    """The keys of one trust domain: authorities of X.509-SVIDs as DER, keys of JWT-SVIDs by `kid`. Immutable."""

    trust_domain: str
    authorities: tuple[bytes, ...] = ()
    token_keys: Mapping[str, TokenKey] = field(default_factory=dict[str, TokenKey])
    sequence: int | None = None
    refresh_hint: int | None = None
    """How often to look for a newer one, in seconds."""
    certificates: tuple[Certificate, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        trust_domain(self.trust_domain)
        if len(self.authorities) + len(self.token_keys) > MOST_KEYS:
            raise SVIDError("too_large", f"a bundle has {MOST_KEYS} keys at most")
        read = tuple(rules.read(der) for der in self.authorities)
        for certificate in read:
            rules.check_authority(certificate, self.trust_domain, 0)
        for key in self.token_keys.values():
            _check_token_key(key)
        object.__setattr__(self, "certificates", read)

    @classmethod
    def parse(cls, name: str, document: str | bytes) -> Bundle:
        """Reads a SPIFFE bundle, a JWKS; keys for other uses are passed over. Raises `SVIDError` for one that is not valid."""
        read = members(document, LONGEST_BUNDLE, "a bundle")
        keys = read.get("keys")
        if not isinstance(keys, list) or len(keys) > MOST_KEYS:  # pyright: ignore[reportUnknownArgumentType]
            raise SVIDError("bundle", f"a bundle has a list of {MOST_KEYS} keys at most")
        authorities, tokens = list[bytes](), dict[str, TokenKey]()
        each: Any
        for each in keys:  # pyright: ignore[reportUnknownVariableType]
            if not isinstance(each, dict):
                raise SVIDError("bundle", "a key in a bundle is an object")
            key: dict[str, Any] = each  # pyright: ignore[reportUnknownVariableType]
            if key.get("use") == "x509-svid":
                chain: Any = key.get("x5c")
                if not isinstance(chain, list) or len(chain) != 1:  # pyright: ignore[reportUnknownArgumentType]
                    raise SVIDError("bundle", "a key for X.509-SVIDs has exactly one certificate in x5c")
                authorities.append(base64der(chain[0], rules.LONGEST_CERTIFICATE))
            elif key.get("use") == "jwt-svid":
                kid = key.get("kid")
                if not isinstance(kid, str) or not kid or kid in tokens:
                    raise SVIDError("bundle", "a key for JWT-SVIDs has a kid, and no other key has the same")
                tokens[kid] = _token_key(key)
        hints = [read.get(member) for member in ("spiffe_sequence", "spiffe_refresh_hint")]
        if any(hint is not None and whole(hint) is None for hint in hints):
            raise SVIDError("bundle", "spiffe_sequence and spiffe_refresh_hint are whole numbers")
        return cls(name, tuple(authorities), tokens, hints[0], hints[1])

    def json(self) -> str:
        """The SPIFFE bundle with the authorities of X.509-SVIDs. Keys of JWT-SVIDs are read here, never published."""
        document: dict[str, Any] = {"keys": [_jwk(each) for each in self.certificates]}
        if self.sequence is not None:
            document["spiffe_sequence"] = self.sequence
        if self.refresh_hint is not None:
            document["spiffe_refresh_hint"] = self.refresh_hint
        return json.dumps(document, indent=1)

    def pem(self) -> str:
        """The authorities of X.509-SVIDs as OpenSSL reads them: a file for `-CAfile`."""
        return "".join(each.public_bytes(Encoding.PEM).decode() for each in self.certificates)

    def der(self) -> bytes:
        """The authorities of X.509-SVIDs one after the other, as the Workload API has them."""
        return b"".join(self.authorities)


@dataclass(frozen=True)
class Peer:
    """The holder of a certificate, after that was verified."""

    spiffe_id: SPIFFEID
    leaf: Certificate = field(repr=False)


class Bundles:
    """The bundles that are trusted: each speaks for its own trust domain alone. Safe to use from several threads."""

    def __init__(self, bundles: Iterable[Bundle] = ()) -> None:
        self._kept: Mapping[str, Bundle] = {}
        self._lock = Lock()
        for bundle in bundles:
            self.add(bundle)

    def add(self, bundle: Bundle) -> None:
        """Trusts a bundle in place of its domain's former one; raises `SVIDError` for one that is older."""
        with self._lock:
            before = self._kept.get(bundle.trust_domain)
            if before is not None and (before.sequence or 0) > (bundle.sequence or 0):
                said = f"the sequence went back, from {before.sequence} to {bundle.sequence}"
                raise SVIDError("bundle", f"{bundle.trust_domain}: {said}: an old bundle trusts keys that were withdrawn")
            self._kept = {**self._kept, bundle.trust_domain: bundle}

    def remove(self, name: str) -> None:
        """Trusts a domain no more; harmless where it was not trusted."""
        with self._lock:
            self._kept = {domain: bundle for domain, bundle in self._kept.items() if domain != name}

    def __iter__(self) -> Iterator[Bundle]:
        return iter(self._kept.values())

    def get(self, name: str) -> Bundle:
        """A trust domain's bundle; raises `SVIDError` where it is not trusted."""
        found = self._kept.get(name)
        if found is None:
            raise SVIDError("foreign_domain", f"there is no bundle of the trust domain {name}")
        return found

    def verify(self, chain: Sequence[bytes], *, at: float | None = None) -> Peer:
        """Verifies an X.509-SVID with its intermediates, leaf first, as DER; raises `SVIDError`. `at`: in seconds since 1970.

        Each certificate is signed by the next, the last by an authority in the bundle of the leaf's own trust domain. Says who
        signed: that the peer has the leaf's key is shown by a TLS handshake alone. At most 16 signatures are looked at, so that
        no domain whose authorities have one name costs more.
        """
        if not 1 <= len(chain) <= rules.LONGEST_CHAIN:
            raise SVIDError("chain_too_long", f"a chain has 1 to {rules.LONGEST_CHAIN} certificates, this one {len(chain)}")
        now = time.time() if at is None else at
        certificates = [rules.read(der) for der in chain]
        leaf = certificates[0]
        spiffe_id = rules.leaf_id(leaf)
        rules.check_time(leaf, now)
        bundle, above = self.get(spiffe_id.trust_domain), list[Any]()
        left = iter(range(rules.MOST_SIGNATURES))
        for depth, certificate in enumerate(certificates):
            anchor = _issuer(certificate, bundle.certificates, now, left)
            if anchor is not None:
                rules.check_authority(anchor, spiffe_id.trust_domain, depth)
                rules.check_names([*above, anchor], leaf, spiffe_id)
                return Peer(spiffe_id, leaf)
            if depth + 1 == len(certificates):
                break
            issuer = certificates[depth + 1]
            rules.check_time(issuer, now)
            rules.check_authority(issuer, spiffe_id.trust_domain, depth)
            _count(left)
            rules.check_issued(certificate, issuer)
            above.append(issuer)
        raise SVIDError(
            "not_trusted", f"no authority in the bundle of {spiffe_id.trust_domain} that is valid now has signed this"
        )


def _count(left: Iterator[int]) -> None:
    """Counts a signature that is looked at; raises `SVIDError` for one too many."""
    if next(left, None) is None:
        raise SVIDError("too_costly", f"more than {rules.MOST_SIGNATURES} signatures would have to be looked at")


def _issuer(
    certificate: Certificate, authorities: Sequence[Certificate], now: float, left: Iterator[int]
) -> Certificate | None:  # fmt: skip
    """The authority that has signed a certificate; None if none of those that are valid now has."""
    for authority in authorities:
        if authority.subject != certificate.issuer:
            continue
        try:
            rules.check_time(authority, now)
        except SVIDError:
            continue
        _count(left)
        try:
            rules.check_issued(certificate, authority)
        except SVIDError:
            continue
        return authority
    return None


def _token_key(key: Mapping[str, Any]) -> TokenKey:
    try:
        if key.get("kty") == "RSA":
            n, e = (int.from_bytes(base64url(key.get(name), 1024), "big") for name in ("n", "e"))
            made = rsa.RSAPublicNumbers(e, n).public_key() if n.bit_length() >= 2048 else None
            if made is None or not rules.is_strong(made):
                raise SVIDError("weak_key", f"a key for JWT-SVIDs is {rules.STRONG}, or EC")
            return made
        curve = _CURVES.get(key.get("crv")) if isinstance(key.get("crv"), str) else None  # type: ignore[arg-type]
        if key.get("kty") == "EC" and curve is not None:
            x, y = (int.from_bytes(base64url(key.get(name), 66), "big") for name in ("x", "y"))
            return ec.EllipticCurvePublicNumbers(x, y, curve).public_key()
    except SVIDError:
        raise
    except ValueError:
        raise SVIDError("bundle", "a key for JWT-SVIDs is not on its curve, or no key") from None
    raise SVIDError("bundle", "a key for JWT-SVIDs is RSA, or EC on P-256, P-384 or P-521")


def _check_token_key(key: Any) -> None:
    if isinstance(key, rsa.RSAPublicKey) and rules.is_strong(key):
        return
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(
        key.curve, tuple(type(each) for each in _CURVES.values())
    ):
        raise SVIDError("weak_key", f"a key for JWT-SVIDs is {rules.STRONG}, or EC on P-256, P-384 or P-521")


def _jwk(certificate: Certificate) -> dict[str, Any]:
    key, x5c = certificate.public_key(), [base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()]
    if isinstance(key, ed25519.Ed25519PublicKey):
        x = unpadded(key.public_bytes(Encoding.Raw, PublicFormat.Raw))
        return {"kty": "OKP", "crv": "Ed25519", "x": x, "use": "x509-svid", "x5c": x5c}
    if isinstance(key, ec.EllipticCurvePublicKey):
        size, numbers = (key.key_size + 7) // 8, key.public_numbers()
        curve = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}[key.curve.name]
        x, y = (unpadded(each.to_bytes(size, "big")) for each in (numbers.x, numbers.y))
        return {"kty": "EC", "crv": curve, "x": x, "y": y, "use": "x509-svid", "x5c": x5c}
    if isinstance(key, rsa.RSAPublicKey):
        numbers = key.public_numbers()
        n, e = (unpadded(each.to_bytes((each.bit_length() + 7) // 8, "big")) for each in (numbers.n, numbers.e))
        return {"kty": "RSA", "n": n, "e": e, "use": "x509-svid", "x5c": x5c}
    raise SVIDError("weak_key", "the key of an authority is of a kind that is not used here")
