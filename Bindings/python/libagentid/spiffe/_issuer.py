"""The issuer of X.509-SVIDs beside an authority: its key is another than the authority's, and it asks that before it signs."""

from __future__ import annotations

import datetime
import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any

import libagentid
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ._bundle import Bundle
from ._id import SPIFFEID, SVIDError, trust_domain
from ._json import base64url, members
from ._store import Signer, State, Store, algorithm, make_signer

if TYPE_CHECKING:
    import os

    from typing_extensions import Self

    from .._authority import Authority
    from .._identity import Identity
    from ._store import SigningKey

_SKEW = 30
_KEPT = 8  # authorities in a bundle, at most


@dataclass(frozen=True)
class X509SVID:
    """An X.509-SVID with its key: what a TLS endpoint of an agent, or of another workload, shows and signs with."""

    spiffe_id: SPIFFEID
    certificates: tuple[bytes, ...] = field(repr=False)
    """The leaf, then its intermediates, as DER."""
    private_key: Any = field(repr=False, compare=False)
    """A key of the package cryptography; None where the holder gave a public key, and has it."""
    not_before: int
    not_after: int
    """In seconds since 1970."""
    holder: str | None = field(default=None, repr=False)
    """The agent's public key when this was issued, a JWK."""

    @property
    def rotates_at(self) -> int:
        """Half of its life: from then on a new one is wanted, in seconds since 1970."""
        return (self.not_before + _SKEW + self.not_after) // 2

    def pem(self) -> str:
        """The certificates, leaf first, as OpenSSL reads them."""
        read = (x509.load_der_x509_certificate(each) for each in self.certificates)
        return "".join(each.public_bytes(Encoding.PEM).decode() for each in read)

    def key_der(self) -> bytes:
        """The private key, PKCS#8, not sealed."""
        if self.private_key is None:
            raise SVIDError("no_key", "the private key of this SVID is with its holder")
        return self.private_key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


class Issuer:
    """Issues X.509-SVIDs to the agents of an authority in this process. Safe to use from several threads.

    A holder of its key speaks for every agent of the trust domain towards all that trust its bundle; it is never the key that
    signs grants. An agent whose grants are for guards by name gets one where its trust domain's URI is among these names.
    """

    def __init__(self, authority: Authority, name: str, state: State, store: Store | None, clock: Callable[[], float]) -> None:
        self._name, self._state, self._store, self._clock = trust_domain(name), state, store, clock
        self._guard = authority.guard(audience=f"spiffe://{name}")
        self._lock = Lock()

    @classmethod
    def open(
        cls, authority: Authority, directory: str | os.PathLike[str], *, trust_domain: str, passphrase: str | None = None,
        lifetime: int = 90 * 86400, clock: Callable[[], float] = time.time,
    ) -> Self:  # fmt: skip
        """Opens the issuer kept in a directory of its own, or makes it. Its key is in a file that only its owner reads (0600),
        sealed where there is a passphrase. `lifetime`: of its certificate, in seconds; rotate it before."""
        store = Store(directory, trust_domain, passphrase)
        with store.locked():
            state = store.read()
            if state is None:
                state = State([make_signer(trust_domain, clock(), lifetime)], 0, 1)
                store.write(state)
        return cls(authority, trust_domain, state, store, clock)

    @classmethod
    def of_key(
        cls, authority: Authority, key: SigningKey, certificate: bytes | None = None, *, trust_domain: str,
        lifetime: int = 90 * 86400, clock: Callable[[], float] = time.time,
    ) -> Self:  # fmt: skip
        """An issuer whose key is kept elsewhere: an object of the package cryptography, or one that signs as it does.

        `certificate`: its own, as DER; without it one is made, which is another in every process.
        """
        signer = (
            make_signer(trust_domain, clock(), lifetime, key)
            if certificate is None
            else Signer(x509.load_der_x509_certificate(certificate), key)
        )
        made = cls(authority, trust_domain, State([signer], 0, 1), None, clock)
        made.bundle()  # raises for a certificate that is not an authority's
        return made

    @property
    def trust_domain(self) -> str:
        """Its trust domain."""
        return self._name

    def close(self) -> None:
        """Issues nothing more; harmless when repeated."""
        self._guard.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def bundle(self) -> Bundle:
        """The public certificates, for those who verify: what signs now, what will, and what did as long as it is valid."""
        state, now = self._read(), self._clock()
        valid = [each.certificate for each in state.signers if each.certificate.not_valid_after_utc.timestamp() > now]
        authorities = tuple(each.public_bytes(Encoding.DER) for each in valid)
        return Bundle(self._name, authorities, sequence=state.sequence, refresh_hint=60)

    def check(self, agent: Identity) -> tuple[SPIFFEID, int]:
        """The ID of an agent that the authority lets act now, and the end of its grant and credential; raises `Denied`."""
        chain = agent.chain
        with self._guard.admit(chain, agent.credential):
            leaf: Any = libagentid.decode_chain(chain)["links"][-1]["claims"]
        spiffe_id, end = SPIFFEID.parse(agent.id), int(leaf["exp"])
        if leaf.get("urn:agentid:1", {}).get("agent") != agent.id or spiffe_id.trust_domain != self._name:
            raise SVIDError("foreign_domain", f"only agents of {self._name} get SVIDs here, under the ID that their chain has")
        if agent.credential is not None:
            end = min(end, int(members(base64url(agent.credential.split(".")[1], 1 << 16), 1 << 16, "a credential")["exp"]))
        return spiffe_id, end

    def issue(self, agent: Identity, *, public_key: Any = None, lifetime: int | None = None) -> X509SVID:
        """An X.509-SVID for an agent that acts now, with a new key; no longer than the agent's grant and credential.

        `public_key`: the holder's own (Ed25519, or ECDSA on P-256 or P-384), in place of a new one. `lifetime`: shorter, in
        seconds. Raises `Denied` for an agent that is suspended, parked, revoked or has ended.
        """
        spiffe_id, end = self.check(agent)
        state, now, holder = self._read(), int(self._clock()), agent.public_key
        signer = state.signers[state.active]
        end = min(end, int(signer.certificate.not_valid_after_utc.timestamp()))
        end = end if lifetime is None else min(end, now + lifetime)
        if end <= now:
            raise SVIDError(
                "expired", "the credential, or the issuer's own certificate, ends now: nothing can be issued under it"
            )
        key = ed25519.Ed25519PrivateKey.generate() if public_key is None else None
        public = key.public_key() if key is not None else public_key
        if not isinstance(public, ed25519.Ed25519PublicKey) and not (
            isinstance(public, ec.EllipticCurvePublicKey) and isinstance(public.curve, ec.SECP256R1 | ec.SECP384R1)
        ):
            raise SVIDError("weak_key", "the key of an SVID is Ed25519, or ECDSA on P-256 or P-384")
        leaf = _leaf(signer, spiffe_id, public, holder, (now - _SKEW, end))
        return X509SVID(spiffe_id, (leaf.public_bytes(Encoding.DER),), key, now - _SKEW, end, holder)

    def publish_authority(self, *, lifetime: int = 90 * 86400) -> None:
        """Adds the next authority to the bundle; it signs from `activate_authority` on, when all verifiers have the bundle."""

        def changed(state: State) -> State:
            if state.active != len(state.signers) - 1:
                raise SVIDError("state", "the next authority is in the bundle already: activate it")
            now = self._clock()
            kept = [each for each in state.signers if each.certificate.not_valid_after_utc.timestamp() > now]
            kept = kept or state.signers[-1:]
            if len(kept) >= _KEPT:
                raise SVIDError("too_large", f"{_KEPT} authorities are valid already")
            return State([*kept, make_signer(self._name, now, lifetime)], len(kept) - 1, state.sequence + 1)

        self._change(changed)

    def activate_authority(self) -> None:
        """Signs with the published authority from now on. The former one stays in the bundle until it expires."""

        def changed(state: State) -> State:
            if state.active == len(state.signers) - 1:
                raise SVIDError("state", "no next authority is in the bundle: publish one first")
            return State(state.signers, len(state.signers) - 1, state.sequence + 1)

        self._change(changed)

    def _change(self, changed: Callable[[State], State]) -> None:
        if self._store is None:
            with self._lock:
                self._state = changed(self._state)
            return
        with self._store.locked():  # threads of this process too: each opens the lock's file anew
            self._store.write(changed(self._store.state()))

    def _read(self) -> State:
        """The present state: another process may have rotated."""
        return self._state if self._store is None else self._store.state()


def agent_key(leaf: x509.Certificate) -> str | None:
    """The hash of the agent's public key that a leaf was issued for: `holder_hash` of it; None in others' leaves."""
    found = leaf.subject.get_attributes_for_oid(NameOID.SERIAL_NUMBER)
    return str(found[0].value) if len(found) == 1 else None


def holder_hash(jwk: str) -> str:
    """The RFC 7638 thumbprint of an agent's public key, in hexadecimal digits."""
    key = json.loads(jwk)
    required = {name: key[name] for name in ("crv", "kty", "x")}
    return hashlib.sha256(json.dumps(required, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _leaf(signer: Signer, spiffe_id: SPIFFEID, public: Any, holder: str, life: tuple[int, int]) -> x509.Certificate:
    start, end = (datetime.datetime.fromtimestamp(each, datetime.timezone.utc) for each in life)
    usage = x509.KeyUsage(
        digital_signature=True, content_commitment=False, key_encipherment=False, data_encipherment=False, key_agreement=False,
        key_cert_sign=False, crl_sign=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.SERIAL_NUMBER, holder_hash(holder))]))
        .issuer_name(signer.certificate.subject)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier(str(spiffe_id))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.key.public_key()), critical=False)
        .sign(signer.key, algorithm(signer.key))
    )
