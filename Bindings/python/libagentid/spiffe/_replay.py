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
    """Remembers tokens in memory, or in a file that several processes share; full, it refuses. Safe from several threads."""

    def __init__(self, path: str | os.PathLike[str] | None = None, *, most: int = MOST) -> None:
        self._lock, self._most = Lock(), most
        self._kept = sqlite3.connect(path or ":memory:", timeout=5, isolation_level=None, check_same_thread=False)
        self._kept.execute("PRAGMA synchronous=FULL")  # a token that was used is so after a power cut
        self._kept.execute("CREATE TABLE IF NOT EXISTS used (token BLOB PRIMARY KEY, expires INTEGER NOT NULL) WITHOUT ROWID")
        self._kept.execute("CREATE INDEX IF NOT EXISTS used_expires ON used (expires)")

    def use(self, token: JWTSVID, now: float) -> None:
        """Uses a verified token; raises `SVIDError` for one that was used, by its signed text or by its `jti`."""
        names = [hashlib.sha256(b"signed:" + token.signed).digest()]
        if token.jti is not None:
            named = f"jti:{token.spiffe_id.trust_domain}:{token.jti}".encode(errors="surrogatepass")
            names.append(hashlib.sha256(named).digest())
        with self._lock:
            self._kept.execute("BEGIN IMMEDIATE")
            try:
                self._kept.execute("DELETE FROM used WHERE expires < ?", (int(now) - 1,))
                (held,) = self._kept.execute("SELECT count(*) FROM used").fetchone()
                if held + len(names) > self._most:
                    raise SVIDError(
                        "replayed", "too many tokens are remembered to remember another: nothing is exchanged until some end"
                    )
                self._kept.executemany("INSERT INTO used VALUES (?, ?)", [(name, token.expires) for name in names])
                self._kept.execute("COMMIT")
            except sqlite3.IntegrityError:
                self._kept.execute("ROLLBACK")
                raise SVIDError("replayed", "this JWT-SVID was exchanged before: get another from the Workload API") from None
            except BaseException:
                self._kept.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Forgets what was in memory."""
        with self._lock:
            self._kept.close()
