"""Metrics of authorities and guards, for prometheus_client and OpenTelemetry where the host has them.

Numbers that the library keeps anyway, read when they are scraped: nothing is added to a decision. Labels have no names of agents,
tools or principals: there is no end to those, and the audit log has them. No latencies: time calls where you make them.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from ._errors import Error

if TYPE_CHECKING:
    from ._authority import Authority
    from ._guard import Guard

__all__ = ["Collector", "Sample", "observe"]

_log = logging.getLogger("libagentid.metrics")


class Sample(NamedTuple):
    """One number with its labels."""

    name: str
    kind: Literal["counter", "gauge"]
    help: str
    labels: Mapping[str, str]
    value: int


_FAMILIES: dict[str, tuple[Literal["counter", "gauge"], str]] = {
    "agentid_decisions": ("counter", "Decisions, by outcome and reason."),
    "agentid_unrecorded": ("counter", "Decisions that are not in the audit log."),
    "agentid_cached_chains": ("gauge", "Verified chains that are kept."),
    "agentid_replay_used": ("gauge", "Places for used proofs that are in use."),
    "agentid_replay_places": ("gauge", "Places for used proofs that there are at most."),
    "agentid_agents": ("gauge", "Agents in the registry, by standing."),
    "agentid_leases_lapsing_soon": ("gauge", "Live agents whose lease lapses within a minute."),
    "agentid_hook_deliveries_waiting": ("gauge", "Deliveries of hooks that wait."),
    "agentid_hook_deliveries_dead": ("gauge", "Deliveries of hooks that are not tried again."),
    "agentid_secrets_held": ("gauge", "Secrets that the broker holds for agents."),
    "agentid_secrets_releasing": ("gauge", "Secrets whose return is under way, or keeps failing."),
    "agentid_audit_entries": ("counter", "Entries of the audit log's tree."),
    "agentid_audit_waiting": ("gauge", "Lines of the audit log that are not integrated yet."),
    "agentid_audit_lag_seconds": ("gauge", "How long the oldest of them has been waiting."),
    "agentid_meters_used": ("gauge", "Places for rates and labels of the policy that are in use."),
    "agentid_meters_places": ("gauge", "Places for rates and labels of the policy that there are at most."),
}


def _sample(name: str, value: int | None, **labels: str) -> Iterator[Sample]:
    if value is not None:
        kind, text = _FAMILIES[name]
        yield Sample(name, kind, text, labels, value)


def _of_guard(name: str, found: Mapping[str, Any]) -> Iterator[Sample]:
    yield from _sample("agentid_decisions", found["permitted"], guard=name, outcome="permitted", reason="none")
    for reason, count in found["denied"].items():
        yield from _sample("agentid_decisions", count, guard=name, outcome="denied", reason=reason)
    yield from _sample("agentid_unrecorded", found["unrecorded"], guard=name)
    yield from _sample("agentid_cached_chains", found["cached_chains"], guard=name)


def _of_authority(name: str, found: Mapping[str, Any]) -> Iterator[Sample]:
    if found["guard"] is not None:
        yield from _of_guard(name, found["guard"])
    for state in ("active", "denied", "lapsed", "suspended", "parked", "ended"):
        yield from _sample("agentid_agents", found["agents"][state], authority=name, state=state)
    yield from _sample("agentid_leases_lapsing_soon", found["agents"]["lapsing_soon"], authority=name)
    for hook in found["hooks"]:
        yield from _sample("agentid_hook_deliveries_waiting", hook["waiting"], authority=name, hook=hook["name"])
        yield from _sample("agentid_hook_deliveries_dead", hook["dead"], authority=name, hook=hook["name"])
    yield from _sample("agentid_secrets_held", found["secrets"]["held"], authority=name)
    yield from _sample("agentid_secrets_releasing", found["secrets"]["releasing"], authority=name)
    audit, replay, meters = found["audit"], found["replay"], found["meters"]
    if audit is not None:
        since = audit["waiting_since_ms"] if audit["waiting"] else None
        lag = 0 if since is None else max(found["time_ms"] - since, 0) // 1000
        yield from _sample("agentid_audit_entries", audit["entries"], authority=name)
        yield from _sample("agentid_audit_waiting", audit["waiting"], authority=name)
        yield from _sample("agentid_audit_lag_seconds", lag, authority=name)
    if replay is not None:
        yield from _sample("agentid_replay_used", replay["remembered"], authority=name)
        yield from _sample("agentid_replay_places", replay["slots_at_most"], authority=name)
    if meters is not None:
        yield from _sample("agentid_meters_used", meters["used"], authority=name)
        yield from _sample("agentid_meters_places", meters["slots"], authority=name)


def _blocking(source: Any) -> Any:
    """Objects of `libagentid.aio` are read without an event loop."""
    return getattr(source, "sync", source)


class Collector:
    """The metrics of authorities and guards, by names that become labels.

        prometheus_client.REGISTRY.register(Collector(authorities={"acme": acme}, guards={"files": guard}))

    Those of `libagentid.aio` are taken as well. What cannot be read now, such as an authority that was closed, is
    logged and left out. Safe from any thread.
    """

    def __init__(
        self, *, authorities: Mapping[str, Authority] | None = None, guards: Mapping[str, Guard] | None = None
    ) -> None:  # fmt: skip
        self._authorities = {name: _blocking(one) for name, one in (authorities or {}).items()}
        self._guards = {name: _blocking(one) for name, one in (guards or {}).items()}
        # An authority's own guard goes by its name.
        for name in self._authorities.keys() & self._guards.keys():
            raise ValueError(
                f"an authority and a guard are both named {name!r}, and their metrics would be one: rename the guard"
            )

    def samples(self) -> list[Sample]:
        """All numbers as they are now."""
        found: list[Sample] = []
        sources: list[tuple[str, Any, Callable[[str, Mapping[str, Any]], Iterator[Sample]]]] = [
            *((name, authority, _of_authority) for name, authority in self._authorities.items()),
            *((name, guard, _of_guard) for name, guard in self._guards.items()),
        ]
        for name, source, read in sources:
            try:
                found += read(name, source.statistics())
            except (Error, ValueError):
                _log.warning("%s cannot be read", name, exc_info=True)
        return found

    def describe(self) -> Iterable[Any]:
        """For prometheus_client: which metrics there are, without reading them."""
        return self._families([])

    def collect(self) -> Iterable[Any]:
        """For prometheus_client: the metrics as they are now."""
        return self._families(self.samples())

    @staticmethod
    def _families(samples: list[Sample]) -> Iterator[Any]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        for name, (kind, text) in _FAMILIES.items():
            of = [sample for sample in samples if sample.name == name]
            labels = sorted({label for sample in of for label in sample.labels})
            family = (CounterMetricFamily if kind == "counter" else GaugeMetricFamily)(name, text, labels=labels)
            for sample in of:
                family.add_metric([sample.labels.get(label, "") for label in labels], sample.value)
            yield family


def observe(collector: Collector, meter: Any = None) -> None:
    """Makes the metrics of a collector instruments of OpenTelemetry, of `meter` or of the global provider's."""
    from opentelemetry import metrics

    meter = metrics.get_meter("libagentid") if meter is None else meter
    read_at, kept = 0.0, list[Sample]()

    def samples() -> list[Sample]:
        # Each instrument is asked on its own: one reading is good for all of them. Not under a lock: what is called meanwhile,
        # a handler of the log or of a signal, may ask as well.
        nonlocal read_at, kept
        if time.monotonic() - read_at > 1 or not kept:
            read_at, kept = time.monotonic(), collector.samples()
        return kept

    def reader(name: str) -> Callable[[Any], list[Any]]:
        def read(_: Any) -> list[Any]:
            return [metrics.Observation(sample.value, dict(sample.labels)) for sample in samples() if sample.name == name]

        return read

    for name, (kind, text) in _FAMILIES.items():
        make = meter.create_observable_counter if kind == "counter" else meter.create_observable_gauge
        make(name, callbacks=[reader(name)], description=text)
