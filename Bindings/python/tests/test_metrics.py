"""Metrics and spans, in what hosts collect them with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import libagentid
import pytest
from libagentid import metrics, tracing
from libagentid.tools import acting, guarded
from life import CALL, left_out, open_authority, start

try:
    import prometheus_client
    from opentelemetry import trace
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
except ImportError:
    left_out("prometheus_client and opentelemetry-sdk are not installed")


def decide(acme: libagentid.Authority, agent: libagentid.Agent, guard: libagentid.Guard) -> None:
    agent.authorize(*CALL)
    assert not agent.check("read_file", {"path": "/etc/passwd"}).permitted
    guard.authorize(*CALL, chain=agent.chain, proof=agent.prove(*CALL, audience="files"))


def test_prometheus_gets_decisions_by_reason_of_every_guard(tmp_path: Path) -> None:
    with open_authority(tmp_path / "acme") as acme, start(acme) as agent, acme.guard(audience="files") as guard:
        decide(acme, agent, guard)
        registry = prometheus_client.CollectorRegistry()
        registry.register(metrics.Collector(authorities={"acme": acme}, guards={"files": guard}))  # pyright: ignore[reportArgumentType]
        value = registry.get_sample_value
        permitted = {"outcome": "permitted", "reason": "none"}
        assert value("agentid_decisions_total", {"guard": "files", **permitted}) == 1
        assert value("agentid_decisions_total", {"guard": "acme", **permitted}) == 1
        refused = {"guard": "acme", "outcome": "denied", "reason": "argument_constraint_violated"}
        assert value("agentid_decisions_total", refused) == 1
        assert value("agentid_agents", {"authority": "acme", "state": "active"}) == 1
        assert value("agentid_replay_used", {"authority": "acme"}) == 1
        assert b"user:alice" not in prometheus_client.generate_latest(registry)


def test_what_was_closed_is_left_out_and_the_rest_stays(tmp_path: Path) -> None:
    gone = open_authority(None)
    gone.close()
    with open_authority(tmp_path / "acme") as acme:
        found = metrics.Collector(authorities={"gone": gone, "acme": acme}).samples()
        assert {sample.labels["authority"] for sample in found if "authority" in sample.labels} == {"acme"}


def test_opentelemetry_observes_them(tmp_path: Path) -> None:
    reader = InMemoryMetricReader()
    with open_authority(tmp_path / "acme") as acme, start(acme) as agent, acme.guard(audience="files") as guard:
        decide(acme, agent, guard)
        metrics.observe(metrics.Collector(guards={"files": guard}), MeterProvider([reader]).get_meter("test"))
        collected: Any = reader.get_metrics_data()
        points = {
            metric.name: [(dict(point.attributes), point.value) for point in metric.data.data_points]
            for metric in collected.resource_metrics[0].scope_metrics[0].metrics
        }
    assert points["agentid_decisions"] == [({"guard": "files", "outcome": "permitted", "reason": "none"}, 1)]


@pytest.fixture
def spans() -> Any:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracing.trace_calls(provider)
    yield exporter, provider
    tracing.trace_calls(enabled=False)


def test_a_guarded_call_is_a_span_that_the_audit_log_leads_to(tmp_path: Path, spans: Any) -> None:
    exporter, provider = spans

    @guarded
    def read_file(path: str) -> str:
        with provider.get_tracer("tool").start_as_current_span("inside"):
            return path

    with open_authority(tmp_path / "acme") as acme, start(acme) as agent:
        with acting(agent):
            read_file("/data/secret.csv")
            with pytest.raises(libagentid.Denied):
                read_file("/etc/shadow")
        acme.integrate()
        outcomes = [entry["outcome"] for entry in entries(tmp_path) if entry["kind"] == "outcome"]
        permitted_id = agent.id
    inside, permitted, denied = exporter.get_finished_spans()
    assert inside.parent is not None and inside.parent.span_id == permitted.context.span_id
    assert permitted.name == "execute_tool read_file"
    assert permitted.attributes["agentid.decision"] == "permit" and permitted.attributes["agentid.agent"] == permitted_id
    assert denied.attributes["agentid.decision"] == "deny"
    assert denied.attributes["agentid.reason"] == "argument_constraint_violated"
    assert denied.attributes["agentid.agent"] == permitted_id and denied.status.status_code is trace.StatusCode.ERROR
    assert "shadow" not in denied.to_json() and "secret" not in permitted.to_json()
    parent = (
        f"traceparent=00-{permitted.context.trace_id:032x}-{permitted.context.span_id:016x}-{permitted.context.trace_flags:02x}"
    )
    assert outcomes == [f"succeeded {parent}"]


def test_a_tool_that_fails_is_a_failed_span_without_its_text(tmp_path: Path, spans: Any) -> None:
    @guarded
    def read_file(path: str) -> str:
        raise OSError(f"no {path}")

    with open_authority(tmp_path / "acme") as acme, start(acme) as agent, acting(agent):
        with pytest.raises(OSError):
            read_file("/data/secret.csv")
    (span,) = spans[0].get_finished_spans()
    assert span.attributes["agentid.outcome"] == "failed: OSError" and "secret" not in span.to_json()


def test_without_it_a_call_makes_no_span_and_an_outcome_has_no_parent(tmp_path: Path) -> None:
    @guarded
    def read_file(path: str) -> str:
        return path

    with open_authority(tmp_path / "acme") as acme, start(acme) as agent:
        with acting(agent):
            read_file("/data/a.csv")
        acme.integrate()
        assert [entry["outcome"] for entry in entries(tmp_path) if entry["kind"] == "outcome"] == ["succeeded"]


def entries(place: Path) -> list[Any]:
    with libagentid.Audit.open(place / "acme") as audit:
        return list(audit.entries())
