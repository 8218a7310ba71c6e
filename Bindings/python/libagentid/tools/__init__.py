"""Guarded tools: `@guarded`, and what the integrations with frameworks are made of.

    from libagentid.tools import guarded

    @guarded
    def read_file(path: str) -> str: ...

    with acme.agent("researcher", principal=..., task=..., scope="read_file(path under '/data')"):
        read_file("/data/q3.txt")          # decided, then run, then recorded
        read_file("/etc/passwd")           # raises Denied: the function has not run

docs/integrations.md lists the frameworks.
"""

from ._agents import SubAgents, acting, narrowed, permitted, scope_of
from ._call import Call, authorize, current_call, decided
from ._defaults import defaulted
from ._guarded import NotGuarded, guarded, is_guarded, require_guarded
from ._refusal import broken, refusal
from ._runs import Run, Runs
from ._values import plain

__all__ = [
    "Call", "NotGuarded", "Run", "Runs", "SubAgents", "acting", "authorize", "broken", "current_call", "decided", "defaulted",
    "guarded", "is_guarded", "narrowed", "permitted", "plain", "refusal", "require_guarded", "scope_of",
]  # fmt: skip
