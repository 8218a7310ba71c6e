"""Guards for gRPC: a request is a call of a tool, refused before its handler runs; clients prove as their agent. Sync and aio.

    tools = {"/files.Files/Read": "read_file"}
    server = grpc.server(pool, interceptors=[GuardInterceptor(tools, guard=guarding("./acme", audience="files"))])
    channel = grpc.intercept_channel(channel, AgentInterceptor(tools, audience="files"))

docs/guides/grpc.md is the guide. Needs grpcio: `pip install 'libagentid[grpc]'`.
"""

from ..integrations import needs

for _package, _least in (("grpcio", "1.60"), ("protobuf", "4.21")):
    needs(_package, _least, "grpc", "libagentid.grpc")

from ..http import guarding  # noqa: E402
from ._client import AgentInterceptor, aio_interceptors  # noqa: E402
from ._methods import message_arguments  # noqa: E402
from ._server import AioGuardInterceptor, GuardInterceptor  # noqa: E402

__all__ = ["AgentInterceptor", "AioGuardInterceptor", "GuardInterceptor", "aio_interceptors", "guarding", "message_arguments"]
