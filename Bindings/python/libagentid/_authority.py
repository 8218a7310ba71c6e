"""Authorities."""

# pyright: reportPrivateUsage=false
from __future__ import annotations

import json
import os
import warnings
from collections.abc import Callable, Sequence
from ctypes import byref, c_int32
from typing import TYPE_CHECKING, Any

import libagentid._abi as _abi
import libagentid._callbacks as _callbacks

from ._abi import lib
from ._agent import Agent
from ._approvals import Approvals
from ._audit import SYNC, Sync
from ._callbacks import Signer
from ._calling import call, copied, take, text
from ._errors import Error
from ._guard import Guard, guard_options, revoked
from ._handles import owner
from ._identity import Identity
from ._inputs import Limits, depth, duration, flag, grant_limits, identifier, moment, option, pair, texts
from ._lifecycle import Lifecycle
from ._operations import Observed
from ._policy import Policies
from ._raised import log
from ._scope import Scope, worded
from .documents import Profile, UsageReport

if TYPE_CHECKING:
    from datetime import datetime, timedelta


class Authority(Lifecycle, Policies, Approvals, Observed):
    """The root of trust of one trust domain: its signing keys, its profiles, its revocations."""

    _owners = owner("agentid_authority_close")
    _made_by = "{}.open(directory)"
    _calls_back = True

    @classmethod
    def open(
        cls, directory: str | os.PathLike[str] | None = None, *, trust_domain: str | None = None,
        passphrase: str | None = None, must_exist: bool = False, signer: Signer | None = None,
        lease_duration: int | timedelta | None = None, resume_within: int | timedelta | None = None,
        clock: Callable[[], float] | None = None, audit: Sync = "batch", audit_strict: bool = True,
    ) -> Authority:  # fmt: skip
        """Opens the authority kept in a directory, or creates it; in memory where `directory` is None.

        `signer` signs instead of a stored key; `clock` answers seconds since 1970. Both are called from any thread.
        A renewal waits 5 seconds for the signer, and `close()` for a renewal.
        `lease_duration`: how long an agent lives without being renewed, in seconds or as a timedelta; handles are
        renewed by themselves.
        `resume_within`: for how long after its lease lapsed (the process was stopped, the machine slept) an agent that nobody
        ended is renewed by its handle; by default never.
        `audit`: when decisions and events are durable in the audit log of the directory; in memory there is none, and
        "always" is refused. What cannot be written down is denied, or counted without `audit_strict`.
        """
        if directory is not None and not os.fspath(directory):
            raise ValueError("directory is empty: None keeps the authority in memory")
        if audit not in SYNC:
            raise ValueError(f"audit is one of {', '.join(SYNC)}, not {audit!r}")
        path = pair("" if directory is None else os.fspath(directory), "directory")
        options = _abi.AuthorityOptions(
            trust_domain=option(trust_domain, "trust_domain"),
            passphrase=option(passphrase, "passphrase"),
            must_exist=flag(must_exist, "must_exist"),
            lease_duration=duration(lease_duration, "lease_duration"),
            resume_within=duration(resume_within, "resume_within") if resume_within else 0,
            audit_sync=SYNC[audit],
            audit_relaxed=1 - flag(audit_strict, "audit_strict"),
            no_audit=int(audit == "none"),
            # Last: what the library is not called with, it does not let go of.
            signer=_callbacks.signer(signer),
            clock=_callbacks.clock(clock),
        )
        opened = cls.__new__(cls)._own(lib.agentid_authority_open, *path, byref(options))
        _warn_of_memory()
        return opened

    def put_profile(
        self, name: str, *, owner: str, ceiling: Scope | str, max_lifetime: int | timedelta | None = None,
        max_depth: int | None = None, review_by: int | datetime | None = None,
    ) -> None:  # fmt: skip
        """Creates or replaces a profile: what an agent may at most be.

        `max_lifetime`: the longest lifetime of a grant, in seconds or as a timedelta; an hour by itself.
        `review_by`: in seconds since 1970 or as a datetime with its time zone; from then on no agent is started, and no grant
        renewed, until it is certified. Left out, the date of the profile that is kept stays: `certify` takes it away. One in
        the past is refused (`review_by`), unless the profile that is kept has the very same.
        """
        options = _abi.ProfileOptions(
            owner=option(owner, "owner"),
            ceiling=option(worded(ceiling), "ceiling"),
            max_lifetime=duration(max_lifetime, "max_lifetime"),
            max_depth=depth(max_depth),
            review_by=moment(review_by, "review_by"),
        )
        call(lib.agentid_authority_put_profile, self._handle, *pair(name, "name"), byref(options))

    def profiles(self) -> list[Profile]:
        """All profiles."""
        return [Profile(profile) for profile in json.loads(take(lib.agentid_authority_profiles, self._handle))]

    def agent(
        self, profile: str, *, principal: str, task: str, scope: Scope | str, intent: str | None = None,
        entitlements: Scope | str | None = None, lifetime: int | timedelta | None = None,
        until: int | datetime | None = None, max_depth: int | None = None,
        labels: Sequence[str] = (), audiences: Sequence[str] = (), isolated: bool = False, limits: Limits | None = None,
    ) -> Agent:  # fmt: skip
        """Starts an agent: profile ceiling ∩ principal's entitlements ∩ what the task asks for.

        `lifetime`: how long each grant runs, in seconds or as a timedelta; five minutes by itself, or the
        profile's `max_lifetime` where that is less.
        As long as the agent is held its grant is renewed at half of that, with its lease and its credential.
        `until`: the hard end, in seconds since 1970 or as a datetime with its time zone: no grant runs past it.
        `limits`: rates and budgets of the agent and all below it, stated in its grant: see `Agent.spawn`.
        `isolated`: every agent that it spawns is isolated: what these learn does not flow up to it.
        """
        options = _request(
            principal=principal, task=task, scope=scope, intent=intent, entitlements=entitlements, lifetime=lifetime,
            until=until, max_depth=max_depth, labels=labels, audiences=audiences, isolated=isolated, limits=limits,
        )  # fmt: skip
        return Agent._start(self, lib.agentid_authority_start_agent, self._handle, *pair(profile, "profile"), options)

    def unpark(self, agent: Identity | str) -> Agent:
        """Unparks an agent, in whatever process it was parked: the same ID, scope, labels and `until`, a new grant.

        Those that were parked with it are unparked with it: `unparked()` of the agent has them. One that cannot go on, as
        something was revoked or nothing of its scope is left, ends. Of several callers at once one gets them; the others raise
        `StateError` (`not_parked`).
        """
        return Agent._start(self, lib.agentid_authority_unpark, self._handle, *identifier(agent, "agent"))

    def issue(
        self, profile: str, holder: str, *, principal: str, task: str, scope: Scope | str, intent: str | None = None,
        entitlements: Scope | str | None = None, lifetime: int | timedelta | None = None,
        until: int | datetime | None = None, max_depth: int | None = None,
        labels: Sequence[str] = (), audiences: Sequence[str] = (), limits: Limits | None = None,
        credential: bool = True,
    ) -> tuple[str, str | None]:  # fmt: skip
        """Issues a root grant and a credential to a public JWK held elsewhere; without `credential` that is None.

        Returns the chain and the credential.

        Nobody renews them: the agent ends with its grant, after `lifetime` seconds.
        """
        options = _request(
            principal=principal, task=task, scope=scope, intent=intent, entitlements=entitlements, lifetime=lifetime,
            until=until, max_depth=max_depth, labels=labels, audiences=audiences, limits=limits,
        )  # fmt: skip
        chain, signed = _abi.Bytes(), _abi.Bytes()
        wanted = byref(signed) if flag(credential, "credential") else None
        given = (*pair(profile, "profile"), *pair(holder, "holder"), options)
        issued = ""
        try:
            call(lib.agentid_authority_issue, self._handle, *given, byref(chain), wanted)
            issued = copied(chain)
            text(chain)
            return issued, text(signed) if credential else None
        except BaseException:  # also an interrupt, after which nobody has it
            issued = issued or text(chain)
            text(signed)
            if issued:
                self._take_back(issued)
            raise

    def _take_back(self, chain: str) -> None:
        """Ends the agent that was issued by a call that was interrupted."""
        try:
            links = json.loads(take(lib.agentid_chain_decode, *pair(chain, "chain")))["links"]
            self.deprovision(links[-1]["claims"]["urn:agentid:1"]["agent"], "its issue was interrupted")
        except Error as error:  # what interrupted it goes on
            if error.name == "tombstone_unsigned":
                return  # it has ended, and the next `reap` signs
            log("an agent that was issued to nobody has not ended: it ends with its grant", error=error)

    def revoke(
        self, *, agent: Identity | str | None = None, grant: str | None = None, key: str | None = None,
        profile: str | None = None, principal: str | None = None, issuer: str | None = None,
    ) -> bool | None:  # fmt: skip
        """Revokes one thing, for good: every chain that contains it is denied from now on, in every process of the machine.

        `agent`: an agent or its ID, with all below it. `grant`: a grant's `jti`. `key`, `issuer`: a holder's or an
        authority's key, as RFC 7638 thumbprint or its URN. `profile`: a name. `principal`: a URI.

        Returns whether this authority's registry has what is named. False: it is revoked all the same, as it may be another
        authority's, or was handed on elsewhere; or it is mistyped. None: the registry could not be asked.
        """
        named = {"agent": agent, "grant": grant, "key": key, "profile": profile, "principal": principal, "issuer": issuer}
        known = c_int32(-1)
        call(lib.agentid_authority_revoke, self._handle, *revoked(named), byref(known))
        return None if known.value < 0 else known.value > 0

    def guard(
        self, *, audience: str | None = None, any_audience: bool = False, require_claim: bool = False,
        proof_window: int | timedelta | None = None, max_view_age: int | timedelta | None = None,
        replay_capacity: int | None = None, cache_entries: int | None = None, own_replay_memory: bool = False,
        require_chain_aud: bool = False, require_nonce: bool = False, cache_bytes: int | None = None,
        max_depth: int | None = None, max_token_size: int | None = None, max_chain_size: int | None = None,
    ) -> Guard:  # fmt: skip
        """A guard that follows this authority.

        A proof is accepted once among all guards of its directory, or in this one with `own_replay_memory`. What is
        required and kept is as for `Guard.open`.
        """
        options = guard_options(
            audience=audience, any_audience=any_audience, require_claim=require_claim, proof_window=proof_window,
            max_view_age=max_view_age, replay_capacity=replay_capacity, cache_entries=cache_entries, cache_bytes=cache_bytes,
            require_chain_aud=require_chain_aud, require_nonce=require_nonce, max_depth=max_depth,
            max_token_size=max_token_size, max_chain_size=max_chain_size, own_replay_memory=own_replay_memory,
        )  # fmt: skip
        return Guard.__new__(Guard)._own(lib.agentid_authority_guard, self._handle, options, needs=self)

    def integrate(self) -> None:
        """Makes entries of the audit log of everything that was written down until now."""
        call(lib.agentid_audit_integrate, self._handle)

    def usage(self, profile: str | None = None) -> UsageReport:
        """Compares what was granted with what was used, and proposes for each profile the smallest ceiling that permits all this.

        Argument values are never in the audit log: a proposal is made of the scopes of the grants that calls were permitted
        under.
        """
        return UsageReport(json.loads(take(lib.agentid_audit_usage, self._handle, *pair(profile or "", "profile"))))

    def bundle(self) -> str:
        """The public keys, a SPIFFE bundle."""
        return take(lib.agentid_authority_bundle, self._handle)

    def revocation_list(self, *, lifetime: int | timedelta | None = None) -> str:
        """A signed list of what is revoked, for guards that cannot read the registry: `Guard.load_revocations`.

        Anybody may pass it on. `lifetime` in seconds or as a timedelta, by default an hour, at most 30 days: then they need a
        newer one. Agents and grants of which nothing can be valid any more are left out.
        """
        return take(lib.agentid_authority_revocation_list, self._handle, duration(lifetime, "lifetime"))

    def publish_key(self) -> None:
        """Adds the next signing key to the bundle."""
        call(lib.agentid_authority_publish_key, self._handle)

    def activate_key(self) -> None:
        """Signs with the published key from now on."""
        call(lib.agentid_authority_activate_key, self._handle)


def _request(
    *, principal: str, task: str, scope: Scope | str, intent: str | None, entitlements: Scope | str | None,
    lifetime: int | timedelta | None, until: int | datetime | None, max_depth: int | None,
    labels: Sequence[str], audiences: Sequence[str], isolated: bool = False, limits: Limits | None = None,
) -> Any:  # fmt: skip
    return byref(
        _abi.AgentOptions(
            principal=option(principal, "principal"),
            task=option(task, "task"),
            intent=option(intent, "intent"),
            scope=option(worded(scope), "scope"),
            entitlements=option(worded(entitlements), "entitlements"),
            lifetime=duration(lifetime, "lifetime"),
            until=moment(until, "until"),
            max_depth=depth(max_depth),
            labels=texts(labels, "labels"),
            audiences=texts(audiences, "audiences"),
            isolated=flag(isolated, "isolated"),
            limits=grant_limits(limits),
        )
    )


_warned = False


def _warn_of_memory() -> None:
    """Warns, once, where the memory of secrets may be swapped out."""
    global _warned
    if _warned:
        return
    _warned = True
    try:
        call(lib.agentid_selftest)
    except Error as error:
        if error.name == "memory_not_locked":
            warnings.warn(str(error), RuntimeWarning, stacklevel=3)
