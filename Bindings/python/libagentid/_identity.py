"""Identities: an agent's grant, and the calls and proofs under it, in memory."""

from __future__ import annotations

import json
from collections.abc import Mapping
from ctypes import byref, c_int64
from typing import TYPE_CHECKING, Any

import libagentid._abi as _abi

from ._abi import lib
from ._call import Call, of_agent
from ._calling import call, take, text
from ._decision import Decision, arguments, check, decide, sent, terminated
from ._handles import Reference
from ._inputs import counted, milliseconds, of, one_by_one, option, pair, texts
from ._scope import Scope
from ._spans import traced

if TYPE_CHECKING:
    from datetime import timedelta

    from .types import Remaining


def proof_options(audience: str | None, nonce: str | None) -> Any:
    return byref(_abi.ProofOptions(audience=option(audience or None, "audience"), nonce=option(nonce, "nonce")))


class Identity(Reference):
    """An agent's identity and authority: calls that work in memory, in microseconds."""

    def __repr__(self) -> str:
        try:
            return f"<{type(self).__name__} {self.id}>"
        except Exception:  # it was closed, has ended, or was made before a fork: what is shown in a traceback raises nothing
            return f"<{type(self).__name__} that is gone>"

    @property
    def id(self) -> str:
        """The SPIFFE ID."""
        return take(lib.agentid_agent_id, self._handle)

    @property
    def chain(self) -> str:
        """The grants from the root to this agent's own. Each renewal makes a new chain: do not keep it; see `present`."""
        return take(lib.agentid_agent_chain, self._handle)

    @property
    def chain_reference(self) -> str:
        """The reference that a guard accepts in place of a `chain` it has verified: see `libagentid.chain_reference`."""
        return take(lib.agentid_agent_chain_reference, self._handle)

    @property
    def expires(self) -> int:
        """The end of the present grant, in seconds since 1970. The grant is renewed at half its life while the agent is held."""
        seconds = c_int64()
        call(lib.agentid_agent_expires, self._handle, byref(seconds))
        return seconds.value

    @property
    def credential(self) -> str | None:
        """The workload identity token; None for a sub-agent started offline."""
        return take(lib.agentid_agent_credential, self._handle) or None

    @property
    def public_key(self) -> str:
        """The public key, a JWK."""
        return take(lib.agentid_agent_public_key, self._handle)

    @property
    def scope(self) -> Scope:
        """The scope of its grant; `str(agent.scope)` is the text form."""
        return Scope(take(lib.agentid_agent_scope, self._handle))

    def authorize(self, tool: str, args: Mapping[str, Any], *, wait: float | timedelta | None = None) -> Decision:
        """Asks the authority's guard in this process; raises `Denied`.

        `wait`: the longest time in seconds that a call waits for the approval that it needs; None: it does not.
        """
        if wait is not None:
            given = (*sent(tool), *counted(arguments(args)), milliseconds(wait, "wait"))
            return decide(lib.agentid_agent_authorize_waiting, self._handle, *given)
        try:
            return decide(lib.agentid_agent_authorize_z, self._handle, terminated(tool), arguments(args))
        except ValueError:  # a NUL character or a lone surrogate
            return decide(lib.agentid_agent_authorize, self._handle, *sent(tool), *counted(arguments(args)))

    def check(self, tool: str, args: Mapping[str, Any]) -> Decision:
        """As `authorize`, but returns the denial."""
        try:
            return check(lib.agentid_agent_authorize_z, self._handle, terminated(tool), arguments(args))
        except ValueError:  # a NUL character or a lone surrogate
            return check(lib.agentid_agent_authorize, self._handle, *sent(tool), *counted(arguments(args)))

    def call(self, tool: str, args: Mapping[str, Any], *, within: int | timedelta | None = None) -> Call:
        """Permits one call as `authorize` does and begins it; raises `Denied`. Use it in a `with` block: see `Call`.

        `within`: the time within which it ends, in seconds or as a timedelta, by default an hour, at most 30 days; from then
        on what it reserved of budgets counts as spent.
        """
        return traced(tool, lambda: of_agent(self, self.authorize(tool, args), within), self)

    def call_permitted(self, decision: Decision, *, within: int | timedelta | None = None) -> Call:
        """Begins the call that `authorize` has permitted to this agent; otherwise as `Guard.call_permitted`.

        Raises `StateError` without the agent's authority in this process.
        """
        of(Decision, decision, "decision")
        return traced(lambda: decision.document["tool"], lambda: of_agent(self, decision, within), self)

    def remaining(self, tool: str | None = None) -> Remaining:
        """The rest of the policy's rates and budgets, for all its tools or for one, and the labels of its task.

        docs/schemas/remaining.json. Nothing is taken; others may take meanwhile.
        """
        return json.loads(take(lib.agentid_agent_remaining, self._handle, *pair(tool or "", "tool")))

    def labels(self) -> list[str]:
        """The information-flow labels that its task has: of its grant, as told, and if its authority is here, as kept."""
        return json.loads(take(lib.agentid_agent_labels, self._handle))

    def add_labels(self, *names: str) -> None:
        """Adds labels to its task: what it has read where no guard of its directory saw it. They stay.

        They go into each grant that it signs and into its proofs. If its authority is in this process, they are names of the
        policy, and every process of the directory sees them at once.
        """
        call(lib.agentid_agent_add_labels, self._handle, *counted(texts(one_by_one(names, "labels"), "labels") or b"[]"))

    def join_labels(self, child: Identity, result: str | None = None, *, type: str | None = None) -> list[str]:
        """Takes the labels of an agent below this one, whose result this one is about to use; returns them.

        With `result` and `type`: takes a result that is of this type in the policy's `results`, with the labels that stand there
        in place of the child's. Use exactly `result` then. Raises `Error` (`result_type`) where it is not of the type,
        `NotFound` (`unknown_result`) for a type that the policy does not have; where it raises, do not use the result.
        """
        if (result is None) != (type is None):
            raise TypeError("give result and type, or neither")
        given = (*pair(result or "", "result"), *pair(type or "", "type"))
        return json.loads(take(lib.agentid_agent_join_labels, self._handle, of(Identity, child, "child")._handle, *given))

    def prove(self, tool: str, args: Mapping[str, Any], *, audience: str | None = None, nonce: str | None = None) -> str:
        """Signs one call, for a guard elsewhere. `nonce`: from the guard's `nonce()`, if it asks for one."""
        given = (*pair(tool, "tool"), *counted(arguments(args)))
        if nonce is None:
            return take(lib.agentid_agent_prove, self._handle, *given, *pair(audience or "", "audience"))
        return take(lib.agentid_agent_prove_with, self._handle, *given, proof_options(audience, nonce))

    def present(
        self, tool: str, args: Mapping[str, Any], *, audience: str | None = None, nonce: str | None = None
    ) -> tuple[str, str]:  # fmt: skip
        """The chain and the proof of one call under it, taken together, for a guard elsewhere. `nonce`: as for `prove`.

        Between `chain` and `prove` the grant may be renewed, and a proof is for one grant only.
        """
        if nonce is not None:
            both = json.loads(self.presentation(tool, args, audience=audience, nonce=nonce))
            return "~".join(both["aat_chain"]), both["aat_pop"]
        chain, proof = _abi.Bytes(), _abi.Bytes()
        given = (*pair(tool, "tool"), *counted(arguments(args)), *pair(audience or "", "audience"))
        call(lib.agentid_agent_present, self._handle, *given, byref(chain), byref(proof))
        return text(chain), text(proof)

    def presentation(self, tool: str, args: Mapping[str, Any], *, audience: str | None = None, nonce: str | None = None) -> str:
        """Chain and proof of one call as one JSON object, for `Guard.authorize` or any other verifier."""
        given = (*pair(tool, "tool"), *counted(arguments(args)), proof_options(audience, nonce))
        return take(lib.agentid_agent_presentation, self._handle, *given)

    def export_key(self) -> str:
        """The private key, a JWK."""
        return take(lib.agentid_agent_export_key, self._handle)
