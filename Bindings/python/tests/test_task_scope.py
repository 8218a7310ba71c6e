"""The part of a ceiling that a person's own words name: always below it, and told why."""

from __future__ import annotations

import json
import random

import libagentid
import pytest
from jsonschema import Draft202012Validator
from libagentid import Scope, ScopeError
from life import SCHEMAS

PINS = {
    "send_email": {"arguments": {"recipients": "address:people[]", "cc": "address:people[]?"}, "words": ["send", "mail*"]},
    "get_page": {"arguments": {"url": "url"}},
    "pay": {"arguments": {"to": "account", "amount": "amount"}},
}
PEOPLE = {"people": {"Ann Lee": "ann@acme.example", "the board": ["a@acme.example", "b@acme.example"]}}


def test_only_what_is_named_is_permitted() -> None:
    task = Scope("send_email; get_page; pay; search").for_task("Mail Ann Lee about www.acme.example", PINS, PEOPLE)
    assert task.scope.permits("send_email", {"recipients": ["ann@acme.example"], "body": "x", "cc": None})
    assert not task.scope.permits("send_email", {"recipients": ["ann@acme.example"], "cc": ["eve@evil.example"]})
    assert task.scope.permits("get_page", {"url": "https://www.acme.example/a"})
    assert not task.scope.permits("get_page", {"url": "https://evil.example/"})
    assert not task.scope.permits("pay", {"to": "DE89370400440532013000", "amount": 1})
    assert task.scope.permits("search", {"query": "x"})
    assert [(one["tool"], one["reason"]) for one in task.document["left_out"]] == [("pay", "not_named")]
    assert task.document["unpinned"] == ["search"]
    pins = {(pin["tool"], pin["argument"]): pin for pin in task.document["pins"]}
    assert pins["send_email", "recipients"]["named"] == [{"text": "Ann Lee", "byte": 5}]
    assert pins["send_email", "recipients"]["values"] == ["ann@acme.example"]


def test_a_callback_fills_the_directory() -> None:
    asked: list[str] = []

    def directory(prompt: str) -> dict[str, dict[str, list[str]]]:
        asked.append(prompt)
        return {"people": {"everybody": ["a@acme.example", "b@acme.example"]}}

    task = Scope("send_email").for_task("Send everybody the plan", PINS, directory)
    assert asked == ["Send everybody the plan"]
    assert task.scope.permits("send_email", {"recipients": ["b@acme.example"]})


def test_the_documents_are_what_the_schemas_say() -> None:
    task = Scope("send_email; get_page; pay; search").for_task("Mail the board", PINS, PEOPLE)
    for name, document in [("task-pins", PINS), ("task-directory", PEOPLE), ("task-scope", task.document)]:
        Draft202012Validator(json.loads((SCHEMAS / f"{name}.json").read_text())).validate(document)


def test_a_tasks_scope_is_below_its_ceiling() -> None:
    seed = random.randrange(1 << 32)
    print("seed", seed)
    source = random.Random(seed)
    words = ["send", "Ann Lee", "the board", "x@acme.example", "y@evil.example", "www.acme.example", "https://evil.example/a", "50",
             "DE89 3704 0044 0532 0130 00", "'", "@", "\u212a", "é@x.example"]  # fmt: skip
    recipients = ["*", "each(like '*@acme.example')", "subset of ['x@acme.example']", "all(each(like '*@acme.example'))"]
    amounts = ["*", "<= 100", "in [50, 60]", "all(<= 100)", "decimal <= '100'"]
    kept = 0
    for _ in range(500):
        ceiling = Scope(
            f"send_email(recipients {source.choice(recipients)}, cc? {source.choice(recipients)}, body?: *); get_page; "
            f"pay(to: *, amount {source.choice(amounts)})"
        )
        task = ceiling.for_task(" ".join(source.choices(words, k=source.randrange(9))), PINS, PEOPLE)
        assert task.scope <= ceiling
        kept += bool(str(task.scope))
    assert kept > 100


def test_what_is_misspelt_is_refused_with_its_place() -> None:
    with pytest.raises(ScopeError) as refused:
        Scope("pay").for_task("x", {"pay": {"arguments": {"to": "acount"}}})
    assert refused.value.name == "invalid_pins" and "pay.to" in str(refused.value)
    with pytest.raises(libagentid.Error):
        Scope("pay").for_task("x" * 65_537, PINS)
    with pytest.raises(ScopeError):
        Scope("pay").for_task("x", PINS, {"people": []})  # pyright: ignore[reportArgumentType]
