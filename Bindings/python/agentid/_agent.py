"""Agents: started by an authority, spawned by a parent, or opened from a key and a chain."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from ctypes import byref, c_int64, c_void_p
from typing import TYPE_CHECKING, Any

import agentid._abi as _abi

from ._abi import lib
from ._current import enter, leave
from ._decision import Decision, arguments, check, decide, sent, terminated
from ._errors import call, counted, handle, option, pair, take, text
from ._handles import Handle, Reference

if TYPE_CHECKING:
    from typing_extensions import Self


def _delegation(
    scope: str | None, lifetime: int, until: int, max_depth: int, labels: Sequence[str], agent: str | None = None
) -> Any:
    return byref(
        _abi.DelegationOptions(
            scope=option(scope),
            lifetime=lifetime,
            until=until,
            max_depth=max_depth,
            labels=json.dumps(list(labels)).encode() if labels else None,
            agent=option(agent),
        )
    )


class Identity(Reference):
    """Who an agent is and what it may do: asked in memory, in microseconds."""

    @property
    def id(self) -> str:
        """The SPIFFE ID."""
        return take(lib.agentid_agent_id, self._handle)

    @property
    def chain(self) -> str:
        """The grants from the root to this agent's own. Another one after each renewal: do not keep it; see `present`."""
        return take(lib.agentid_agent_chain, self._handle)

    @property
    def expires(self) -> int:
        """When the present grant ends, in seconds since 1970. It is made anew at half its life while the agent is held."""
        seconds = c_int64()
        call(lib.agentid_agent_expires, self._handle, byref(seconds))
        return seconds.value

    @property
    def credential(self) -> str:
        """The workload identity token; empty for a sub-agent started offline."""
        return take(lib.agentid_agent_credential, self._handle)

    @property
    def public_key(self) -> str:
        """The public key, a JWK."""
        return take(lib.agentid_agent_public_key, self._handle)

    @property
    def scope(self) -> str:
        """The scope in text form."""
        return take(lib.agentid_agent_scope, self._handle)

    def authorize(self, tool: str, args: Mapping[str, Any]) -> Decision:
        """Asks the authority's guard in this process; raises `Denied`."""
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

    def prove(self, tool: str, args: Mapping[str, Any], *, audience: str = "") -> str:
        """Signs one call, for a guard elsewhere."""
        return take(lib.agentid_agent_prove, self._handle, *pair(tool), *counted(arguments(args)), *pair(audience))

    def present(self, tool: str, args: Mapping[str, Any], *, audience: str = "") -> tuple[str, str]:
        """The chain and the proof of one call under it, taken together: what goes to a guard elsewhere.

        Between `chain` and `prove` the grant may be renewed, and a proof is for one grant only.
        """
        chain, proof = _abi.Bytes(), _abi.Bytes()
        given = (*pair(tool), *counted(arguments(args)), *pair(audience))
        call(lib.agentid_agent_present, self._handle, *given, byref(chain), byref(proof))
        return text(chain), text(proof)

    def export_key(self) -> str:
        """The private key, a JWK."""
        return take(lib.agentid_agent_export_key, self._handle)


class Agent(Identity, Handle):
    """One running agent instance. Leaving its `with` block wipes its key and revokes what it held.

    Inside the block it is the `current_agent()`.
    """

    def __init__(self, made: c_void_p) -> None:
        super().__init__(made, lib.agentid_agent_close)

    def __enter__(self) -> Self:
        enter(self)
        return self

    def __exit__(self, *exception: object) -> None:
        leave(self)
        self.close()

    @classmethod
    def open(cls, key: str, chain: str, credential: str | None = None) -> Agent:
        """Takes up an identity whose grant was issued to this private JWK."""
        options = _abi.OpenAgentOptions(key=option(key), chain=option(chain), credential=option(credential))
        return cls(handle(lib.agentid_agent_open, byref(options)))

    def spawn(
        self, name: str, scope: str | None = None, *, lifetime: int = 0, until: int = 0, max_depth: int = -1,
        labels: Sequence[str] = (),
    ) -> Agent:  # fmt: skip
        """Starts a sub-agent with an ID below this one's and no more than this one's authority.

        `lifetime`: how long each grant runs, in seconds; as long as the parent's by itself. It is renewed while it is held.
        `until`: its hard end, in seconds since 1970; its parent's by itself.
        """
        options = _delegation(scope, lifetime, until, max_depth, labels)
        return Agent(handle(lib.agentid_agent_spawn, self._handle, *pair(name), options))

    def delegate(
        self, holder: str, scope: str | None = None, *, lifetime: int = 0, until: int = 0, max_depth: int = -1,
        labels: Sequence[str] = (), agent: str | None = None,
    ) -> str:  # fmt: skip
        """Delegates to a public JWK held elsewhere; returns the longer chain.

        Nobody renews it: it ends with this agent's present grant at the latest. Delegate anew for more.
        """
        options = _delegation(scope, lifetime, until, max_depth, labels, agent)
        return take(lib.agentid_agent_delegate, self._handle, *pair(holder), options)

    def deprovision(self, reason: str = "") -> str:
        """Ends the agent and all below it, for good; returns its tombstone."""
        return take(lib.agentid_agent_deprovision, self._handle, *pair(reason))

    def rotate_key(self, *, revoke_old: bool = False) -> None:
        """Hands everything over to a new key; the old one is wiped here.

        By itself this revokes nothing: whoever has a copy of the old key can go on under the chain that it held, and what it
        delegated stays valid, until those grants expire. With `revoke_old` the authority, in this process, grants the same
        anew, and every key and grant this agent held until then is revoked, with all delegated and spawned under them.
        """
        call(lib.agentid_agent_rotate_key_revoking if revoke_old else lib.agentid_agent_rotate_key, self._handle)
