"""What a power cut leaves of a directory, after a trace by trace_shim.c.

The file system assumed is one that promises no more than POSIX does:

* a file's bytes and size are there for good once fsync, fdatasync or msync of it returned, up to what was written when
  that began; what was written later may be there in part, by sectors of 512 bytes, in any order;
* its size grows and shrinks in order: a sector beyond a size that was lost is lost;
* a name (made, renamed, removed) is there for good once fsync of its directory returned; names of one directory that
  were not synced reach the disk in order. Syncing a file syncs no name.
"""

import os
import struct

SECTOR = 512
(CREATE, MKDIR, UNLINK, RENAME, LINK, RMDIR, WRITE, SIZE, ALLOCATE, SYNC, SYNCED, SYNC_NAMES, SYNCED_NAMES, MARK) = range(1, 15)
_RECORD = struct.Struct("<IIQQQ")


def read_trace(path):
    """The records of a trace: (kind, file, a, b, bytes)."""
    with open(path, "rb") as file:
        trace = file.read()
    records, at = [], 0
    while at + _RECORD.size <= len(trace):
        kind, file, a, b, length = _RECORD.unpack_from(trace, at)
        at += _RECORD.size
        records.append((kind, file, a, b, trace[at : at + length]))
        at += length
    return records


class File:
    """One file: what is on the disk for good, and what was done since, in order: (a, None) sets a size, (a, bytes) writes."""

    def __init__(self):
        self.durable, self.pending, self.syncs, self.size = bytearray(), [], {}, 0

    def resize(self, size):
        self.size = size
        self.pending.append((size, None))

    def write(self, offset, written):
        self.allocate(offset + len(written))
        self.pending.append((offset, written))

    def allocate(self, end):
        if end > self.size:
            self.resize(end)

    def begin_sync(self, ticket, start, length):
        self.syncs[ticket] = (len(self.pending), start, start + length)

    def end_sync(self, ticket):
        count, start, end = self.syncs.pop(ticket)
        left = []
        for a, written in self.pending[:count]:
            if written is None:
                _resize(self.durable, a)
                continue
            low, high = max(a, start), min(a + len(written), end)
            if low < high:
                _write(self.durable, low, written[low - a : high - a], grows=True)
            left += [(x, written[x - a : y - a]) for x, y in ((a, min(low, a + len(written))), (high, a + len(written))) if x < y]
        done = count - len(left)
        self.pending[:count] = left
        # Syncs that overlap began with operations that are gone now.
        self.syncs = {ticket: (max(begun - done, 0), *range_) for ticket, (begun, *range_) in self.syncs.items()}

    def after_cut(self, random):
        """The bytes that are found again; `random` chooses among what was not synced, None: nothing of it."""
        content = bytearray(self.durable)
        if random is None:
            return content
        sizes = random.randint(0, sum(written is None for _, written in self.pending))
        for a, written in self.pending:
            if written is None:
                if sizes > 0:
                    _resize(content, a)
                sizes -= 1
                continue
            at = 0
            while at < len(written):
                length = min(SECTOR - (a + at) % SECTOR, len(written) - at)
                if random.random() < 0.5:
                    _write(content, a + at, written[at : at + length], grows=False)
                at += length
        return content


def _resize(content, size):
    if size < len(content):
        del content[size:]
    else:
        content.extend(bytes(size - len(content)))


def _write(content, offset, written, grows):
    if grows and offset + len(written) > len(content):
        _resize(content, offset + len(written))
    written = written[: max(len(content) - offset, 0)]
    content[offset : offset + len(written)] = written


class Disk:
    """A directory as a trace makes it, record by record. `ignores` says of which files no sync counts."""

    def __init__(self, ignores=lambda path: False):
        self.files, self.names, self.live = {}, {}, {}
        self.pending, self.syncs, self.ignores = {}, {}, ignores

    def _name(self, *operation):
        _rename(self.live, operation)
        self.pending.setdefault(os.path.dirname(operation[1]), []).append(operation)

    def apply(self, record):
        kind, number, a, b, data = record
        if kind == CREATE:
            self.files[number] = File()
            self._name(CREATE, data.decode(), number)
        elif kind == MKDIR:
            self._name(CREATE, data.decode(), None)
        elif kind in (UNLINK, RMDIR):
            self._name(UNLINK, data.decode())
        elif kind in (RENAME, LINK):
            old, new = data.decode().split("\0")
            if os.path.dirname(old) != os.path.dirname(new):
                raise ValueError(f"a name that moves between directories is not replayed: {old} {new}")
            self._name(kind, old, new)
        elif kind == WRITE:
            self.files[number].write(a, data)
        elif kind == SIZE:
            self.files[number].resize(a)
        elif kind == ALLOCATE:
            self.files[number].allocate(a + b)
        elif kind == SYNC:
            if not self.ignores(self.path(number)):
                self.files[number].begin_sync(int.from_bytes(data, "little"), a, b)
        elif kind == SYNCED:
            if a in self.files[number].syncs:
                self.files[number].end_sync(a)
        elif kind == SYNC_NAMES:
            self.syncs[a] = (data.decode(), len(self.pending.get(data.decode(), ())))
        elif kind == SYNCED_NAMES:
            directory, count = self.syncs.pop(a)
            done, self.pending[directory] = self.pending.get(directory, [])[:count], self.pending.get(directory, [])[count:]
            for operation in done:
                _rename(self.names, operation)
            for ticket, (other, begun) in self.syncs.items():
                if other == directory:
                    self.syncs[ticket] = (other, max(begun - len(done), 0))

    def path(self, number):
        return next((path for path, file in self.live.items() if file == number), "")

    def after_cut(self, into, random=None):
        """Writes what a power cut now would leave into a new directory."""
        names = dict(self.names)
        for operations in self.pending.values():
            for operation in operations[: random.randint(0, len(operations)) if random else 0]:
                _rename(names, operation)
        os.mkdir(into, 0o700)
        for path in sorted(names):
            if not os.path.isdir(os.path.dirname(os.path.join(into, path))):
                continue
            if names[path] is None:
                os.mkdir(os.path.join(into, path), 0o700)
                continue
            with open(os.path.join(into, path), "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
                content = self.files[names[path]].after_cut(random)
                file.write(content.rstrip(b"\0"))  # a long file that is empty at its end costs little
                file.truncate(len(content))


def _rename(names, operation):
    """Does one thing to names; where an earlier one was lost, nothing."""
    kind, path, *rest = operation
    if kind == CREATE:
        names[path] = rest[0]
    elif kind == UNLINK:
        names.pop(path, None)
    elif path in names:
        names[rest[0]] = names[path]
        if kind == RENAME:
            del names[path]
