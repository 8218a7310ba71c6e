"""A policy with every kind of rule, and what becomes of it when one thing in it is changed."""

import copy
from collections.abc import Iterator
from typing import Any

EXAMPLE: dict[str, Any] = {
    "version": 3, "mode": "enforce", "labels": ["untrusted", "private", "secret", "reviewed"],
    "approvers": [
        {"name": "user:cfo@acme.example", "key": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
        {"name": "user:coo@acme.example", "key": "PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw"},
        {"name": "user:a", "key": "_FHNjmIYoaONpH7QAjDwWAgW7RO6MwOsXeuRFUiQgCU"},
    ],
    "rules": [
        {"id": "mail-rate", "match": "send_mail", "rate": {"calls": 10, "per": "1h", "burst": 5, "for": "task"}},
        {"id": "spend", "match": "pay(usd: *)",
         "budget": {"unit": "usd", "scale": 2, "cost": {"argument": "usd"}, "limit": "5.00", "per": "day", "for": "principal"}},
        {"id": "fee", "match": {"pay": {}}, "budget": {"unit": "usd", "cost": {"fixed": "0.01"}, "limit": "5.00"}},
        {"id": "web", "match": "web_fetch; read_inbox", "labels": {"adds": ["untrusted"], "for": "agent"}},
        {"id": "no-exfil", "match": "send_mail; web_post", "labels": {"refuses": ["untrusted & private"]}, "then": "suspend"},
        {"id": "deploy", "match": "deploy", "labels": {"requires": ["reviewed"], "forbids": ["secret"]}},
        {"id": "big", "match": "pay(usd decimal >= '1000')",
         "approval": {"of": ["user:cfo@acme.example", "user:coo@acme.example"], "need": 1, "within": "15m"}},
        {"id": "ask", "match": "wire", "rate": {"calls": 1, "per": "day"}, "then": "ask", "approval": {"of": ["user:a"]}},
        {"id": "astray", "anomaly": {"denials": 5, "per": "1m", "for": "agent"}, "then": "suspend"},
        {"id": "hands-off", "match": "delete_*", "hours": "Mon-Fri 08:00-18:00 UTC", "then": "deny"},
        {"id": "never", "match": "github.*", "then": "deny", "mode": "observe"},
    ],
}  # fmt: skip

# What takes the place of a value: other kinds of values, and those that are beyond what there may be.
OTHERS = [None, True, 0, -1, 1.5, 10**9 + 1, "", "x y", "none", "1y", "0h", "05", "1.", "x" * 65, [], ["a", "a"], {}, {"x": 1}]
ADDED = {"x": 1, "then": "deny", "match": "t", "rate": {"calls": 1, "per": "1h"}, "approval": {"of": ["user:a"]}, "fixed": "1"}


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where everything in a document stands."""
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield (*path, key)
        yield from places(value[key], (*path, key))


def mutated() -> Iterator[tuple[str, dict[str, Any]]]:
    """The example with one thing taken out, put in, or put in the place of another; and what that was."""
    for path in places(EXAMPLE):
        changes: list[tuple[str, Any]] = [(f"{other!r:.40} in its place", other) for other in OTHERS]
        for what, other in [("without it", ...), *changes]:
            document = copy.deepcopy(EXAMPLE)
            holder: Any = document
            for key in path[:-1]:
                holder = holder[key]
            if other is ...:
                del holder[path[-1]]
            else:
                holder[path[-1]] = other
            yield f"{path}: {what}", document
        for name, value in ADDED.items():
            document = copy.deepcopy(EXAMPLE)
            holder = document
            for key in path:
                holder = holder[key]
            if isinstance(holder, dict) and name not in holder:
                holder[name] = value
                yield f"{path}: and {name}", document
