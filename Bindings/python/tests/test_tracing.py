"""Spans of guarded calls, in the SDK of OpenTelemetry: of tools, of calls as objects, of requests over HTTP."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import libagentid
import pytest
from http_world import ROUTES, proven, serving, through_asgi, through_wsgi
from libagentid import tracing
from libagentid.http import asgi, wsgi
from libagentid.http._client import Presenter
from libagentid.tools import acting, current_call, guarded
from life import CALL, left_out, open_authority, start

try:
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
except ImportError:
    left_out("opentelemetry-sdk is not installed")


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
    assert outcomes == [f"succeeded traceparent={name_of(permitted)}"]


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


def test_a_call_as_an_object_is_a_span_however_it_ends(tmp_path: Path, spans: Any) -> None:
    exporter, provider = spans

    def inside() -> None:
        with provider.get_tracer("tool").start_as_current_span("inside"):
            pass

    async def waits(agent: libagentid.Agent) -> None:
        async with agent.call(*CALL):
            inside()

    with open_authority(tmp_path / "acme") as acme, start(acme) as agent, acme.guard(audience="files") as guard:
        with agent.call(*CALL):
            inside()
        asyncio.run(waits(agent))
        agent.call(*CALL).commit("read 17 bytes")
        agent.call(*CALL).abort()
        with pytest.raises(ZeroDivisionError), agent.call(*CALL):
            raise ZeroDivisionError("secret")
        agent.call_permitted(agent.authorize(*CALL)).commit()
        with guard.call(*CALL, chain=agent.chain, proof=agent.prove(*CALL, audience="files")) as call:
            call.commit("by itself", key="k")
            call.commit("by itself", key="k")
        with pytest.raises(libagentid.Error, match="outcome"), agent.call(*CALL) as call:
            call.commit("x" * 1025)
        agent.call(*CALL).close()
        with pytest.raises(libagentid.Denied):
            agent.call("read_file", {"path": "/etc/secret"})
        with pytest.raises(TypeError):
            guard.call(*CALL)  # type: ignore[call-overload]
        acme.integrate()
        found = exporter.get_finished_spans()
        calls = [span for span in found if span.name != "inside"]
        assert [span.parent.span_id for span in found if span.name == "inside"] == [each.context.span_id for each in calls[:2]]
        outcomes = [entry["outcome"] for entry in entries(tmp_path) if entry["kind"] == "outcome"]
        assert {span.attributes["agentid.agent"] for span in calls[:-1]} == {agent.id}
    said = ["succeeded", "succeeded", "read 17 bytes", "failed", "failed: ZeroDivisionError", "succeeded", "by itself",
            "failed: Error", "failed: closed without an outcome", None, None]  # fmt: skip
    assert [span.attributes.get("agentid.outcome") for span in calls] == said
    recorded = [span for span in calls if span.attributes.get("agentid.outcome") not in (None, said[-3])]
    assert outcomes == [f"{span.attributes['agentid.outcome']} traceparent={name_of(span)}" for span in recorded]
    assert (calls[-2].attributes["agentid.reason"], calls[-1].status.description) == ("argument_constraint_violated", "TypeError")
    assert "secret" not in "".join(span.to_json() for span in calls)
    assert trace.get_current_span() is trace.INVALID_SPAN


def test_what_a_span_raises_ends_the_call_that_it_was_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spans: Any
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(tracing._Span, "permitted", broken)
    with open_authority(tmp_path / "acme") as acme, start(acme) as agent:
        with pytest.raises(ZeroDivisionError):
            agent.call(*CALL)
        acme.integrate()
        assert [entry["outcome"] for entry in entries(tmp_path) if entry["kind"] == "outcome"] == ["failed: interrupted"]


def test_a_strangers_tool_is_a_name_that_exporters_take(tmp_path: Path, spans: Any) -> None:
    with open_authority(tmp_path / "acme") as acme, start(acme) as agent, pytest.raises(libagentid.Denied):
        agent.call("\ud800" + "x" * 10_000, {})
    (span,) = spans[0].get_finished_spans()
    assert span.attributes["agentid.tool"] == "?" + "x" * 199 and span.to_json().encode()


def test_a_request_is_one_span_within_which_its_handler_runs(tmp_path: Path, spans: Any) -> None:
    exporter, provider = spans

    def inside() -> None:
        with provider.get_tracer("handler").start_as_current_span("inside"):
            pass

    async def of_asgi(scope: Any, receive: Any, send: Any) -> None:
        inside()
        await send({"type": "http.response.start", "status": 200 if scope["path"] != "/users/broken" else 500, "headers": []})
        await send({"type": "http.response.body", "body": b"x"})

    def of_wsgi(environ: Any, start: Any) -> Any:
        start("200 OK" if environ["PATH_INFO"] != "/users/broken" else "500 Broken", [])

        def parts() -> Iterator[bytes]:
            inside()
            yield b"x"

        return parts()

    with serving(tmp_path / "acme") as world:
        presenter = Presenter(world.agent, audience="files", routes=ROUTES)
        for made, own, through in ((asgi, of_asgi, through_asgi), (wsgi, of_wsgi, through_wsgi)):
            exporter.clear()
            app = made.GuardMiddleware(own, guard=world.guard, routes=ROUTES)  # type: ignore[arg-type]

            def ask(path: str, tool: str = "/users/7", app: Any = app, through: Any = through) -> int:
                return through(app, "GET", path, b"", list(proven(presenter, "GET", tool).items()))[0]

            assert [ask("/users/7"), ask("/users/broken", "/users/broken"), ask("/users/8"), ask("/health"), ask("/none")] == [
                200, 500, 401, 200, 403,
            ]  # fmt: skip
            found = exporter.get_finished_spans()
            asked = [span for span in found if span.name == "execute_tool get_user"]
            children = [span.parent.span_id for span in found if span.name == "inside" and span.parent]
            assert len(found) == 6, "none for a route that is exempt, or in no table"
            assert children == [span.context.span_id for span in asked[:2]]
            assert [span.attributes.get("agentid.outcome") for span in asked] == ["succeeded", "failed: status 500", None]
            assert [span.attributes["agentid.decision"] for span in asked] == ["permit", "permit", "deny"]
            assert (
                asked[2].attributes["agentid.reason"].startswith("pop_") and asked[1].status.description == "failed: status 500"
            )
            assert (
                asked[0].attributes["agentid.agent"] == world.agent.id and asked[0].attributes["gen_ai.tool.name"] == "get_user"
            )
            assert all("/users" not in span.to_json() for span in asked)
            world.acme.integrate()
            outcomes = [entry["outcome"] for entry in entries(tmp_path) if entry["kind"] == "outcome"]
            assert outcomes[-2:] == [f"{said} traceparent={name_of(span)}" for said, span in
                                     zip(("succeeded", "failed: status 500"), asked, strict=False)]  # fmt: skip
    assert trace.get_current_span() is trace.INVALID_SPAN


def test_a_handler_that_ends_its_call_ends_the_span_and_leaves_none_behind(tmp_path: Path, spans: Any) -> None:
    def app(environ: Any, start: Any) -> Any:
        call: Any = current_call()
        with call:
            call.commit("by the handler")
        start("200 OK", [])
        return [b"x"]

    with serving(tmp_path / "acme") as world:
        presenter = Presenter(world.agent, audience="files", routes=ROUTES)
        guarded = wsgi.GuardMiddleware(app, guard=world.guard, routes=ROUTES)
        through_wsgi(guarded, "GET", "/users/7", b"", list(proven(presenter, "GET", "/users/7").items()))
        assert trace.get_current_span() is trace.INVALID_SPAN
    (span,) = spans[0].get_finished_spans()
    assert span.attributes["agentid.outcome"] == "by the handler"


def test_an_outcome_that_cannot_be_recorded_ends_the_span_all_the_same(
    tmp_path: Path, spans: Any, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    def fails(*_: object) -> None:
        raise libagentid.Error(8, "audit_failed", "the disk is full", "", None)

    @guarded
    def read_file(path: str) -> str:
        return path

    monkeypatch.setattr(libagentid.Call, "_ends", fails)
    with open_authority(tmp_path / "acme") as acme, start(acme) as agent, acting(agent):
        read_file("/data/a.csv")
    (span,) = spans[0].get_finished_spans()
    assert span.attributes["agentid.outcome"] == "succeeded"


def test_no_tracing_package_is_imported_by_those_that_trace_nothing() -> None:
    code = "import sys, libagentid.tools, libagentid.http.asgi, libagentid.http.wsgi, libagentid.tracing\nprint([m for m in sys.modules if m.startswith('opentelemetry')])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def name_of(span: Any) -> str:
    of = span.context
    return f"00-{of.trace_id:032x}-{of.span_id:016x}-{of.trace_flags:02x}"


def entries(place: Path) -> list[Any]:
    with libagentid.Audit.open(place / "acme") as audit:
        return list(audit.entries())
