"""A bounded memory of runs and tools, of which nobody says when they are over."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from threading import RLock
from typing import Generic, TypeVar

_K = TypeVar("_K", bound=Hashable)
_V = TypeVar("_V")


class Recent(Generic[_K, _V]):
    """Values by key, at most so many: the oldest is forgotten first. Safe to use from several threads."""

    def __init__(self, most: int = 1000) -> None:
        self._most, self._kept, self._lock = most, dict[_K, _V](), RLock()  # destructors of what it forgets may come back

    def __len__(self) -> int:
        return len(self._kept)

    def put(self, key: _K, value: _V) -> _V:
        """Keeps a value, and returns it."""
        with self._lock:
            self._kept.pop(key, None)  # else its place would be that of its first value
            self._kept[key] = value
            if len(self._kept) > self._most:
                del self._kept[next(iter(self._kept))]
        return value

    def get(self, key: _K) -> _V | None:
        """The value that is kept for a key."""
        return self._kept.get(key)

    def forget(self, is_over: Callable[[_K], bool]) -> None:
        """Keeps nothing for keys of what is over."""
        with self._lock:
            for key in list(filter(is_over, self._kept)):
                del self._kept[key]
