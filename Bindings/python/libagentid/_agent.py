"""Agents: started by an authority, spawned by a parent, or opened from a key and a chain."""

from __future__ import annotations

import contextlib
import json
import threading
import warnings
from collections.abc import Mapping, Sequence
from ctypes import byref, c_int64
from typing import TYPE_CHECKING, Any

import libagentid._abi as _abi

from ._abi import lib
from ._call import Call, of_agent
from ._calling import call, take, text
from ._current import enter, leave
from ._decision import Decision, arguments, check, decide, sent, terminated
from ._errors import Error, NotFound
from ._handles import Handle, Reference, owner
from ._inputs import counted, depth, duration, flag, milliseconds, moment, of, one_by_one, option, pair, texts
from ._raised import log
from ._scope import Scope, worded
from ._spans import traced

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from typing_extensions import Self

    from .types import Remaining

# It was not parked before, or the time that it was parked for is over, or it has no authority here.
_NEVER_PARKED = ("seconds", "parking_over", "no_authority")

# One call of `unparked` at a time: what another one has begun is not finished.
_taking = threading.RLock()


def _delegation(
    *, scope: Scope | str | None, same_scope: bool, lifetime: int | timedelta | None, until: int | datetime | None,
    max_depth: int | None, labels: Sequence[str], audiences: Sequence[str], agent: str | None = None, isolated: bool = False,
) -> Any:  # fmt: skip
    return byref(
        _abi.DelegationOptions(
            scope=option(worded(scope), "scope"),
            same_scope=flag(same_scope, "same_scope"),
            lifetime=duration(lifetime, "lifetime"),
            until=moment(until, "until"),
            max_depth=depth(max_depth),
            labels=texts(labels, "labels"),
            agent=option(agent, "agent"),
            audiences=texts(audiences, "audiences"),
            isolated=flag(isolated, "isolated"),
        )
    )


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


class Agent(Identity, Handle):
    """One running agent instance. Leaving its `with` block ends it, with all below it; inside it is the `current_agent()`.

    `close()` only releases it, as the collector does: it is denied once its lease has lapsed, and the next `reap` ends it.
    """

    _owners = owner("agentid_agent_close")
    _made_by = "Authority.agent(profile, ...), {0}.spawn(name) or {0}.open(key, chain)"
    _calls_back = True  # it keeps its authority
    _is_at_home = False
    _has_ended = False
    _entered = 0
    _is_taken = False
    _taken: Sequence[Agent] = ()  # parked with it, by a call of `unparked` that was interrupted
    _id: str | None = None  # kept once it was asked for: its end takes it from the library, and not from who looks after it
    _resumed: Sequence[Agent] = ()  # parked with it, until a framework's part asks for them

    @property
    def id(self) -> str:
        """The SPIFFE ID, also after it was parked, has ended or was left."""
        if self._id is None:
            self._id = super().id
        return self._id

    def _keep_id(self) -> None:
        with contextlib.suppress(Error):  # of one that has ended elsewhere, or names no agent
            self.id  # noqa: B018

    @classmethod
    def _start(cls, needs: object, function: Any, *arguments: Any, is_at_home: bool = True) -> Agent:
        agent = cls.__new__(cls)
        agent._is_at_home = is_at_home
        return agent._own(function, *arguments, needs=needs)

    def __del__(self) -> None:
        # Only marks it: its owner releases it.
        if self._is_at_home and not self._is_closed and not self._has_ended:
            said = "an agent was neither ended nor closed: it lapses with its lease"
            warnings.warn(said, ResourceWarning, stacklevel=2, source=self)

    def _undo(self) -> None:
        if self._is_taken and self._handle:
            return  # its parent keeps it
        try:
            if self._handle:
                self._take_back("its start was interrupted")
        except Error as error:  # what interrupted it goes on
            log("an agent's end could not be written down", error=error)
        self.close()

    def _take_back(self, reason: str) -> None:
        """Undoes the call that it comes from: it is parked again for the rest of its time if it was parked, and ends if not.

        Where it could be parked but is not, it is closed: what stands against it may pass, and an end stays.
        """
        try:
            call(lib.agentid_agent_park, self._handle, 0)
        except Error as error:
            if error.name in _NEVER_PARKED:
                return self._end(reason)
            log("an agent that nobody waited for was not parked again: it is denied once its lease has lapsed", error=error)
            self.close()
        self._has_ended = True

    def _end(self, reason: str) -> None:
        """Ends it if its authority is in this process. A tombstone that is not signed yet is signed later."""
        try:
            self._keep_id()
            if self._is_at_home and not self._is_closed:
                self.end(reason)
        except Error as error:
            if error.name != "tombstone_unsigned":
                raise
        finally:
            self.close()

    def __enter__(self) -> Self:
        enter(self)
        self._entered += 1
        return self

    def __exit__(self, *exception: object) -> None:
        """Ends it. Raises if that could not be made durable: it is denied here all the same, and its end is tried again."""
        leave(self)
        self._entered -= 1
        if self._entered <= 0:
            self._leave(*exception)

    def _leave(self, *exception: object) -> None:
        if exception and exception[0] is None:
            return self._end("its block ended")
        try:
            self._end("its block failed")
        except Error as error:  # what the block raised goes on
            log("an agent's end could not be written down", error=error)

    @classmethod
    def open(cls, key: str, chain: str, credential: str | None = None) -> Agent:
        """Opens an agent whose grant was issued to this private JWK. The end of its block only releases it."""
        options = _abi.OpenAgentOptions(
            key=option(key, "key"), chain=option(chain, "chain"), credential=option(credential, "credential")
        )
        return cls.__new__(cls)._own(lib.agentid_agent_open, byref(options))

    def spawn(
        self, name: str, scope: Scope | str | None = None, *, same_scope: bool = False,
        lifetime: int | timedelta | None = None, until: int | datetime | None = None, max_depth: int | None = None,
        labels: Sequence[str] = (), audiences: Sequence[str] = (), isolated: bool = False,
    ) -> Agent:  # fmt: skip
        """Starts a sub-agent with an ID below this one's and no more than this one's authority.

        `scope`: its scope, cut to this agent's; `same_scope`: this agent's whole scope. One of them is needed.
        `lifetime`: of each grant, in seconds or as a timedelta; by default as long as the parent's. Renewed while held.
        `until`: its hard end, in seconds since 1970 or as a datetime with its time zone; by default its parent's.
        `audiences`: the names of the guards that its grants may be presented to; by default its parent's.
        `isolated`: it and all below it keep the labels of what they learn to themselves, until `join_labels`.
        """
        options = _delegation(
            scope=scope, same_scope=same_scope, lifetime=lifetime, until=until, max_depth=max_depth, labels=labels,
            audiences=audiences, isolated=isolated,
        )  # fmt: skip
        given = (*pair(name, "name"), options)
        return Agent._start(self, lib.agentid_agent_spawn, self._handle, *given, is_at_home=self._is_at_home)

    def delegate(
        self, holder: str, scope: Scope | str | None = None, *, same_scope: bool = False,
        lifetime: int | timedelta | None = None, until: int | datetime | None = None, max_depth: int | None = None,
        labels: Sequence[str] = (), agent: str | None = None, audiences: Sequence[str] = (),
    ) -> str:  # fmt: skip
        """Delegates to a public JWK held elsewhere, as `spawn` does; returns the longer chain.

        The grant is not renewed: it ends with this agent's present grant at the latest. To extend it, delegate again.
        """
        options = _delegation(
            scope=scope, same_scope=same_scope, lifetime=lifetime, until=until, max_depth=max_depth, labels=labels,
            audiences=audiences, agent=agent,
        )  # fmt: skip
        return take(lib.agentid_agent_delegate, self._handle, *pair(holder, "holder"), options)

    def end(self, reason: str | None = None) -> str:
        """Ends the agent and all below it, for good; returns its tombstone.

        Raises if the end could not be made durable: the agent is denied in this process all the same, and its end is tried again.
        """
        self._keep_id()
        tombstone = take(lib.agentid_agent_end, self._handle, *pair(reason or "", "reason"))
        self._has_ended = True
        return tombstone

    def park(self, seconds: int | timedelta) -> None:
        """Parks it while its run waits, for at most `seconds` (30 days), and not beyond `until`; `acme.unpark(id)` unparks it.

        This object has ended then, as after `end`; its `id` can still be read.

        All below it that this process holds are parked with it, all or none. Meanwhile they are denied (`parked`), and their keys
        are sealed under the authority. Their handles and `with` blocks no longer end them. What another process holds stays as it
        is, denied while this one is parked. Raises if another agent started this one; all then go on.
        """
        if not seconds:
            raise ValueError("seconds cannot be 0: say how long it is parked at most, 1 second to 30 days")
        self._keep_id()
        call(lib.agentid_agent_park, self._handle, duration(seconds, "seconds"))
        self._has_ended = True

    def unparked(self) -> list[Agent]:
        """The agents that it had started and that were parked with it, each once: end or close them, or use `with`.

        Empty unless this one comes from `acme.unpark`. Ask them for those that they had started. One that is not asked for is
        kept by this agent, and ends with it. Where an interrupt ends the call, the next one has them all.
        """
        with _taking:
            while True:
                child = Agent.__new__(Agent)
                child._is_at_home = child._is_taken = True
                self._taken = [*self._taken, child]  # before it has a handle: an interrupt leaves it there
                try:
                    child._own(lib.agentid_agent_take_unparked, self._handle, needs=self)
                except NotFound:
                    break
            taken, self._taken = [child for child in self._taken if getattr(child, "_handle", None)], ()
        return taken

    def rotate_key(self, *, revoke_old: bool = False) -> None:
        """Hands everything over to a new key; the old one is wiped here.

        By default nothing is revoked: a copy of the old key can still be used under the chain that it held, and grants that it
        delegated stay valid, until those grants expire. With `revoke_old` the authority, in this process, issues the same
        grant again, and every key and grant this agent held until then is revoked, with all delegated and spawned under them:
        at once, whoever has the registry's lock. If the registry then cannot be written (it is locked for 10 s, or the disk is
        full), the error has the code `io`, and the agent has no key any more that is good for anything: end it.
        """
        rotate = lib.agentid_agent_rotate_key_revoking if flag(revoke_old, "revoke_old") else lib.agentid_agent_rotate_key
        call(rotate, self._handle)
