"""The public interface as a whole: what waits is called, what is absent is None, every result has a type, foreign types are refused."""

from __future__ import annotations

import inspect
import json
import pickle
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import libagentid
import pytest
from libagentid import aio, documents, types
from life import ALICE, CALL, SCHEMAS, SCOPE, Store, open_authority, start

CLASSES = [kind for name, kind in vars(libagentid).items() if name in libagentid.__all__ and inspect.isclass(kind)]
# Answered from the memory of this process; what reads a file, or asks the registry, is a method.
PROPERTIES = {
    "Agent": {"chain", "chain_reference", "credential", "expires", "id", "public_key", "scope"},
    "Decision": {"permitted", "approval", "document", "id", "left", "policy", "reason", "retry_after", "rule"},
    "Denied": {
        "approval",
        "argument",
        "category",
        "challenge",
        "document",
        "http_status",
        "left",
        "reason",
        "retry_after",
        "rule",
    },
    "Lease": {"secret"},
    "Provider": {"release_command"},
    "Scope": {"json"},
    "Signer": {"public_key"},
}


def members(kind: type) -> Iterator[tuple[str, Any]]:
    for name, member in inspect.getmembers(kind):
        if not name.startswith("_"):
            yield name, member


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_a_property_asks_no_file_and_no_registry(kind: type) -> None:
    assert {name for name, member in members(kind) if isinstance(member, property)} == PROPERTIES.get(kind.__name__, set())


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_what_is_public_is_documented_and_says_what_it_returns(kind: type) -> None:
    for name, member in members(kind):
        function = member.fget if isinstance(member, property) else inspect.unwrap(getattr(member, "__func__", member))
        if inspect.isfunction(function) and function.__module__.startswith("libagentid"):
            assert function.__doc__, f"{kind.__name__}.{name}"
            returned = function.__annotations__["return"]
            assert (returned != "Any" and not returned.startswith("dict[str, Any]")) or name in ("json", "policy"), (
                f"{kind.__name__}.{name}"
            )
            for parameter in inspect.signature(function).parameters.values():
                assert parameter.default != "", f"{kind.__name__}.{name}: {parameter.name} is absent as None"


def test_what_is_awaited_is_what_is_called() -> None:
    for of in ("Authority", "Agent", "Guard", "Audit"):
        ours, theirs = dict(members(getattr(libagentid, of))), dict(members(getattr(aio, of)))
        assert set(ours) <= set(theirs), of


def test_absent_is_none(tmp_path: Path) -> None:
    with open_authority(tmp_path / "acme", audit="none") as acme, start(acme) as agent:
        decision = agent.authorize(*CALL)
        assert decision.reason is None and decision.id is None
        assert agent.spawn("offline", same_scope=True).credential is None
        ask = {"principal": ALICE, "task": "t", "scope": SCOPE}
        assert acme.issue("researcher", public_key(), **ask, credential=False)[1] is None
        with pytest.raises(libagentid.StateError, match="audit log"):
            acme.guard(audience="files").report(decision, "read 17 bytes")


def public_key() -> str:
    key = json.loads(libagentid.generate_key())
    return json.dumps({name: value for name, value in key.items() if name != "d"})


def test_a_scope_is_compared_with_scopes_alone() -> None:
    scope: Any = libagentid.Scope("read(path under '/data')")
    for wrong in ("read(path under '/data')", None, 1, {"read": {}}):
        for compare in (lambda a, b: a <= b, lambda a, b: a >= b, lambda a, b: b <= a, lambda a, b: a & b, lambda a, b: b & a):
            with pytest.raises(TypeError):
                compare(scope, wrong)
        assert scope != wrong


def test_the_scope_of_an_agent_is_a_scope(tmp_path: Path) -> None:
    with open_authority(tmp_path / "acme") as acme, start(acme) as agent:
        with agent.spawn("reader", "read_file(path under '/data/q3')") as reader:
            assert reader.scope <= agent.scope and not agent.scope <= reader.scope and "/data/q3" in str(reader.scope)


def test_a_secret_that_was_returned_is_not_read(tmp_path: Path) -> None:
    with open_authority(tmp_path / "acme") as acme, start(acme) as agent:
        acme.add_provider("store", Store())
        with acme.acquire(agent.authorize(*CALL), "store", "row", 60) as lease:
            acme.release(lease)
            acme.release(acme.broker_leases()[0] if acme.broker_leases() else lease.id)
            with pytest.raises(TypeError, match="process"):
                pickle.dumps(lease)
        with pytest.raises(ValueError, match="was returned"):
            print(lease.secret)


def test_a_path_is_said_once(tmp_path: Path) -> None:
    (tmp_path / "acme").mkdir(mode=0o777)
    (tmp_path / "acme").chmod(0o777)
    with pytest.raises(libagentid.Error) as told:
        open_authority(tmp_path / "acme")
    assert told.value.where == str(tmp_path / "acme") and str(told.value).count(told.value.where) == 1
    assert str(libagentid.Error(11, "file", "it is gone", "/a/b", None)) == "it is gone (/a/b)"
    assert str(libagentid.Error(2, "a", "no scope", "scope", None)) == "no scope (scope)"


@pytest.mark.parametrize(("kind", "schema"), [(types.Event, "event"), (types.DecisionDocument, "decision")])
def test_types_are_those_of_the_schemas(kind: Any, schema: str) -> None:
    said = json.loads((SCHEMAS / f"{schema}.json").read_text())
    assert kind.__required_keys__ == set(said["required"]) and set(typing.get_type_hints(kind)) == set(said["properties"])


def test_the_type_of_an_entry_has_every_member_of_the_schemas() -> None:
    said = json.loads((SCHEMAS / "audit.json").read_text())["$defs"]
    known = set(typing.get_type_hints(types.AuditEntry))
    assert {name for kind in ("decision", "outcome") for name in said[kind]["properties"]} <= known


def test_a_report_is_json_and_its_parts_have_attributes() -> None:
    report = documents.AuditReport(
        {"sound": False, "size": 1, "archived": 0, "pending": 0, "findings": [{"place": "entry 0", "message": "m"}]}
    )
    assert json.loads(json.dumps(dict(report)))["findings"] == [{"place": "entry 0", "message": "m"}]
    assert report.findings[0].place == "entry 0"
