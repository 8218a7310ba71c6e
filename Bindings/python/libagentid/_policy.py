"""Policies: what guards enforce beyond the chain. docs/policies.md has the document."""

from __future__ import annotations

import json
from collections.abc import Mapping
from ctypes import byref, c_int64
from typing import TYPE_CHECKING, Any

from ._abi import NO, Bytes, checked, lib
from ._calling import call, take, text
from ._errors import Error, NotFound
from ._handles import Handle
from ._inputs import counted, pair, utf8

if TYPE_CHECKING:
    from ._authority import Authority
    from .types import Limits


def document(policy: Mapping[str, Any] | str) -> bytes:
    """A policy as the library reads it: a mapping, or JSON."""
    return utf8(policy) if isinstance(policy, str) else json.dumps(policy).encode()


def _page(offset: int, limit: int) -> tuple[int, int]:
    return checked(c_int64, offset, "offset"), checked(c_int64, limit, "limit")


def check_policy(policy: Mapping[str, Any] | str, authority: Authority | None = None) -> dict[str, Any]:
    """Reads a policy without applying it: docs/schemas/policy-report.json.

    `errors` has the first of each rule, with `path`, `rule`, `message` and `remedy`; there are none where it could be applied.
    `findings` are rules that never decide anything; where an `authority` is given, also those that match no tool of a profile,
    tools of profiles that no rule about labels is about, and budgets whose cost no argument of a tool tells. Its policy in force
    is looked at as well: what could not come after it is an error.
    """
    out = Bytes()
    try:
        call(lib.agentid_policy_check, *counted(document(policy)), authority and authority._handle, byref(out))  # pyright: ignore[reportPrivateUsage]
    except Error as error:
        if error.code != NO:
            raise
    return json.loads(text(out))


def explain_policy(policy: Mapping[str, Any] | str, tool: str, arguments: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Which rules of a policy a call is about, and what each of them does: docs/schemas/policy-explanation.json."""
    given = counted(json.dumps(arguments or {}).encode())
    return json.loads(take(lib.agentid_policy_explain, *counted(document(policy)), *pair(tool, "tool"), *given))


class Policies(Handle):
    """An authority's policies."""

    def apply_policy(self, policy: Mapping[str, Any] | str) -> int:
        """Puts a policy in force, in place of the one before, and returns its version.

        Every guard of the directory decides its next call by it, in whatever process. Its version is above that of the policy
        in force, or it is the very same document. Raises `Error` with the rule and the place at fault, and changes nothing.
        """
        version = c_int64()
        call(lib.agentid_authority_apply_policy, self._handle, *counted(document(policy)), byref(version))
        return version.value

    def limits(self, *, offset: int = 0, limit: int = 1000) -> Limits:
        """The policy's rates in use and who used how much: docs/schemas/limits.json. `total` says how many there are.

        Of agents that have not ended; of each rule those with least left first. Limits that grants state are not listed.
        """
        return json.loads(take(lib.agentid_authority_limits, self._handle, *_page(offset, limit)))

    def budgets(self, *, offset: int = 0, limit: int = 1000) -> Limits:
        """The policy's budgets of which something was spent in their present period, and by whom, likewise."""
        return json.loads(take(lib.agentid_authority_budgets, self._handle, *_page(offset, limit)))

    def policy(self) -> dict[str, Any] | None:
        """The policy in force; None where there is none."""
        try:
            return json.loads(take(lib.agentid_authority_policy, self._handle))
        except NotFound:
            return None
