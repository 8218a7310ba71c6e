"""One call of a tool: decided before it runs, its outcome recorded after. Only this module asks the library."""

# pyright: reportPrivateUsage=false
from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from contextvars import ContextVar, Token
from typing import TYPE_CHECKING, Any

from .._call import is_cancelled, running
from .._current import current_agent
from .._errors import Denied
from ._agents import scope_of
from ._defaults import Defaulted, unseen

if TYPE_CHECKING:
    from decimal import Decimal

    import libagentid
    from typing_extensions import Self

    from .._decision import Decision
    from .._guard import Guard
    from .._identity import Identity
    from .._spans import Span
    from ._defaults import Place

log = logging.getLogger("libagentid.tools")
EARLY = "closed early"
_now: ContextVar[Call | None] = ContextVar("agentid.call", default=None)


class Call:
    """A permitted call. Its `with` block, or `done` or `failed`, ends it once: its outcome is recorded, its budgets settled.

    Within the block a function decorated with `guarded` that is this very call is not decided again.
    """

    __slots__ = ("_before", "_call", "_current", "_entered", "_guard", "_turns", "agent", "arguments", "pauses", "tool")

    def __init__(
        self, tool: str, arguments: Mapping[str, Any], agent: Identity | None, call: libagentid.Call, guard: Guard | None = None
    ) -> None:
        self.tool, self.arguments, self.agent, self._guard = tool, arguments, agent, guard
        self._call, self._before, self._current = call, None, None
        self.pauses: type[BaseException] | tuple[()] = ()
        """The exceptions by which a framework pauses a call, to make it again later: the outcome is then `paused`."""
        self._turns = {"begin", "take", "end"}  # each is removed once, by one thread of all that try

    _before: Token[Call | None] | None
    _current: Token[Call | libagentid.Call | None] | None

    @property
    def decision(self) -> Decision:
        """The decision, which permits."""
        return self._call.decision

    @property
    def _span(self) -> Span | None:
        return self._call._span

    def cost(self, amounts: Mapping[str, str | int | Decimal] | None = None, /, **named: str | int | Decimal) -> None:
        """Tells what the call costs, as `libagentid.Call.cost`."""
        self._call.cost(amounts, **named)

    def labels(self, *names: str) -> None:
        """Adds labels to the call's task, as `libagentid.Call.labels`: call it before the result is used."""
        self._call.labels(*names)

    def done(self, outcome: str = "succeeded") -> None:
        """The tool ran; `outcome` in a few words, without values."""
        self._end(self._call.commit, outcome)

    def answered(self, result: Any, failed: Callable[[Any], bool]) -> Any:
        """A tool's answer, which may say itself that the tool failed."""
        if failed(result):
            self.failed("the tool says so")
        return result

    def failed(self, error: BaseException | str) -> None:
        """The tool raised, or says that it failed, in a few words. Of an exception only the type is recorded: its text may hold
        what the arguments held."""
        self._end(self._call.abort, f"failed: {error if isinstance(error, str) else type(error).__name__}")

    def _end(self, end: Callable[[str], None], outcome: str) -> None:
        if not self._has_turn("end"):
            return
        if self.agent is None and end == self._call.abort and is_cancelled():
            end, outcome = self._call.commit, EARLY
        outcome = outcome.encode("utf-8", "replace")[:1024].decode(errors="ignore")
        try:
            end(outcome)
        except Exception:  # the tool has run: to lose its result would have it run again
            log.exception("the outcome of a permitted call of %s could not be recorded", self.tool)
            self._call._told(outcome)

    def take(self, tool: str, arguments: Mapping[str, Any], guard: Guard | None = None) -> bool:
        """Whether this is the call of these arguments, by the agent that acts here, and by `guard` if that is given; once."""
        by_it = guard in (None, self._guard) and _acts_here() is self.agent
        return by_it and tool == self.tool and self.is_of(arguments) and "end" in self._turns and self._has_turn("take")

    def begin(self, tool: str) -> bool:
        """Whether this is the call that a framework says it begins now, by the tool's name; once.

        Whose it is does not matter: a framework begins in its own context, where the agent above may be the current one.
        """
        return tool == self.tool and "end" in self._turns and self._has_turn("begin")

    def _has_turn(self, turn: str) -> bool:
        try:
            self._turns.remove(turn)
        except KeyError:
            return False
        return True

    def is_of(self, arguments: Mapping[str, Any]) -> bool:
        """Whether these are the arguments that were decided."""
        return same_json(arguments, self.arguments)

    def __enter__(self) -> Self:
        self._before, self._current = _now.set(self), running.set(self)
        self._entered = None if self._span is None else self._span.enter()
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        _reset(_now, self._before)
        _reset(running, self._current)
        if self._span is not None:
            self._span.leave(self._entered)
        if isinstance(error, self.pauses):
            self._end(self._call.abort, "paused")  # it is made again, and costs then
        elif self.agent is None and error is not None and not isinstance(error, Exception):
            self.done(EARLY)  # its client, elsewhere, has gone: to hang up gives nothing back
        else:
            self.done() if error is None else self.failed(error)


def _acts_here() -> Identity | None:
    try:
        return current_agent()
    except LookupError:
        return None


def _reset(now: ContextVar[Any], before: Token[Any] | None) -> None:
    if before is None:
        return
    try:
        now.reset(before)
    except ValueError:  # left in another context, which never had it
        now.set(None)


def same_json(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two have the same members, whatever their order."""
    return _canonical(one) == _canonical(other)


def _canonical(arguments: Mapping[str, Any]) -> str:
    return json.dumps(arguments, sort_keys=True, default=repr)


def authorize(
    tool: str, arguments: Mapping[str, Any], *, agent: Identity | None = None, guard: Guard | None = None,
    presented: tuple[Any, Any] | None = None,
) -> Call:  # fmt: skip
    """Permits one call of the current agent, or of `agent`; raises `Denied`, which is logged, or `LookupError` without an agent.

    `guard`: the guard that decides, if not that of the authority in this process. `presented`: the chain and the proof
    received with a call from elsewhere, for `guard`. Arguments that come of `defaulted` are denied (`argument_missing`) where one
    was left out whose default is not known here, and that the agent's scope constrains.
    """
    try:
        if isinstance(arguments, Defaulted):
            if arguments.unknown:
                _seen(tool, arguments.unknown, current_agent() if agent is None else agent)
            arguments = dict(arguments)
        if presented is not None:
            if guard is None:
                raise TypeError("what was presented needs guard=")
            call = guard.call(tool, arguments, chain=presented[0], proof=presented[1])
        else:
            agent = current_agent() if agent is None else agent
            call = agent.call(tool, arguments) if guard is None else guard.call(tool, arguments, agent=agent)
    except Denied as denied:
        tell(denied, tool)
        raise
    return Call(tool, arguments, agent, call, guard)


def _seen(tool: str, unknown: tuple[Place, ...], agent: Identity) -> None:
    """Nothing that is not seen may be other than the agent's scope says."""
    place = unseen(unknown, scope_of(agent).get(tool) or {})
    if place is not None:
        name = ".".join(map(str, place))
        said = f"the argument {name} of {tool} must be given: the scope restricts it, and what the tool will see is not known"
        raise Denied(1, "argument_missing", said, f"arguments.{name}", None)


def current_call() -> Call | libagentid.Call:
    """The call of the guarded function, tool or request that runs, to tell its cost and labels.

    `LookupError` outside of one, and in tools of a framework whose hooks stand before and after a tool, and not around it.
    """
    call = running.get()
    if call is None:
        raise LookupError("no guarded call runs here, in this context: decorate the function with libagentid.tools.guarded")
    return call


def decided() -> Call | None:
    """The call that a framework's hook decided, and now makes."""
    return _now.get()


def taken(tool: str, arguments: Mapping[str, Any], guard: Guard | None) -> bool:
    """Whether a framework's hook has decided this very call, which is now made."""
    now = _now.get()
    return now is not None and now.take(tool, arguments, guard)


def tell(denied: Denied, tool: str) -> None:
    """Logs a denial for the operator: agent, principal, the domain whose word these are, reason, the decision's ID; no value."""
    document: Any = denied.document or {}
    chain: list[dict[str, Any]] = document.get("chain") or [{}]
    issuer: dict[str, Any] = document.get("issuer") or {}
    said = {
        "tool": tool, "reason": denied.name, "argument": denied.argument, "link": denied.link, "agent": chain[-1].get("agent"),
        "principal": chain[0].get("principal"), "task": chain[0].get("task"), "issuer": issuer.get("domain") or issuer.get("iss"),
        "decision": None if denied.decision is None else denied.decision.id,
    }  # fmt: skip
    log.warning("denied: %s", json.dumps({name: value for name, value in said.items() if value not in (None, "")}))
