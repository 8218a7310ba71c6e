"""Random constraints: ones that a known value satisfies, narrower ones that it still satisfies, and arbitrary ones."""

from __future__ import annotations

import random
from collections.abc import Callable

import values
from aat02 import jcs
from aat02.constraints import satisfies
from aat02.strictjson import JSON, Number
from model import Object, json, tree

Plain = dict[str, JSON]
SMALL: list[JSON] = [
    "a",
    "b",
    Number("0"),
    Number("1"),
    Number("2"),
    Number("1.0"),
    Number("-0"),
    None,
    True,
    [],
    ["a"],
    [Number("1"), "a"],
]


def constraint(kind: str, **members: JSON) -> Plain:
    return {"constraint_type": kind, **members}


def fitting(rng: random.Random, value: JSON, depth: int = 2) -> Plain:
    """One that the value satisfies."""
    kinds = ["one_of", "not_one_of", "wildcard"]
    if not isinstance(value, list | dict):
        kinds.append("exact")
    if isinstance(value, Number):
        kinds += ["range", "range", "range"]
    if isinstance(value, list):
        kinds += ["contains", "contains", "subset", "subset"]
    if depth:
        kinds += ["all", "any"]
    kind = rng.choice(kinds)
    match kind:
        case "one_of":
            return constraint(kind, values=shuffled(rng, [values.respelled(rng, value), *some(rng)]))
        case "not_one_of":
            return constraint(kind, excluded=without(some(rng), value))
        case "exact":
            return constraint(kind, value=values.respelled(rng, value))
        case "range":
            assert isinstance(value, Number)
            return fitting_range(rng, value)
        case "contains":
            assert isinstance(value, list)
            return constraint(kind, required=chosen(rng, value))
        case "subset":
            assert isinstance(value, list)
            return constraint(kind, allowed=shuffled(rng, [*value, *some(rng)]))
        case "all":
            return constraint(kind, constraints=[fitting(rng, value, depth - 1) for _ in range(rng.randint(1, 3))])
        case "any":
            others: list[JSON] = [arbitrary(rng, depth - 1) for _ in range(rng.randint(0, 2))]
            return constraint(kind, constraints=shuffled(rng, [fitting(rng, value, depth - 1), *others]))
        case _:
            return constraint("wildcard")


def fitting_range(rng: random.Random, value: Number) -> Plain:
    found = constraint("range")
    for name, sign in (("min", -1), ("max", 1)):
        if rng.random() < 0.3:
            continue
        bound = rng.choice([value, values.number(rng)])
        if (bound.double() - value.double()) * sign < 0:
            bound = value
        found[name] = values.spelled(rng, bound)
        if rng.random() < 0.5:
            found[name + "_inclusive"] = bound.double() == value.double() or rng.random() < 0.5
    return found


def narrowed(rng: random.Random, parent: Plain, value: JSON) -> Plain:
    """One that the parent subsumes by the table of section 4.5, and that the value still satisfies if it satisfied the parent."""
    kind = parent["constraint_type"]
    fits = satisfies(parent, value)
    match kind:
        case "wildcard":
            return fitting(rng, value)
        case "exact":
            return constraint("exact", value=values.respelled(rng, parent["value"]))
        case "range" if fits:
            return narrowed_range(rng, parent, value)
        case "one_of" if fits:
            if not isinstance(value, list | dict) and rng.random() < 0.3:
                return constraint("exact", value=values.respelled(rng, value))
            return constraint("one_of", values=shuffled(rng, [value, *chosen(rng, array(parent, "values"))]))
        case "not_one_of":
            return constraint("not_one_of", excluded=[*array(parent, "excluded"), *without(some(rng), value)])
        case "contains" if fits and isinstance(value, list):
            return constraint("contains", required=shuffled(rng, [*array(parent, "required"), *chosen(rng, value)]))
        case "subset" if fits and isinstance(value, list):
            return constraint("subset", allowed=shuffled(rng, [*value, *chosen(rng, array(parent, "allowed"))]))
        case "all":
            below: list[JSON] = [narrowed(rng, clause, value) for clause in clauses(parent)]
            more: list[JSON] = [fitting(rng, value, 1) for _ in range(rng.choice([0, 0, 1]))] if fits else []
            return constraint("all", constraints=shuffled(rng, [*below, *more]))
        case "any":
            kept = [clause for clause in clauses(parent) if satisfies(clause, value) or rng.random() < 0.5]
            return constraint("any", constraints=[narrowed(rng, clause, value) for clause in kept]) if kept else dict(parent)
        case _:
            return dict(parent)


def narrowed_range(rng: random.Random, parent: Plain, value: JSON) -> Plain:
    assert isinstance(value, Number)
    if rng.random() < 0.25:
        return constraint("exact", value=values.respelled(rng, value))
    found = dict(parent)
    for name in ("min", "max"):
        match rng.choice(["keep", "tighten", "spell"]):
            case "tighten":
                found[name] = values.spelled(rng, value)
                found[name + "_inclusive"] = True
            case "spell" if isinstance(bound := found.get(name), Number):
                found[name] = values.spelled(rng, bound)
            case _:
                pass
    return found


def arbitrary(rng: random.Random, depth: int = 2) -> Plain:
    """Any constraint over few values, so that two of them often meet."""

    def small() -> list[JSON]:
        return [rng.choice(SMALL) for _ in range(rng.choice([0, 1, 1, 2, 3]))]

    def a_range() -> Plain:
        low, high = sorted(rng.choices(["-1", "0", "1", "1.0", "1e0", "2", "3"], k=2), key=float)
        found = constraint("range")
        for name, bound in (("min", low), ("max", high)):
            if rng.random() < 0.7:
                found[name] = Number(bound)
                if rng.random() < 0.5:
                    found[name + "_inclusive"] = rng.random() < 0.5
        return found

    def nested(kind: str) -> Callable[[], Plain]:
        return lambda: constraint(kind, constraints=[arbitrary(rng, depth - 1) for _ in range(rng.choice([1, 1, 2, 3]))])

    makers: list[Callable[[], Plain]] = [
        lambda: constraint("exact", value=rng.choice(SMALL[:9])),
        a_range,
        a_range,
        lambda: constraint("one_of", values=small() or ["a"]),
        lambda: constraint("not_one_of", excluded=small()),
        lambda: constraint("contains", required=small()),
        lambda: constraint("subset", allowed=small()),
        lambda: constraint("wildcard"),
        *([nested("all"), nested("any"), nested("any")] if depth else []),
    ]
    return rng.choice(makers)()


def array(of: Plain, member: str) -> list[JSON]:
    found = of[member]
    assert isinstance(found, list)
    return found


def clauses(of: Plain) -> list[Plain]:
    return [clause for clause in array(of, "constraints") if isinstance(clause, dict)]


def mentioned(of: Plain) -> list[JSON]:
    """Every value within: the ones that a constraint speaks of are the ones to try on it."""
    found: list[JSON] = []
    for here in every(of):
        for member, value in here.items():
            if member in ("value", "min", "max", "required", "allowed"):
                found.append(json(value))
            if member in ("values", "excluded") and isinstance(value, list):
                found += [json(element) for element in value]
    return found


def some(rng: random.Random) -> list[JSON]:
    return [values.value(rng, 1) for _ in range(rng.choice([0, 1, 2, 3]))]


def chosen(rng: random.Random, among: list[JSON]) -> list[JSON]:
    return [values.respelled(rng, value) for value in among if rng.random() < 0.5]


def without(among: list[JSON], value: JSON) -> list[JSON]:
    return [other for other in among if not jcs.same(other, value)]


def shuffled(rng: random.Random, among: list[JSON]) -> list[JSON]:
    rng.shuffle(among)
    return among


def every(within: object) -> list[Object]:
    """Each constraint within, nested ones as well."""
    found: list[Object] = []
    pending = [tree(within)]
    while pending:
        here = pending.pop()
        if isinstance(here, dict):
            found += [here] if "constraint_type" in here else []
            pending += list(here.values())
        elif isinstance(here, list):
            pending += here
    return found
