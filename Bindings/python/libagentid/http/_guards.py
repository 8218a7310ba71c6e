"""A guard for each process, made on first use, so that a forked worker has one of its own."""

# pyright: reportPrivateUsage=false
from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from threading import Lock
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from .._guard import EnforcementPoint, Guard
from .._inputs import named_audience

if TYPE_CHECKING:
    from .._audit import Sync

_all: WeakSet[WorkerGuard] = WeakSet()


class WorkerGuard:
    """Returns this process's guard. Safe to call from any thread, before and after a fork."""

    def __init__(self, open: Callable[[], EnforcementPoint]) -> None:
        self._open, self._lock = open, Lock()
        self._made: EnforcementPoint | None = None
        _all.add(self)

    def __call__(self) -> EnforcementPoint:
        made = self._made
        if made is None:
            with self._lock:
                made = self._made
                if made is None:
                    made = self._made = self._open()
        return made


def _forked() -> None:
    """Discards the parent's guard, which is useless here, and its lock, which a thread of the parent may hold."""
    for each in list(_all):
        each._made, each._lock = None, Lock()


os.register_at_fork(after_in_child=_forked)


def guarding(directory: str | os.PathLike[str], *, audience: str, audit: Sync = "batch", **options: Any) -> WorkerGuard:
    """A guard of an authority's directory for each worker: `Guard.open_directory`, called when a worker needs it first.

    Nothing is opened before, so that a server may load the application and then fork its workers (gunicorn's `preload_app`).
    """
    if not isinstance(directory, str | os.PathLike):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"directory is a path, that of the authority, not {type(directory).__name__}")
    where = os.path.abspath(directory)
    named_audience(audience)
    inspect.signature(Guard.open_directory).bind(where, audience=audience, audit=audit, **options)  # an option that there is not
    return WorkerGuard(lambda: Guard.open_directory(where, audience=audience, audit=audit, **options))
