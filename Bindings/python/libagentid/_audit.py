"""The audit log of a directory: reading it, proving from it, verifying it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from ctypes import byref, c_uint64
from typing import TYPE_CHECKING, Literal

import libagentid._abi as _abi

from ._abi import lib
from ._calling import call, take, text
from ._errors import Error
from ._handles import Handle, owner
from ._inputs import pair
from ._raised import callback
from .documents import AuditHead, AuditRecord, AuditReport, ConsistencyProof, InclusionProof

if TYPE_CHECKING:
    from .types import AuditEntry

Sync = Literal["batch", "always", "none"]
"""When decisions and events are durable: within 100 ms, before the answer is given, or not written down at all."""
SYNC: dict[str, int] = {"batch": 0, "always": 1, "none": 0}


def _index(index: int) -> int:
    return _abi.checked(c_uint64, index, "an index")


class Audit(Handle):
    """The audit log of one authority, as it was when it was opened."""

    _owners = owner("agentid_audit_close")
    _made_by = "{}.open(directory)"

    @classmethod
    def open(cls, directory: str | os.PathLike[str], *, key: str | None = None) -> Audit:
        """Opens the log of an authority's directory; without `key` under the one that the directory itself names."""
        if key is not None and not key:
            raise ValueError("key is empty: give None for the key that the directory itself names, which shows no forged log")
        return cls.__new__(cls)._own(lib.agentid_audit_open, *pair(os.fspath(directory), "directory"), *pair(key or "", "key"))

    def head(self) -> AuditHead:
        """Size, root, key, and the checkpoint as the signed note that other tools verify."""
        return AuditHead(json.loads(take(lib.agentid_audit_head, self._handle)))

    def entries(self, start: int | None = None) -> Iterator[AuditEntry]:
        """All entries from an index on, each compared with the signed tree; by default all that are not archived elsewhere."""
        if start is None:
            start = self.head().first
        # Not splitlines: names from outside have U+2028 and the like as they are.
        while text := take(lib.agentid_audit_entries, self._handle, _index(start), 256):
            lines = text.removesuffix("\n").split("\n")
            for line in lines:
                yield json.loads(line)
            start += len(lines)

    def find(self, decision: str) -> AuditRecord:
        """A decision's entry, its index, and what was reported of it."""
        return AuditRecord(json.loads(take(lib.agentid_audit_find, self._handle, *pair(decision, "decision"))))

    def prove(self, index: int) -> InclusionProof:
        """Proves that an entry is in the log (RFC 6962 section 2.1.1)."""
        return InclusionProof(json.loads(take(lib.agentid_audit_prove, self._handle, _index(index))))

    def consistency(self, start: int, end: int | None = None) -> ConsistencyProof:
        """Proves that the log of `start` entries is the beginning of that of `end` (RFC 6962 section 2.1.2)."""
        until = 0 if end is None else _index(end)
        return ConsistencyProof(json.loads(take(lib.agentid_audit_consistency, self._handle, _index(start), until)))

    def verify(self, progress: Callable[[int], None] | None = None) -> AuditReport:
        """Reads everything again; `.sound` says whether all is as it was signed, `.findings` what is not and where.

        `progress` is told how many entries were read. What it raises is raised here, when the rest was read without it.
        """

        raised: list[BaseException] = []

        def read(entries: int, _: int | None) -> None:
            if progress and not raised:
                try:
                    progress(entries)
                except BaseException as error:
                    raised.append(error)

        told = _abi.PROGRESS(callback(read))
        report = _abi.Bytes()
        try:
            call(lib.agentid_audit_verify, self._handle, told, None, byref(report))
        except Error as error:
            if error.name != "audit_damaged" or not report.len:
                raise
        found = text(report)
        if raised:
            raise raised.pop()
        return AuditReport(json.loads(found))
