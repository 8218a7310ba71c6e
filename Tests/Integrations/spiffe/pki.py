"""Certificates and tokens of other trust domains, valid by themselves; a test says what is wrong with one."""

import base64
import datetime
import json
import pathlib
import subprocess
import tempfile
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from libagentid.spiffe import Bundle

BOTH = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]


def der(certificate):
    return certificate.public_bytes(Encoding.DER)


def usage(**said):
    names = ["digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign",
             "crl_sign", "encipher_only", "decipher_only"]  # fmt: skip
    return x509.KeyUsage(**{name: said.get(name, False) for name in names})


def certificate(
    issuer=None, *, uris=(), ca=False, path_length=None, key=None, life=(-60, 3600), name="x", key_usage=None, extended=BOTH,
    extensions=(), hash=None, bare=False, names=(),
):  # fmt: skip
    """A certificate and its key, signed by another's (certificate, key) or by itself."""
    key = key or ed25519.Ed25519PrivateKey.generate()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.timezone.utc)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer[0].subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + datetime.timedelta(seconds=life[0]))
        .not_valid_after(now + datetime.timedelta(seconds=life[1]))
    )
    if uris or names:
        general = [x509.UniformResourceIdentifier(each) for each in uris]
        made = made.add_extension(x509.SubjectAlternativeName([*general, *names]), critical=False)
    if not bare:
        made = made.add_extension(x509.BasicConstraints(ca=ca, path_length=path_length), critical=True)
        default = usage(key_cert_sign=True) if ca else usage(digital_signature=True)
        made = made.add_extension(key_usage or default, critical=True)
        if not ca and extended:
            made = made.add_extension(x509.ExtendedKeyUsage(extended), critical=False)
    for extension, critical in extensions:
        made = made.add_extension(extension, critical=critical)
    signing = issuer[1] if issuer else key
    if hash is None:
        hash = None if isinstance(signing, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return made.sign(signing, hash), key


def root(domain="corp.example", **said):
    return certificate(uris=[f"spiffe://{domain}"], ca=True, name=f"root of {domain}", **said)


def bundle(domain, *roots, tokens=None, sequence=None):
    return Bundle(domain, tuple(der(each[0]) for each in roots), tokens or {}, sequence)


def encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Tokens:
    """An authority of JWT-SVIDs."""

    def __init__(self, alg="ES256"):
        curves = {"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1(), "ES512": ec.SECP521R1()}
        self.alg = alg
        self.key = ec.generate_private_key(curves[alg]) if alg in curves else rsa.generate_private_key(65537, 2048)

    @property
    def public(self):
        return self.key.public_key()

    def sign(self, workload, aud=("agents",), *, header=None, lives=300, **claims):
        head = {"alg": self.alg, "kid": "k1", "typ": "JWT", **(header or {})}
        now = int(time.time())
        body = {"sub": workload, "aud": aud if aud is None else list(aud), "iat": now, "exp": now + lives, **claims}
        parts = [encoded(json.dumps({k: v for k, v in part.items() if v is not None}).encode()) for part in (head, body)]
        return self.signed(".".join(parts))

    def signed(self, text):
        digest = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}[self.alg[2:]]
        if self.alg.startswith("ES"):
            r, s = decode_dss_signature(self.key.sign(text.encode(), ec.ECDSA(digest)))
            size = (self.key.key_size + 7) // 8
            signature = r.to_bytes(size, "big") + s.to_bytes(size, "big")
        elif self.alg.startswith("PS"):
            signature = self.key.sign(text.encode(), padding.PSS(padding.MGF1(digest), digest.digest_size), digest)
        else:
            signature = self.key.sign(text.encode(), padding.PKCS1v15(), digest)
        return f"{text}.{encoded(signature)}"


def openssl_verifies(authorities, *chain, purpose="sslclient"):
    """Whether `openssl verify` accepts a chain, leaf first, as DER; `authorities`: as PEM."""
    with tempfile.TemporaryDirectory() as folder:
        ca, leaf, middle = (pathlib.Path(folder) / name for name in ("ca.pem", "leaf.pem", "middle.pem"))
        pem = [x509.load_der_x509_certificate(each).public_bytes(Encoding.PEM) for each in chain]
        (ca.write_text(authorities), leaf.write_bytes(pem[0]), middle.write_bytes(b"".join(pem[1:])))
        between = ["-untrusted", middle] if pem[1:] else []
        command = ["openssl", "verify", "-x509_strict", "-purpose", purpose, "-CAfile", ca, *between, leaf]
        return subprocess.run(command, capture_output=True).returncode == 0
