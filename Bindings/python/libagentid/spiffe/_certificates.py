"""The X509-SVID standard's rules for certificates, one by one. `_bundle` puts them together."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from ._id import SPIFFEID, SVIDError

if TYPE_CHECKING:
    from collections.abc import Sequence

LONGEST_CERTIFICATE = 16 * 1024
LONGEST_CHAIN = 8
MOST_SIGNATURES = 16
STRONG = "RSA of 2,048 to 8,192 bits with an exponent of 32 bits at most"
_UNDERSTOOD = (
    x509.BasicConstraints, x509.KeyUsage, x509.ExtendedKeyUsage, x509.SubjectAlternativeName, x509.NameConstraints,
    x509.SubjectKeyIdentifier, x509.AuthorityKeyIdentifier,
)  # fmt: skip
_E = TypeVar("_E", bound=x509.ExtensionType)


def read(der: bytes) -> x509.Certificate:
    """A certificate whose every extension can be read, and whose key is of a kind and size that holds."""
    if len(der) > LONGEST_CERTIFICATE:
        raise SVIDError("too_large", f"a certificate has {LONGEST_CERTIFICATE} bytes at most, this one {len(der)}")
    try:
        certificate = x509.load_der_x509_certificate(der)
        extensions, key = list(certificate.extensions), certificate.public_key()
        # cryptography reads most of a certificate only when it is asked for it.
        _ = (
            certificate.version, certificate.subject, certificate.issuer, certificate.signature_hash_algorithm,
            certificate.not_valid_before_utc, certificate.not_valid_after_utc,
        )  # fmt: skip
    except Exception as error:  # of a dozen types, some of which have no base in common
        raise SVIDError("certificate", f"the certificate cannot be read: {type(error).__name__}") from None
    for extension in extensions:
        if extension.critical and not isinstance(extension.value, _UNDERSTOOD):
            raise SVIDError("critical_extension", f"the extension {extension.oid.dotted_string} is critical, and not understood")
    if not (
        isinstance(key, ed25519.Ed25519PublicKey)
        or (isinstance(key, rsa.RSAPublicKey) and is_strong(key))
        or (isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1 | ec.SECP384R1 | ec.SECP521R1))
    ):
        kinds = f"Ed25519, ECDSA on P-256, P-384 or P-521, or {STRONG}"
        raise SVIDError("weak_key", f"keys are {kinds}")
    return certificate


def is_strong(key: rsa.RSAPublicKey) -> bool:
    """Whether an RSA key is of a size that holds, and of an exponent that costs little to verify with."""
    return 2048 <= key.key_size <= 8192 and key.public_numbers().e < 1 << 32


def extension(certificate: x509.Certificate, kind: type[_E]) -> _E | None:
    """The value of an extension; None where there is none."""
    return next((each.value for each in certificate.extensions if isinstance(each.value, kind)), None)


def uris(certificate: x509.Certificate) -> list[str]:
    """The URIs of the subject's alternative names."""
    names = extension(certificate, x509.SubjectAlternativeName)
    return [] if names is None else [each.value for each in names if isinstance(each, x509.UniformResourceIdentifier)]


def check_time(certificate: x509.Certificate, at: float) -> None:
    """Raises `SVIDError` outside of a certificate's life."""
    now = datetime.datetime.fromtimestamp(at, datetime.timezone.utc)
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        since, until = (each.isoformat() for each in (certificate.not_valid_before_utc, certificate.not_valid_after_utc))
        raise SVIDError("expired", f"the certificate is valid from {since} until {until}")


def leaf_id(leaf: x509.Certificate) -> SPIFFEID:
    """The ID of a leaf that the standard lets be one (X509-SVID, 2, 4 and 5.2)."""
    found = uris(leaf)
    if len(found) != 1:
        raise SVIDError("san_count", f"a leaf has exactly one URI as alternative name, this one {len(found)}")
    spiffe_id = SPIFFEID.parse(found[0])
    constraints, usage = extension(leaf, x509.BasicConstraints), extension(leaf, x509.KeyUsage)
    if constraints is not None and constraints.ca:
        raise SVIDError("leaf_is_ca", "the leaf is a certification authority")
    if usage is None or not usage.digital_signature or usage.key_cert_sign or usage.crl_sign:
        raise SVIDError("key_usage", "a leaf's key is for digital signatures, and signs no certificates nor lists")
    extended = extension(leaf, x509.ExtendedKeyUsage)
    if extended is not None and not {ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH} <= set(extended):
        raise SVIDError("key_usage", "where a leaf's extended use is said, it is for clients and servers")
    return spiffe_id


def check_authority(certificate: x509.Certificate, trust_domain: str, below: int) -> None:
    """Raises `SVIDError` unless a certificate may sign others in a domain. `below`: the authorities between it and a leaf."""
    constraints, usage = extension(certificate, x509.BasicConstraints), extension(certificate, x509.KeyUsage)
    if constraints is None or not constraints.ca or usage is None or not usage.key_cert_sign:
        raise SVIDError("not_an_authority", "a certificate that signs another is an authority whose key signs certificates")
    if constraints.path_length is not None and constraints.path_length < below:
        raise SVIDError("chain_too_long", f"an authority lets {constraints.path_length} others be below it, and {below} are")
    found = uris(certificate)
    # X509-SVID, 4.1: an authority's own ID, where it has one, is its trust domain's.
    if found and found != [f"spiffe://{trust_domain}"]:
        raise SVIDError("foreign_domain", "an authority's own ID is that of its trust domain")


def check_issued(certificate: x509.Certificate, issuer: x509.Certificate) -> None:
    """Raises `SVIDError` unless one certificate is signed by another's key, with a hash that holds."""
    if not isinstance(certificate.signature_hash_algorithm, hashes.SHA256 | hashes.SHA384 | hashes.SHA512 | None):
        raise SVIDError("weak_signature", "signatures are made with SHA-256, SHA-384 or SHA-512, or Ed25519")
    try:
        certificate.verify_directly_issued_by(issuer)
    except Exception:  # a wrong name, another kind of key, a signature that does not verify: it is not issued by that
        raise SVIDError("not_trusted", "the certificate is not signed by the one that follows it, nor by the bundle") from None


def check_names(authorities: Sequence[x509.Certificate], leaf: x509.Certificate, spiffe_id: SPIFFEID) -> None:
    """Raises `SVIDError` where an authority's name constraints exclude a leaf; constraints that are not understood do."""
    names = extension(leaf, x509.SubjectAlternativeName)
    kinds: set[Any] = {type(each) for each in names or ()}
    for authority in authorities:
        constraints = extension(authority, x509.NameConstraints)
        if constraints is None:
            continue
        permitted, excluded = constraints.permitted_subtrees or [], constraints.excluded_subtrees or []
        hosts = [each.value for each in permitted if isinstance(each, x509.UniformResourceIdentifier)]
        if hosts and not any(_is_host(each, spiffe_id.trust_domain) for each in hosts):
            raise SVIDError("name_constraints", "an authority may not sign for this trust domain")
        if any(isinstance(e, x509.UniformResourceIdentifier) and _is_host(e.value, spiffe_id.trust_domain) for e in excluded):
            raise SVIDError("name_constraints", "an authority may not sign for this trust domain")
        others = {type(each) for each in [*permitted, *excluded]} - {x509.UniformResourceIdentifier}
        if others & kinds or (x509.DirectoryName in others and len(list(leaf.subject))):
            raise SVIDError("name_constraints", "an authority constrains names of a kind that this leaf has, beside its URI")


def _is_host(constraint: str, host: str) -> bool:
    """RFC 5280, 4.2.1.10: a host, or with a dot before it all below it."""
    constraint = constraint.lower()
    return host.endswith(constraint) if constraint.startswith(".") else host == constraint
