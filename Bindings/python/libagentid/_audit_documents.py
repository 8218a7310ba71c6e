"""What the audit log tells."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from ._document import Document

if TYPE_CHECKING:
    from .types import AuditEntry


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
    entry: AuditEntry
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
        super().__init__(members)
        object.__setattr__(self, "findings", [Finding(finding) for finding in members["findings"]])


class ToolUsage(Document):
    """How a tool of a profile was called."""

    __slots__ = ("arguments", "calls", "latest_ms", "tool")

    tool: str
    calls: int
    latest_ms: int
    """When the latest call was, in milliseconds since 1970."""
    arguments: list[str]
    """The names that were given."""


class ProfileUsage(Document):
    """What was granted to a profile's agents beside what they used."""

    __slots__ = (
        "beyond", "ceiling", "denials", "denied", "permitted", "profile", "proposal", "proposal_text", "unknown", "unused",
        "used",
    )  # fmt: skip

    profile: str
    ceiling: dict[str, Any]
    """The present one, in token form."""
    permitted: int
    denied: int
    used: list[ToolUsage]
    unused: list[str]
    """Tools of the ceiling that no call was permitted of."""
    denials: dict[str, int]
    """Denied calls, by reason."""
    proposal: dict[str, Any] | None
    """The smallest ceiling that would have permitted it all; None where no call was permitted."""
    proposal_text: str | None
    unknown: int
    """Permitted calls under a grant that the registry does not know."""
    beyond: int
    """Permitted calls under a grant that the present ceiling does not cover."""

    def __init__(self, members: dict[str, Any]) -> None:
        super().__init__(members)
        object.__setattr__(self, "used", [ToolUsage(tool) for tool in members["used"]])


class UsageReport(Document):
    """What was granted beside what was used, from the audit log: docs/schemas/usage.json."""

    __slots__ = ("caveat", "entries", "foreign", "profiles", "since_ms", "unattributed")

    entries: int
    """How many entries were read."""
    since_ms: int | None
    unattributed: int
    """Decisions under no profile of this authority."""
    foreign: int
    """Decisions under chains of other trust domains."""
    caveat: str
    """What the log cannot know, for people."""
    profiles: list[ProfileUsage]

    def __init__(self, members: dict[str, Any]) -> None:
        super().__init__(members)
        object.__setattr__(self, "profiles", [ProfileUsage(profile) for profile in members["profiles"]])
