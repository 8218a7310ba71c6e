"""Puts random chains to `agentidctl conform` and to the verifier of this directory, and compares the verdicts."""

from __future__ import annotations

import argparse
import os
import secrets
import sys
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import generate
import mutants
import reduce
import show
import vectors
from aat02 import Verdict, verify
from conform import Adapter
from model import Case, Rendering
from question import presentation

# Every step that a chain can be denied at. 2a and 2b, the sizes, are each implementation's own limits, 7i needs a second call,
# 4f follows from 3i, 4e and 4g, and 5 from 3c and 4d.
STEPS = [
    "1",
    "2c",
    "3a",
    "3b",
    "3c",
    "3d",
    "3e",
    "3f",
    "3g",
    "3h",
    "3i",
    "3j",
    "3k",
    "3l",
    "3m",
    "3n",
    "4a",
    "4b",
    "4b1",
    "4b2",
    "4b3",
    "4b4",
    "4b5",
    "4c",
    "4d",
    "4e",
    "4g",
    "4h",
    "4i",
    "4j",
    "4k",
    "4l",
    "4m",
    "4n",
    "4o",
    "4p1",
    "4p2",
    "4p3",
    "4p4",
    "4q",
    "6a",
    "6b",
    "6c",
    "7a",
    "7b",
    "7c",
    "7d",
    "7e",
    "7f",
    "7g",
    "7h",
]
SHOWN = 20


def both(adapter: Adapter, case: Case) -> tuple[Verdict, str, str]:
    """Our verdict, and the other's decision and reason."""
    question = Rendering(case).question
    return verify(presentation(question)), *adapter.ask(generate.line(question, case.name))


def differs(verdict: Verdict, decision: str) -> bool:
    return decision != ("allow" if verdict.permitted else "deny")


class Run:
    def __init__(self, adapter: Adapter, seed: str) -> None:
        self.adapter = adapter
        self.seed = seed
        self.steps: Counter[str] = Counter()
        self.kinds: Counter[tuple[str, str, str]] = Counter()
        self.differences = 0

    def case(self, index: int) -> None:
        made = generate.case(self.seed, index)
        verdict, decision, reason = both(self.adapter, made)
        self.steps[verdict.step or "permitted"] += 1
        if made.valid and not verdict.permitted:
            self.differences += 1
            print(f"case {index}: valid by construction, and denied here: {verdict.why}")
        if differs(verdict, decision):
            self.differences += 1
            kind = (verdict.step or "permitted", decision, reason)
            self.kinds[kind] += 1
            if self.kinds[kind] == 1 and len(self.kinds) <= SHOWN:
                self.report(index, made, verdict, decision)

    def report(self, index: int, made: Case, verdict: Verdict, decision: str) -> None:
        """The smallest case that the two still differ about at the same step."""

        def still(case: Case) -> bool:
            found, decision, _ = both(self.adapter, case)
            return found.step == verdict.step and differs(found, decision)

        # A process that ended has to be started for each question, and one that hangs waited for.
        small = reduce.reduced(made, still, tries=3000 if decision != "no answer" else 60)
        found, decision, reason = both(self.adapter, small)
        print(f"case {index}: here {'permitted' if found.permitted else found.why}; there {decision} ({reason})")
        print(show.case(small), flush=True)


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("count", nargs="?", type=int, default=2000)
    arguments.add_argument("--seed", default=os.environ.get("AGENTID_SEED") or secrets.token_hex(4))
    arguments.add_argument("--first", type=int, default=0, help="the first case")
    arguments.add_argument("--command", default="agentidctl", help="agentidctl")
    arguments.add_argument("--vectors", type=Path, help="the vectors of the reference suite")
    arguments.add_argument("--mutants", action="store_true", help="find out verifiers with one rule bent as well")
    chosen = arguments.parse_args()
    wrong = vectors.check(chosen.vectors) if chosen.vectors else 0
    print(f"seed {chosen.seed} (AGENTID_SEED repeats it)", flush=True)
    began = time.monotonic()
    with closing(Adapter([chosen.command, "conform"])) as adapter:
        run = Run(adapter, chosen.seed)
        for index in range(chosen.first, chosen.first + chosen.count):
            run.case(index)
    for (step, decision, reason), count in run.kinds.most_common():
        print(f"{count} times: here {step}, there {decision} ({reason})")
    missed = [step for step in STEPS if not run.steps[step]]
    if missed and chosen.count >= 20_000:
        wrong += 1
        print("steps that no case was denied at: " + " ".join(missed))
    if chosen.mutants:
        wrong += mutants.survivors(chosen.seed, chosen.count)
    permitted, wrong = run.steps["permitted"], wrong + run.differences
    print(f"{chosen.count} chains, {permitted} permitted, the others denied at {len(STEPS) - len(missed)} of {len(STEPS)} steps")
    print(f"{chosen.count - run.differences} passed, {wrong} failed, in {time.monotonic() - began:.0f} s")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
