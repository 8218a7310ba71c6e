"""Documents about agents, hooks, secrets, guards and logs, as objects: their attributes are the members of the documents.

Each is also a mapping of its document, under the names of docs/schemas: `record.state` and `record["state"]` are the same, and
`json.dumps` takes `dict(record)`. Members that only a newer library knows are in the mapping alone. Times are in seconds
since 1970, unless their names end with `_ms`. Immutable, and safe to hand to another thread.
"""

from __future__ import annotations

from typing import Any, Literal

from ._audit_documents import (
    AuditHead,
    AuditRecord,
    AuditReport,
    ConsistencyProof,
    Finding,
    InclusionProof,
    ProfileUsage,
    ToolUsage,
    UsageReport,
)
from ._document import Document

__all__ = [
    "AgentCounts", "AgentRecord", "AuditHead", "AuditRecord", "AuditReport", "AuthorityStatistics", "BrokerLease",
    "ConsistencyProof", "Delivery", "Document", "Finding", "Gone", "GuardStatistics", "HookRecord",
    "InclusionProof", "Profile", "ProfileUsage", "Tombstone", "ToolUsage", "UsageReport",
]  # fmt: skip


class AgentRecord(Document):
    """An agent in its authority's registry: docs/schemas/agent.json."""

    __slots__ = (
        "created", "end_reason", "ended", "expired", "grant_expires", "id", "intent", "key", "lease_expires", "live", "owner",
        "parent", "principal", "profile", "renewal_failure", "state", "task", "tombstone",
    )  # fmt: skip

    id: str
    parent: str | None
    profile: str
    owner: str
    principal: str
    task: str
    intent: str | None
    key: str
    """The thumbprint of its key."""
    state: Literal["active", "parked", "suspended", "deprovisioned"]
    live: bool
    """Whether a guard would let it act, it and all above it."""
    expired: bool
    """Whether it has not ended, but is denied because its last grant has expired."""
    created: int
    lease_expires: int | None
    grant_expires: int | None
    renewal_failure: str | None
    """The reason why its grant was not renewed when due, if the agent is held in this process."""
    ended: int | None
    end_reason: str | None
    tombstone: str | None


class Profile(Document):
    """The owner and the limits of a kind of agents: docs/schemas/profile.json."""

    __slots__ = ("ceiling", "max_depth", "max_lifetime", "name", "owner", "review_by")

    name: str
    owner: str
    ceiling: dict[str, Any]
    """A scope in token form: `Scope(json.dumps(profile.ceiling))`."""
    max_lifetime: int
    """The longest lifetime of a grant, in seconds."""
    max_depth: int
    review_by: int | None


class Gone(Document):
    """The remains of an agent and of all below it: docs/schemas/gone.json."""

    __slots__ = ("agent", "agents", "chains", "deliveries", "gone", "leases", "live", "permitted", "reasons", "tombstone")

    agent: str
    gone: bool
    """Whether nothing of them is usable any more."""
    agents: int
    """The number of agents examined."""
    chains: int
    """The number of chains presented to a guard."""
    permitted: list[str]
    """Grants whose chain was not denied."""
    reasons: dict[str, int]
    """The number of denials for each reason."""
    live: list[str]
    """Agents that have not ended."""
    leases: list[str]
    """Secrets that were not returned."""
    deliveries: int
    """Deliveries of hooks that still wait: they keep nothing alive."""
    tombstone: str | None


class Tombstone(Document):
    """The claims of a tombstone, the signed receipt that an agent is gone: docs/schemas/tombstone.json."""

    __slots__ = (
        "below", "created", "ended", "grants", "iat", "iss", "jti", "key", "owner", "parent", "principal", "profile", "reason",
        "sub", "task",
    )  # fmt: skip

    iss: str
    sub: str
    iat: int
    jti: str
    ended: int
    reason: str
    created: int
    profile: str
    owner: str
    principal: str
    task: str
    parent: str | None
    key: str
    below: int
    grants: list[str]


class HookRecord(Document):
    """A hook, with its numbers of waiting and dead deliveries."""

    __slots__ = ("command", "dead", "deadline", "events", "kind", "max_attempts", "name", "pending")

    name: str
    kind: Literal["callback", "command"]
    command: list[str]
    events: list[str]
    deadline: int
    """The longest time of one delivery, in seconds."""
    max_attempts: int
    pending: int
    dead: int


class Delivery(Document):
    """An event that waits for a hook, or that the hook failed to take."""

    __slots__ = ("agent", "attempts", "error", "event", "hook", "id", "next_at")

    id: int
    hook: str
    event: str
    agent: str
    attempts: int
    next_at: int
    error: str | None


class BrokerLease(Document):
    """A secret that the broker has given out, without the secret."""

    __slots__ = ("acquired", "agent", "attempts", "error", "expires", "id", "provider", "resource", "state")

    id: str
    agent: str
    provider: str
    resource: str
    state: str
    acquired: int
    expires: int
    attempts: int
    """The number of attempts to return it."""
    error: str | None


class GuardStatistics(Document):
    """A guard's counters and the size of its memory."""

    __slots__ = (
        "cached_bytes", "cached_chains", "denied", "permitted", "remembered_proofs", "replay_slots", "replay_slots_at_most",
        "revocations", "unrecorded",
    )  # fmt: skip

    permitted: int
    denied: dict[str, int]
    """The number of denials by reason."""
    cached_chains: int
    cached_bytes: int
    remembered_proofs: int
    replay_slots: int
    replay_slots_at_most: int
    revocations: int
    unrecorded: int
    """Decisions that could not be written to the audit log."""


class AgentCounts(Document):
    """The number of agents by standing."""

    __slots__ = ("active", "denied", "ended", "lapsed", "lapsing_soon", "parked", "suspended")

    active: int
    """Neither suspended nor parked, with a lease that runs, and not denied."""
    lapsing_soon: int
    """Of those, the ones whose lease is over within a minute."""
    lapsed: int
    """Neither suspended nor parked, with a lease that is over: reap ends them."""
    denied: int
    """Neither suspended nor parked, with a lease that runs, and denied: their last grant has expired, something they depend on is
    revoked, or one above them is so, or suspended, parked or lapsed."""
    suspended: int
    parked: int
    ended: int
    """Those that were not pruned."""


class AuthorityStatistics(Document):
    """An authority in numbers: docs/schemas/statistics.json."""

    __slots__ = (
        "agents", "audit", "guard", "hooks", "meters", "policy_version", "replay", "revocations", "secrets", "time_ms",
        "trust_domain",
    )  # fmt: skip

    trust_domain: str
    time_ms: int
    policy_version: int
    revocations: int
    agents: AgentCounts
    hooks: list[dict[str, Any]]
    """For each hook `name`, `waiting` and `dead`."""
    secrets: dict[str, int]
    audit: dict[str, int | None] | None
    """Its `entries`, the lines that are `waiting` to be integrated, and `waiting_since_ms`; None without an audit log."""
    replay: dict[str, int] | None
    meters: dict[str, int] | None
    guard: GuardStatistics | None
    """The calls that its agents' own handles asked for in this process."""

    def __init__(self, members: dict[str, Any]) -> None:
        super().__init__(members)
        object.__setattr__(self, "agents", AgentCounts(members.get("agents", {})))
        guard = members.get("guard")
        object.__setattr__(self, "guard", None if guard is None else GuardStatistics(guard))
