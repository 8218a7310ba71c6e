"""The exchange: a workload that shows an SVID gets an agent, as far as an operator's rules say."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .._scope import Scope
from ._id import SPIFFEID, SVIDError, checked_pattern, matches
from ._replay import Once
from ._token import verify_token

if TYPE_CHECKING:
    import os

    from .._agent import Agent
    from .._authority import Authority
    from ._bundle import Bundles


@dataclass(frozen=True)
class Workload:
    """A rule: the agent that a workload gets, in the operator's own words.

    `workload`: a SPIFFE ID, compared byte by byte, or one that ends with a slash, for all below it. `scope`: the most that
    its agents may do, within the profile's ceiling; without it the ceiling is. `lifetime`: of each grant, in seconds.
    """

    workload: str
    profile: str
    scope: Scope | str | None = None
    lifetime: int | None = None
    max_depth: int | None = None
    labels: Sequence[str] = ()
    audiences: Sequence[str] = ()

    def __post_init__(self) -> None:
        checked_pattern(self.workload)
        if isinstance(self.scope, str):
            Scope(self.scope)  # a fault in it is found before a token is used up


class Exchange:
    """Starts agents for workloads that show an SVID. Safe to use from several threads.

    The attested SPIFFE ID is the agent's principal: it is in the root of its chain, in every decision and event of the audit
    log, and what `Authority.deprovision_principal` and `Authority.revoke` end all of a workload's agents by.

    `audience`: the name of this exchange, which JWT-SVIDs must carry. `bundles`: the trust domains whose workloads are known.
    `replay`: a file that remembers the tokens that were exchanged, for several processes and restarts; None: this process's
    memory. `longest_token`: the time in seconds that a JWT-SVID may still live.
    """

    def __init__(
        self, authority: Authority, rules: Iterable[Workload], *, bundles: Bundles, audience: str,
        replay: str | os.PathLike[str] | None = None, longest_token: int = 3600, clock: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        if not audience:
            raise ValueError("audience is empty: a token for anybody would be taken")
        self._authority, self._bundles, self._audience, self._clock = authority, bundles, audience, clock
        self._longest, self._rules = longest_token, dict[str, Workload]()
        for rule in rules:
            if rule.workload in self._rules:
                raise ValueError(f"two rules are for {rule.workload}: which one holds?")
            self._rules[rule.workload] = rule
        self._once = Once(replay)

    def rule(self, workload: SPIFFEID) -> Workload:
        """The rule for a workload: that of its own ID, else the longest one that it is below. Raises `SVIDError` without one."""
        found = [rule for pattern, rule in self._rules.items() if matches(pattern, workload)]
        if not found:
            raise SVIDError("not_mapped", f"no rule gives {workload} an agent")
        return max(found, key=lambda rule: (not rule.workload.endswith("/"), len(rule.workload)))

    def from_token(
        self, token: str, *, task: str, scope: Scope | str, intent: str | None = None, until: int | None = None
    ) -> Agent:
        """An agent for the workload of a JWT-SVID, which is taken once. Raises `SVIDError`, or `Error` where none is started.

        `scope`: what the task needs; cut to the rule's and to the profile's ceiling.
        """
        now = self._clock()
        svid = verify_token(token, self._bundles, audience=self._audience, longest=self._longest, at=now)
        rule = self.rule(svid.spiffe_id)
        self._once.use(svid, now)
        return self._start(rule, svid.spiffe_id, task, scope, intent, until)

    def from_peer(
        self, connection: Any, *, task: str, scope: Scope | str, intent: str | None = None, until: int | None = None
    ) -> Agent:
        """An agent for the workload at the other end of a TLS connection of `TLS`, whose handshake has shown that it has the
        key. `connection`: the socket, or asyncio's `ssl_object`."""
        return self.from_certificates(_chain(connection), task=task, scope=scope, intent=intent, until=until)

    def from_certificates(
        self, chain: Sequence[bytes], *, task: str, scope: Scope | str, intent: str | None = None, until: int | None = None
    ) -> Agent:
        """As `from_peer`, for a proxy that has completed the handshake: a certificate alone shows nothing, and can be copied.

        `chain`: leaf first, as DER.
        """
        peer = self._bundles.verify(chain, at=self._clock())
        return self._start(self.rule(peer.spiffe_id), peer.spiffe_id, task, scope, intent, until)

    def close(self) -> None:
        """Exchanges nothing more. The agents that it started go on."""
        self._once.close()

    def _start(
        self, rule: Workload, workload: SPIFFEID, task: str, scope: Scope | str, intent: str | None, until: int | None
    ) -> Agent:
        return self._authority.agent(
            rule.profile, principal=str(workload), task=task, scope=scope, intent=intent, entitlements=rule.scope,
            lifetime=rule.lifetime, until=until, max_depth=rule.max_depth, labels=rule.labels, audiences=rule.audiences,
        )  # fmt: skip


def _chain(connection: Any) -> list[bytes]:
    chain = getattr(connection, "peer_chain", None)
    if not chain:
        raise SVIDError("no_peer", "the other end of this connection has shown no certificate that was verified here")
    return list(chain)
