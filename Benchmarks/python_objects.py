"""What the Python programs measure: an authority, 64 lines of 8 agents, a guard that keeps chains and one that forgets."""

import tempfile
from contextlib import contextmanager

import libagentid

CEILING = 'search(query like "weather*", limit >= 0 <= 100); read_file(path under "/data")'
CALL = {"query": "weather NYC", "limit": 5}
CHAINS = 64


def _line(authority):
    """Eight agents, each under the one before and with less authority."""
    agents = [authority.agent("researcher", principal="user:alice@acme.example", task="weather", scope=CEILING, lifetime=3600)]
    for below in range(1, 8):
        agents.append(agents[-1].spawn("sub", scope=f'search(query like "weather*", limit >= 0 <= {100 - below})'))
    return agents


@contextmanager
def opened():
    """The authority, its lines, the guard that keeps chains, and the one that keeps two and so forgets them."""
    with libagentid.Authority.open(trust_domain="acme.example") as authority:
        authority.put_profile("researcher", owner="team:research@acme.example", ceiling=CEILING, max_depth=8)
        lines = [_line(authority) for _ in range(CHAINS)]
        keeping = authority.guard(audience="files", replay_capacity=1 << 20)
        forgetful = authority.guard(audience="files", replay_capacity=1 << 20, cache_entries=1)
        yield authority, lines, keeping, forgetful


@contextmanager
def recorded():
    """The third agent of a line whose authority writes every decision down."""
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="agentid-bench-") as path:
        with libagentid.Authority.open(f"{path}/acme", trust_domain="acme.example") as authority:
            authority.put_profile("researcher", owner="team:research@acme.example", ceiling=CEILING, max_depth=8)
            agents = _line(authority)
            yield agents[2]
