"""What the library tells is objects with attributes: those of its documents, no more and no fewer."""

from __future__ import annotations

import copy
import inspect
import json
import pickle
from collections.abc import Iterator
from pathlib import Path

import libagentid
import pytest
from libagentid import documents
from life import CALL, SCHEMAS, Store, check, open_authority, start, until

KINDS = [kind for kind in vars(documents).values() if inspect.isclass(kind) and issubclass(kind, documents.Document)]
KINDS.remove(documents.Document)
BY_SCHEMA = {
    "agent": documents.AgentRecord,
    "gone": documents.Gone,
    "profile": documents.Profile,
    "tombstone": documents.Tombstone,
    "usage": documents.UsageReport,
}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[type, documents.Document]]:
    """One document of each kind, from a life."""
    where: Path = tmp_path_factory.mktemp("records") / "acme"
    with open_authority(where) as acme:
        acme.add_provider("store", Store())
        acme.add_hook("fails", command=["/bin/false"], events=["created"], max_attempts=1)
        with start(acme) as agent, acme.guard(audience="files") as guard:
            decision = agent.authorize(*CALL)
            acme.acquire(decision, "store", "row", 60)
            until(lambda: acme.deliveries(dead=True))
            child = agent.spawn("reader", same_scope=True)
            identity, tombstone = child.id, child.end("done")
            acme.integrate()
            usage, numbers = acme.usage(), acme.statistics()
            found = [
                numbers, numbers.agents,
                usage, usage.profiles[0], usage.profiles[0].used[0],
                acme.agents()[0], acme.profiles()[0], acme.hooks()[0], acme.deliveries(dead=True)[0], acme.broker_leases()[0],
                guard.statistics(), acme.verify_gone(identity),
                libagentid.verify_tombstone("acme.example", acme.bundle(), tombstone),
            ]  # fmt: skip
            with libagentid.Audit.open(where) as log:
                found += [log.head(), log.find(decision.id), log.prove(0), log.consistency(1), log.verify()]
        found.append(documents.Finding({"place": "entry 1", "message": "not as it was signed"}))
        yield {type(document): document for document in found}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_attributes_are_the_members_of_the_document(told: dict[type, documents.Document], kind: type[documents.Document]) -> None:
    document, annotated = told[kind], set(inspect.get_annotations(kind)) - {"_names"}
    named = {document._names.get(name, name): name for name in kind.__slots__}  # pyright: ignore[reportPrivateUsage]
    assert set(kind.__slots__) == annotated, "typed is what there is"
    assert set(named) == set(document)
    for member, name in named.items():
        assert getattr(document, name) == document[member]


@pytest.mark.parametrize("schema", BY_SCHEMA)
def test_attributes_are_those_of_the_schema(told: dict[type, documents.Document], schema: str) -> None:
    kind = BY_SCHEMA[schema]
    assert set(kind.__slots__) == set(json.loads((SCHEMAS / f"{schema}.json").read_text())["properties"])
    check(schema, dict(told[kind]))


def test_a_record_is_a_mapping_that_nobody_writes_to(told: dict[type, documents.Document]) -> None:
    for document in told.values():
        name = type(document).__slots__[0]
        with pytest.raises(AttributeError):
            setattr(document, name, 1)
        with pytest.raises(AttributeError):
            delattr(document, name)
        with pytest.raises(AttributeError):
            document.mispelt = 1  # type: ignore[attr-defined]
        again = [copy.copy(document), copy.deepcopy(document), pickle.loads(pickle.dumps(document))]
        assert all(type(other) is type(document) and other == document for other in again)
        assert f"{name}=" in repr(document) and "the secret" not in repr(document)
    assert json.loads(json.dumps(told[documents.AgentRecord], default=dict)) == told[documents.AgentRecord]


def test_what_a_newer_library_tells_besides_is_kept() -> None:
    record = documents.BrokerLease({"id": "a", "newer": 1})
    assert (record.id, record["newer"], record.state) == ("a", 1, None)
    with pytest.raises(KeyError):
        record["state"]


def test_findings_have_attributes() -> None:
    members = {"sound": False, "size": 1, "archived": 0, "pending": 0, "findings": [{"place": "entry 0", "message": "m"}]}
    report = documents.AuditReport(members)
    assert (report.findings[0].place, report.findings[0].message) == ("entry 0", "m") and not report.sound
    assert pickle.loads(pickle.dumps(report)) == report == members
