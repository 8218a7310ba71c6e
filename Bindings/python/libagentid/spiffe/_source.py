"""The present X.509-SVID of an agent: rotated before it ends, and none for an agent that no longer acts."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from .._identity import Identity
    from ._issuer import X509SVID, Issuer


class Source:
    """The SVIDs of one agent, one after the other. Safe to use from several threads; starts none.

    `lifetime`: of each SVID, in seconds; by itself as long as the agent's credential, which is renewed while the agent is held.
    """

    def __init__(
        self, issuer: Issuer, agent: Identity, *, lifetime: int | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        if not hasattr(issuer, "issue"):
            raise TypeError(f"issuer is of the type Issuer, not {type(issuer).__name__}: Source(issuer, agent)")
        self._issuer, self._agent, self._lifetime, self._clock = issuer, agent, lifetime, clock
        self._svid: X509SVID | None = None

    @property
    def issuer(self) -> Issuer:
        """The issuer that it asks."""
        return self._issuer

    def svid(self) -> X509SVID:
        """The present SVID: a new one after half of its life, and after the agent's key was rotated.

        Raises `Denied` where the agent is suspended, parked, revoked or has ended, at this very moment.
        """
        found, now = self._svid, self._clock()
        # One of a clock that was ahead for a moment is not good yet.
        is_timely = found is not None and found.not_before <= now < found.rotates_at
        if found is None or not is_timely or found.holder != self._agent.public_key:
            # Two threads may both issue one: either is valid.
            found = self._svid = self._issuer.issue(self._agent, lifetime=self._lifetime)
        else:
            self._issuer.check(self._agent)
        return found
