"""Callbacks, kept alive until the library no longer needs them."""

from __future__ import annotations

import atexit
import ctypes
import itertools
from collections.abc import Callable
from types import CoroutineType
from typing import Any, Protocol

import libagentid._abi as _abi

from ._raised import callback, log, record

__all__ = ["RELEASE", "Signer", "callback", "clock", "finished", "keep", "log", "record", "seconds", "signer", "typed"]

# Without a lock: what is let go of runs destructors, which may call anything, and the collector runs at any moment.
_kept: dict[int, tuple[Any, ...]] = {}
_tokens = itertools.count(1)

# Without an instruction of Python: an interrupt that strikes before the first one would be lost, and what is kept stay so.
_release = _abi.RELEASE(_kept.pop)
RELEASE = ctypes.cast(_release, ctypes.c_void_p)


@atexit.register
def _leave() -> None:
    # Whatever outlives the interpreter's modules, an agent in another module's global for one, may call back until the end:
    # the code of a callback is never freed then.
    for kept in (_release, *_kept.copy().values()):
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(kept))


def finished(made: Any) -> Any:
    """A callback's result. Refuses a coroutine, which nothing would run."""
    if isinstance(made, CoroutineType):
        made.close()
        raise TypeError("a callback returned a coroutine: add it through libagentid.aio, which runs those")
    return made


def typed(made: Any, kinds: type | tuple[type, ...], callback: str, kind: str) -> Any:
    """A callback's result of these types; TypeError that names the callback for any other."""
    if not isinstance(finished(made), kinds):
        raise TypeError(f"{callback} returned {type(made).__name__}, not {kind}")
    return made


def function(given: Any, name: str) -> Any:
    """A function, which is called later; TypeError at once for anything else."""
    if not callable(given):
        raise TypeError(f"{name} is a function, not {type(given).__name__}")
    return given


def seconds(told: Any) -> float:
    """A clock's answer, a number of any kind; TypeError for any other."""
    if isinstance(finished(told), bool) or not hasattr(told, "__float__"):
        raise TypeError(f"clock returned {type(told).__name__}, not seconds since 1970 as a number")
    return told


def keep(*callbacks: Any) -> int:
    """Keeps callbacks alive; the number returned is their `user_data`, which `RELEASE` takes back.

    Not in a sub-interpreter: threads of the library's would run them in the main one, and after this one has ended.
    """
    if not _is_main_interpreter():
        raise RuntimeError("callbacks need the main interpreter: this is a sub-interpreter, where ctypes cannot run them")
    token = next(_tokens)
    _kept[token] = callbacks
    return token


def _is_main_interpreter() -> bool:
    present, main = ctypes.pythonapi.PyInterpreterState_Get, ctypes.pythonapi.PyInterpreterState_Main
    present.restype = main.restype = ctypes.c_void_p
    return present() == main()


class Signer(Protocol):
    """Signs with an Ed25519 key that is not in this process (HSM, KMS)."""

    @property
    def public_key(self) -> bytes:
        """The public key, 32 bytes."""
        ...

    def sign(self, message: bytes) -> bytes:
        """The signature of `message` (RFC 8032), 64 bytes. If it raises, the call that needed it fails."""
        ...


def clock(now: Callable[[], float] | None) -> Any:
    """The struct for a clock that returns seconds since 1970; None for none."""
    if now is None:
        return None
    function(now, "clock")

    def tell(milliseconds: Any, _: int | None) -> int:
        try:
            milliseconds[0] = max(-1, min(int(seconds(now()) * 1000), 1 << 62))
            return _abi.CALLBACK_OK
        except BaseException as error:
            record(error)
            return _abi.CALLBACK_FAILED

    told = _abi.NOW(callback(tell))
    return ctypes.pointer(_abi.Clock(now=told, release=RELEASE, user_data=keep(told)))


def signer(by: Signer | None) -> Any:
    """The struct for a signer; None for none."""
    if by is None:
        return None
    if not hasattr(by, "public_key"):
        raise TypeError(f"a signer has public_key and sign(message): {type(by).__name__} has no public_key")
    function(getattr(by, "sign", None), "signer.sign")
    public_key = bytes(typed(by.public_key, (bytes, bytearray, memoryview), "signer.public_key", "32 bytes"))
    if len(public_key) != 32:
        raise ValueError("a signer's public_key has 32 bytes")

    def sign(message: Any, length: int, signature: Any, _: int | None) -> int:
        try:
            given = by.sign(ctypes.string_at(message, length))
            made = bytes(typed(given, (bytes, bytearray, memoryview), "signer.sign", "64 bytes"))
            if len(made) != 64:
                raise ValueError(f"signer.sign returned {len(made)} bytes: a signature has 64")
            ctypes.memmove(signature, made, 64)
            return _abi.CALLBACK_OK
        except BaseException as error:
            record(error)
            return _abi.CALLBACK_FAILED

    called = _abi.SIGN(callback(sign))
    return ctypes.pointer(_abi.Signer(sign=called, public_key=public_key, release=RELEASE, user_data=keep(called, public_key)))
