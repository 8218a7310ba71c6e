"""What all handles share: one owner, who closes it once, by `with`, by `close()` or at the latest by the collector."""

from __future__ import annotations

import os
import weakref
from ctypes import byref, c_void_p
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from ._errors import call
from ._raised import finalizer

if TYPE_CHECKING:
    from typing_extensions import Self


def _close(function: Any, handle: c_void_p, process: int) -> None:
    if handle and os.getpid() == process:
        function(handle)


finalizer(_close, lambda names: _close(names["function"], names["handle"], names["process"]))


class Reference:
    """What names a live object of the library, without a say in how long it lives."""

    __slots__ = ("_handle",)

    def __init__(self, handle: c_void_p) -> None:
        self._handle = handle

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"{type(self).__name__} objects are not copied: each stands for one object of the library in this process")


class Handle(Reference):
    """A live object of the library. It holds what it needs: an agent its parent, a guard its authority."""

    _closing: ClassVar[Any]
    _made_by: ClassVar[str] = "open()"
    _needs: object
    _finalizer: weakref.finalize[..., Any]

    def __init__(self, *_: object, **__: object) -> None:
        name = type(self).__name__
        raise TypeError(f"{name}(...) makes nothing: use {self._made_by.format(name)}")

    def _own(self, function: Any, *arguments: Any, needs: object = None) -> Self:
        """Calls a function whose last output is a handle: this object owns that from the first moment.

        Whatever a signal handler raises meanwhile, what was made is undone, or closed by the collector.
        """
        self._handle, self._needs = c_void_p(), needs
        self._finalizer = weakref.finalize(self, _close, self._closing, self._handle, os.getpid())
        try:
            call(function, *arguments, byref(self._handle))
        except BaseException:
            self._undo()
            raise
        return self

    def _undo(self) -> None:
        """Undoes a call that made something and was interrupted."""
        self._finalizer()

    def close(self) -> None:
        """Lets go of it; further calls are harmless."""
        self._finalizer()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()
