"""Shows that the random chains can tell: verifiers with one rule of the draft left out or bent, each of which must be found out."""

# pyright: basic
# ruff: noqa: E501 (tables, as they read best)

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any
from unittest.mock import patch

import generate
from aat02 import Presentation, claims, constraints, jcs, jws, strictjson, subsumption, verifier, verify
from aat02.constraints import Constraint
from aat02.strictjson import JSON, Number
from model import Rendering
from question import presentation

Mutant = Callable[[], Any]


@contextmanager
def without(step: str) -> Iterator[None]:
    """The step's checks are not made."""
    real = verifier.need

    def need(at: str, holds: bool, why: str) -> None:
        if at != step:
            real(at, holds, why)

    with patch.object(verifier, "need", need):
        yield


def bent(place: object, name: str, make: Callable[[Any], Any]) -> Mutant:
    return lambda: patch.object(place, name, make(getattr(place, name)))


def folded(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def normalizing(value: JSON) -> JSON:
    match value:
        case str():
            return folded(value)
        case list():
            return [normalizing(element) for element in value]
        case dict():
            return {folded(name): normalizing(element) for name, element in value.items()}
        case _:
            return value


def pair(above: str, below: str, answer: Callable[[Constraint, Constraint], bool]) -> Mutant:
    """Another answer for one pair of the table."""

    def make(real: Callable[[Constraint, Constraint], bool]) -> Callable[[Constraint, Constraint], bool]:
        return lambda p, d: answer(p, d) if (constraints.kind(p), constraints.kind(d)) == (above, below) else real(p, d)

    return bent(subsumption, "subsumes", make)


STEPS = ["2c", "3a", "3c", "3d", "3e", "3f", "3g", "3h", "3k", "3m", "4a", "4b", "4c", "4d", "4g", "4h", "4i", "4j", "4k", "4l", "4m",
         "4p2", "4p3", "4p4", "4q", "6b", "6c", "7a", "7b", "7d", "7e", "7f", "7g", "7h"]  # fmt: skip

MUTANTS: dict[str, Mutant] = {f"step {step} left out": lambda step=step: without(step) for step in STEPS}
MUTANTS |= {
    "duplicate names taken": bent(verifier, "parse", lambda real: lambda data, duplicates=False: real(data, duplicates=True)),
    "1.0 is an integer": bent(
        claims, "integer", lambda _: lambda v: int(v.double()) if isinstance(v, Number) and v.double().is_integer() else None
    ),
    "false is an integer": bent(claims, "integer", lambda real: lambda v: 0 if v is False else real(v)),
    "inadmissible numbers taken": bent(jcs, "admissible", lambda _: lambda v: abs(v.double()) < float("inf")),
    "integers beyond 2^53 refused": bent(jcs, "admissible", lambda real: lambda v: real(v) and abs(v.double()) <= 2**53),
    "Unicode normalized": bent(
        verifier, "parse", lambda real: lambda data, duplicates=False: normalizing(real(data, duplicates=duplicates))
    ),
    "values normalized": bent(jcs, "canonical", lambda real: lambda v: real(normalizing(v))),
    "-0 differs from 0": bent(jcs, "number", lambda real: lambda v: "-0" if str(v) == "-0.0" else real(v)),
    "numbers compared as text": bent(
        jcs, "write", lambda real: lambda v, into: into.append(v.text) if isinstance(v, Number) else real(v, into)
    ),
    "S not below the order": bent(jws, "ORDER", lambda _: 2**256),  # OpenSSL looks as well: nothing may be seen
    "typ in any case": bent(
        jws.Compact, "header_fits", lambda real: lambda self, typ: real(with_typ(self, str(self.header.get("typ")).lower()), typ)
    ),
    "crit ignored": bent(
        jws.Compact,
        "header_fits",
        lambda _: lambda self, typ: (self.header.get("alg"), self.header.get("typ")) == ("Ed25519", typ),
    ),
    "private keys taken": bent(jws, "PRIVATE", lambda _: ()),
    "unknown members taken": bent(
        constraints, "MEMBERS", lambda real: {kind: members | {"note", "description"} for kind, members in real.items()}
    ),
    "33 deep": bent(constraints, "MAX_CONSTRAINT_DEPTH", lambda real: real + 1),
    "31 deep": bent(constraints, "MAX_CONSTRAINT_DEPTH", lambda real: real - 1),
    "nothing optional": bent(constraints, "optional", lambda _: lambda _rule: False),
    "all: one to one": pair("all", "all", lambda p, d: one_to_one(p, d)),
    "all above its only clause": pair(
        "all", "exact", lambda p, d: all(subsumption.subsumes(c, d) for c in constraints.clauses(p))
    ),
    "any above exact": pair("any", "exact", lambda p, d: any(subsumption.subsumes(c, d) for c in constraints.clauses(p))),
    "exact above one_of of one": pair("exact", "one_of", lambda p, d: constraints.array(d, "values") == [p["value"]]),
    "not_one_of above exact": pair("not_one_of", "exact", lambda p, d: constraints.satisfies(p, d["value"])),
    "not_one_of above one_of": pair(
        "not_one_of", "one_of", lambda p, d: all(constraints.satisfies(p, v) for v in constraints.array(d, "values"))
    ),
    "range above one_of": pair(
        "range", "one_of", lambda p, d: all(constraints.satisfies(p, v) for v in constraints.array(d, "values"))
    ),
    "subset widened": pair("subset", "subset", lambda _p, _d: True),
    "contains loosened": pair("contains", "contains", lambda _p, _d: True),
    "inclusivity forgotten": bent(
        constraints, "bound", lambda real: lambda c, name: (found[0], True) if (found := real(c, name)) else None
    ),
    "window of 29": bent(verifier, "PROOF_WINDOW", lambda real: real - 1),
    "window of 31": bent(verifier, "PROOF_WINDOW", lambda real: real + 1),
    "skew of 31": bent(verifier, "MAX_IAT_SKEW", lambda real: real + 1),
    "padding taken": bent(jws, "decode", lambda real: lambda text: real(text.rstrip("="))),
    "unused bits taken": bent(jws, "encode", lambda real: lambda data: Any_text(real(data))),
    "aud: first token only": bent(verifier, "verify_leaf", lambda real: lambda p, chain: real(p, [chain[-1]])),
}


class Any_text(str):
    """Equal to every text of the same length whose last character differs."""

    def __ne__(self, other: object) -> bool:
        return str(self)[:-1] != str(other)[:-1]

    __hash__ = str.__hash__


def with_typ(compact: jws.Compact, typ: str) -> jws.Compact:
    return jws.Compact(compact.signing_input, compact.payload_part, {**compact.header, "typ": typ}, compact.signature)


def one_to_one(p: Constraint, d: Constraint) -> bool:
    left = constraints.clauses(d)
    for clause in constraints.clauses(p):
        match = next((other for other in left if subsumption.subsumes(clause, other)), None)
        if match is None:
            return False
        left.remove(match)
    return True


# What no chain can show, because another check stands behind it. (So does 4e, which 4g and 4m imply.)
HIDDEN = {"S not below the order"}


def survivors(seed: str, count: int) -> int:
    """How many nobody finds out; says which."""
    asked: list[tuple[Presentation, bool]] = []
    for index in range(count):
        question = presentation(Rendering(generate.case(seed, index)).question)
        asked.append((question, verify(question).permitted))
    # The same tokens are looked at by every one of them.
    slow = [(jws.Key, "verifies"), (strictjson, "parse")]
    for place, name in slow:
        setattr(place, name, cache(getattr(place, name)))
    verifier.parse = jws.parse = strictjson.parse
    alive = [name for name, mutant in MUTANTS.items() if name not in HIDDEN and survives(mutant, asked)]
    for name in alive:
        print(f"not found out by {count} chains of seed {seed}: {name}")
    print(f"{len(MUTANTS) - len(HIDDEN) - len(alive)} of {len(MUTANTS) - len(HIDDEN)} bent verifiers found out")
    return len(alive)


def survives(mutant: Mutant, asked: list[tuple[Presentation, bool]]) -> bool:
    with mutant():
        for question, permitted in asked:
            try:
                if verify(question).permitted != permitted:
                    return False
            except (AssertionError, KeyError, ValueError, RecursionError):
                return False  # what left out a check falls over what it let through
    return True


if __name__ == "__main__":
    sys.exit(survivors(sys.argv[1], int(sys.argv[2])) > 0)
