"""Spans of guarded calls, where the host has opentelemetry-api.

A call that goes through `libagentid.tools`, which all integrations do, becomes a span with tool, agent, decision and reason,
never with an argument. It lasts until the tool's outcome is known, and a span that the tool makes is its child. The outcome in
the audit log ends with the span's `traceparent`, so that one leads to the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .tools import _call  # pyright: ignore[reportPrivateUsage]

if TYPE_CHECKING:
    from ._agent import Identity
    from ._decision import Decision
    from ._errors import Denied

__all__ = ["trace_calls"]


def trace_calls(tracer_provider: Any = None, *, enabled: bool = True) -> None:
    """Makes a span of each guarded call of this process from now on, by `tracer_provider` or the global one.

    `enabled=False` ends that. Raises `ImportError` without opentelemetry-api.
    """
    if not enabled:
        _call.tracer = None
        return
    from opentelemetry import trace

    tracer = trace.get_tracer("libagentid", tracer_provider=tracer_provider)
    _call.tracer = lambda tool: _Span(tracer, tool)


def _acting(document: Any) -> str | None:
    """The agent that made a call, by its decision's document."""
    return document["chain"][-1].get("agent") if document and document.get("chain") else None


class _Span(_call.Span):
    """One call."""

    def __init__(self, tracer: Any, tool: str) -> None:
        attributes = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": tool, "agentid.tool": tool}
        self._span = tracer.start_span(f"execute_tool {tool}", attributes=attributes)
        self._token: Any = None

    def permitted(self, decision: Decision, agent: Identity | None) -> None:
        self._set({"agentid.decision": "permit", "agentid.decision_id": decision.id, "agentid.policy": decision.policy})
        if agent is not None:
            self._set({"agentid.agent": agent.id})
            return
        self._set({"agentid.agent": _acting(decision.document)})

    def denied(self, denied: Denied) -> None:
        from opentelemetry.trace import Status, StatusCode

        self._set({
            "agentid.decision": "deny", "agentid.reason": denied.name, "agentid.rule": denied.rule,
            "agentid.decision_id": None if denied.decision is None else denied.decision.id,
            "agentid.agent": _acting(denied.document),
        })  # fmt: skip
        self._span.set_status(Status(StatusCode.ERROR, denied.name))
        self._span.end()

    def failed(self, error: BaseException) -> None:
        from opentelemetry.trace import Status, StatusCode

        # Only the type: the text may hold what the arguments held.
        self._span.set_status(Status(StatusCode.ERROR, type(error).__name__))
        self._span.end()

    def ended(self, outcome: str) -> None:
        from opentelemetry.trace import Status, StatusCode

        self._set({"agentid.outcome": outcome})
        if outcome.startswith("failed"):
            self._span.set_status(Status(StatusCode.ERROR, outcome))
        self._span.end()

    def enter(self) -> None:
        from opentelemetry import context, trace

        self._token = context.attach(trace.set_span_in_context(self._span))

    def leave(self) -> None:
        from opentelemetry import context

        if self._token is not None:
            context.detach(self._token)
            self._token = None

    @property
    def traceparent(self) -> str | None:
        of = self._span.get_span_context()
        return f"00-{of.trace_id:032x}-{of.span_id:016x}-{int(of.trace_flags):02x}" if of.is_valid else None

    def _set(self, attributes: dict[str, Any]) -> None:
        for name, value in attributes.items():
            if value is not None:
                self._span.set_attribute(name, value)
