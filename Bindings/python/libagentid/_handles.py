"""The common base of handles: one owner, which closes it once, by `with`, by `close()` or at the latest by the collector."""

from __future__ import annotations

import atexit
import weakref
from ctypes import CFUNCTYPE, byref, c_int, c_void_p
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from ._abi import lib
from ._calling import call

if TYPE_CHECKING:
    from typing_extensions import Self


def freeing(name: str) -> Any:
    """A function of the library that frees, made so that a property of it can be a `__del__`.

    Then it is called without one instruction of Python, between which an interrupt could strike, keep it from its work, and
    be lost. What a property gets is called in turn, so this answers with a type that can be. The library itself refuses a
    handle that was made before a fork, and one that was closed.
    """
    function: Any = CFUNCTYPE(c_int, c_void_p)((name, lib))
    function.restype = type
    return function


class _Owner:
    """Owns one handle. Whatever interrupts Python, the handle is closed with the last reference."""

    __slots__ = ("__weakref__", "_as_parameter_")

    _as_parameter_: c_void_p


def owner(name: str) -> type[_Owner]:
    """The owners of handles that the named function closes."""
    return type("_Owner", (_Owner,), {"__slots__": (), "__del__": property(freeing(name)), "close": freeing(name)})


class Reference:
    """A reference to a live object of the library that does not keep it alive."""

    __slots__ = ("_handle",)

    def __init__(self, handle: c_void_p) -> None:
        self._handle = handle

    def __reduce__(self) -> NoReturn:
        name = type(self).__name__
        raise TypeError(f"{name} objects are not copied: each stands for one object of the library in this process")


class Handle(Reference):
    """A live object of the library. It keeps alive the objects it needs: an agent its parent, a guard its authority."""

    _owners: ClassVar[type[Any]]
    _made_by: ClassVar[str] = "open()"
    _owner: Any
    _needs: object
    _is_closed = False
    _calls_back = False

    def __init__(self, *_: object, **__: object) -> None:
        name = type(self).__name__
        raise TypeError(f"{name}(...) makes nothing: use {self._made_by.format(name)}")

    def _own(self, function: Any, *arguments: Any, needs: object = None) -> Self:
        """Calls a function whose last output is a handle: this object owns that from the first moment.

        If a signal handler raises meanwhile, the new handle is undone, or closed by the collector.
        """
        self._needs, self._owner = needs, self._owners()
        self._owner._as_parameter_ = made = c_void_p()
        Reference.__init__(self, made)
        if self._calls_back:
            _live.add(weakref.ref(self._owner, _live.discard))
        try:
            call(function, *arguments, byref(made))
        except BaseException:
            self._undo()
            raise
        return self

    def _undo(self) -> None:
        """Undoes an interrupted call that made a handle."""
        self.close()

    def __repr__(self) -> str:
        return f"<{'closed ' if self._is_closed else ''}{type(self).__name__} at {id(self):#x}>"

    def close(self) -> None:
        """Releases it; further calls are harmless."""
        self._is_closed = True
        self._owners.close(self._handle)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


# Closed while the interpreter still exists, which their callbacks need. No WeakSet: one takes out what goes by code of Python,
# in which an interrupt would be lost.
_live: set[weakref.ref[Any]] = set()


@atexit.register
def _close_all() -> None:
    for reference in list(_live):
        if (owner := reference()) is not None:
            owner.close(owner)
