"""Spans of guarded calls, where the host has opentelemetry-api.

Each call that is decided here becomes a span with tool, agent, decision and reason, never with an argument: `agent.call`,
`guard.call`, whatever goes through `libagentid.tools`, as all integrations do, and the requests that a guard over HTTP or gRPC
decides. It lasts until the outcome is known, and a span that the tool or the handler makes is its child. The outcome in the
audit log ends with the span's `traceparent`, so that one leads to the other.

A request that a client here proves is a span of the kind CLIENT, with tool, agent and outcome: its guard decides elsewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import _spans

if TYPE_CHECKING:
    from ._decision import Decision
    from ._errors import Denied
    from ._identity import Identity

__all__ = ["trace_calls"]


def trace_calls(tracer_provider: Any = None, *, enabled: bool = True) -> None:
    """Makes a span of each guarded call of this process from now on, by `tracer_provider` or the global one.

    `enabled=False` ends that. Raises `ImportError` without opentelemetry-api. Decisions alone (`authorize`, `check`) have none.
    """
    if not enabled:
        _spans.tracer = None
        return
    from opentelemetry import trace

    tracer = trace.get_tracer("libagentid", tracer_provider=tracer_provider)
    _spans.tracer = lambda tool, is_client: _Span(tracer, tool, is_client)


def _acting(document: Any) -> str | None:
    """The agent that made a call, by its decision's document."""
    return document["chain"][-1].get("agent") if document and document.get("chain") else None


class _Span(_spans.Span):
    """One call."""

    def __init__(self, tracer: Any, tool: str, is_client: bool) -> None:
        from opentelemetry.trace import SpanKind

        # A tool's name may be a stranger's: no exporter is to stumble over it.
        tool = tool[:200].encode("utf-8", "replace").decode()
        attributes = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": tool, "agentid.tool": tool}
        kind = SpanKind.CLIENT if is_client else SpanKind.INTERNAL
        self._span = tracer.start_span(f"execute_tool {tool}", kind=kind, attributes=attributes)
        self._is_ended = False

    def permitted(self, decision: Decision, agent: Identity | None) -> None:
        acting = _acting(decision.document) if agent is None else agent.id
        self._set({
            "agentid.decision": "permit", "agentid.decision_id": decision.id, "agentid.policy": decision.policy,
            "agentid.agent": acting,
        })  # fmt: skip

    def sent(self, agent: Identity) -> None:
        self._set({"agentid.agent": agent.id})

    def denied(self, denied: Denied) -> None:
        self._set({
            "agentid.decision": "deny", "agentid.reason": denied.name, "agentid.rule": denied.rule,
            "agentid.decision_id": None if denied.decision is None else denied.decision.id,
            "agentid.agent": _acting(denied.document),
        })  # fmt: skip
        self._end(denied.name)

    def failed(self, error: BaseException) -> None:
        # Only the type: the text may hold what the arguments held.
        self._end(type(error).__name__)

    def ended(self, outcome: str) -> None:
        if not self._is_ended:
            self._set({"agentid.outcome": outcome})
            self._end(outcome if outcome.startswith("failed") else None)

    def _end(self, failure: str | None) -> None:
        from opentelemetry.trace import Status, StatusCode

        if self._is_ended:
            return
        self._is_ended = True
        if failure is not None:
            self._span.set_status(Status(StatusCode.ERROR, failure))
        self._span.end()

    def enter(self) -> object:
        from opentelemetry import context, trace

        return context.attach(trace.set_span_in_context(self._span))

    def leave(self, token: Any) -> None:
        from opentelemetry import context

        context.detach(token)

    @property
    def traceparent(self) -> str | None:
        of = self._span.get_span_context()
        return f"00-{of.trace_id:032x}-{of.span_id:016x}-{int(of.trace_flags):02x}" if of.is_valid else None

    def _set(self, attributes: dict[str, Any]) -> None:
        for name, value in attributes.items():
            if value is not None:
                self._span.set_attribute(name, value)
