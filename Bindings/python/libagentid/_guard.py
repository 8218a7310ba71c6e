"""Guards."""

# pyright: reportPrivateUsage=false
from __future__ import annotations

import json
import os
from collections.abc import Mapping
from ctypes import byref
from typing import TYPE_CHECKING, Any, overload

import libagentid._abi as _abi

from ._abi import lib
from ._audit import SYNC, Sync
from ._broker import Lease, Provider, acquired, provider_struct
from ._call import Call, of_guard
from ._calling import call, take
from ._decision import Decision, arguments, check, decide, sent, terminated
from ._handles import Handle, Reference, owner
from ._identity import Identity
from ._inputs import counted, duration, flag, identifier, number, of, option, pair
from ._spans import traced
from .documents import GuardStatistics

if TYPE_CHECKING:
    from datetime import timedelta

_ABSENT: Any = object()
_KINDS = {"grant": 0, "key": 1, "agent": 2, "profile": 3, "principal": 4, "issuer": 5}


def revoked(named: Mapping[str, Identity | str | None]) -> tuple[Any, ...]:
    """The one thing that a revocation names, for the library."""
    given = [(name, value) for name, value in named.items() if value is not None]
    if len(given) != 1:
        raise TypeError(f"name one of {', '.join(f'{name}=' for name in _KINDS)} to be revoked, not {len(given)}")
    name, value = given[0]
    return _KINDS[name], *identifier(value, name)


def guard_options(
    *, audience: str | None, any_audience: bool, require_claim: bool, proof_window: int | timedelta | None,
    max_view_age: int | timedelta | None, replay_capacity: int | None, cache_entries: int | None, own_replay_memory: bool = False,
    audit: Sync = "batch", audit_strict: bool = True, require_chain_aud: bool, require_nonce: bool, cache_bytes: int | None,
    max_depth: int | None, max_token_size: int | None, max_chain_size: int | None,
) -> Any:  # fmt: skip
    """The options of a guard, for the library; what they mean, `Guard.open` says."""
    return byref(
        _abi.GuardOptions(
            audience=option(audience, "audience"),
            any_audience=flag(any_audience, "any_audience"),
            require_claim=flag(require_claim, "require_claim"),
            proof_window=duration(proof_window, "proof_window"),
            max_view_age=duration(max_view_age, "max_view_age"),
            replay_capacity=number(replay_capacity, "replay_capacity"),
            cache_entries=number(cache_entries, "cache_entries"),
            cache_bytes=number(cache_bytes, "cache_bytes"),
            max_depth=number(max_depth, "max_depth"),
            max_token_size=number(max_token_size, "max_token_size"),
            max_chain_size=number(max_chain_size, "max_chain_size"),
            own_replay_memory=flag(own_replay_memory, "own_replay_memory"),
            audit_sync=SYNC[audit],
            audit_relaxed=1 - flag(audit_strict, "audit_strict"),
            no_audit=int(audit == "none"),
            require_nonce=flag(require_nonce, "require_nonce"),
            require_chain_aud=flag(require_chain_aud, "require_chain_aud"),
        )
    )


class EnforcementPoint(Reference):
    """A guard's calls that work in memory, in microseconds."""

    @overload
    def authorize(self, tool: str, args: Mapping[str, Any], *, chain: str | None, proof: str | None) -> Decision: ...
    @overload
    def authorize(self, tool: str, args: Mapping[str, Any], *, presentation: str | None) -> Decision: ...
    @overload
    def authorize(self, tool: str, args: Mapping[str, Any], *, agent: Identity) -> Decision: ...
    def authorize(
        self, tool: str, args: Mapping[str, Any], *, chain: str | None = _ABSENT, proof: str | None = _ABSENT,
        presentation: str | None = _ABSENT, agent: Identity | None = None,
    ) -> Decision:  # fmt: skip
        """Permits one call, or raises `Denied`. Safe to call from any thread; takes microseconds.

        Identify the caller in one of three ways: `chain` and `proof` as received; a `presentation`, which is both as a JSON
        object (see `Agent.presentation`); or an `agent` held in this process, which needs no proof. Pass None for anything
        that a client did not send: the call is denied. A chain that this guard has verified before may be given by its
        reference (`Agent.chain_reference`); an unknown reference is denied as `chain_unknown`: send the whole chain once.
        """
        if chain is _ABSENT or proof is _ABSENT or presentation is not _ABSENT or agent is not None:
            return decide(*self._presented(tool, args, chain, proof, presentation, agent))
        try:
            return decide(
                lib.agentid_guard_authorize_z,
                self._handle,
                terminated(chain),
                terminated(proof),
                terminated(tool),
                arguments(args),
            )
        except ValueError:  # a NUL character or a lone surrogate
            return decide(*self._sent(tool, args, chain, proof))

    @overload
    def check(self, tool: str, args: Mapping[str, Any], *, chain: str | None, proof: str | None) -> Decision: ...
    @overload
    def check(self, tool: str, args: Mapping[str, Any], *, presentation: str | None) -> Decision: ...
    @overload
    def check(self, tool: str, args: Mapping[str, Any], *, agent: Identity) -> Decision: ...
    def check(
        self, tool: str, args: Mapping[str, Any], *, chain: str | None = _ABSENT, proof: str | None = _ABSENT,
        presentation: str | None = _ABSENT, agent: Identity | None = None,
    ) -> Decision:  # fmt: skip
        """As `authorize`, but returns the denial."""
        if chain is _ABSENT or proof is _ABSENT or presentation is not _ABSENT or agent is not None:
            return check(*self._presented(tool, args, chain, proof, presentation, agent))
        try:
            return check(
                lib.agentid_guard_authorize_z,
                self._handle,
                terminated(chain),
                terminated(proof),
                terminated(tool),
                arguments(args),
            )
        except ValueError:  # a NUL character or a lone surrogate
            return check(*self._sent(tool, args, chain, proof))

    @overload
    def call(
        self, tool: str, args: Mapping[str, Any], *, chain: str | None, proof: str | None, within: int | timedelta | None = None
    ) -> Call: ...
    @overload
    def call(
        self, tool: str, args: Mapping[str, Any], *, presentation: str | None, within: int | timedelta | None = None
    ) -> Call: ...
    @overload
    def call(self, tool: str, args: Mapping[str, Any], *, agent: Identity, within: int | timedelta | None = None) -> Call: ...
    def call(
        self, tool: str, args: Mapping[str, Any], *, chain: str | None = _ABSENT, proof: str | None = _ABSENT,
        presentation: str | None = _ABSENT, agent: Identity | None = None, within: int | timedelta | None = None,
    ) -> Call:  # fmt: skip
        """Permits one call as `authorize` does and begins it; raises `Denied`. Use it in a `with` block: see `Call`.

        `within`: the time within which it ends, in seconds or as a timedelta, by default an hour, at most 30 days.
        """
        given = {"chain": chain, "proof": proof, "presentation": presentation, "agent": agent or _ABSENT}
        caller: Any = {name: value for name, value in given.items() if value is not _ABSENT}
        return traced(tool, lambda: of_guard(self, self.authorize(tool, args, **caller), within), agent)

    def call_permitted(self, decision: Decision, *, within: int | timedelta | None = None) -> Call:
        """Begins the call that this guard has permitted, in whatever form it was presented. Use it in a `with` block: see `Call`.

        One decision is good for one call. `within`: as for `call`. Raises `Denied` for a decision that denies.
        """
        of(Decision, decision, "decision")
        return traced(lambda: decision.document["tool"], lambda: of_guard(self, decision, within))

    def _sent(self, tool: str, args: Mapping[str, Any], chain: object, proof: object) -> tuple[Any, ...]:
        """A call as received, each text with its length."""
        call = (*sent(chain), *sent(proof), *sent(tool), *counted(arguments(args)))
        return lib.agentid_guard_authorize, self._handle, *call

    def _presented(
        self, tool: str, args: Mapping[str, Any], chain: object, proof: object, presentation: object, agent: Identity | None
    ) -> tuple[Any, ...]:
        """The function that decides a call, and its inputs; TypeError unless the caller is identified in exactly one way."""
        by_chain = chain is not _ABSENT or proof is not _ABSENT
        if by_chain + (presentation is not _ABSENT) + (agent is not None) != 1:
            raise TypeError("give chain= and proof=, or presentation=, or agent=: whose call it is, once")
        if by_chain:
            if chain is _ABSENT or proof is _ABSENT:
                raise TypeError(f"{'chain' if chain is _ABSENT else 'proof'}= is missing: None is what was not sent")
            return self._sent(tool, args, chain, proof)
        call = (*sent(tool), *counted(arguments(args)))
        if agent is not None:
            return lib.agentid_guard_authorize_agent, self._handle, of(Identity, agent, "agent")._handle, *call
        return lib.agentid_guard_authorize_presentation, self._handle, *sent(presentation), *call

    def nonce(self) -> str:
        """A nonce for one proof, valid once and for as long as a proof may be old.

        Raises `StateError` (`no_nonce`) for a guard without `require_nonce`.
        """
        return take(lib.agentid_guard_nonce, self._handle)

    def report(self, decision: Decision | str, outcome: str) -> None:
        """Records the outcome of a permitted call, in 1 to 1024 bytes.

        `decision`: of this guard or another of the directory; if a text, its whole ID. Raises `StateError` (`no_audit_log`)
        without a log, `Error` (`decision`) for what is not such an ID and for a decision that this guard has not made.
        """
        named: str = decision if isinstance(decision, str) else of(Decision, decision, "decision").id or ""
        call(lib.agentid_audit_report, self._handle, *pair(named, "decision"), *pair(outcome, "outcome"))

    def admit(self, chain: str | None, credentials: str | None = None) -> Admission:
        """Verifies a chain once, for many calls; raises `Denied`. Later revocations still deny them."""
        return Admission.__new__(Admission)._own(
            lib.agentid_guard_admit, self._handle, *sent(chain), *sent(credentials), needs=self
        )

    def add_bundle(self, trust_domain: str, bundle: str) -> None:
        """Trusts a trust domain's keys, in place of a bundle of that domain with a lower sequence.

        Raises `Error` for what is not a bundle, and `StateError` for a sequence lower than the present one, or (`own_domain`) for
        the domain whose registry this guard follows. Nothing changes then.
        """
        call(lib.agentid_guard_add_bundle, self._handle, *pair(trust_domain, "trust_domain"), *pair(bundle, "bundle"))

    def revoke(
        self, *, agent: Identity | str | None = None, grant: str | None = None, key: str | None = None,
        profile: str | None = None, principal: str | None = None, issuer: str | None = None,
    ) -> None:  # fmt: skip
        """Revokes one thing for this guard alone, named as for `Authority.revoke`. Shows before the call returns."""
        named = {"agent": agent, "grant": grant, "key": key, "profile": profile, "principal": principal, "issuer": issuer}
        call(lib.agentid_guard_revoke, self._handle, *revoked(named))

    def load_revocations(self, revocations: str, *, keep_after_expiry: bool = False) -> None:
        """Loads a signed list of what an authority has revoked (`Authority.revocation_list`), without its registry.

        The guard needs the bundle of the list's domain, whose chains and credentials alone it is about. What it names stays
        revoked here. When it has expired and no newer one was loaded, chains of its domain are denied
        (`revocation_view_stale`), or with `keep_after_expiry` still permitted. Shows before the call returns. Takes memory of
        the list's size, 8 MiB at most.

        Raises `Error` (`revocations`) for a list that is damaged or that the domain did not sign, and `StateError`:
        `revocations_expired`, `revocations_rolled_back` if it is older than the one held, `own_domain`. Nothing changes then.
        """
        kept = flag(keep_after_expiry, "keep_after_expiry")
        call(lib.agentid_guard_load_revocations, self._handle, *pair(revocations, "revocations"), kept)

    def refreshed(self) -> None:
        """Confirms that this guard knows every revocation."""
        call(lib.agentid_guard_refreshed, self._handle)

    def statistics(self) -> GuardStatistics:
        """The guard's counters and the size of its memory."""
        return GuardStatistics(json.loads(take(lib.agentid_guard_statistics, self._handle)))


class Guard(EnforcementPoint, Handle):
    """Decides calls: chain, proof, tool and arguments in, decision out."""

    _owners = owner("agentid_guard_close")
    _made_by = "{0}.open_directory(directory), {0}.open() or Authority.guard()"
    _calls_back = True

    @classmethod
    def open(
        cls, *, audience: str | None = None, any_audience: bool = False, require_claim: bool = False,
        proof_window: int | timedelta | None = None, max_view_age: int | timedelta | None = None,
        replay_capacity: int | None = None, cache_entries: int | None = None, require_chain_aud: bool = False,
        require_nonce: bool = False, cache_bytes: int | None = None, max_depth: int | None = None,
        max_token_size: int | None = None, max_chain_size: int | None = None,
    ) -> Guard:  # fmt: skip
        """A guard that knows only the bundles and revocations it is given.

        Each proof must name it, unless `any_audience`; with `require_chain_aud` some grant of each chain must as well. A
        proof, or a grant, that names others only is always denied. With `require_nonce` each proof must carry a `nonce()`.
        With `require_claim` a chain must have the claim that names agent, owner and principal.

        `proof_window`: how many seconds a proof may be off either way (30, at most 60).
        `max_view_age`: it denies after it was told nothing of revocations for so many seconds, see `refreshed`; by default
        there is no limit. A guard that follows an authority goes on so long while the registry cannot be read; by default it
        denies at once.
        `replay_capacity`: the number of used proofs below one root grant that fit, next to two more such trees (1,048,576).
        `cache_entries`, `cache_bytes`: how many verified chains it keeps (4,096), and how many bytes in all (32 MiB).
        `max_depth`: it denies chains of more delegations, or with a grant that allows more (16, at most 64).
        `max_chain_size`, `max_token_size`: it denies longer chains (256 KiB, which is also the most), and longer grants and
        proofs (64 KiB, which is also the most).

        Raises `Error` (`guard_option`) for what is out of range.
        """
        options = guard_options(
            audience=audience, any_audience=any_audience, require_claim=require_claim, proof_window=proof_window,
            max_view_age=max_view_age, replay_capacity=replay_capacity, cache_entries=cache_entries, cache_bytes=cache_bytes,
            require_chain_aud=require_chain_aud, require_nonce=require_nonce, max_depth=max_depth,
            max_token_size=max_token_size, max_chain_size=max_chain_size,
        )  # fmt: skip
        return cls.__new__(cls)._own(lib.agentid_guard_open, options)

    @classmethod
    def open_directory(
        cls, directory: str | os.PathLike[str], *, audience: str | None = None, any_audience: bool = False,
        require_claim: bool = False, proof_window: int | timedelta | None = None,
        max_view_age: int | timedelta | None = None, replay_capacity: int | None = None, cache_entries: int | None = None,
        own_replay_memory: bool = False, audit: Sync = "batch", audit_strict: bool = True, require_chain_aud: bool = False,
        require_nonce: bool = False, cache_bytes: int | None = None, max_depth: int | None = None,
        max_token_size: int | None = None, max_chain_size: int | None = None,
    ) -> Guard:  # fmt: skip
        """A guard that follows the authority kept in a directory, without its keys.

        Raises `NotFound` (`no_authority`) for a directory that holds none.

        A proof is accepted once among all guards of the directory, or in this one with `own_replay_memory`. Decisions are
        written to the directory's audit log; if that fails, calls are denied, or without `audit_strict` counted.
        The other parameters are as for `open`.
        """
        options = guard_options(
            audience=audience, any_audience=any_audience, require_claim=require_claim, proof_window=proof_window,
            max_view_age=max_view_age, replay_capacity=replay_capacity, cache_entries=cache_entries, cache_bytes=cache_bytes,
            require_chain_aud=require_chain_aud, require_nonce=require_nonce, max_depth=max_depth,
            max_token_size=max_token_size, max_chain_size=max_chain_size, own_replay_memory=own_replay_memory, audit=audit,
            audit_strict=audit_strict,
        )  # fmt: skip
        return cls.__new__(cls)._own(lib.agentid_guard_open_directory, *pair(os.fspath(directory), "directory"), options)

    def add_provider(self, name: str, provider: Provider, *, resources: Mapping[str, str] | None = None) -> None:
        """Adds a provider of secrets to this guard: for a tool server without the authority's keys.

        Leases are written to the registry of the directory that it follows, so the process has to be its owner. `resources`
        says which resource calls of each tool may open, e.g. `{"query": "crm/{table}"}`: `{table}` is the call's argument of
        that name. Without it a call opens what one of its arguments says.
        Raises `StateError` (`no_registry`) for a guard that follows no authority.
        """
        call(lib.agentid_guard_add_provider, self._handle, *pair(name, "name"), provider_struct(provider, resources))

    def acquire(self, decision: Decision, provider: str, resource: str, ttl: int | timedelta) -> Lease:
        """Gets a secret for a call that this guard has permitted since it has the provider. Use it in `with`.

        It is for the tool, not for the agent, and ends with the agent at the latest, also if this process is stopped or dead.
        Each permit gets one secret of its resource; `ttl` in seconds or as a timedelta. Raises `Denied`, which is an event
        (`secret_refused`): `secret_permit_foreign`, `secret_resource_mismatch`, `secret_used`, `pop_stale`, or why the agent
        may not act any more.
        """
        return acquired(lib.agentid_guard_acquire, self, decision, provider, resource, ttl)

    def release(self, lease: Lease | str) -> None:
        """Returns a secret before its time, named by its lease or its ID; harmless if it was returned already."""
        call(lib.agentid_guard_release, self._handle, *identifier(lease, "lease"))


class Admission(Handle):
    """A chain that a guard has verified."""

    _owners = owner("agentid_admission_free")
    _made_by = "Guard.admit(chain)"
    _calls_back = True  # it keeps its guard

    def authorize(self, tool: str, args: Mapping[str, Any], *, proof: str | None) -> Decision:
        """Permits one call under the chain, or raises `Denied`. Expiry, revocation, proof and scope are checked each time."""
        return decide(*self._sent(tool, args, proof))

    def call(
        self, tool: str, args: Mapping[str, Any], *, proof: str | None, within: int | timedelta | None = None
    ) -> Call:  # fmt: skip
        """As `authorize`, and begins it: see `Call`."""
        guard: Any = self._needs
        return traced(tool, lambda: of_guard(guard, self.authorize(tool, args, proof=proof), within))

    def check(self, tool: str, args: Mapping[str, Any], *, proof: str | None) -> Decision:
        """As `authorize`, but returns the denial."""
        return check(*self._sent(tool, args, proof))

    def _sent(self, tool: str, args: Mapping[str, Any], proof: object) -> tuple[Any, ...]:
        return lib.agentid_admission_authorize, self._handle, *sent(proof), *sent(tool), *counted(arguments(args))
