"""Damage to what tokens permit: one constraint widened by a step, malformed, or the keys of a map changed."""

# ruff: noqa: E501 (tables, as they read best)

from __future__ import annotations

import random
from collections.abc import Callable

import beside
import scopes
import values
from aat02.strictjson import Number
from model import Case, Object, Part, Tree, tree

WILDCARD: Object = {"constraint_type": "wildcard"}


def entries(part: Part) -> list[Object]:
    details = part.claims.get("authorization_details") if isinstance(part.claims, dict) else None
    found = details if isinstance(details, list) else []
    return [entry for entry in found if isinstance(entry, dict) and entry.get("type") == "attenuating_agent_token"]


def maps(part: Part) -> list[Object]:
    """The constraint map of each tool."""
    tools = [entry.get("tools") for entry in entries(part)]
    return [rules for tool in tools if isinstance(tool, dict) for rules in tool.values() if isinstance(rules, dict)]


def a_map(rng: random.Random, case: Case) -> Object:
    return rng.choice([rules for part in case.parts for rules in maps(part)] or [{}])


def a_constraint(rng: random.Random, case: Case) -> Object:
    return rng.choice([found for part in case.parts for rules in maps(part) for found in scopes.every(rules)] or [{}])


def widen(rng: random.Random, case: Case) -> None:
    """One step, wherever it is: it shows in the next link, in the call, or nowhere."""
    found = a_constraint(rng, case)
    if found:
        beside.widen(rng, found)


def malform(rng: random.Random, case: Case) -> None:
    """A constraint that section 3.4 does not have."""
    found = a_constraint(rng, case)
    deep: Tree = {"constraint_type": "exact", "value": Number("1")}
    changes: list[Object] = [
        {"constraint_type": "no_such_type"}, {"constraint_type": "Exact"}, {"constraint_type": "exact "}, {"constraint_type": None}, {"constraint_type": ["exact"]},
        {"constraint_type": ""}, {"constraint_type": "range\u0000"}, {"constraint_type": "w\u0456ldcard"},
        {"note": "x"}, {"description": None}, {"Value": Number("1")}, {"min_inclusive": True}, {"max_inclusive": False}, {"min": None}, {"max": "1"},
        {"min": Number("5"), "max": Number("4")}, {"min_inclusive": None}, {"min_inclusive": Number("1"), "min": Number("0")}, {"min": Number("1e400")},
        {"min": Number("9007199254740993")}, {"value": []}, {"value": {}}, {"value": Number("9007199254740993")}, {"value": Number("0.10000000000000000001")},
        {"values": []}, {"values": None}, {"values": {}}, {"values": "a"}, {"values": [Number(rng.choice(values.INADMISSIBLE))]}, {"excluded": None},
        {"excluded": [[{"a": Number(rng.choice(values.INADMISSIBLE))}]]}, {"required": "a"}, {"allowed": {}}, {"constraints": []}, {"constraints": {}},
        {"constraints": [None]}, {"constraints": [[deep]]}, {"constraints": [{**WILDCARD, "optional": True}]}, {"constraints": [{**WILDCARD, "optional": False}]},
        {"constraints": [{"value": Number("1")}]}, {"optional": None}, {"optional": "true"}, {"optional": Number("1")}, {"optional": False}, {"optional": True},
        {"constraints": deep},
    ]  # fmt: skip
    change = rng.choice(changes)
    # Mostly where the member belongs, or it would only be strange.
    home = {
        "min": "range",
        "max": "range",
        "values": "one_of",
        "excluded": "not_one_of",
        "required": "contains",
        "allowed": "subset",
        "value": "exact",
    }
    kinds = [kind for member, kind in home.items() if member in change]
    if "constraints" in change:
        kinds = ["all", "any"]
    if kinds and rng.random() < 0.8:
        found.clear()
        found["constraint_type"] = rng.choice(kinds)
    found.update(change)


def deep(rng: random.Random, case: Case) -> None:
    """Nested to the recommended limit, or one more; an argument that nobody names may be optional."""
    depth = rng.choice([31, 32, 33])
    made: Object = dict(WILDCARD)
    for _ in range(depth - 1):
        made = {"constraint_type": rng.choice(["all", "any"]), "constraints": [made]}
    part = rng.choice(case.parts)
    for rules in maps(part):
        rules["deep"] = {**made, "optional": True}


def keys(rng: random.Random, case: Case) -> None:
    rules = a_map(rng, case)
    names = [*sorted(rules), rng.choice(values.NAMES), "*"]
    name = rng.choice(names)
    match rng.randrange(5):
        case 0:
            rules.pop(name, None)
        case 1:
            rules[name] = tree(scopes.arbitrary(rng, 1))
        case 2 if isinstance(rule := rules.get(name), dict):
            rule["optional"] = rng.choice([True, False])
        case 3:
            rules["*"] = rng.choice(
                [
                    {**WILDCARD},
                    {**WILDCARD, "optional": False},
                    {"constraint_type": "exact", "value": "a"},
                    None,
                    {},
                    {"constraint_type": "all", "constraints": [{**WILDCARD}]},
                ]
            )
        case _:
            old = rules.pop(name, None)
            rules[values.confusable(rng, name)] = old if old is not None else {**WILDCARD}


def tools(rng: random.Random, case: Case) -> None:
    entry = rng.choice([entry for part in case.parts for entry in entries(part)] or [{}])
    found = entry.get("tools")
    if not isinstance(found, dict):
        return
    names = [*sorted(found), "extra"]
    name = rng.choice(names)
    match rng.randrange(5):
        case 0:
            found.pop(name, None)
        case 1:
            found[name] = rng.choice([{}, {"*": {**WILDCARD}}, {"a": {**WILDCARD, "optional": True}}])
        case 2:
            found[name] = rng.choice([None, [], "x", True, Number("1")])
        case 3:
            entry["tools"] = rng.choice([None, [], {}, [found], "x"])
        case _:
            old = found.pop(name, None)
            found[values.confusable(rng, name)] = old if old is not None else {}


def details(rng: random.Random, case: Case) -> None:
    """The array around the entry."""
    part = rng.choice(case.parts)
    if not isinstance(part.claims, dict):
        return
    entry: Tree = dict(rng.choice(entries(part) or [{}]))
    other: Tree = {"type": "other", "tools": {}}
    part.claims["authorization_details"] = rng.choice(
        [[], [other], [entry, entry], [entry, other], [other, entry, other], entry, None, [entry, {}], [entry, {"type": None}], [entry, "x"], [None, entry],
         [[entry]], [{**entry, "locations": ["https://a"]}], [{**entry, "type": "ATTENUATING_AGENT_TOKEN"}], [{**entry, "type": ["attenuating_agent_token"]}],
         [entry, {"type": "attenuating_agent_token"}], [{"tools": {}, "type": "attenuating_agent_token"}], [{"type": "attenuating_agent_token"}]]
    )  # fmt: skip


Damage = Callable[[random.Random, Case], None]
KINDS: list[Damage] = [widen, widen, malform, malform, deep, keys, keys, tools, details]
