#!/usr/bin/env python3
"""Cuts the power of a process that spends a budget, at random points of its trace (see power.py), and opens what is left in another
run of the machine.

Shows that what was spent before the cut stays spent, and that no more than one slice of the budget is lost. To show that this
can fail, the remainders are opened once more as if the machine had not gone down. Arguments: how many points (300). CRASH_SEED
repeats a run's points.
"""

import ctypes
import os
import random
import shutil
import subprocess
import sys

import disk
import libagentid
from workplace import HERE, Report, compiled_shim, new_directory, seed

LIMIT, DEAREST, CALLS, AT_ONCE = 60_000, 97, 800, 25
PAY = {"scope": "pay(usd: *)", "principal": "user:a@acme.example", "task": "t"}
BUDGET = {"unit": "usd", "limit": "600.00", "cost": {"argument": "usd"}, "for": "principal"}


def text(cents):
    return f"{cents // 100}.{cents % 100:02}"


def spend(directory, chance):
    """The traced process: marks what was spent in all, after each call."""
    mark = ctypes.CDLL(None).crash_trace_mark
    with libagentid.Authority.open(directory, trust_domain="acme.example", audit="none") as acme:
        acme.put_profile("p", owner="team:x@acme.example", ceiling="pay(usd: *)")
        acme.apply_policy({"version": 1, "rules": [{"id": "spend", "match": "pay", "budget": BUDGET}]})
        spent = 0
        with acme.agent("p", **PAY) as agent:
            mark(b"0")
            for _ in range(CALLS):
                amount = chance.randint(1, DEAREST)
                cost = chance.choice([0, amount, chance.randint(0, amount)])
                with agent.call("pay", {"usd": text(amount)}) as call:
                    call.cost(usd=text(cost))
                spent += cost
                mark(str(spent).encode())


def left(directory):
    """What is left of the budget, in cents, in this run of the machine."""
    with libagentid.Authority.open(directory, audit="none") as acme, acme.agent("p", **PAY) as agent:
        denied = agent.check("pay", {"usd": text(LIMIT + 1)})
        if not denied.left:
            return denied.reason
        whole, _, part = denied.left["amount"].partition(".")
        return int(whole) * 100 + int(part)


def boot_shim(work):
    shim = f"{work}/boot_shim.so"
    flags = ["-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"]
    subprocess.run(["gcc", *flags, str(HERE / "boot_shim.c"), "-o", shim], check=True)
    with open(f"{work}/boot", "w") as file:
        file.write("00000000-0000-4000-8000-000000000001\n")
    return {**os.environ, "LD_PRELOAD": shim, "CRASH_BOOT_FILE": file.name}


def ask(directories, environment):
    """What is left in each of them."""
    done = subprocess.run([sys.executable, __file__, "left", *directories], env=environment, stdout=subprocess.PIPE, check=True, timeout=600)
    return [int(line) if line.isdigit() else line.decode() for line in done.stdout.split()]


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    chance, report = random.Random(seed()), Report()
    with new_directory() as work:
        root, trace = f"{work}/root", f"{work}/trace"
        os.mkdir(root, 0o700)
        tracing = {**os.environ, "LD_PRELOAD": compiled_shim(work), "CRASH_TRACE_ROOT": root, "CRASH_TRACE_FILE": trace}
        command = [sys.executable, __file__, "spend", f"{root}/acme", str(chance.getrandbits(32))]
        subprocess.run(command, env=tracing, check=True, timeout=600)
        records = disk.read_trace(trace)
        other = boot_shim(work)
        first = next(i for i, record in enumerate(records) if record[0] == disk.MARK)
        points = set(chance.sample(range(first + 1, len(records)), min(count, len(records) - first - 1)))
        state, spent, cuts, forgotten = disk.Disk(), 0, [], 0

        def hold():
            nonlocal forgotten
            # Another run of the machine gives up what this one was lent.
            copies = [shutil.copytree(directory, f"{directory}-again") for _, directory in cuts]
            for (before, _), rest in zip(cuts, ask([directory for _, directory in cuts], other), strict=True):
                if isinstance(rest, str):
                    report.check("the budget goes on", [rest])
                    continue
                lost = LIMIT - before - rest
                # A slice is a quarter of what was left when it was lent; the call on its way may have been settled, and not marked.
                report.check("what was spent stays spent", [] if lost >= 0 else [(before, rest)])
                report.check("no more than a slice is lost", [] if lost <= (LIMIT - before) // 3 + DEAREST + 1 else [(before, rest)])
                report.note("cents lost in all", max(lost, 0))
            rests = ask(copies, os.environ)
            forgotten += sum(isinstance(rest, str) or before + rest > LIMIT for (before, _), rest in zip(cuts, rests, strict=True))
            for _, directory in cuts:
                shutil.rmtree(os.path.dirname(directory))
            cuts.clear()

        for i, record in enumerate(records):
            if i in points:
                into = f"{work}/cut{len(cuts)}"
                state.after_cut(into, chance if i % 2 else None)
                cuts.append((spent, f"{into}/acme"))
                if len(cuts) == AT_ONCE:
                    hold()
            if record[0] == disk.MARK:
                spent = int(record[4])
            else:
                state.apply(record)
        if cuts:
            hold()
        report.note("points", len(points))
        report.note("of them would forget what was spent, or deny, were it the same run of the machine", forgotten)
        report.check("without a new run of the machine something is forgotten", [] if forgotten else ["nothing: the test sees nothing"])
    report.end()


if __name__ == "__main__":
    if sys.argv[1:2] == ["spend"]:
        spend(sys.argv[2], random.Random(int(sys.argv[3])))
    elif sys.argv[1:2] == ["left"]:
        for directory in sys.argv[2:]:
            print(left(directory))
    else:
        main()
