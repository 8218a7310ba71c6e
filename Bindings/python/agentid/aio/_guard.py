"""Guards."""

from __future__ import annotations

from typing import TYPE_CHECKING

import agentid._guard as _guard

from ._running import in_thread, starting

if TYPE_CHECKING:
    from typing_extensions import Self


class Guard(_guard.EnforcementPoint):
    """The point that decides; `sync` is the `agentid.Guard` that it stands for. Decisions are plain calls."""

    def __init__(self, guard: _guard.Guard) -> None:
        super().__init__(guard._handle)
        self.sync = guard

    open = staticmethod(starting(_guard.Guard.open, _guard.Guard.close, lambda guard: Guard(guard)))
    open_directory = staticmethod(starting(_guard.Guard.open_directory, _guard.Guard.close, lambda guard: Guard(guard)))

    async def close(self) -> None:
        """Ends it; further calls are harmless."""
        await in_thread(self.sync.close, surely=True)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()
