"""Agents: started by an authority, spawned by a parent, or opened from a key and a chain."""

from __future__ import annotations

import contextlib
import sys
import threading
import warnings
from collections.abc import Sequence
from ctypes import byref
from typing import TYPE_CHECKING, Any

import libagentid._abi as _abi

from ._abi import lib
from ._calling import call, take
from ._current import enter, leave
from ._errors import Error, NotFound
from ._handles import Handle, owner
from ._identity import Identity
from ._inputs import Limits, depth, duration, flag, grant_limits, moment, option, pair, texts
from ._raised import log
from ._scope import Scope, worded

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from typing_extensions import Self

# It was not parked before, or the time that it was parked for is over, or it has no authority here.
_NEVER_PARKED = ("seconds", "parking_over", "no_authority")

# One call of `unparked` at a time: what another one has begun is not finished.
_taking = threading.RLock()


def _delegation(
    *, scope: Scope | str | None, same_scope: bool, lifetime: int | timedelta | None, until: int | datetime | None,
    max_depth: int | None, labels: Sequence[str], audiences: Sequence[str], agent: str | None = None, isolated: bool = False,
    limits: Limits | None = None,
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
            limits=grant_limits(limits),
        )
    )


class _Ended:
    """Of an agent that was ended or closed: no code of Python runs as it goes, in which an interrupt would be lost."""

    __slots__ = ()


class _Unended(_Ended):
    """Warns, as it goes with its agent, that this was neither ended nor closed."""

    __slots__ = ()

    def __del__(self) -> None:
        said = "an agent was neither ended nor closed: it lapses with its lease"
        warnings.warn(said, ResourceWarning, stacklevel=2, source=self)


class Agent(Identity, Handle):
    """One running agent instance. Leaving its `with` block ends it, with all below it; inside it is the `current_agent()`.

    `close()` only releases it, as the collector does: it is denied once its lease has lapsed, and the next `reap` ends it.
    """

    _owners = owner("agentid_agent_close")
    _made_by = "Authority.agent(profile, ...), {0}.spawn(name) or {0}.open(key, chain)"
    _calls_back = True  # it keeps its authority
    _is_at_home = False
    _reminder: _Ended | None = None
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
        agent._remind(is_at_home)
        return agent._own(function, *arguments, needs=needs)

    def _remind(self, warns: bool) -> None:
        """Whether it is warned where nobody ends this one or closes it."""
        if self._reminder is None:
            self._reminder = _Unended() if warns else None
        else:
            self._reminder.__class__ = _Unended if warns else _Ended

    def close(self) -> None:
        """Releases it; further calls are harmless."""
        self._remind(False)
        super().close()

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
        self._remind(False)

    def _end(self, reason: str) -> None:
        """Ends it if its authority is in this process. A tombstone that is not signed yet is signed later.

        Where an interrupt strikes meanwhile, it is not closed: it may not have ended.
        """
        try:
            self._keep_id()
            if self._is_at_home and not self._is_closed:
                self.end(reason)
        except Error as error:
            self.close()
            if error.name != "tombstone_unsigned":
                raise
        self.close()

    def __enter__(self) -> Self:
        outer = self._entered
        try:
            enter(self)
            self._entered = outer + 1
        except BaseException:
            self._interrupted(outer)
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        """Ends it. Raises if that could not be made durable: it is denied here all the same, and its end is tried again."""
        outer = self._entered - 1
        try:
            leave(self)
            self._entered = outer
            if outer <= 0:
                self._leave(*exception)
        except Error:
            raise
        except BaseException:
            self._interrupted(outer)
            raise

    def _interrupted(self, outer: int) -> None:
        """Ends it where an interrupt strikes at either end of its block, of which so many more are open around it."""
        self._entered = outer
        if outer <= 0:
            leave(self)
            self._leave(*sys.exc_info())

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
        labels: Sequence[str] = (), audiences: Sequence[str] = (), isolated: bool = False, limits: Limits | None = None,
    ) -> Agent:  # fmt: skip
        """Starts a sub-agent with an ID below this one's and no more than this one's authority.

        `scope`: its scope, cut to this agent's; `same_scope`: this agent's whole scope. One of them is needed.
        `lifetime`: of each grant, in seconds or as a timedelta; by default as long as the parent's. Renewed while held.
        `until`: its hard end, in seconds since 1970 or as a datetime with its time zone; by default its parent's.
        `audiences`: the names of the guards that its grants may be presented to; by default its parent's.
        `isolated`: it and all below it keep the labels of what they learn to themselves, until `join_labels`.
        `limits`: rates and budgets of it and all below it, beside those of every agent above: a list of dicts such as
        `{"id": "pocket", "match": "pay", "budget": {"unit": "usd", "limit": "5.00", "cost": {"argument": "usd"}}}`.
        """
        options = _delegation(
            scope=scope, same_scope=same_scope, lifetime=lifetime, until=until, max_depth=max_depth, labels=labels,
            audiences=audiences, isolated=isolated, limits=limits,
        )  # fmt: skip
        given = (*pair(name, "name"), options)
        return Agent._start(self, lib.agentid_agent_spawn, self._handle, *given, is_at_home=self._is_at_home)

    def delegate(
        self, holder: str, scope: Scope | str | None = None, *, same_scope: bool = False,
        lifetime: int | timedelta | None = None, until: int | datetime | None = None, max_depth: int | None = None,
        labels: Sequence[str] = (), agent: str | None = None, audiences: Sequence[str] = (), limits: Limits | None = None,
    ) -> str:  # fmt: skip
        """Delegates to a public JWK held elsewhere, as `spawn` does; returns the longer chain.

        The grant is not renewed: it ends with this agent's present grant at the latest. To extend it, delegate again.
        """
        options = _delegation(
            scope=scope, same_scope=same_scope, lifetime=lifetime, until=until, max_depth=max_depth, labels=labels,
            audiences=audiences, agent=agent, limits=limits,
        )  # fmt: skip
        return take(lib.agentid_agent_delegate, self._handle, *pair(holder, "holder"), options)

    def end(self, reason: str | None = None) -> str:
        """Ends the agent and all below it, for good; returns its tombstone.

        Raises if the end could not be made durable: the agent is denied in this process all the same, and its end is tried again.
        """
        self._keep_id()
        tombstone = take(lib.agentid_agent_end, self._handle, *pair(reason or "", "reason"))
        self._remind(False)
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
        self._remind(False)

    def unparked(self) -> list[Agent]:
        """The agents that it had started and that were parked with it, each once: end or close them, or use `with`.

        Empty unless this one comes from `acme.unpark`. Ask them for those that they had started. One that is not asked for is
        kept by this agent, and ends with it. Where an interrupt ends the call, the next one has them all.
        """
        with _taking:
            while True:
                child = Agent.__new__(Agent)
                child._is_at_home = child._is_taken = True
                child._remind(True)
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
