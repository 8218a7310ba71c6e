"""One call of a tool: decided before it runs, its outcome recorded after. Only this module asks the library."""

# pyright: reportPrivateUsage=false
from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from contextvars import ContextVar, Token
from typing import TYPE_CHECKING, Any

from .._authority import Authority
from .._current import current_agent
from .._errors import Denied, Error

if TYPE_CHECKING:
    from typing_extensions import Self

    from .._agent import Identity
    from .._decision import Decision
    from .._guard import Guard

log = logging.getLogger("libagentid.tools")
_now: ContextVar[Call | None] = ContextVar("agentid.call", default=None)


class Call:
    """A permitted call. Its `with` block, or `done` or `failed`, records its outcome once.

    Within the block a function decorated with `guarded` that is this very call is not decided again.
    """

    __slots__ = ("_before", "_guard", "_is_begun", "_is_open", "_is_taken", "agent", "arguments", "decision", "pauses", "tool")

    def __init__(
        self, tool: str, arguments: Mapping[str, Any], agent: Identity | None, guard: Guard | None, decision: Decision
    ) -> None:  # fmt: skip
        self.tool, self.arguments, self.agent, self.decision = tool, arguments, agent, decision
        self._guard, self._before = guard, None
        self.pauses: type[BaseException] | tuple[()] = ()
        """The exceptions by which a framework pauses a call, to make it again later: the outcome is then `paused`."""
        self._is_open, self._is_taken, self._is_begun = True, False, False

    _before: Token[Call | None] | None

    def done(self, outcome: str = "succeeded") -> None:
        """The tool ran; `outcome` in a few words, without values."""
        if not self._is_open:
            return
        self._is_open = False
        try:
            identifier = self.decision.id
            reporter = self._guard or _reporter(self.agent)
            if identifier and reporter is not None:
                reporter.report(identifier, outcome.encode()[:1024].decode(errors="ignore"))
        except Exception:  # the tool has run: to lose its result would have it run again
            log.exception("the outcome of a permitted call of %s could not be recorded", self.tool)

    def answered(self, result: Any, failed: Callable[[Any], bool]) -> Any:
        """A tool's answer, which may say itself that the tool failed."""
        if failed(result):
            self.done("failed: the tool says so")
        return result

    def failed(self, error: BaseException) -> None:
        """The tool raised. Only the error's type is recorded: its text may hold what the arguments held."""
        self.done(f"failed: {type(error).__name__}")

    def take(self, tool: str, arguments: Mapping[str, Any]) -> bool:
        """Whether this is the call of these arguments, once."""
        if self._is_taken or not self._is_open or tool != self.tool or _canonical(arguments) != _canonical(self.arguments):
            return False
        self._is_taken = True
        return True

    def begin(self, tool: str) -> bool:
        """Whether this is the call that a framework says it begins now, by the tool's name; once."""
        if self._is_begun or not self._is_open or tool != self.tool:
            return False
        self._is_begun = True
        return True

    def __enter__(self) -> Self:
        self._before = _now.set(self)
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if self._before is not None:
            try:
                _now.reset(self._before)
            except ValueError:  # left in another context, which never had it
                _now.set(None)
        if isinstance(error, self.pauses):
            self.done("paused")
        else:
            self.done() if error is None else self.failed(error)


def _canonical(arguments: Mapping[str, Any]) -> str:
    return json.dumps(arguments, sort_keys=True, default=repr)


def authorize(
    tool: str, arguments: Mapping[str, Any], *, agent: Identity | None = None, guard: Guard | None = None,
    presented: tuple[Any, Any] | None = None,
) -> Call:  # fmt: skip
    """Permits one call of the current agent, or of `agent`; raises `Denied`, which is logged, or `LookupError` without an agent.

    `guard`: the guard that decides, if not that of the authority in this process. `presented`: the chain and the proof
    received with a call from elsewhere, for `guard`.
    """
    try:
        if presented is not None:
            if guard is None:
                raise TypeError("what was presented needs guard=")
            decision = guard.authorize(tool, arguments, chain=presented[0], proof=presented[1])
        else:
            agent = current_agent() if agent is None else agent
            decision = agent.authorize(tool, arguments) if guard is None else guard.authorize(tool, arguments, agent=agent)
    except Denied as denied:
        tell(denied, tool)
        raise
    return Call(tool, arguments, agent, guard, decision)


def taken(tool: str, arguments: Mapping[str, Any]) -> bool:
    """Whether a framework's hook has decided this very call, which is now made."""
    now = _now.get()
    return now is not None and now.take(tool, arguments)


def begun(tool: str) -> bool:
    """Whether a call that a framework begins was decided; once for each decision."""
    now = _now.get()
    return now is not None and now.begin(tool)


def tell(denied: Denied, tool: str) -> None:
    """Logs a denial for the operator: agent, principal, rule and the decision's ID; never a value."""
    document: Any = denied.document or {}
    chain: list[dict[str, Any]] = document.get("chain") or [{}]
    said = {
        "tool": tool, "reason": denied.name, "argument": denied.argument, "link": denied.link, "agent": chain[-1].get("agent"),
        "principal": chain[0].get("principal"), "task": chain[0].get("task"),
        "decision": None if denied.decision is None else denied.decision.id,
    }  # fmt: skip
    log.warning("denied: %s", json.dumps({name: value for name, value in said.items() if value not in (None, "")}))


def _reporter(agent: Identity | None) -> Guard | None:
    """The guard that records outcomes for an agent of an authority in this process; None without one, or without an audit log."""
    above: Any = agent
    while above is not None and not isinstance(above, Authority):
        above = getattr(above, "_needs", None) or getattr(above, "sync", None)
    if above is None:
        return None
    found: Guard | None = above.__dict__.get("_reporter")  # goes with the authority
    if found is None:
        try:
            found = above.__dict__["_reporter"] = above.guard(any_audience=True)
        except Error:
            log.exception("no guard could be made to record outcomes")
            return None
    return found
