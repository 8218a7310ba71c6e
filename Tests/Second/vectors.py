"""The reference suite's vectors, put to this package: verdicts must agree, and steps where the draft fixes their order."""

from __future__ import annotations

import sys
from pathlib import Path

import aat02
from aat02.strictjson import JSON, parse
from question import arr, obj, presentation, text


def differences(corpus: dict[str, JSON]) -> list[str]:
    found: list[str] = []
    for vector in map(obj, arr(corpus["vectors"])):
        verdict = aat02.verify(
            presentation(
                {
                    "tokens": vector["chain_compact"],
                    "pop": vector["pop"],
                    "trust_anchors": corpus["trust_anchors"],
                    "audience": obj(corpus["params"])["audience"],
                    **{name: vector[name] for name in ("tool", "args", "now", "policy")},
                }
            )
        )
        expected = obj(vector["expected"])
        steps = str(expected["step"]).split("/") if expected["step"] else [None]
        if verdict.permitted != (expected["verdict"] == "PERMIT") or verdict.step not in steps:
            found.append(f"{text(vector['id'])}: {verdict}, expected {expected}")
    return found


def check(path: Path) -> int:
    """Prints what differs, and returns how many."""
    corpus = obj(parse(path.read_bytes()))
    found = differences(corpus)
    print(*found, sep="\n", end="\n" if found else "")
    count = len(arr(corpus["vectors"]))
    print(f"vectors: {count - len(found)} of {count} agree in verdict and step")
    return len(found)


if __name__ == "__main__":
    sys.exit(check(Path(sys.argv[1])) > 0)
