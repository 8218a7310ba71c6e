"""Leases of secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import libagentid._broker as _broker

from ._running import in_thread

if TYPE_CHECKING:
    from typing_extensions import Self


class Lease:
    """A secret for one permitted call. Returned when the `async with` block ends."""

    def __init__(self, lease: _broker.Lease) -> None:
        self.sync = lease

    def __repr__(self) -> str:
        return f"<aio {self.sync!r}>"

    @property
    def id(self) -> str:
        """The lease's ID at the broker."""
        return self.sync.id

    @property
    def secret(self) -> str:
        """The secret; raises `ValueError` once it was returned."""
        return self.sync.secret

    async def release(self) -> None:
        """Returns the secret; harmless if it was returned already."""
        await in_thread(self.sync.release, surely=True, kind="secrets")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.release()
