"""Guards."""

# pyright: reportPrivateUsage=false
from __future__ import annotations

import json
import os
from collections.abc import Mapping
from ctypes import byref
from enum import IntEnum
from typing import Any

import libagentid._abi as _abi

from ._abi import lib
from ._agent import Identity
from ._audit import SYNC, Sync
from ._decision import Decision, arguments, check, decide, sent, terminated
from ._errors import call, counted, option, pair, take
from ._handles import Handle, Reference, owner


class Revocation(IntEnum):
    """What a revocation names."""

    GRANT = 0
    KEY = 1
    AGENT = 2
    PROFILE = 3
    PRINCIPAL = 4
    ISSUER = 5


def guard_options(
    audience: str | None = None, any_audience: bool = False, require_claim: bool = False,
    proof_window: int = 0, max_view_age: int = 0, replay_capacity: int = 0, cache_entries: int = 0,
    own_replay_memory: bool = False, audit: Sync = "batch",
    audit_strict: bool = True,
) -> Any:  # fmt: skip
    """0 is the library's default."""
    return byref(
        _abi.GuardOptions(
            audience=option(audience),
            any_audience=int(any_audience),
            require_claim=int(require_claim),
            proof_window=proof_window,
            max_view_age=max_view_age,
            replay_capacity=replay_capacity,
            cache_entries=cache_entries,
            own_replay_memory=int(own_replay_memory),
            audit_sync=SYNC[audit],
            audit_relaxed=int(not audit_strict),
        )
    )


class EnforcementPoint(Reference):
    """What a guard decides and is told: in memory, in microseconds."""

    def authorize(self, chain: str, proof: str, tool: str, args: Mapping[str, Any]) -> Decision:
        """Decides one call; raises `Denied`."""
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
            return decide(lib.agentid_guard_authorize, *self._sent(chain, proof, tool, args))

    def check(self, chain: str, proof: str, tool: str, args: Mapping[str, Any]) -> Decision:
        """As `authorize`, but returns the denial."""
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
            return check(lib.agentid_guard_authorize, *self._sent(chain, proof, tool, args))

    def _sent(self, chain: str, proof: str, tool: str, args: Mapping[str, Any]) -> tuple[Any, ...]:
        return self._handle, *sent(chain), *sent(proof), *sent(tool), *counted(arguments(args))

    def authorize_agent(self, agent: Identity, tool: str, args: Mapping[str, Any]) -> Decision:
        """Decides one call of an agent held in this process; raises `Denied`."""
        return decide(lib.agentid_guard_authorize_agent, self._handle, agent._handle, *sent(tool), *counted(arguments(args)))

    def report(self, decision: Decision | str, outcome: str) -> None:
        """Writes down how a permitted call went, in a few words."""
        call(
            lib.agentid_guard_report, self._handle, *pair(decision if isinstance(decision, str) else decision.id), *pair(outcome)
        )

    def admit(self, chain: str, credentials: str = "") -> Admission:
        """Verifies a chain once, for many calls; raises `Denied`."""
        return Admission.__new__(Admission)._own(
            lib.agentid_guard_admit, self._handle, *sent(chain), *sent(credentials), needs=self
        )

    def add_bundle(self, trust_domain: str, bundle: str) -> None:
        """Trusts a trust domain's keys."""
        call(lib.agentid_guard_add_bundle, self._handle, *pair(trust_domain), *pair(bundle))

    def revoke(self, kind: Revocation, value: str) -> None:
        """Revokes for this guard alone."""
        call(lib.agentid_guard_revoke, self._handle, Revocation(kind), *pair(value))

    def refreshed(self) -> None:
        """Says that nothing was revoked beyond what this guard was told."""
        call(lib.agentid_guard_refreshed, self._handle)

    @property
    def statistics(self) -> dict[str, Any]:
        """What this guard has done and holds."""
        return json.loads(take(lib.agentid_guard_statistics, self._handle))


class Guard(EnforcementPoint, Handle):
    """The point that decides: chain, proof, tool and arguments in, decision out."""

    _owners = owner("agentid_guard_close")
    _made_by = "{0}.open_directory(directory), {0}.open() or Authority.guard()"
    _calls_back = True

    @classmethod
    def open(
        cls, *, audience: str | None = None, any_audience: bool = False, require_claim: bool = False,
        proof_window: int = 0, max_view_age: int = 0, replay_capacity: int = 0, cache_entries: int = 0,
    ) -> Guard:  # fmt: skip
        """A guard that knows only the bundles and revocations it is given."""
        options = guard_options(audience, any_audience, require_claim, proof_window, max_view_age, replay_capacity, cache_entries)
        return cls.__new__(cls)._own(lib.agentid_guard_open, options)

    @classmethod
    def open_directory(
        cls, directory: str | os.PathLike[str], *, audience: str | None = None, any_audience: bool = False,
        require_claim: bool = False,
        proof_window: int = 0, max_view_age: int = 0, replay_capacity: int = 0, cache_entries: int = 0,
        own_replay_memory: bool = False, audit: Sync = "batch", audit_strict: bool = True,
    ) -> Guard:  # fmt: skip
        """A guard that follows the authority kept in a directory, without its keys.

        A proof is accepted once among all guards of the directory, or in this one with `own_replay_memory`. Decisions are
        written to the directory's audit log; where they cannot be, calls are denied, or counted without `audit_strict`.
        """
        options = guard_options(
            audience,
            any_audience,
            require_claim,
            proof_window,
            max_view_age,
            replay_capacity,
            cache_entries,
            own_replay_memory,
            audit,
            audit_strict,
        )
        return cls.__new__(cls)._own(lib.agentid_guard_open_directory, *pair(os.fspath(directory)), options)


class Admission(Handle):
    """A chain that a guard has verified."""

    _owners = owner("agentid_admission_free")
    _made_by = "Guard.admit(chain)"

    def authorize(self, proof: str, tool: str, args: Mapping[str, Any]) -> Decision:
        """Decides one call; raises `Denied`."""
        return decide(lib.agentid_admission_authorize, self._handle, *sent(proof), *sent(tool), *counted(arguments(args)))
