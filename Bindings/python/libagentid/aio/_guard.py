"""Guards."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import libagentid._broker as _broker
import libagentid._guard as _guard

from ._callbacks import OnLoop, Provider
from ._lease import Lease
from ._running import Closing, in_thread, starting, starts, waits


class Guard(Closing, _guard.EnforcementPoint):
    """The point that decides; `sync` is the `libagentid.Guard` that it stands for. Decisions are plain calls."""

    def __init__(self, guard: _guard.Guard) -> None:
        Closing.__init__(self, guard.close)
        _guard.EnforcementPoint.__init__(self, guard._handle)
        self.sync = guard

    open = staticmethod(starting(_guard.Guard.open, _guard.Guard.close, lambda guard: Guard(guard)))
    open_directory = staticmethod(starting(_guard.Guard.open_directory, _guard.Guard.close, lambda guard: Guard(guard)))

    acquire = starts(_guard.Guard.acquire, _broker.Lease.release, Lease, "secrets")
    release = waits(_guard.Guard.release, "secrets")

    async def add_provider(
        self, name: str, provider: Provider | _broker.Provider, *, resources: Mapping[str, str] | None = None
    ) -> None:
        """As `libagentid.Guard.add_provider`; methods that are coroutines are run on this loop."""
        await in_thread(partial(self.sync.add_provider, name, OnLoop(provider), resources=resources))
