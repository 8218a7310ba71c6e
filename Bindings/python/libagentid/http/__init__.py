"""Guards for HTTP: a request is a call of a tool, decided before a handler sees it; clients prove requests as their agent.

    from libagentid.http import guarding
    from libagentid.http.asgi import GuardMiddleware

    routes = {"GET /files/{path:path}": "read_file"}
    app.add_middleware(GuardMiddleware, guard=guarding("./acme", audience="files"), routes=routes)

Servers: `libagentid.http.asgi`, `.fastapi`, `.wsgi`. Clients: `.httpx`, `.requests`. Headers, answers and calls are those of the
Go package: either can be at the other end. docs/guides/http.md is the guide.
"""

from ._call import CHAIN_HEADER, MAX_BODY, PROOF_HEADER, Call, Refusal, Request, request_call
from ._guards import guarding
from ._metadata import ResourceMetadata
from ._routes import Routes

__all__ = [
    "CHAIN_HEADER", "MAX_BODY", "PROOF_HEADER", "Call", "Refusal", "Request", "ResourceMetadata", "Routes", "guarding",
    "request_call",
]  # fmt: skip
