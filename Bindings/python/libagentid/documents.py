"""What the library tells of agents, hooks, secrets, guards and logs: objects whose attributes are the members of its documents.

Each is also a mapping of its document, under the names of docs/schemas: `record.state` and `record["state"]` are the same, and
`dict(record)` is what `json.dumps` takes. What a newer library tells besides is in the mapping alone. Times are in seconds
since 1970, where their names do not end with `_ms`. Immutable, and safe to hand to another thread.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Literal, NoReturn

__all__ = [
    "AgentRecord", "AuditHead", "AuditRecord", "AuditReport", "BrokerLease", "ConsistencyProof", "Delivery", "Document",
    "Finding", "Gone", "GuardStatistics", "HookRecord", "InclusionProof", "Profile", "Tombstone",
]  # fmt: skip


class Document(Mapping[str, Any]):
    """A document as the library wrote it."""

    __slots__ = ("_members",)

    _members: dict[str, Any]
    _names: ClassVar[Mapping[str, str]] = {}

    def __init__(self, members: dict[str, Any]) -> None:
        object.__setattr__(self, "_members", members)
        for name in type(self).__slots__:
            object.__setattr__(self, name, members.get(self._names.get(name, name)))

    def __getitem__(self, name: str) -> Any:
        return self._members[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)

    def __setattr__(self, name: str, _: object) -> NoReturn:
        raise AttributeError(f"{type(self).__name__}.{name} is not set: it says what was so when it was asked for")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"{type(self).__name__}.{name} is not deleted")

    def __reduce__(self) -> Any:
        return type(self), (self._members,)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={getattr(self, name)!r}' for name in type(self).__slots__)})"


class AgentRecord(Document):
    """An agent as its authority knows it: docs/schemas/agent.json."""

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
    """It has not ended, and is denied because its last grant has expired."""
    created: int
    lease_expires: int | None
    grant_expires: int | None
    renewal_failure: str | None
    """Why its grant was not renewed when it was due, where the agent is held in this process."""
    ended: int | None
    end_reason: str | None
    tombstone: str | None


class Profile(Document):
    """What an agent may at most be: docs/schemas/profile.json."""

    __slots__ = ("ceiling", "max_depth", "max_lifetime", "name", "owner", "review_by")

    name: str
    owner: str
    ceiling: dict[str, Any]
    """A scope in token form: `Scope(json.dumps(profile.ceiling))`."""
    max_lifetime: int
    """Of a grant, in seconds."""
    max_depth: int
    review_by: int | None


class Gone(Document):
    """What is left of an agent and of all below it: docs/schemas/gone.json."""

    __slots__ = ("agent", "agents", "chains", "deliveries", "gone", "leases", "live", "permitted", "reasons", "tombstone")

    agent: str
    gone: bool
    """Nothing of them is usable any more."""
    agents: int
    """How many agents were looked at."""
    chains: int
    """How many chains were presented to a guard."""
    permitted: list[str]
    """Grants whose chain was not denied."""
    reasons: dict[str, int]
    """How often each reason was given."""
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
    """A hook, and how many deliveries it has waiting and dead."""

    __slots__ = ("command", "dead", "deadline", "events", "kind", "max_attempts", "name", "pending")

    name: str
    kind: Literal["callback", "command"]
    command: list[str]
    events: list[str]
    deadline: int
    """How long one delivery may take, in seconds."""
    max_attempts: int
    pending: int
    dead: int


class Delivery(Document):
    """An event that waits for a hook, or that it failed to take."""

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
    """How often its return was tried."""
    error: str | None


class GuardStatistics(Document):
    """What a guard has done and holds."""

    __slots__ = (
        "cached_bytes", "cached_chains", "denied", "permitted", "remembered_proofs", "replay_slots", "replay_slots_at_most",
        "revocations", "unrecorded",
    )  # fmt: skip

    permitted: int
    denied: dict[str, int]
    """How often, by reason."""
    cached_chains: int
    cached_bytes: int
    remembered_proofs: int
    replay_slots: int
    replay_slots_at_most: int
    revocations: int
    unrecorded: int
    """Decisions that could not be written to the audit log."""


class AuditHead(Document):
    """How long a log is, what it hashes to, and who signed that."""

    __slots__ = ("checkpoint", "key", "root", "size")

    size: int
    root: str
    """The root of the tree, in Base64."""
    key: str
    """The key that verifies the checkpoint."""
    checkpoint: str
    """A signed note, as other tools verify it."""


class AuditRecord(Document):
    """A decision's entry in the log, and what was reported of it."""

    __slots__ = ("entry", "index", "outcome")

    index: int
    entry: dict[str, Any]
    """The entry: docs/schemas/audit.json."""
    outcome: str | None


class InclusionProof(Document):
    """That an entry is in the log (RFC 6962 section 2.1.1). Hashes are in Base64."""

    __slots__ = ("checkpoint", "index", "leaf", "path", "size")

    index: int
    size: int
    leaf: str
    path: list[str]
    checkpoint: str


class ConsistencyProof(Document):
    """That one log is the beginning of another (RFC 6962 section 2.1.2). Hashes are in Base64."""

    __slots__ = ("checkpoint", "end", "new_root", "old_root", "path", "start")
    _names: ClassVar[Mapping[str, str]] = {"start": "from", "end": "to"}  # `from` is a word of Python's

    start: int
    end: int
    old_root: str
    new_root: str
    path: list[str]
    checkpoint: str


class Finding(Document):
    """What in a log is not as it was signed."""

    __slots__ = ("message", "place")

    place: str
    message: str


class AuditReport(Document):
    """What reading a whole log again found."""

    __slots__ = ("findings", "pending", "size", "sound")

    sound: bool
    """Whether all is as it was signed."""
    size: int
    pending: int
    """What was written down and is not in the log yet."""
    findings: list[Finding]

    def __init__(self, members: dict[str, Any]) -> None:
        super().__init__({**members, "findings": [Finding(dict(finding)) for finding in members["findings"]]})
