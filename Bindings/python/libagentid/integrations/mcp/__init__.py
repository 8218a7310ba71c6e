"""MCP: every call of a server decided by its guard, every call of a client proved as the current agent.

    guard_server(server, Guard.open_directory("./acme", audience="mcp://files"))        # the server

    async with Client(...) as client:                                                    # the client
        prove_calls(client, audience="mcp://files")

For `mcp` 1.10 and later, 2.x, and FastMCP 4 on top of it; stdio and HTTP alike: chain and proof are in each request's `_meta`,
not in headers, which older handshakes do not have. `agentidctl mcp guard -- COMMAND` puts a guard before a server that is not
changed.
"""

from .. import needs

VERSION = needs("mcp", "1.10", "mcp")

from ...mcp._elicit import Elicitation  # noqa: E402
from ._client import prove_calls  # noqa: E402
from ._server import guard_server  # noqa: E402

__all__ = ["Elicitation", "guard_server", "prove_calls"]
