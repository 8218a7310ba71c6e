"""The audit log's documents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from ._document import Document

if TYPE_CHECKING:
    from .types import AuditEntry


class AuditHead(Document):
    """The head of a log: its size, its root, and the signed checkpoint."""

    __slots__ = ("checkpoint", "end", "first", "key", "root", "size")

    size: int
    first: int
    """The index of the first entry that is here: earlier ones were archived."""
    end: int
    """The index after the last entry that is here: in an archive less than `size`."""
    root: str
    """The root of the tree, in Base64."""
    key: str
    """The key that verifies the checkpoint."""
    checkpoint: str
    """A signed note, which other tools can verify."""


class AuditRecord(Document):
    """A decision's entry in the log, and its reported outcome."""

    __slots__ = ("entry", "index", "outcome")

    index: int
    entry: AuditEntry
    """The entry: docs/schemas/audit.json."""
    outcome: str | None


class InclusionProof(Document):
    """A proof that an entry is in the log (RFC 6962 section 2.1.1). Hashes are in Base64."""

    __slots__ = ("checkpoint", "index", "leaf", "path", "size")

    index: int
    size: int
    leaf: str
    path: list[str]
    checkpoint: str


class ConsistencyProof(Document):
    """A proof that one log starts with another (RFC 6962 section 2.1.2). Hashes are in Base64."""

    __slots__ = ("checkpoint", "end", "new_root", "old_root", "path", "start")
    _names: ClassVar[Mapping[str, str]] = {"start": "from", "end": "to"}  # `from` is a word of Python's

    start: int
    end: int
    old_root: str
    new_root: str
    path: list[str]
    checkpoint: str


class Finding(Document):
    """A part of a log that is not as it was signed."""

    __slots__ = ("message", "place")

    place: str
    message: str


class AuditReport(Document):
    """The result of verifying a whole log."""

    __slots__ = ("archived", "findings", "pending", "size", "sound")

    sound: bool
    """Whether all is as it was signed."""
    size: int
    archived: int
    """The number of entries that the directory says are in an archive, in a file that nobody signed. Their hashes are those of
    the signed tree; they were not read."""
    pending: int
    """The number of lines that are recorded and not in the log yet."""
    findings: list[Finding]

    def __init__(self, members: dict[str, Any]) -> None:
        super().__init__(members)
        object.__setattr__(self, "findings", [Finding(finding) for finding in members["findings"]])


class ToolUsage(Document):
    """The calls of a tool under a profile."""

    __slots__ = ("arguments", "calls", "latest_ms", "tool")

    tool: str
    calls: int
    latest_ms: int
    """The time of the latest call, in milliseconds since 1970."""
    arguments: list[str]
    """The names of the arguments given."""


class ProfileUsage(Document):
    """The authority of a profile's agents, compared with its use."""

    __slots__ = (
        "beyond", "ceiling", "denials", "denied", "permitted", "profile", "proposal", "proposal_text", "unknown", "unused",
        "used",
    )  # fmt: skip

    profile: str
    ceiling: dict[str, Any]
    """The present ceiling, in token form."""
    permitted: int
    denied: int
    used: list[ToolUsage]
    unused: list[str]
    """Tools of the ceiling without a permitted call."""
    denials: dict[str, int]
    """Denied calls, by reason."""
    proposal: dict[str, Any] | None
    """The smallest ceiling that would have permitted the same calls; None if no call was permitted."""
    proposal_text: str | None
    unknown: int
    """Permitted calls under a grant that the registry does not know."""
    beyond: int
    """Permitted calls under a grant that the present ceiling does not cover."""

    def __init__(self, members: dict[str, Any]) -> None:
        super().__init__(members)
        object.__setattr__(self, "used", [ToolUsage(tool) for tool in members["used"]])


class UsageReport(Document):
    """Granted authority compared with its use, from the audit log: docs/schemas/usage.json."""

    __slots__ = ("archived", "caveat", "entries", "foreign", "profiles", "since_ms", "unattributed")

    entries: int
    """The number of entries read."""
    archived: int
    """The number of entries before these, which were archived: what was used then is not in this."""
    since_ms: int | None
    unattributed: int
    """Decisions under no profile of this authority."""
    foreign: int
    """Decisions under chains of other trust domains."""
    caveat: str
    """The limits of the log's knowledge, for people."""
    profiles: list[ProfileUsage]

    def __init__(self, members: dict[str, Any]) -> None:
        super().__init__(members)
        object.__setattr__(self, "profiles", [ProfileUsage(profile) for profile in members["profiles"]])
