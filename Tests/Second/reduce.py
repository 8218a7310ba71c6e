"""Makes a case smaller while something still holds of it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator

from model import Case, Part, Tree

Still = Callable[[Case], bool]


def reduced(case: Case, still: Still, tries: int = 3000) -> Case:
    """Takes things out one at a time, until no single one can go. `tries` bounds the questions."""
    left = tries
    shrunk = True
    while shrunk and left > 0:
        shrunk = False
        for smaller in candidates(case):
            left -= 1
            if left <= 0:
                break
            if holds(still, smaller):
                case, shrunk = smaller, True
                break
    return case


def holds(still: Still, case: Case) -> bool:
    try:
        return still(case)
    except (IndexError, KeyError, AssertionError):
        return False  # the smaller case cannot be rendered


def candidates(case: Case) -> Iterator[Case]:
    """Large pieces first."""
    for place in range(len(case.parts) - 1, -1, -1):
        if len(case.parts) > 1:
            yield changed(case, lambda c, place=place: c.parts.pop(place))
    for name in ("loose", "edits", "instead", "signer"):
        for place in range(len(case.parts) + 1):
            plain = getattr(Part({}, {}), name)
            if getattr(part(case, place), name) != plain:
                yield changed(case, lambda c, n=name, p=place: setattr(part(c, p), n, getattr(Part({}, {}), n)))
    if case.order is not None:
        yield changed(case, lambda c: setattr(c, "order", None))
        for place in range(len(case.order)):
            yield changed(case, lambda c, p=place: (c.order or []).pop(p))
    if len(case.anchors) > 1:
        for place in range(len(case.anchors)):
            yield changed(case, lambda c, p=place: c.anchors.pop(p))
    for get in roots(case):
        for path in paths(get(case)):
            yield changed(case, lambda c, g=get, p=path: cut(g(c), p))


def roots(case: Case) -> list[Callable[[Case], Tree]]:
    found: list[Callable[[Case], Tree]] = [lambda c: c.args, lambda c: c.policy]
    for place in range(len(case.parts) + 1):
        found += [attribute(place, name) for name in ("claims", "header", "instead")]
    return found


def attribute(place: int, name: str) -> Callable[[Case], Tree]:
    return lambda case: getattr(part(case, place), name)


def part(case: Case, place: int) -> Part:
    return case.parts[place] if place < len(case.parts) else case.proof


def changed(case: Case, change: Callable[[Case], object]) -> Case:
    smaller = copy.deepcopy(case)
    change(smaller)
    return smaller


Path = list[str | int]


def paths(tree: Tree, path: Path | None = None) -> Iterator[Path]:
    """To every member and element, outer ones first."""
    here = path or []
    if isinstance(tree, dict):
        steps: list[tuple[str | int, Tree]] = [(name, value) for name, value in tree.items()]
    elif isinstance(tree, list):
        steps = [(place, value) for place, value in enumerate(tree)]
    else:
        return
    for step, _ in steps:
        yield [*here, step]
    for step, value in steps:
        yield from paths(value, [*here, step])


def cut(tree: Tree, path: Path) -> None:
    for step in path[:-1]:
        tree = inside(tree, step)
    last = path[-1]
    if isinstance(tree, dict):
        del tree[str(last)]
    elif isinstance(tree, list):
        del tree[int(last)]


def inside(tree: Tree, step: str | int) -> Tree:
    if isinstance(tree, dict) and isinstance(step, str):
        return tree[step]
    assert isinstance(tree, list) and isinstance(step, int)
    return tree[step]
