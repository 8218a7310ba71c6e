"""Metrics, in what hosts collect them with."""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import Any

import libagentid
import pytest
from libagentid import metrics
from life import CALL, left_out, open_authority, start, until

try:
    import prometheus_client
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader
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


def test_what_is_called_while_they_are_read_may_have_them_read() -> None:
    instruments: list[Any] = []

    class Meter:
        def create_observable_counter(self, name: str, callbacks: list[Any], description: str) -> None:
            instruments.extend(callbacks)

        create_observable_gauge = create_observable_counter

    class Handler(logging.Handler):
        asked = 0

        def emit(self, record: logging.LogRecord) -> None:
            if not self.asked:
                self.asked = 1
                instruments[0](None)

    gone = open_authority()
    gone.close()
    metrics.observe(metrics.Collector(authorities={"gone": gone}), Meter())
    handler = Handler()
    logging.getLogger("libagentid.metrics").addHandler(handler)
    try:
        reading = threading.Thread(target=lambda: instruments[-1](None), daemon=True)
        reading.start()
        until(lambda: not reading.is_alive())
    finally:
        logging.getLogger("libagentid.metrics").removeHandler(handler)
    assert handler.asked


def test_an_authority_of_asyncio_is_read_and_one_name_has_one_meaning(tmp_path: Path) -> None:
    with open_authority(tmp_path / "acme") as acme, start(acme) as agent, acme.guard(audience="files") as guard:
        decide(acme, agent, guard)
        plain = metrics.Collector(authorities={"acme": acme}, guards={"files": guard}).samples()
        behind = metrics.Collector(authorities={"acme": Sync(acme)}, guards={"files": Sync(guard)}).samples()  # pyright: ignore[reportArgumentType]
        assert behind == plain and plain
        with pytest.raises(ValueError, match="named 'acme'"):
            metrics.Collector(authorities={"acme": acme}, guards={"acme": guard})


class Sync:
    """Stands for an object of `libagentid.aio`: whatever is not `sync` would have to be awaited."""

    def __init__(self, sync: object) -> None:
        self.sync = sync
