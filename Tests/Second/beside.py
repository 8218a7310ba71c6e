"""Constraints beside a given one: derived ones that the table of section 4.5 may or may not have, and steps that widen."""

from __future__ import annotations

import copy
import random

import values
from aat02.constraints import satisfies
from aat02.strictjson import Number
from model import Object, branch, tree
from scopes import SMALL, Plain, arbitrary, clauses, constraint, every, narrowed, without


def derived(rng: random.Random, parent: Plain) -> Plain:
    """Below the parent, one step beside it, below it only by its meaning, of its type, or arbitrary."""
    match rng.choice(["narrowed", "narrowed", "widened", "widened", "tempting", "tempting", "tempting", "alike", "arbitrary"]):
        case "narrowed":
            fitting_values = [value for value in SMALL if satisfies(parent, value)]
            return narrowed(rng, parent, rng.choice(fitting_values or SMALL))
        case "widened":
            found = copy.deepcopy(parent)
            widen(rng, rng.choice(every(found)))
            return found
        case "tempting":
            return tempting(rng, parent)
        case "alike":
            alike = (arbitrary(rng) for _ in range(20))
            return next((found for found in alike if found["constraint_type"] == parent["constraint_type"]), dict(parent))
        case _:
            return arbitrary(rng)


def tempting(rng: random.Random, parent: Plain) -> Plain:
    """Its values are mostly among the parent's, but what counts is the table of section 4.5."""
    among = [value for value in SMALL if satisfies(parent, value)] or SMALL
    picked = rng.sample(among, min(len(among), rng.choice([1, 1, 2])))
    options = [
        constraint("one_of", values=[*picked]),
        constraint("all", constraints=[{**parent}]),
        constraint("all", constraints=[{**parent}, arbitrary(rng, 1)]),
        constraint("any", constraints=[{**parent}]),
        constraint("not_one_of", excluded=without(SMALL, picked[0])),
        constraint("all", constraints=[constraint("wildcard")]),
        *(constraint("exact", value=value) for value in picked if not isinstance(value, list | dict)),
        *(constraint("range", min=value, max=value) for value in picked if isinstance(value, Number)),
        *(constraint("subset", allowed=value) for value in picked if isinstance(value, list)),
    ]
    if parent["constraint_type"] in ("all", "any"):
        options += [constraint("exact", value=value) for value in picked if not isinstance(value, list | dict)] * 3
        options += [{**clause} for clause in clauses(parent)] * 2
        options += [constraint(rng.choice(["all", "any"]), constraints=[{**rng.choice(clauses(parent))}])]
    return rng.choice(options)


LISTS = {
    "one_of": "values",
    "not_one_of": "excluded",
    "contains": "required",
    "subset": "allowed",
    "all": "constraints",
    "any": "constraints",
}


def widen(rng: random.Random, found: Object) -> None:
    """By one step, in place."""
    kind = found.get("constraint_type")
    member = LISTS.get(kind) if isinstance(kind, str) else None
    elements = found.get(member) if member else None
    if isinstance(elements, list) and rng.random() < 0.8:
        if kind in ("one_of", "subset", "any"):
            extra = arbitrary(rng, 1) if kind == "any" else rng.choice([values.value(rng, 1), rng.choice(SMALL)])
            elements.insert(rng.randrange(len(elements) + 1), tree(extra))
        elif elements:
            elements.pop(rng.randrange(len(elements)))
    elif kind == "range" and rng.random() < 0.8:
        loosen(rng, found)
    elif kind == "exact" and rng.random() < 0.8:
        value = found.get("value")
        found["value"] = (
            values.near(rng, value)
            if isinstance(value, Number)
            else values.confusable(rng, value)
            if isinstance(value, str)
            else None
        )
    else:
        optional: Object = {"optional": found["optional"]} if "optional" in found else {}
        found.clear()
        found.update({**branch(rng.choice([constraint("wildcard"), arbitrary(rng)])), **optional})


def loosen(rng: random.Random, found: Object) -> None:
    name, sign = rng.choice([("min", -1), ("max", 1)])
    bound = found.get(name)
    match rng.randrange(4):
        case 0:
            found.pop(name, None)
            found.pop(name + "_inclusive", None)
        case 1 if isinstance(bound, Number):
            found[name + "_inclusive"] = True
        case 2 if isinstance(bound, Number) and abs(bound.double()) < 2**53:
            found[name] = Number(repr(bound.double() + sign).removesuffix(".0"))
        case _ if isinstance(bound, Number):
            found[name] = values.near(rng, bound)
        case _:
            pass
