"""The memory of tokens that were exchanged: each once, until it ends."""

from __future__ import annotations

import hashlib
import sqlite3
from threading import Lock
from typing import TYPE_CHECKING

from ._id import SVIDError

if TYPE_CHECKING:
    import os

    from ._token import JWTSVID

MOST = 100_000


class Once:
    """Remembers tokens in memory, or in a file that several processes share; full, it refuses. Safe from several threads.

    Half of it is for one trust domain, three tenths for one workload: who mints many tokens leaves room for others.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None, *, most: int = MOST) -> None:
        self._lock, self._most = Lock(), most
        self._kept = sqlite3.connect(path or ":memory:", timeout=5, isolation_level=None, check_same_thread=False)
        self._kept.execute("PRAGMA synchronous=FULL")  # a token that was used is so after a power cut
        self._kept.execute("CREATE TABLE IF NOT EXISTS used (token BLOB PRIMARY KEY, expires INTEGER NOT NULL) WITHOUT ROWID")
        self._kept.execute("CREATE INDEX IF NOT EXISTS used_expires ON used (expires)")
        # How much is remembered of each domain and workload, by when it ends. Counted here, as no token says whose it is.
        columns = "whose BLOB, expires INTEGER, tokens INTEGER, PRIMARY KEY (whose, expires)"
        self._kept.execute(f"CREATE TABLE IF NOT EXISTS held ({columns}) WITHOUT ROWID")
        self._kept.execute("CREATE INDEX IF NOT EXISTS held_expires ON held (expires)")

    def use(self, token: JWTSVID, now: float) -> None:
        """Uses a verified token; raises `SVIDError` for one that was used, by its signed text or by its `jti`."""
        names = [hashlib.sha256(b"signed:" + token.signed).digest()]
        if token.jti is not None:
            named = f"jti:{token.spiffe_id.trust_domain}:{token.jti}".encode(errors="surrogatepass")
            names.append(hashlib.sha256(named).digest())
        whose = [(str(token.spiffe_id), self._most * 3 // 10), (token.spiffe_id.trust_domain, self._most // 2)]
        with self._lock:
            self._kept.execute("BEGIN IMMEDIATE")
            try:
                for table in ("used", "held"):
                    self._kept.execute(f"DELETE FROM {table} WHERE expires < ?", (int(now) - 1,))
                self._kept.executemany("INSERT INTO used VALUES (?, ?)", [(name, token.expires) for name in names])
                (held,) = self._kept.execute("SELECT count(*) FROM used").fetchone()
                if held > self._most:
                    raise SVIDError(
                        "too_many", "too many tokens are remembered to remember another: nothing is exchanged until some end"
                    )
                for name, most in whose:
                    self._hold(name, hashlib.sha256(name.encode()).digest(), len(names), token.expires, most)
                self._kept.execute("COMMIT")
            except sqlite3.IntegrityError:
                self._kept.execute("ROLLBACK")
                raise SVIDError("replayed", "this JWT-SVID was exchanged before: get another from the Workload API") from None
            except BaseException:
                self._kept.execute("ROLLBACK")
                raise

    def _hold(self, name: str, whose: bytes, names: int, expires: int, most: int) -> None:
        """Counts what is remembered of a domain or a workload; raises `SVIDError` past its share."""
        more = "INSERT INTO held VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET tokens = tokens + excluded.tokens"
        self._kept.execute(more, (whose, expires, names))
        (held,) = self._kept.execute("SELECT sum(tokens) FROM held WHERE whose = ?", (whose,)).fetchone()
        if held > most:
            raise SVIDError("too_many", f"too many tokens of {name} are remembered: it gets no agent until some end")

    def close(self) -> None:
        """Forgets what was in memory."""
        with self._lock:
            self._kept.close()
