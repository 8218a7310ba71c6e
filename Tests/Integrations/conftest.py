"""What the tests of all integrations share: an authority, agents whose block is open while a test runs, ways to break a guard."""

import contextlib
import pathlib
import sys

sys.path[:0] = [str(pathlib.Path(__file__).parent), str(pathlib.Path(__file__).parents[2] / "Bindings/python")]

import libagentid
import pytest

CEILING = "read_file(path under '/data'); send_mail(to: *, body: *); search(query: *); boom; resources/read(uri: *); prompts/get(name: *)"
SCOPE = "read_file(path under '/data'); boom"


@pytest.fixture(scope="session")
def directory(tmp_path_factory):
    return tmp_path_factory.mktemp("authority") / "acme"


@pytest.fixture(scope="session")
def acme(directory):
    with libagentid.Authority.open(directory, trust_domain="acme.example") as opened:
        opened.put_profile("worker", owner="team:x@acme.example", ceiling=CEILING)
        yield opened


@pytest.fixture
def start(acme, request):
    """Starts an agent that is the current one until the test ends. No generator: a block would belong to it alone."""

    def start(scope=SCOPE):
        agent = acme.agent("worker", principal="user:alice@acme.example", task="T-1", scope=scope)
        agent.__enter__()
        request.addfinalizer(lambda: agent.__exit__(None, None, None))
        return agent

    return start


@pytest.fixture
def agent(start):
    return start()


@pytest.fixture
def own_world(tmp_path):
    """For tests that change it: an authority of the test's own, an agent of a scope, and the authority's directory."""
    with contextlib.ExitStack() as opened:

        def own_world(scope):
            directory = tmp_path / "acme"
            acme = opened.enter_context(libagentid.Authority.open(directory, trust_domain="acme.example"))
            acme.put_profile("web", owner="team:web@acme.example", ceiling=scope)
            return (
                acme,
                opened.enter_context(acme.agent("web", principal="user:alice@acme.example", task="t", scope=scope)),
                directory,
            )

        yield own_world


@pytest.fixture
def ran():
    """What tools put here when they run."""
    return []


class Broken(Exception):
    """What a part of the guard raises in a test."""


def raising(error):
    def broken(*_, **__):
        raise error

    return broken


BREAKS = {
    "the guard raises": lambda patch: patch.setattr(libagentid.Agent, "authorize", raising(Broken("guard"))),
    "the audit log is full": lambda patch: patch.setattr(
        libagentid.Agent,
        "authorize",
        raising(libagentid.Denied(1, "audit_unavailable", "the audit log cannot be written", "", None)),
    ),
    "the operator's log raises": lambda patch: (
        patch.setattr("libagentid.tools._call.tell", raising(Broken("log"))),
        patch.setattr(libagentid.Agent, "authorize", raising(libagentid.Denied(1, "expired", "expired", "", None))),
    ),
    "memory runs out": lambda patch: patch.setattr(libagentid.Agent, "authorize", raising(MemoryError())),
    "there is no agent": lambda patch: patch.setattr(
        "libagentid.tools._call.current_agent", raising(LookupError("no agent here"))
    ),
}


@pytest.fixture(params=list(BREAKS))
def broken(request, monkeypatch):
    """Breaks the guard in one way after the other: whatever it is, the tool must not run."""
    return lambda: BREAKS[request.param](monkeypatch)


@pytest.fixture
def outcomes(acme, directory):
    """The outcomes on record of one agent's calls."""

    def outcomes(agent):
        acme.integrate()
        with libagentid.Audit.open(directory) as log:
            entries = list(log.entries())
        own = [e["id"] for e in entries if e["kind"] == "decision" and str(e.get("agent")).startswith(agent.id)]
        told = {e["decision"]: e["outcome"] for e in entries if e["kind"] == "outcome"}
        return [told[each] for each in own if each in told]

    return outcomes


@pytest.fixture
def left_open(acme, directory):
    """The tools of one agent's permitted calls that have no outcome on record."""

    def left_open(agent):
        acme.integrate()
        with libagentid.Audit.open(directory) as log:
            entries = list(log.entries())
        told = {e["decision"] for e in entries if e["kind"] == "outcome"}
        own = [e for e in entries if e["kind"] == "decision" and str(e.get("agent")).startswith(agent.id)]
        return [e["tool"] for e in own if not e.get("reason") and e["id"] not in told]

    return left_open


@pytest.fixture
def spans(monkeypatch):
    """The spans that have ended, the first ended first, of the SDK of OpenTelemetry; what is called makes spans of its own by `tracer`."""
    monkeypatch.delenv("OTEL_SDK_DISABLED", raising=False)
    from libagentid import tracing
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracing.trace_calls(provider)

    def spans():
        return exporter.get_finished_spans()

    spans.tracer = provider.get_tracer("test")
    yield spans
    tracing.trace_calls(enabled=False)
