"""A session with a guarded server in this process."""

import asyncio

from flavours import in_memory
from libagentid.integrations.mcp import prove_calls

AUDIENCE = "mcp://files"


def run(server, body, audience=AUDIENCE):
    """What `body` answers with a session, whose client proves for `audience`, if there is one."""

    async def main():
        async with in_memory(server) as session:
            return await body(prove_calls(session, audience=audience) if audience else session)

    return asyncio.run(main())
