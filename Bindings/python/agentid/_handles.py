"""What all handles share: they are closed once, by `with`, by `close()` or at the latest by the collector."""

from __future__ import annotations

import os
import weakref
from ctypes import c_void_p
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing_extensions import Self


def _close(function: Any, handle: c_void_p, process: int) -> None:
    if os.getpid() == process:
        function(handle)


class Reference:
    """What names a live object of the library, without a say in how long it lives."""

    __slots__ = ("_handle",)

    def __init__(self, handle: c_void_p | None) -> None:
        self._handle = handle


class Handle(Reference):
    """A live object of the library."""

    def __init__(self, handle: c_void_p, close: Any) -> None:
        super().__init__(handle)
        self._finalizer = weakref.finalize(self, _close, close, handle, os.getpid())

    def close(self) -> None:
        """Ends it; further calls are harmless."""
        self._finalizer()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()
