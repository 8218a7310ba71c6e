"""Observers of calls, where the host has any: `libagentid.tracing` makes spans of them. Nothing here imports its package."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from ._errors import Denied

if TYPE_CHECKING:
    from ._call import Call
    from ._decision import Decision
    from ._identity import Identity


class Span(Protocol):
    """The observer of one call. It ends once: with `denied`, `failed` or `ended`, whichever is told first."""

    def permitted(self, decision: Decision, agent: Identity | None) -> None: ...
    def sent(self, agent: Identity) -> None: ...
    def denied(self, denied: Denied) -> None: ...
    def failed(self, error: BaseException) -> None: ...
    def ended(self, outcome: str) -> None: ...
    def enter(self) -> object: ...
    def leave(self, token: object) -> None: ...
    @property
    def traceparent(self) -> str | None: ...


tracer: Callable[[str, bool], Span] | None = None
"""Makes the span of a call of a tool that is decided here (False), or at another end (True); None: nobody observes calls."""


def traced(tool: str | Callable[[], str], begin: Callable[[], Call], agent: Identity | None = None) -> Call:
    """Begins a call in a span of its own, from before its decision on. What the span raises ends the call."""
    if tracer is None:
        return begin()
    span = tracer(tool if isinstance(tool, str) else tool(), False)
    try:
        call = begin()
    except Denied as denied:
        span.denied(denied)
        raise
    except BaseException as error:
        span.failed(error)
        raise
    try:
        span.permitted(call.decision, agent)
    except BaseException:
        call._undo()  # pyright: ignore[reportPrivateUsage]
        raise
    call._span = span  # pyright: ignore[reportPrivateUsage]
    return call


def named(span: Span | None, outcome: str) -> str:
    """An outcome as the audit log is to have it: with the name of its span. One that is too long stays so, and is refused."""
    traceparent = None if span is None else span.traceparent
    if traceparent is None or len(outcome.encode("utf-8", "replace")) > 1024:
        return outcome
    return f"{outcome.encode()[:900].decode(errors='ignore')} traceparent={traceparent[:64]}"
