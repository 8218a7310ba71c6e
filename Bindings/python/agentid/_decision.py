"""Decisions, and the one path by which every call is decided."""

from __future__ import annotations

import json
from ctypes import byref, c_void_p
from typing import Any, Mapping

from ._abi import lib
from ._errors import Denied, failure, take
from ._handles import Handle

encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


class Decision(Handle):
    """One decision, immutable."""

    def __init__(self, made: c_void_p, permitted: bool) -> None:
        super().__init__(made, lib.agentid_decision_free)
        self.permitted = permitted

    def __bool__(self) -> bool:
        return self.permitted

    @property
    def reason(self) -> str:
        """Why not; empty for a permit."""
        return lib.agentid_decision_reason(self._handle).decode()

    @property
    def document(self) -> dict[str, Any]:
        """The decision with its chain; argument names, never values."""
        return json.loads(take(lib.agentid_decision_document, self._handle))

    def explain(self) -> str:
        """The decision as people read it."""
        return take(lib.agentid_decision_explain, self._handle)


def decide(function: Any, *inputs: Any) -> Decision:
    """Calls a function that decides; raises `Denied` with the decision where it said no."""
    decision, error = c_void_p(), c_void_p()
    if function(*inputs, byref(decision), byref(error)) == 0:
        return Decision(decision, True)
    raised = failure(error)
    if isinstance(raised, Denied) and decision:
        raised.decision = Decision(decision, False)
    raise raised


def check(function: Any, *inputs: Any) -> Decision:
    """As `decide`, but a denial is an answer, not an exception."""
    try:
        return decide(function, *inputs)
    except Denied as denied:
        return denied.decision


def arguments(values: Mapping[str, Any]) -> tuple[bytes, int]:
    """A call's arguments as JSON."""
    data = encode(values).encode()
    return data, len(data)
