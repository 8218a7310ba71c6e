"""Guards."""

from __future__ import annotations

import libagentid._guard as _guard

from ._running import Closing, starting


class Guard(Closing, _guard.EnforcementPoint):
    """The point that decides; `sync` is the `libagentid.Guard` that it stands for. Decisions are plain calls."""

    def __init__(self, guard: _guard.Guard) -> None:
        Closing.__init__(self, guard.close)
        _guard.EnforcementPoint.__init__(self, guard._handle)
        self.sync = guard

    open = staticmethod(starting(_guard.Guard.open, _guard.Guard.close, lambda guard: Guard(guard)))
    open_directory = staticmethod(starting(_guard.Guard.open_directory, _guard.Guard.close, lambda guard: Guard(guard)))
