"""For operators: lines that this process has to tell, and an authority in numbers."""

from __future__ import annotations

import atexit
import contextlib
import json
import threading
from typing import TYPE_CHECKING

import libagentid._abi as _abi
import libagentid._callbacks as _callbacks

from ._abi import lib
from ._calling import call, take
from ._errors import Error
from ._handles import Handle
from .documents import AuthorityStatistics

if TYPE_CHECKING:
    import logging

_LEVELS = {1: 20, 2: 30, 3: 40}  # of the library: of logging
_last: threading.Event | None = None  # set when the present receiver is let go of
_lock = threading.RLock()  # a signal's handler may log elsewhere too


def log_to(logger: logging.Logger | None, *, level: int = 20) -> None:
    """Hands the lines that this process's operator should see to a logger; None ends it.

    A decision that is not in the audit log, a directory that was replaced, a hook that failed, a clock that stepped, an audit
    log that is not integrated, a policy that cannot be read, a lease or grant that is not renewed: docs/monitoring.md lists
    their reasons. `level`: lines of lower levels are left out. Each record has its reason as `record.reason`. The logger is
    called on a thread of the library's own, where handlers may call the library; of one subject at most once a second.
    """
    global _last
    if logger is not None and not callable(getattr(logger, "log", None)):  # an adapter is one, too
        raise TypeError(f"logger is a logging.Logger, not {type(logger).__name__}")
    least = 3 if level > 30 else 2 if level > 20 else 1
    if logger is None:
        with _lock:
            call(lib.agentid_set_log, least, _abi.LOG_LINE(), None, None)
            before, _last = _last, None
        # For a line that is under way; but on a thread that Python did not start it may be waited for itself.
        if before is not None and not isinstance(threading.current_thread(), threading._DummyThread):  # pyright: ignore[reportPrivateUsage]
            before.wait(5)
        return
    gone = threading.Event()

    def line(of: int, reason: bytes, message: bytes, _: int | None) -> None:
        try:
            logger.log(_LEVELS.get(of, 40), "%s", message.decode(), extra={"reason": reason.decode()})
        except BaseException:
            _callbacks.log("a line of the log was lost")

    called = _abi.LOG_LINE(_callbacks.callback(line))
    token = _callbacks.keep(called, _Going(gone))
    with _lock:
        _last = gone  # before: an interrupt after the call leaves it to be ended
        call(lib.agentid_set_log, least, called, _callbacks.RELEASE, token)


class _Going:
    """Says that it is gone, when the library no longer needs what is kept with it."""

    def __init__(self, gone: threading.Event) -> None:
        self._gone = gone

    def __del__(self) -> None:
        self._gone.set()


@atexit.register
def _end() -> None:
    # No thread of the library's may wait for an interpreter that ends.
    if _last is not None:
        with contextlib.suppress(Error):  # a child after fork
            log_to(None)


class Observed(Handle):
    """An authority in numbers."""

    def statistics(self) -> AuthorityStatistics:
        """Agents by standing, what waits and what runs out, and what its agents' own handles asked for in this process.

        Reads the registry and the end of the audit log: for a look now and then. Each guard has its own `statistics()`.
        """
        return AuthorityStatistics(json.loads(take(lib.agentid_authority_statistics, self._handle)))
