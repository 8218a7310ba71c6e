"""Calls that wait for people's consent. docs/approvals.md says when a rule asks."""

from __future__ import annotations

import json
from collections.abc import Callable
from ctypes import byref, c_int32, string_at
from typing import TYPE_CHECKING, Any

import libagentid._abi as _abi
import libagentid._callbacks as _callbacks

from ._abi import lib
from ._calling import call, take
from ._handles import Handle
from ._inputs import counted, identifier, milliseconds, pair, texts

if TYPE_CHECKING:
    from datetime import timedelta

    from ._identity import Identity
    from .types import ApprovalDocument, ApprovalState

_STATES: tuple[ApprovalState, ...] = ("pending", "approved", "refused")
_VERDICTS = {None: 0x41504C, True: 0x415041, False: 0x415052}


def _key(key: str | bytes) -> tuple[bytes, int]:
    if not isinstance(key, str | bytes):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"key is a JWK as a text, what is in its file, not {type(key).__name__}")
    return pair(key, "key") if isinstance(key, str) else (key, len(key))


class Approvals(Handle):
    """An authority's requests for approval."""

    def approvals(self) -> list[ApprovalDocument]:
        """The requests that have not lapsed, oldest first."""
        return json.loads(take(lib.agentid_authority_approvals, self._handle))

    def approval(self, request: str) -> ApprovalDocument:
        """One request, with its arguments' values until it is decided; raises `NotFound` where it is gone."""
        return json.loads(take(lib.agentid_authority_approval, self._handle, *pair(request, "request")))

    def sign_approval(self, request: str, *, by: str, key: str | bytes) -> str:
        """Signs one person's consent to a request, for `approve`. `key`: their private key, a JWK."""
        return take(lib.agentid_approval_sign, self._handle, *pair(request, "request"), *pair(by, "by"), *_key(key))

    def approve(self, request: str, token: str | None = None, *, by: str | None = None, key: str | bytes | None = None) -> bool:
        """Approves a request: the very same call is permitted once. False where it waits for more people.

        With a `token` that was signed elsewhere, or with an approver's name and private key.
        """
        if (by is None, key is None) != ((True, True) if token is not None else (False, False)):
            raise TypeError("give by= and key=, the approver's name and private key, or a token")
        given = self.sign_approval(request, by=by or "", key=key or b"") if token is None else token
        approved = c_int32()
        call(lib.agentid_approval_approve, self._handle, *pair(request, "request"), *pair(given, "token"), byref(approved))
        return approved.value == 1

    def refuse(self, request: str, *, by: str) -> None:
        """Refuses a request: its call is denied until it lapses."""
        call(lib.agentid_approval_refuse, self._handle, *pair(request, "request"), *pair(by, "by"))

    def ask_to_declassify(self, agent: Identity | str, *labels: str) -> str:
        """Asks those whom the policy names to take labels away from an agent; returns the request's ID.

        A rule of the policy `declassifies` them. They `approve` or `refuse` it as a call, then `declassify` takes them away.
        The agent may be suspended, so that it learns nothing meanwhile. Raises `StateError` (`not_declassifiable`), `NotFound`
        (`unknown_label`).
        """
        named = identifier(agent, "agent")
        given = counted(texts(labels, "labels") or b"[]")
        return take(lib.agentid_authority_ask_to_declassify, self._handle, *named, *given)

    def declassify(self, request: str) -> None:
        """Takes labels away from an agent, where as many people approved that as the policy wants: once.

        Raises `StateError`: `approval_required` where it waits, was refused, or not enough of them may approve any more;
        `labels_above` where agents above have a label; `NotFound` where there is no such request, also the second time.
        """
        call(lib.agentid_authority_declassify, self._handle, *pair(request, "request"))

    def wait_for_approval(self, request: str, timeout: float | timedelta) -> ApprovalState:
        """Waits until a request is decided; raises `NotFound` where it is gone, as with its policy. `timeout` in seconds."""
        state = c_int32()
        call(lib.agentid_approval_wait, self._handle, *pair(request, "request"), milliseconds(timeout, "timeout"), byref(state))
        return _STATES[state.value]

    def on_approval(self, decide: Callable[[ApprovalDocument], bool | None], *, by: str, key: str | bytes) -> None:
        """Decides requests by a callback, on a thread of its own, and signs for one approver with their private key.

        True approves, False refuses, None leaves the request to others. After an exception it is asked again later. It is asked
        while the policy in force has this key of this approver: also one that is applied later.
        """

        _callbacks.function(decide, "decide")

        def called(request: Any, length: int, _: int | None) -> int:
            try:
                # Truth is not enough: what is neither True nor False approves nothing.
                asked = json.loads(string_at(request, length))
                return _VERDICTS[_callbacks.typed(decide(asked), (bool, type(None)), "decide", "True, False or None")]
            except BaseException:
                _callbacks.log("a callback for approvals failed")
                return _abi.CALLBACK_FAILED

        run = _abi.RUN_HOOK(_callbacks.callback(called))
        call(
            lib.agentid_approval_callback, self._handle, *pair(by, "by"), *_key(key), run, _callbacks.keep(run),
            _callbacks.RELEASE,
        )  # fmt: skip
