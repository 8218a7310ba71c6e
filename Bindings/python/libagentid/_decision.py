"""Decisions, and the one path by which every call is decided."""

from __future__ import annotations

import json
from collections.abc import Mapping
from ctypes import byref, c_void_p
from typing import TYPE_CHECKING, Any, cast

from ._abi import lib
from ._calling import take, throw
from ._errors import Denied, Error, failure
from ._handles import freeing
from ._raised import after_success, log, pending

if TYPE_CHECKING:
    from typing_extensions import Self

    from ._reasons import Reason
    from .types import BudgetRest, DecisionDocument

_free = freeing("agentid_decision_free")
_LONGEST = 10**400
encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


class Decision:
    """One decision, immutable. Freed with its last reference; made at every call, so without a finalizer object."""

    __slots__ = ("_as_parameter_", "_permitted")

    def __init__(self, made: c_void_p, permitted: bool) -> None:
        self._as_parameter_: c_void_p | None = made  # what ctypes passes for it
        self._permitted = permitted

    __del__: Any = property(_free)

    def close(self) -> None:
        """Frees it; further calls are harmless."""
        handle, self._as_parameter_ = self._as_parameter_, None
        if handle is not None:
            _free(handle)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _: Any) -> Self:
        return self

    def __reduce__(self) -> Any:
        raise TypeError("a decision stays in its process: take its document")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    @property
    def permitted(self) -> bool:
        """Whether the call is permitted."""
        return self._permitted

    @property
    def id(self) -> str | None:
        """Its ID in the audit log; None where it was not written down."""
        return lib.agentid_decision_id(self._open()).decode() or None

    def _open(self) -> Self:
        if self._as_parameter_ is None:
            raise ValueError("the decision was closed")
        return self

    def __repr__(self) -> str:
        if self._as_parameter_ is None:
            return "<a closed Decision>"
        return f"<Decision: {'permit' if self._permitted else f'deny, {self.reason}'}>"

    def __bool__(self) -> bool:
        return self._permitted

    @property
    def reason(self) -> Reason | None:
        """Why not; None for a permit. A newer library may have reasons that `Reason` does not list."""
        return lib.agentid_decision_reason(self._open()).decode() or None

    @property
    def policy(self) -> int | None:
        """The version of the policy that it was decided by; None where none is in force, or it was denied before."""
        return lib.agentid_decision_policy(self._open()) or None

    @property
    def rule(self) -> str | None:
        """The rule of the policy that denied it; None where none did."""
        return lib.agentid_decision_rule(self._open()).decode() or None

    @property
    def approval(self) -> str | None:
        """The request for approval that the call waits for: once people approved it, make the very same call again."""
        return lib.agentid_decision_approval(self._open()).decode() or None

    @property
    def retry_after(self) -> float | None:
        """In how many seconds the call could be permitted, where time alone stands against it; else None."""
        milliseconds = lib.agentid_decision_retry_after(self._open())
        return milliseconds / 1000 if milliseconds else None

    @property
    def left(self) -> BudgetRest | None:
        """The rest of the budget that denied it, e.g. `{"amount": "0.20", "unit": "usd"}`; None where none did."""
        return self.document["left"]

    @property
    def document(self) -> DecisionDocument:
        """The decision with its chain; argument names, never values."""
        return json.loads(take(lib.agentid_decision_document, self._open()))

    def explain(self) -> str:
        """The decision as people read it."""
        return take(lib.agentid_decision_explain, self._open())


def decide(function: Any, *inputs: Any) -> Decision:
    """Calls a function that decides; raises `Denied` with the decision where it said no."""
    decision, error = c_void_p(), c_void_p()
    if function(*inputs, byref(decision), byref(error)) == 0:
        permitted = Decision(decision, True)
        if pending:
            after_success()
        return permitted
    throw(_with_decision(failure(error), decision))


def _with_decision(error: Error, decision: c_void_p) -> Error:
    if isinstance(error, Denied) and decision:
        error.decision = Decision(decision, False)
    return error


def check(function: Any, *inputs: Any) -> Decision:
    """As `decide`, but a denial is an answer, not an exception."""
    try:
        return decide(function, *inputs)
    except Denied as denied:
        if denied.__cause__ is not None:
            log("a call was denied because a callback failed", error=denied.__cause__)
        if denied.decision is None:
            raise
        return denied.decision


def arguments(values: Mapping[str, Any]) -> bytes:
    """A call's arguments as JSON, which writes a NUL character as an escape.

    What a client can send is for the guard to deny, which is on record: NaN and lone surrogates are passed on. A dict with two
    sets of values, such as a framework's that keeps all of a name and shows the first, is refused.
    """
    kind: Any = type(values)
    if kind is not dict and isinstance(values, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
        one_reading(values)
    try:
        return encode(values).encode()
    except (ValueError, RecursionError) as error:
        return _refused(values, error)
    except TypeError as error:
        raise TypeError(f"{_misfit(values)}: give what JSON can hold") from error


def one_reading(values: Mapping[Any, Any]) -> None:
    """Raises TypeError for a mapping that has other values by its items than by its names, or as the dict that it is."""
    items = list(values.items())
    as_dict: Any = dict
    kept: dict[Any, Any] = {name: values[name] for name in values}
    if isinstance(values, dict):
        kept = dict(as_dict.items(values))
    if len(items) != len(kept) or any(kept.get(name) is not value and kept.get(name) != value for name, value in items):
        raise TypeError(f"{type(values).__name__} has several values of a name, or shows others than it has: make a dict of it")


def _misfit(values: Mapping[str, Any]) -> str:
    """Which argument of a call is of a type that JSON does not have; no client can have sent it."""
    if not isinstance(values, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
        return f"arguments are a mapping of names to values, not {type(values).__name__}"
    for name, value in values.items():
        try:
            encode({name: value})
        except TypeError:
            return f"the argument {name!r} is {type(value).__name__}, or has in it what is not JSON"
        except (ValueError, RecursionError):
            continue
    return f"arguments are a dict, not {type(values).__name__}"


def _refused(values: Mapping[str, Any], error: Exception) -> bytes:
    """Bytes that the library denies, in place of a value that is not I-JSON."""
    if isinstance(error, RecursionError):
        return b"["  # nested deeper than anything that is accepted
    try:
        return json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    except RecursionError:
        return b"["
    except ValueError as again:
        if "ircular" in str(again):
            raise ValueError("an argument contains itself, a circular reference: give what JSON can hold") from again
        # An integer of more digits than Python writes: another that no double holds is denied in its place.
        try:
            return json.dumps(_shorter(values), ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
        except (ValueError, RecursionError):
            return b"["


def _shorter(value: Any) -> Any:
    """The value with 401 digits in place of each integer of more."""
    if isinstance(value, int) and value.bit_length() > _LONGEST.bit_length():
        return -_LONGEST if value < 0 else _LONGEST
    if isinstance(value, dict):
        return {_shorter(name): _shorter(inner) for name, inner in cast(dict[Any, Any], value).items()}
    if isinstance(value, list | tuple):
        return [_shorter(inner) for inner in cast(list[Any], value)]
    return value


def sent(value: object) -> tuple[bytes, int]:
    """A text that a client sent, as pointer and length. The library denies one that is not UTF-8, or not text at all."""
    if isinstance(value, str):
        data = str.encode(value, "utf-8", "surrogatepass")
    elif isinstance(value, bytes | bytearray):
        data = bytes(value)
    else:
        data = b"" if value is None else b"\xff"
    return data, len(data)


def terminated(value: object) -> bytes:
    """A text for a parameter that ends with a NUL; ValueError for what must be told with its length.

    That is a text with a NUL inside, which would end it early, and what a client sent that is not text.
    """
    if type(value) is not str:
        value = str.__str__(value) if isinstance(value, str) else "\0"
    if "\0" in value:
        raise ValueError("not a text without NUL characters")
    return value.encode()
