"""The keys of an issuer of X.509-SVIDs in a directory: one file that only its owner reads, replaced as a whole."""

from __future__ import annotations

import contextlib
import datetime
import fcntl
import json
import os
import stat
import tempfile
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any, NamedTuple, cast

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from ._id import SVIDError, trust_domain

SigningKey = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey
"""The private key of an authority of X.509-SVIDs."""


_PATIENCE = 5
"""The seconds for which the lock is waited for."""


class Signer(NamedTuple):
    """An authority of X.509-SVIDs: its certificate and its key."""

    certificate: x509.Certificate
    key: SigningKey


class State(NamedTuple):
    """An issuer's state: the signers, oldest first, which of them signs, and the bundle's sequence."""

    signers: list[Signer]
    active: int
    sequence: int


def make_signer(domain: str, now: float, lifetime: int, key: SigningKey | None = None) -> Signer:
    """A new authority that signs for its own trust domain alone, and no other authorities."""
    trust_domain(domain)
    key = ed25519.Ed25519PrivateKey.generate() if key is None else key
    start = datetime.datetime.fromtimestamp(int(now), datetime.timezone.utc)
    subject = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, domain[:64])])
    usage = x509.KeyUsage(
        digital_signature=False, content_commitment=False, key_encipherment=False, data_encipherment=False, key_agreement=False,
        key_cert_sign=True, crl_sign=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start - datetime.timedelta(seconds=30))
        .not_valid_after(start + datetime.timedelta(seconds=lifetime))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier(f"spiffe://{domain}")]), critical=False)
    )
    if not domain.replace(".", "").isdigit():  # which a verifier may take for an address: those cannot be constrained
        hosts = [x509.UniformResourceIdentifier(domain)]
        made = made.add_extension(x509.NameConstraints(permitted_subtrees=hosts, excluded_subtrees=None), critical=True)
    return Signer(made.sign(key, algorithm(key)), key)


def algorithm(key: SigningKey) -> Any:
    """The hash to sign with; None for Ed25519, which has its own."""
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return None
    return {256: hashes.SHA256(), 384: hashes.SHA384()}.get(key.key_size, hashes.SHA512())


class Store:
    """The file, and a lock that several processes share. Safe to use from several threads."""

    def __init__(self, directory: str | os.PathLike[str], domain: str, passphrase: str | None) -> None:
        self._directory, self._domain, self._passphrase = Path(directory), domain, passphrase
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        about = self._directory.stat()
        if about.st_uid != os.geteuid() or stat.S_IMODE(about.st_mode) & 0o022:
            raise PermissionError(f"{self._directory} must be this user's own, and none that others may write: chmod 700 it")
        self._file = self._directory / "x509.json"
        # At once, the state and the file that it was read from: else a thread could keep an old one for the new file.
        self._seen: tuple[State, tuple[int, int]] | None = None

    @contextlib.contextmanager
    def locked(self) -> Generator[None, None, None]:
        """Nobody else changes the file within the block. Raises `TimeoutError` where another process holds it for long."""
        descriptor = os.open(self._directory / "x509.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            self._lock(descriptor)
            yield
        finally:
            os.close(descriptor)

    def _lock(self, descriptor: int) -> None:
        until = time.monotonic() + _PATIENCE  # one that was stopped while it held the lock stops nobody else for ever
        while True:
            try:
                return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > until:
                    held = f"another process has held {self._directory}/x509.lock for {_PATIENCE} s"
                    raise TimeoutError(f"{held}: end that process, or try again") from None
                time.sleep(0.001)

    def state(self) -> State:
        """The state in the file, which another process may have changed since. Raises `SVIDError` where there is none."""
        seen = self._seen
        with contextlib.suppress(FileNotFoundError):
            if seen is not None and seen[1] == _look(self._file.stat()):
                return seen[0]
        read = self.read()
        if read is None:
            raise SVIDError("state", "the issuer's file is gone")
        return read

    def read(self) -> State | None:
        """The state as it was written; None where none was. Raises `PermissionError` where others could have read it."""
        try:
            descriptor = os.open(self._file, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        except FileNotFoundError:
            return None
        with open(descriptor, encoding="ascii") as file:
            about = os.fstat(descriptor)
            if about.st_uid != os.geteuid() or stat.S_IMODE(about.st_mode) & 0o077:
                raise PermissionError(f"{self._file} can be read by others: chmod 600 it, and rotate the authority if they did")
            kept = json.load(file)
        if kept["trust_domain"] != self._domain:
            raise SVIDError("foreign_domain", f"{self._file} is of the trust domain {kept['trust_domain']}, not {self._domain}")
        password = None if self._passphrase is None else self._passphrase.encode()
        try:
            signers = [
                Signer(
                    x509.load_pem_x509_certificate(each["certificate"].encode()),
                    cast("SigningKey", load_pem_private_key(each["key"].encode(), password)),
                )
                for each in kept["signers"]
            ]
        except TypeError:  # cryptography's word for one that is missing, or not wanted
            wanted = "is sealed: give its passphrase" if password is None else "is not sealed: leave passphrase out"
            raise SVIDError("passphrase", f"{self._file} {wanted}") from None
        state = State(signers, kept["active"], kept["sequence"])
        self._seen = state, _look(about)
        return state

    def write(self, state: State) -> None:
        """Replaces the file; it is on the disk when this returns."""
        sealed = NoEncryption() if self._passphrase is None else BestAvailableEncryption(self._passphrase.encode())
        signers = [
            {
                "certificate": each.certificate.public_bytes(Encoding.PEM).decode(),
                "key": each.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, sealed).decode(),
            }
            for each in state.signers
        ]
        document = {"trust_domain": self._domain, "active": state.active, "sequence": state.sequence, "signers": signers}
        descriptor, path = tempfile.mkstemp(dir=self._directory, prefix=".x509-")  # 0600
        try:
            with open(descriptor, "w", encoding="ascii") as file:
                json.dump(document, file, indent=1)
                file.flush()
                os.fsync(descriptor)
                look = _look(os.fstat(descriptor))
            os.replace(path, self._file)
            self._seen = state, look
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(path)
            raise
        held = os.open(self._directory, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(held)
        finally:
            os.close(held)


def _look(about: os.stat_result) -> tuple[int, int]:
    return about.st_ino, about.st_mtime_ns
