"""The nine core constraint types: what is well-formed, and what a value satisfies (section 3.4)."""

from __future__ import annotations

from . import jcs
from .strictjson import JSON, Number

MAX_CONSTRAINT_DEPTH = 32

MEMBERS: dict[str, frozenset[str]] = {
    "exact": frozenset({"value"}),
    "range": frozenset({"min", "max", "min_inclusive", "max_inclusive"}),
    "one_of": frozenset({"values"}),
    "not_one_of": frozenset({"excluded"}),
    "contains": frozenset({"required"}),
    "subset": frozenset({"allowed"}),
    "wildcard": frozenset(),
    "all": frozenset({"constraints"}),
    "any": frozenset({"constraints"}),
}

Constraint = dict[str, JSON]
Map = dict[str, Constraint]


class Malformed(ValueError):
    """A constraint that is not well-formed, too deep or of an unknown type."""


def kind(constraint: Constraint) -> str:
    name = constraint["constraint_type"]
    assert isinstance(name, str)
    return name


def array(constraint: Constraint, member: str) -> list[JSON]:
    values = constraint[member]
    assert isinstance(values, list)
    return values


def clauses(constraint: Constraint) -> list[Constraint]:
    return [clause for clause in array(constraint, "constraints") if isinstance(clause, dict)]


def optional(constraint: Constraint) -> bool:
    return constraint.get("optional") is True


def read_map(value: dict[str, JSON]) -> Map:
    """Steps 3n and 4o for one tool; the map comes back normalized (section 3.3)."""
    read: Map = {}
    for name, constraint in value.items():
        check_form(constraint, top=True, depth=1)
        assert isinstance(constraint, dict)
        if name == "*" and (kind(constraint) != "wildcard" or "optional" in constraint):
            raise Malformed("* is not a bare wildcard")
        read[name] = constraint
    return read or {"*": {"constraint_type": "wildcard"}}


def check_form(value: JSON, *, top: bool, depth: int) -> None:
    if not isinstance(value, dict):
        raise Malformed("a constraint is not an object")
    name = value.get("constraint_type")
    if not isinstance(name, str) or name not in MEMBERS:
        raise Malformed(f"unknown constraint_type {name!r}")
    # Counted from the top, the deepest clause is as deep as the tree is (section 3.4).
    if depth > MAX_CONSTRAINT_DEPTH:
        raise Malformed("nested too deep")
    if strange := set(value) - MEMBERS[name] - {"constraint_type"} - ({"optional"} if top else set()):
        raise Malformed(f"{name} has {strange}")
    if not isinstance(value.get("optional", False), bool):
        raise Malformed("optional is not a boolean")
    match name:
        case "exact":
            if "value" not in value or isinstance(value["value"], list | dict):
                raise Malformed("value is not a scalar")
        case "range":
            check_range(value)
        case "one_of" | "not_one_of" | "contains" | "subset":
            (member,) = MEMBERS[name]
            values = value.get(member)
            if not isinstance(values, list) or (name == "one_of" and not values):
                raise Malformed(f"{member} is not an array, or empty")
        case "all" | "any":
            nested = value.get("constraints")
            if not isinstance(nested, list) or not nested:
                raise Malformed("constraints is not an array, or empty")
            for clause in nested:
                check_form(clause, top=False, depth=depth + 1)
            return
        case _:
            pass
    if not jcs.all_admissible(value):
        raise Malformed("a number is not admissible")


def check_range(value: Constraint) -> None:
    for bound in ("min", "max"):
        if bound in value and not isinstance(value[bound], Number):
            raise Malformed(f"{bound} is not a number")
        inclusive = bound + "_inclusive"
        if inclusive in value and (bound not in value or not isinstance(value[inclusive], bool)):
            raise Malformed(f"{inclusive} is not a boolean, or without its bound")
    low, high = value.get("min"), value.get("max")
    if isinstance(low, Number) and isinstance(high, Number) and low.double() > high.double():
        raise Malformed("min is greater than max")


def satisfies(constraint: Constraint, value: JSON) -> bool:
    """The `check` predicate, for a well-formed constraint and a value whose numbers are admissible."""
    match kind(constraint):
        case "exact":
            return jcs.same(constraint["value"], value)
        case "range":
            return isinstance(value, Number) and in_range(constraint, value.double())
        case "one_of":
            return jcs.canonical(value) in jcs.forms(array(constraint, "values"))
        case "not_one_of":
            return jcs.canonical(value) not in jcs.forms(array(constraint, "excluded"))
        case "contains":
            return isinstance(value, list) and jcs.forms(array(constraint, "required")) <= jcs.forms(value)
        case "subset":
            return isinstance(value, list) and jcs.forms(value) <= jcs.forms(array(constraint, "allowed"))
        case "wildcard":
            return True
        case "all":
            return all(satisfies(clause, value) for clause in clauses(constraint))
        case "any":
            return any(satisfies(clause, value) for clause in clauses(constraint))
        case other:
            raise AssertionError(other)


def bound(constraint: Constraint, name: str) -> tuple[float, bool] | None:
    """A bound and whether it is included."""
    value = constraint.get(name)
    return (value.double(), constraint.get(name + "_inclusive") is not False) if isinstance(value, Number) else None


def in_range(constraint: Constraint, value: float) -> bool:
    # Admissible numbers order as their doubles do: the shortest digits of a double lie in its own rounding interval.
    low, high = bound(constraint, "min"), bound(constraint, "max")
    above = low is None or value > low[0] or (low[1] and value == low[0])
    below = high is None or value < high[0] or (high[1] and value == high[0])
    return above and below


def permits(rules: Map, args: dict[str, JSON]) -> bool:
    """Step 6b, for a normalized map."""
    for name, value in args.items():
        # "*" does not name an argument: one literally named "*" is unnamed (section 3.3).
        rule = rules.get("*") if name == "*" else rules.get(name, rules.get("*"))
        if rule is None or not satisfies(rule, value):
            return False
    return all(name == "*" or name in args or optional(rule) for name, rule in rules.items())
