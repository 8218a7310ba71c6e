"""libagentid for asyncio: whatever can wait for a disk, a lock, a provider or a hook is awaited and runs on a thread.

    async with aio.Authority.open("./acme", trust_domain="acme.example") as acme:
        async with acme.agent("researcher", principal=..., task=..., scope=...) as agent:
            agent.authorize("read_file", {"path": "/data/q3/a.csv"})

Calls that take microseconds, decisions above all, are plain calls, so that none is lost for want of an `await`. The threads are
agentid's own, sixteen at most for each kind of call: for what takes authority away, for secrets, and for all else. A task that is
cancelled in such a call ends when the call has: what it made is ended first, and nothing goes on unseen. Everything else, errors
and documents included, is as in `libagentid`.
"""

from ._agent import Agent, current_agent
from ._audit import Audit
from ._authority import Authority
from ._callbacks import Provider
from ._guard import Guard
from ._lease import Lease
from ._running import to_thread

__all__ = ["Agent", "Audit", "Authority", "Guard", "Lease", "Provider", "current_agent", "to_thread"]
