"""Reading the audit log."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import islice
from typing import TYPE_CHECKING

import libagentid._audit as _audit

from ._running import Closing, in_thread, starting, waits

if TYPE_CHECKING:
    from libagentid.types import AuditEntry


class Audit(Closing):
    """The audit log of one authority, as it was when it was opened; `sync` is the `libagentid.Audit` that it stands for."""

    def __init__(self, audit: _audit.Audit) -> None:
        super().__init__(audit.close)
        self.sync = audit

    open = staticmethod(starting(_audit.Audit.open, _audit.Audit.close, lambda audit: Audit(audit)))
    head = waits(_audit.Audit.head)
    find = waits(_audit.Audit.find)
    prove = waits(_audit.Audit.prove)
    consistency = waits(_audit.Audit.consistency)
    verify = waits(_audit.Audit.verify)

    async def entries(self, start: int | None = None) -> AsyncIterator[AuditEntry]:
        """All entries from an index on, each compared with the signed tree; by default all that are not archived elsewhere."""
        entries = self.sync.entries(start)
        while batch := await in_thread(lambda: list(islice(entries, 256))):
            for entry in batch:
                yield entry
