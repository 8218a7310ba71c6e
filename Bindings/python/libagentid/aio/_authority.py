"""Authorities."""

# pyright: reportPrivateUsage=false
from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import libagentid._authority as _authority
import libagentid._broker as _broker
import libagentid._guard as _guard
from libagentid._errors import Error

from ._agent import Agent, ended
from ._callbacks import OnLoop, Provider, called
from ._guard import Guard
from ._lease import Lease
from ._running import Closing, in_thread, starting, starts, waits
from ._waiting import look_until

if TYPE_CHECKING:
    from datetime import timedelta

    from libagentid.types import ApprovalDocument, ApprovalState, Event


class Authority(Closing):
    """The root of trust of one trust domain; `sync` is the `libagentid.Authority` that it stands for."""

    def __init__(self, authority: _authority.Authority) -> None:
        super().__init__(authority.close)
        self.sync = authority

    open = staticmethod(starting(_authority.Authority.open, _authority.Authority.close, lambda authority: Authority(authority)))
    agent = starts(_authority.Authority.agent, ended, Agent)
    unpark = starts(_authority.Authority.unpark, ended, Agent)
    guard = starts(_authority.Authority.guard, _guard.Guard.close, Guard)
    acquire = starts(_authority.Authority.acquire, _broker.Lease.release, Lease, "secrets")

    policy = waits(_authority.Authority.policy)
    limits = waits(_authority.Authority.limits)
    budgets = waits(_authority.Authority.budgets)
    apply_policy = waits(_authority.Authority.apply_policy)
    approvals = waits(_authority.Authority.approvals)
    approval = waits(_authority.Authority.approval)
    sign_approval = waits(_authority.Authority.sign_approval)
    approve = waits(_authority.Authority.approve)
    refuse = waits(_authority.Authority.refuse)
    ask_to_declassify = waits(_authority.Authority.ask_to_declassify)
    declassify = waits(_authority.Authority.declassify)
    put_profile = waits(_authority.Authority.put_profile)
    certify_profile = waits(_authority.Authority.certify_profile)
    withdraw_profile = waits(_authority.Authority.withdraw_profile, "ends")
    issue = waits(_authority.Authority.issue, undo=lambda authority, issued: authority._take_back(issued[0]))
    revoke = waits(_authority.Authority.revoke, "ends")
    revocation_list = waits(_authority.Authority.revocation_list)
    agents = waits(_authority.Authority.agents)
    suspend = waits(_authority.Authority.suspend, "ends")
    resume = waits(_authority.Authority.resume)
    deprovision = waits(_authority.Authority.deprovision, "ends")
    deprovision_principal = waits(_authority.Authority.deprovision_principal, "ends")
    reap = waits(_authority.Authority.reap)
    prune = waits(_authority.Authority.prune)
    verify_gone = waits(_authority.Authority.verify_gone)
    release = waits(_authority.Authority.release, "secrets")
    remove_hook = waits(_authority.Authority.remove_hook)
    deliveries = waits(_authority.Authority.deliveries)
    retry_delivery = waits(_authority.Authority.retry_delivery)
    integrate = waits(_authority.Authority.integrate)
    usage = waits(_authority.Authority.usage)
    publish_key = waits(_authority.Authority.publish_key)
    activate_key = waits(_authority.Authority.activate_key)
    bundle = waits(_authority.Authority.bundle)
    profiles = waits(_authority.Authority.profiles)
    statistics = waits(_authority.Authority.statistics)
    hooks = waits(_authority.Authority.hooks)
    broker_leases = waits(_authority.Authority.broker_leases)

    async def add_hook(
        self, name: str, run: Callable[[Event], Coroutine[Any, Any, None] | None] | None = None, *,
        command: Sequence[str] = (), events: Sequence[str] | None = None, deadline: int | timedelta | None = None,
        max_attempts: int | None = None,
    ) -> None:  # fmt: skip
        """As `libagentid.Authority.add_hook`; a coroutine function is run on this loop, any other on a thread."""
        add = partial(self.sync.add_hook, name, called(run) if run else None, command=command, events=events)
        await in_thread(partial(add, deadline=deadline, max_attempts=max_attempts))

    async def wait_for_approval(self, request: str, timeout: float | timedelta) -> ApprovalState:
        """As `libagentid.Authority.wait_for_approval`, without a thread: for as many tasks as there are."""
        look = partial(self.sync.wait_for_approval, request, 0)
        return await look_until(look, lambda state: state != "pending", timeout)

    async def settle(self, timeout: float | timedelta = 10) -> None:
        """As `libagentid.Authority.settle`, without a thread meanwhile."""

        def look() -> Error | None:
            try:
                self.sync.settle(0)
            except Error as error:
                if error.name != "unsettled":
                    raise
                return error
            return None

        unsettled = await look_until(look, lambda error: error is None, timeout)
        if unsettled is not None:
            raise unsettled

    async def on_approval(
        self, decide: Callable[[ApprovalDocument], Coroutine[Any, Any, bool | None] | bool | None], *, by: str, key: str | bytes
    ) -> None:
        """As `libagentid.Authority.on_approval`; a coroutine function is run on this loop, any other on a thread."""
        await in_thread(partial(self.sync.on_approval, called(decide), by=by, key=key))

    async def add_provider(
        self, name: str, provider: Provider | _broker.Provider, *, resources: Mapping[str, str] | None = None
    ) -> None:
        """As `libagentid.Authority.add_provider`; methods that are coroutines are run on this loop."""
        await in_thread(partial(self.sync.add_provider, name, OnLoop(provider), resources=resources))
