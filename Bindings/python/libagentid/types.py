"""Types of the JSON objects that callbacks are given and that decisions, logs and chains show: for annotations alone.

    from libagentid.types import Event

    def tell(event: Event) -> None: ...

Each is a plain `dict`, as docs/schemas has it; members that may be left out are not required.
"""

from __future__ import annotations

from typing import Any, Literal, TypedDict

__all__ = [
    "ApprovalDocument", "ApprovalState", "ApprovalStep",
    "AuditEntry", "DecidedLink", "DecisionDocument", "DecodedChain", "DecodedLink", "Event", "SecretLease", "SecretRequest",
    "Stop", "TaskDocument", "TaskLeftOut", "TaskMention", "TaskPin", "WouldDeny",
]  # fmt: skip


ApprovalState = Literal["pending", "approved", "refused"]
"""Whether a request waits, or what people said."""


class ApprovalStep(TypedDict):
    """A step of a request for approval, as an event has it."""

    id: str
    state: Literal["asked", "approved", "refused", "used"]
    rule: str
    policy: int
    by: str | None
    expires_ms: int


class ApprovalDocument(TypedDict):
    """A request for approval: docs/schemas/approval.json."""

    id: str
    state: ApprovalState
    call: dict[str, Any]
    """The part that an approver signs: tool, digest of the arguments, agent, chain, rule, policy, request, expiry."""
    arguments: dict[str, Any] | None
    """None once it is decided."""
    because: str
    principal: str | None
    owner: str | None
    task: str | None
    labels: list[str]
    of: list[str]
    need: int
    keys: list[str]
    """The thumbprints of the keys that hold the chain's links: none of them may approve."""
    approved_by: list[str]
    refused_by: str | None
    asked_ms: int
    expires_ms: int


class PolicyApplied(TypedDict):
    """A policy that was put in force, as an event has it."""

    version: int
    sha256: str
    """Of its document in canonical form, base64url."""


class _Event(TypedDict):
    event: Literal[
        "created", "renewed", "rotated", "granted", "delegated", "denied", "suspended", "resumed", "parked", "unparked",
        "revoked", "deprovisioning", "deprovisioned", "lapsed", "approval",
        "policy", "secret_refused",
    ]  # fmt: skip
    kind: Literal["event"]
    time_ms: int
    sequence: int


class Event(_Event, total=False):
    """An event, as a hook gets it: docs/schemas/event.json."""

    agent: str
    profile: str
    owner: str
    principal: str
    task: str
    intent: str
    chain: list[str]
    key: str
    reason: str
    tombstone: str
    revoked: Literal["grant", "key", "agent", "profile", "principal", "issuer"]
    decision: str
    tool: str
    approval: ApprovalStep
    policy: PolicyApplied
    provider: str
    count: int
    omitted: int
    issuer: dict[str, Any]
    cut: dict[str, Any]


class SecretRequest(TypedDict):
    """A secret to be made by a provider."""

    lease: str
    agent: str
    resource: str
    ttl: int
    domain: str
    task: str
    principal: str


class SecretLease(TypedDict):
    """A secret to be taken back by a provider."""

    lease: str
    agent: str
    resource: str


class _DecidedLink(TypedDict):
    jti: str
    key: str
    expires: int


class DecidedLink(_DecidedLink, total=False):
    """A link of the chain that a decision was made under."""

    agent: str
    owner: str
    principal: str
    task: str


class Remaining(TypedDict):
    """The rest of rates and budgets for an agent, and its task's labels: docs/schemas/remaining.json."""

    policy: int | None
    rates: list[dict[str, Any]]
    budgets: list[dict[str, Any]]
    labels: list[str]


class Limits(TypedDict):
    """Rates in use, or budgets that something was spent of, and by whom: docs/schemas/limits.json."""

    policy: int | None
    total: int
    meters: list[dict[str, Any]]
    cut: bool


class BudgetRest(TypedDict):
    """The rest of a budget: decimal digits, and their unit."""

    amount: str
    unit: str


class _WouldDeny(TypedDict):
    rule: str
    reason: str


class WouldDeny(_WouldDeny, total=False):
    """A rule in observe mode, with the reason that it would have denied a call for."""

    then: Literal["suspend", "revoke", "deprovision"]
    """The fate that the agent would have had; absent: none."""


class _Stop(TypedDict):
    rule: str
    then: Literal["suspend", "revoke", "deprovision"]


class Stop(_Stop, total=False):
    """The fate of an agent, with all below it, before its call was answered."""

    stopped: list[str]
    """The agents by their IDs; a key by its thumbprint, where the registry knows no agent of it."""
    pending: Literal[True]
    """It could not be written down yet: denied in this process, not yet in others, and tried again."""
    observed: Literal[True]
    """The rule is only observed: nothing was stopped."""


class _DecisionDocument(TypedDict):
    decision: Literal["permit", "deny"]
    tool: str
    reason: str | None
    message: str | None
    argument: str | None
    place: str | None
    link: int | None
    issuer: dict[str, Any] | None
    chain: list[DecidedLink]
    policy: int | None
    rule: str | None
    approval: str | None
    """The request for approval that the call waits for, or was refused."""
    retry_after: int | None
    left: BudgetRest | None


class DecisionDocument(_DecisionDocument, total=False):
    """The answer to one call: docs/schemas/decision.json. Names of arguments, never their values."""

    would_deny: WouldDeny
    stop: Stop


class _AuditEntry(TypedDict):
    kind: Literal["decision", "denials", "outcome", "event", "gap"]


class AuditEntry(_AuditEntry, total=False):
    """A line of the audit log: docs/schemas/audit.json. Which members there are depends on `kind`."""

    id: str
    decision: str
    event: str
    tool: str
    arguments: list[str]
    digest: str
    guard: str
    agent: str
    principal: str
    owner: str
    profile: str
    task: str
    intent: str
    chain: list[Any]
    issuer: dict[str, Any]
    reason: str
    message: str
    argument: str
    place: str
    link: int
    count: int
    outcome: str
    labels: list[str]
    sequence: int
    time_ms: int
    policy: int
    rule: str
    would_deny: WouldDeny
    stop: Stop
    cut: dict[str, Any]


class DecodedLink(TypedDict):
    """A token of a chain, not verified."""

    header: dict[str, Any]
    claims: dict[str, Any]
    size: int
    """In bytes."""


class DecodedChain(TypedDict):
    """A chain as it was read, not verified."""

    links: list[DecodedLink]
    """The root first."""
    verified: Literal[False]


class TaskMention(TypedDict):
    """A thing that a prompt names."""

    text: str
    byte: int
    """Where it stands in the prompt."""


class TaskPin(TypedDict):
    """An argument that may only have what a prompt names."""

    tool: str
    argument: str
    pin: str
    """As declared, e.g. `address:people[]`."""
    values: list[Any]
    named: list[TaskMention]


class TaskLeftOut(TypedDict):
    """A tool of the ceiling that a prompt does not name."""

    tool: str
    argument: str | None
    reason: Literal["not_asked_for", "not_named", "named_outside_ceiling"]
    message: str


class TaskDocument(TypedDict):
    """The pins of a scope for a task, and why they are such: docs/schemas/task-scope.json."""

    pins: list[TaskPin]
    left_out: list[TaskLeftOut]
    unpinned: list[str]
    """Tools as the ceiling has them: no pins are declared for them."""
