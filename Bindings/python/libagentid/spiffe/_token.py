"""JWT-SVIDs of other workloads, as the standard has them: RSA and ECDSA, an audience, an end. None is issued here."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from ._id import SPIFFEID, SVIDError
from ._json import base64url, members, whole

if TYPE_CHECKING:
    from ._bundle import Bundles, TokenKey

LONGEST_TOKEN = 16 * 1024
_SKEW = 30
_HASHES: dict[str, hashes.HashAlgorithm] = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
_CURVES = {"256": ec.SECP256R1, "384": ec.SECP384R1, "512": ec.SECP521R1}


class JWTSVID(NamedTuple):
    """A JWT-SVID after it was verified."""

    spiffe_id: SPIFFEID
    expires: int
    """In seconds since 1970."""
    jti: str | None
    signed: bytes
    """The text that its signature is over: one for each token, however the signature is spelled."""


def verify_token(
    token: str, bundles: Bundles, *, audience: str, longest: int = 3600, at: float | None = None
) -> JWTSVID:  # fmt: skip
    """Verifies a JWT-SVID by the bundle of its subject's own trust domain; raises `SVIDError`.

    `audience`: this end's name, one of the token's. `longest`: the time in seconds that a token may still live.
    """
    if not audience:
        raise ValueError("audience is empty: a token for anybody would be taken")
    if len(token) > LONGEST_TOKEN:
        raise SVIDError("too_large", f"a JWT-SVID has {LONGEST_TOKEN} bytes at most, this one {len(token)}")
    parts = token.split(".")
    if len(parts) != 3:
        raise SVIDError("token", "a JWT-SVID has three parts, in JWS compact serialization")
    header, claims = (members(base64url(part, LONGEST_TOKEN), LONGEST_TOKEN, "a part of a JWT-SVID") for part in parts[:2])
    subject = claims.get("sub")
    spiffe_id = SPIFFEID.parse(subject if isinstance(subject, str) else "")
    key = _key(header, bundles, spiffe_id)
    signed = f"{parts[0]}.{parts[1]}".encode()
    _check_signature(header["alg"], key, base64url(parts[2], 1024), signed)
    # From here on it is what the trust domain says.
    now, end, since = time.time() if at is None else at, whole(claims.get("exp")), whole(claims.get("nbf", 0))
    if end is None or end <= now:
        raise SVIDError("expired", "a JWT-SVID has an end, exp in whole seconds, which is not past")
    if since is None or since > now + _SKEW:
        raise SVIDError("expired", "the JWT-SVID is not valid yet")
    if end - now > longest:
        raise SVIDError("expired", f"the JWT-SVID lives longer than the {longest} seconds for which its use is remembered")
    named = claims.get("aud")
    heard = cast("list[Any]", named) if isinstance(named, list) else [named]
    if not any(isinstance(each, str) and each == audience for each in heard):
        raise SVIDError("audience", f"the JWT-SVID is not for {audience}")
    jti = claims.get("jti")
    if jti is not None and not isinstance(jti, str):
        raise SVIDError("token", "jti is text")
    return JWTSVID(spiffe_id, end, jti, signed)


def _key(header: dict[str, Any], bundles: Bundles, spiffe_id: SPIFFEID) -> TokenKey:
    alg, kid = header.get("alg"), header.get("kid")
    if not isinstance(alg, str) or alg[:2] not in ("RS", "ES", "PS") or alg[2:] not in _HASHES:
        raise SVIDError("algorithm", "a JWT-SVID is signed with RS, ES or PS, and SHA-256, 384 or 512")
    if header.get("typ", "JWT") not in ("JWT", "JOSE") or header.keys() - {"alg", "kid", "typ"}:
        raise SVIDError("token", "a JWT-SVID's header has alg, kid and, of JWT or JOSE, typ, and nothing else")
    found = bundles.get(spiffe_id.trust_domain).token_keys.get(kid) if isinstance(kid, str) else None
    if found is None:
        raise SVIDError("not_trusted", f"the bundle of {spiffe_id.trust_domain} has no key of this kid for JWT-SVIDs")
    return found


def _check_signature(alg: str, key: TokenKey, signature: bytes, signed: bytes) -> None:
    kind, size = alg[:2], alg[2:]
    digest = _HASHES[size]
    try:
        if kind == "ES" and isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, _CURVES[size]):
            half = (key.key_size + 7) // 8
            if len(signature) != 2 * half:
                raise InvalidSignature
            r, s = (int.from_bytes(each, "big") for each in (signature[:half], signature[half:]))
            key.verify(encode_dss_signature(r, s), signed, ec.ECDSA(digest))
        elif kind == "RS" and isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, signed, padding.PKCS1v15(), digest)
        elif kind == "PS" and isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, signed, padding.PSS(padding.MGF1(digest), digest.digest_size), digest)
        else:
            raise SVIDError("algorithm", "the key of this kid is of another kind than the token's alg")
    except InvalidSignature:
        raise SVIDError("not_trusted", "the JWT-SVID's signature is not that of the key it names") from None
