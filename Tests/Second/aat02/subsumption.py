"""What a derived constraint may be under its parent's: the table of section 4.5, and the rules for whole maps."""

from __future__ import annotations

from . import jcs
from .constraints import Constraint, Map, array, bound, clauses, in_range, kind, optional
from .strictjson import Number

# (member, whether the derived set lies within the parent's or around it)
SETS = {
    "one_of": ("values", True),
    "not_one_of": ("excluded", False),
    "contains": ("required", False),
    "subset": ("allowed", True),
}


def subsumes(parent: Constraint, derived: Constraint) -> bool:
    above, below = kind(parent), kind(derived)
    match above, below:
        case "wildcard", _:
            return True
        case "exact", "exact":
            return jcs.same(parent["value"], derived["value"])
        case "range", "range":
            return tighter(parent, derived)
        case "range", "exact":
            value = derived["value"]
            return isinstance(value, Number) and in_range(parent, value.double())
        case "one_of", "exact":
            return jcs.canonical(derived["value"]) in jcs.forms(array(parent, "values"))
        case "all", "all":
            return all(any(subsumes(p, d) for d in clauses(derived)) for p in clauses(parent))
        case "any", "any":
            return all(any(subsumes(p, d) for p in clauses(parent)) for d in clauses(derived))
        case _ if above == below:
            member, within = SETS[above]
            mine, theirs = jcs.forms(array(derived, member)), jcs.forms(array(parent, member))
            return mine <= theirs if within else mine >= theirs
        case _:
            return False


def tighter(parent: Constraint, derived: Constraint) -> bool:
    for name, sign in (("min", 1), ("max", -1)):
        theirs, mine = bound(parent, name), bound(derived, name)
        if theirs is None:
            continue
        if mine is None or mine[0] * sign < theirs[0] * sign:
            return False
        if mine[0] == theirs[0] and mine[1] and not theirs[1]:
            return False
    return True


def keys_fit(parent: Map, child: Map) -> bool:
    """Step 4p2."""
    if "*" in child and "*" not in parent:
        return False
    if "*" not in parent and not set(child) <= set(parent):
        return False
    omitted = set(parent) - set(child) - {"*"}
    return all(optional(parent[name]) and "*" not in child for name in omitted)


def stays_required(parent: Map, child: Map) -> bool:
    """Step 4p3."""
    return all(optional(parent[name]) or not optional(child[name]) for name in set(parent) & set(child) - {"*"})


def attenuates(parent: Map, child: Map) -> bool:
    """Step 4p4."""
    return all(subsumes(parent[name] if name in parent else parent["*"], constraint) for name, constraint in child.items())
