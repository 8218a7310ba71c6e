"""The SPIFFE Workload API over a Unix socket: served to agents, and asked as a workload.

    with WorkloadAPI("/run/user/1000/acme-agents", issuer) as api:
        os.environ["SPIFFE_ENDPOINT_SOCKET"] = api.serve(agent)     # what the agent's process gets

    bundles = fetch_bundles("unix:///run/spire/agent.sock")         # needs the package spiffe

Needs grpcio: `pip install 'libagentid[spiffe]'`.
"""

from ...integrations import needs

needs("grpcio", "1.60", "spiffe", "libagentid.spiffe.workload")

from ._client import fetch_bundles, fetch_svid, fetch_token  # noqa: E402
from ._server import WorkloadAPI  # noqa: E402

__all__ = ["WorkloadAPI", "fetch_bundles", "fetch_svid", "fetch_token"]
