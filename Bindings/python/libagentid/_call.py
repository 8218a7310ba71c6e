"""Calls as objects: decided when they begin, settled and recorded when they end."""

# pyright: reportPrivateUsage=false
from __future__ import annotations

import sys
from collections.abc import Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from ._abi import lib
from ._calling import call
from ._current import running_task
from ._errors import Error, StateError
from ._handles import Handle, owner
from ._inputs import counted, duration, one_by_one, pair, texts
from ._raised import log
from ._spans import named

if TYPE_CHECKING:
    from ctypes import c_void_p
    from datetime import timedelta
    from decimal import Decimal

    from typing_extensions import Self

    from ._decision import Decision
    from ._guard import EnforcementPoint
    from ._identity import Identity
    from ._spans import Span
    from .tools import Call as ToolCall

running: ContextVar[Call | ToolCall | None] = ContextVar("agentid.call.running", default=None)
"""The call of the guarded function or of the request that runs: see `libagentid.tools.current_call`."""


class Call(Handle):
    """A permitted call, from its decision until its outcome is known.

        with agent.call("pay", {"usd": "12.50", "to": "acct-7"}) as call:
            receipt = bank.pay(...)
            call.cost(usd="12.40")          # the rest comes back
            call.labels("private")

    Leaving the block ends it: it succeeded, or where the block raises it failed, and what it reserved of budgets comes back as
    far as their rules say so. The outcome is recorded with the decision's ID; of an exception only its type. `async with` does
    the same. A call that never ends counts as having cost what was reserved.
    """

    _owners = owner("agentid_call_free")
    _made_by = "Agent.call(tool, arguments), Guard.call(tool, arguments, ...) or call_permitted(decision)"
    decision: Decision
    """The decision, which permits."""
    _span: Span | None = None

    @classmethod
    def _of(cls, needs: object, function: Any, decider: c_void_p, decision: Decision, within: int | timedelta | None) -> Call:
        made = cls.__new__(cls)
        made._own(function, decider, decision, duration(within, "within"), needs=needs)
        made.decision = decision
        return made

    def _undo(self) -> None:
        if self._handle:
            self._leave("failed: interrupted")
        self.close()

    def cost(self, amounts: Mapping[str, str | int | Decimal] | None = None, /, **named: str | int | Decimal) -> None:
        """Sets the cost of the call by unit, replacing an earlier one: `call.cost(usd="12.40")`.

        Decimal texts, `Decimal` or whole numbers; never floats, which are not exact. When the call ends, the budget gets back
        what was reserved beyond the cost. A cost above the reservation is counted and recorded; if it exceeds the budget, later
        calls are denied. A unit that no budget counts changes nothing. Raises `StateError` (`call_ended`).
        """
        if not isinstance(amounts, Mapping | None):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"a cost has its unit, cost(usd='12.40') or cost({{'usd': '12.40'}}), not {type(amounts).__name__}")
        for unit, amount in {**(amounts or {}), **named}.items():
            call(lib.agentid_call_cost, self._handle, *pair(unit, "unit"), *pair(_digits(amount), "amount"))

    def labels(self, *names: str) -> None:
        """Adds labels of the policy to the call's task, for the data in its result. Call it before the result is used.

        Every process of the directory sees them before this returns. Raises `NotFound` (`unknown_label`); `Error`
        (`label_permits`) for one that rules require, which only rules may add, or (`context`) for more than 64 of a call; if it
        raises, do not use the result.
        """
        call(lib.agentid_call_labels, self._handle, *counted(texts(one_by_one(names, "labels"), "labels") or b"[]"))

    def extend(
        self, unit: str, amount: str | int | Decimal = 0, *, within: int | timedelta | None = None, key: str | None = None
    ) -> None:  # fmt: skip
        """Gives a long call more time, `within` seconds from now or a timedelta (by default an hour), and reserves more.

        A longer time that it has stays. A unit that no budget counts, which may be one that is spelled otherwise, reserves
        nothing. A second call with the same `key` reserves nothing either: use it to try again safely.
        Raises `Denied` (`budget_exhausted`; `suspended`, `authority_revoked` and the like if its agent may no longer act):
        the call goes on with what it has; `StateError` (`call_ended`, `call_lapsed`).
        """
        given = (*pair(unit, "unit"), *pair(_digits(amount), "amount"), duration(within, "within"), *pair(key or "", "key"))
        call(lib.agentid_call_extend, self._handle, *given)

    def commit(self, outcome: str | None = None, *, key: str | None = None) -> None:
        """Ends a call that succeeded. `outcome` in a few words, without values.

        A second call with the same `key` changes nothing, but completes what failed. Raises `StateError` (`call_ended`) if it
        ended otherwise.
        """
        self._ends(lib.agentid_call_commit, outcome or "succeeded", *pair(key or "", "key"))

    def abort(self, outcome: str | None = None, *, key: str | None = None) -> None:
        """Ends a call that failed or was never made. Budgets get back what was reserved, once, as far as their rules say so."""
        self._ends(lib.agentid_call_abort, outcome or "failed", *pair(key or "", "key"))

    def _leave(self, failure: str) -> None:
        """Ends it if it has not ended: it succeeded, or failed so."""
        if failure or self._span is None:
            return self._ends(lib.agentid_call_leave, failure)
        try:
            self.commit()
        except StateError as error:
            if error.name != "call_ended":
                raise
        return None

    def _ends(self, function: Any, outcome: str, *key: Any) -> None:
        call(function, self._handle, *pair(named(self._span, outcome), "outcome"), *key)
        self._told(outcome)

    def _told(self, outcome: str) -> None:
        """Ends its span: the outcome is known, and recorded if that was possible."""
        if self._span is not None:
            self._span.ended(outcome)

    def close(self) -> None:
        """Releases it; further calls are harmless. One that has not ended counts as having cost what was reserved."""
        self._told("failed: closed without an outcome")
        super().close()

    def __enter__(self) -> Self:
        self._entered = None if self._span is None else self._span.enter()
        return self

    def __exit__(self, *exception: object) -> None:
        try:
            error = exception[1] if len(exception) > 1 else None
            if self._span is not None:
                self._span.leave(self._entered)
            try:
                # An outcome has 1,024 bytes at most, a name may have more.
                self._leave("" if error is None else f"failed: {type(error).__name__[:200]}")
            except Error as fault:
                if error is None:
                    raise
                log("the outcome of a call that failed could not be written down", error=fault)  # what the block raised goes on
        except Error:
            self.close()
            raise
        except BaseException:  # an interrupt
            self._undo()
            raise
        self.close()

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(self, *exception: object) -> None:
        self.__exit__(*exception)


def is_cancelled() -> bool:
    """Whether the task that runs here is being cancelled, also where its code has caught that (Python 3.11 on).

    A client can have it cancelled, in servers that do so where it hangs up: what fails then may have been made to.
    """
    task = running_task()
    return task is not None and hasattr(task, "cancelling") and task.cancelling() > 0


class within:
    """Makes a call the current one for a block, and its span the current one where it has one."""

    __slots__ = ("_call", "_entered", "_span", "_token")

    def __init__(self, call: Call | ToolCall | None) -> None:
        self._call, self._span = call, None if call is None else call._span

    def __enter__(self) -> None:
        self._token = running.set(self._call)
        self._entered = None if self._span is None else self._span.enter()

    def __exit__(self, *_: object) -> None:
        try:  # noqa: SIM105 - at each call: suppress() costs
            running.reset(self._token)
        except ValueError:  # left in another context, which never had it
            pass
        if self._span is not None:
            self._span.leave(self._entered)


def of_agent(agent: Identity, decision: Decision, within: int | timedelta | None = None) -> Call:
    """Begins the call that an agent's authority in this process has permitted."""
    return Call._of(agent, lib.agentid_agent_call_permitted, agent._handle, decision, within)


def of_guard(guard: EnforcementPoint, decision: Decision, within: int | timedelta | None = None) -> Call:
    """Begins the call that a guard has permitted."""
    return Call._of(guard, lib.agentid_guard_call_permitted, guard._handle, decision, within)


def _digits(amount: str | int | Decimal) -> str:
    if isinstance(amount, str):
        return amount
    decimal: Any = sys.modules.get("decimal")  # slow to import: there are such values only where somebody else has
    if decimal is not None and isinstance(amount, decimal.Decimal):
        return format(amount, "f")
    if isinstance(amount, bool) or not isinstance(amount, int):
        raise TypeError(f"an amount is a decimal text, a Decimal or an int, which are exact, not {type(amount).__name__}")
    return str(amount)
