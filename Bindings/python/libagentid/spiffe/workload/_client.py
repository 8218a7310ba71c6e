"""A workload's end of the Workload API, over the package spiffe: what a SPIRE agent, or another's server, says."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding

from ...integrations import needs
from .. import _certificates as rules
from .._bundle import Bundle, Bundles
from .._id import SVIDError
from .._issuer import X509SVID

_PATIENCE = 10.0


def _client(address: str | None) -> Any:
    needs("spiffe", "0.2", "spiffe", "libagentid.spiffe.workload")
    from spiffe import WorkloadApiClient  # pyright: ignore

    return WorkloadApiClient(address)  # pyright: ignore[reportUnknownVariableType]


def fetch_bundles(address: str | None = None, *, tokens: bool = True, timeout: float = _PATIENCE) -> Bundles:
    """The bundles of the workload's own and all federated trust domains, of X.509-SVIDs and with `tokens` of JWT-SVIDs.

    `address`: a Unix socket's, `unix:///...`; None: that of `SPIFFE_ENDPOINT_SOCKET`. Raises what the package spiffe does.
    """
    with _client(address) as client:
        x509 = client.fetch_x509_bundles(timeout=timeout).bundles
        jwt = client.fetch_jwt_bundles(timeout=timeout).bundles if tokens else ()
    found: dict[str, tuple[tuple[bytes, ...], dict[str, Any]]] = {}
    for bundle in x509:
        ders = tuple(sorted(each.public_bytes(Encoding.DER) for each in bundle.x509_authorities))
        found[bundle.trust_domain.name] = ders, {}
    for bundle in jwt:
        ders, _ = found.get(bundle.trust_domain.name, ((), {}))
        found[bundle.trust_domain.name] = ders, dict(bundle.jwt_authorities)
    return Bundles(Bundle(name, ders, keys) for name, (ders, keys) in found.items())


def fetch_svid(address: str | None = None, *, timeout: float = _PATIENCE) -> X509SVID:
    """The workload's own X.509-SVID: for `TLS`. Fetch it again before half of its life is over.

    Raises what the package spiffe does, and `SVIDError` for one that is not valid now, that the standard does not let be a leaf,
    or that came with another's key.
    """
    with _client(address) as client:
        svid = client.fetch_x509_svid(timeout=timeout)
    chain = tuple(each.public_bytes(Encoding.DER) for each in svid.cert_chain)
    leaf, *_ = [rules.read(der) for der in chain[: rules.LONGEST_CHAIN]]
    rules.check_time(leaf, time.time())
    if leaf.public_key() != svid.private_key.public_key():
        raise SVIDError("key", "the private key is not that of the certificate that it came with")
    life = [int(each.timestamp()) for each in (leaf.not_valid_before_utc, leaf.not_valid_after_utc)]
    return X509SVID(rules.leaf_id(leaf), chain, svid.private_key, life[0], life[1])


def fetch_token(audience: str | Iterable[str], address: str | None = None, *, timeout: float = _PATIENCE) -> str:
    """A JWT-SVID of the workload for an audience: for `Exchange.from_token`."""
    wanted = {audience} if isinstance(audience, str) else set(audience)
    with _client(address) as client:
        return client.fetch_jwt_svid(wanted, timeout=timeout).token
