"""SPIFFE: X.509-SVIDs for agents, TLS with them, and agents for workloads that show an SVID.

    issuer = Issuer.open(acme, "./acme-x509", trust_domain="acme.example")
    with acme.agent("reader", principal=..., task=..., scope=...) as agent:
        source = Source(issuer, agent)                  # rotated before it ends, none after the agent's end
        context = TLS.client(source.svid, bundles, peers=["spiffe://corp.example/ns/prod/sa/files"])

    exchange = Exchange(acme, [Workload("spiffe://corp.example/ns/prod/sa/report", profile="reader")], bundles=bundles,
                        audience="https://agents.acme.example")
    agent = exchange.from_token(jwt_svid, task="T-1", scope="read_file(path under '/data/q3')")

docs/guides/spiffe.md is the guide. Needs cryptography: `pip install 'libagentid[spiffe]'`; `libagentid.spiffe.workload`, the
Workload API, needs grpcio, and its client the package spiffe, which that brings along.
"""

from ..integrations import needs

needs("cryptography", "42", "spiffe", "libagentid.spiffe")

from ._bundle import Bundle, Bundles, Peer  # noqa: E402
from ._exchange import Exchange, Workload  # noqa: E402
from ._id import SPIFFEID, SVIDError  # noqa: E402
from ._issuer import X509SVID, Issuer, agent_key, holder_hash  # noqa: E402
from ._source import Source  # noqa: E402
from ._tls import TLS  # noqa: E402
from ._token import JWTSVID, verify_token  # noqa: E402

__all__ = [
    "JWTSVID", "SPIFFEID", "TLS", "X509SVID", "Bundle", "Bundles", "Exchange", "Issuer", "Peer", "SVIDError", "Source",
    "Workload", "agent_key", "holder_hash", "verify_token",
]  # fmt: skip
