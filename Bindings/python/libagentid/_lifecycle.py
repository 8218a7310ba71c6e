"""An authority's calls on agents after their start."""

from __future__ import annotations

import ctypes
import json
from collections.abc import Callable, Mapping, Sequence
from ctypes import byref, c_int64
from typing import TYPE_CHECKING, Any, Literal

import libagentid._abi as _abi
import libagentid._callbacks as _callbacks

from ._abi import lib
from ._broker import Lease, Provider, acquired, provider_struct
from ._calling import call, take, text
from ._decision import Decision
from ._errors import Error
from ._handles import Handle
from ._identity import Identity
from ._inputs import duration, flag, identifier, milliseconds, moment, number, option, pair, point, texts
from .documents import AgentRecord, BrokerLease, Delivery, Gone, HookRecord, Tombstone

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from .types import Event

_PAGE = 1000


def _id(agent: Identity | str) -> tuple[bytes, int]:
    return identifier(agent, "agent")


class Lifecycle(Handle):
    """An authority's calls on agents after their start."""

    def agents(
        self, *, profile: str | None = None, principal: str | None = None, owner: str | None = None,
        parent: Identity | str | None = None, state: Literal["active", "parked", "suspended", "deprovisioned"] | None = None,
        limit: int | None = None, offset: int = 0,
    ) -> list[AgentRecord]:  # fmt: skip
        """The agents this authority knows, ended ones included, that match every filter given, by ID.

        One that was suspended while it is parked is found by either `state`.
        With `limit`, at most that many from `offset` on: a page.
        """
        above = parent.id if isinstance(parent, Identity) else parent
        chosen = _abi.AgentFilter(
            profile=option(profile, "profile"), principal=option(principal, "principal"), owner=option(owner, "owner"),
            parent=option(above, "parent"), state=option(state, "state"),
            limit=_PAGE if limit is None else limit or -1, offset=offset,
        )  # fmt: skip
        found: list[AgentRecord] = []
        while True:
            page = json.loads(take(lib.agentid_authority_agents, self._handle, byref(chosen)))
            found += [AgentRecord(agent) for agent in page]
            if limit is not None or len(page) < _PAGE:
                return found
            # Not by the offset: where others end meanwhile, that passes some by.
            chosen.after, chosen.offset = page[-1]["id"].encode(), 0

    def suspend(self, agent: Identity | str, reason: str | None = None) -> None:
        """Denies an agent's calls, and those of all below it, until it is resumed. In every process when it returns.

        Raises `NotFound` for an agent that this authority does not know, `StateError` for one that has ended.
        """
        call(lib.agentid_authority_suspend, self._handle, *_id(agent), *pair(reason or "", "reason"))

    def resume(self, agent: Identity | str) -> None:
        """Resumes a suspended agent; raises `NotFound` for an unknown one, `StateError` for one that has ended."""
        call(lib.agentid_authority_resume, self._handle, *_id(agent))

    def deprovision(self, agent: Identity | str, reason: str | None = None) -> str:
        """Ends an agent and all below it, for good; returns its tombstone. Harmless for one that has ended.

        Raises `NotFound` for an agent that this authority does not know. If the end could not be made durable, it raises as well:
        the agent is denied in this process all the same, and its end is tried again.
        """
        return take(lib.agentid_authority_deprovision, self._handle, *_id(agent), *pair(reason or "", "reason"))

    def deprovision_principal(self, principal: str, reason: str | None = None) -> int:
        """Removes a principal who leaves: ends every agent that acts for them or is owned by them. Returns the number ended."""
        given = (*pair(principal, "principal"), *pair(reason or "", "reason"))
        return self._count(lib.agentid_authority_deprovision_principal, *given)

    def withdraw_profile(self, name: str, reason: str | None = None) -> int:
        """Revokes a profile and ends its agents. Returns the number ended."""
        return self._count(lib.agentid_authority_withdraw_profile, *pair(name, "name"), *pair(reason or "", "reason"))

    def certify_profile(self, name: str, review_by: int | datetime | None = None) -> None:
        """Records that someone has reviewed a profile: it may start agents until the next review."""
        call(
            lib.agentid_authority_certify_profile,
            self._handle,
            *pair(name, "name"),
            moment(review_by, "review_by"),
        )

    def reap(self) -> int:
        """Ends lapsed agents and finishes the work of processes that died. Returns the number of agents ended."""
        return self._count(lib.agentid_authority_reap)

    def prune(self, *, ended_before: int | datetime) -> int:
        """Forgets agents that ended before a time, in seconds since 1970 or a datetime with its zone, except for their
        tombstones. Returns the number forgotten.

        Agents with a grant that expired less than an hour ago are kept, and so are those with unfinished work.
        """
        return self._count(lib.agentid_authority_prune, point(ended_before, "ended_before"))

    def verify_gone(self, agent: Identity | str) -> Gone:
        """Presents to a guard every grant that an agent and all below it ever held; `.gone` is true if nothing is left."""
        report = _abi.Bytes()
        try:
            call(lib.agentid_authority_verify_gone, self._handle, *_id(agent), byref(report))
        except Error as error:
            if error.name != "not_gone":
                raise
        return Gone(json.loads(text(report)))

    def add_hook(
        self, name: str, run: Callable[[Event], None] | None = None, *, command: Sequence[str] = (),
        events: Sequence[str] | None = None, deadline: int | timedelta | None = None, max_attempts: int | None = None,
    ) -> None:  # fmt: skip
        """Runs `run` with each event on a thread of its own, or a command with the event on stdin.

        At least once for each event, in order for each agent, again after an exception. The name is registered permanently:
        its events are kept while no process that runs it is alive.

        `deadline`: the longest time of one attempt, in seconds or as a timedelta (10, at most an hour).
        `max_attempts`: the attempts before a delivery is dead (12, at most 1,000).
        """
        named = pair(name, "name")
        options = _abi.Hook(
            events=None if events is None else texts(events, "events") or b"[]",
            command=texts(command, "command"), deadline=duration(deadline, "deadline"),
            max_attempts=number(max_attempts, "max_attempts"),
        )  # fmt: skip
        if run is not None:
            run_event = _callbacks.function(run, "run")

            def called(event: Any, length: int, _: int | None) -> int:
                try:
                    _callbacks.finished(run_event(json.loads(ctypes.string_at(event, length))))
                    return _abi.CALLBACK_OK
                except BaseException:  # sys.exit() in a hook is not a success
                    _callbacks.log("the hook %s failed", name)
                    return _abi.CALLBACK_FAILED

            options.run = _abi.RUN_HOOK(_callbacks.callback(called))
            options.release, options.user_data = _callbacks.RELEASE, _callbacks.keep(options.run)
        call(lib.agentid_hook_add, self._handle, *named, byref(options))

    def remove_hook(self, name: str) -> None:
        """Removes a hook with its undelivered events."""
        call(lib.agentid_hook_remove, self._handle, *pair(name, "name"))

    def hooks(self) -> list[HookRecord]:
        """All hooks, with the number of waiting and dead deliveries of each."""
        return [HookRecord(hook) for hook in json.loads(take(lib.agentid_hook_list, self._handle))]

    def deliveries(self, *, dead: bool = False) -> list[Delivery]:
        """Deliveries that wait, or that are dead."""
        return [Delivery(found) for found in json.loads(take(lib.agentid_hook_deliveries, self._handle, flag(dead, "dead")))]

    def retry_delivery(self, delivery: Delivery | int) -> None:
        """Gives a dead delivery, or the one of this ID, another round of attempts."""
        named = delivery.id if isinstance(delivery, Delivery) else delivery
        call(lib.agentid_hook_retry, self._handle, _abi.checked(c_int64, named, "delivery"))

    def settle(self, timeout: float | timedelta = 10) -> None:
        """Waits until no delivery is due that hooks here can make; `timeout` in seconds or as a timedelta."""
        call(
            lib.agentid_hook_settle,
            self._handle,
            milliseconds(timeout, "timeout"),
        )

    def add_provider(self, name: str, provider: Provider, *, resources: Mapping[str, str] | None = None) -> None:
        """Adds a provider of secrets to this process.

        `resources` says which resource calls of each tool may open, e.g. `{"query": "crm/{table}"}`: `{table}` is the call's
        argument of that name. Others are refused, and each permit then gets one secret.
        """
        call(lib.agentid_broker_add_provider, self._handle, *pair(name, "name"), provider_struct(provider, resources))

    def acquire(self, decision: Decision, provider: str, resource: str, ttl: int | timedelta) -> Lease:
        """Gets a secret for a permitted call: for the tool, not for the agent. Use it in `with`.

        `ttl`: how long it is good, in seconds or as a timedelta; at most as long as the agent's grant.
        Raises `Denied`, which is an event (`secret_refused`), for a decision that is too old or not about this resource, and
        if the agent has ended meanwhile.
        """
        return acquired(lib.agentid_broker_acquire, self, decision, provider, resource, ttl)

    def release(self, lease: Lease | BrokerLease | str) -> None:
        """Returns a secret before its time, named by its lease or its ID; harmless if it was returned already."""
        call(lib.agentid_broker_release, self._handle, *identifier(lease, "lease"))

    def broker_leases(self) -> list[BrokerLease]:
        """The secrets that the broker holds."""
        return [BrokerLease(lease) for lease in json.loads(take(lib.agentid_broker_leases, self._handle))]

    def _count(self, function: Any, *arguments: Any) -> int:
        count = c_int64()
        call(function, self._handle, *arguments, byref(count))
        return count.value


def verify_tombstone(trust_domain: str, bundle: str, tombstone: str) -> Tombstone:
    """The claims of a tombstone, verified offline; raises `Denied`."""
    given = (*pair(trust_domain, "trust_domain"), *pair(bundle, "bundle"), *pair(tombstone, "tombstone"))
    return Tombstone(json.loads(take(lib.agentid_tombstone_verify, *given)))
