"""What all handles share: they are closed once, by `with`, by `close()` or at the latest by the collector."""

from __future__ import annotations

import os
import weakref
from ctypes import c_void_p
from typing import Any

from typing import TypeVar

Self = TypeVar("Self", bound="Handle")


def _close(function: Any, handle: c_void_p, process: int) -> None:
    if os.getpid() == process:
        function(handle)


class Handle:
    """A live object of the library."""

    def __init__(self, handle: c_void_p, close: Any) -> None:
        self._handle = handle
        self._finalizer = weakref.finalize(self, _close, close, handle, os.getpid())

    def close(self) -> None:
        """Ends it; further calls are harmless."""
        self._finalizer()

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()
