#!/usr/bin/env python3
"""Cuts the power while entries are moved into an archive, at random points, and once it is done.

Each remainder must have every decision, in the log or in the archive; both verify, and the archive can be made in what is there.
Arguments: how many points (100). CRASH_SEED repeats a run's points.
"""

import json
import os
import random
import shutil
import subprocess
import sys

import disk
import libagentid
from workplace import Report, compiled_shim, new_directory, seed

CTL = os.environ.get("AGENTIDCTL") or os.path.join(os.path.dirname(os.environ["AGENTID_LIBRARY"]), "agentidctl")
DECISIONS, ARCHIVED = 600, 512
BEFORE = 1 << 62  # TICKETS_OF_BEFORE of trace_shim.h


def ctl(*arguments, **environment):
    return subprocess.run(
        [CTL, *arguments], capture_output=True, text=True, timeout=120, env={**os.environ, **environment}
    )


def fill(directory):
    """An authority whose log has decisions enough to archive two bundles of them."""
    scope = "read(path under '/data')"
    with libagentid.Authority.open(directory, trust_domain="acme.example") as acme:
        acme.put_profile("p", owner="team:x@acme.example", ceiling=scope)
        agent = acme.agent("p", principal="user:alice@acme.example", task="t", scope=scope)
        for _ in range(DECISIONS):
            agent.authorize("read", {"path": "/data/a"})
        agent.end()
        acme.integrate()


def decisions(directory):
    lines = ctl("audit", "export", "--format", "jsonl", "--authority", directory).stdout.splitlines()
    return {entry["id"] for entry in map(json.loads, lines) if entry.get("kind") == "decision"}


def faults(place, is_done):
    """What was lost, or is in the way."""
    log, kept = f"{place}/acme", f"{place}/kept"
    found = []
    if not is_done:
        again = ctl("audit", "archive", "--authority", log, "--to", kept, "--first", str(ARCHIVED))
        if again.returncode != 0 and "nothing to archive" not in again.stderr:
            found.append(f"it cannot be gone on with: {again.stderr}")
    for one in (log, kept):
        verified = ctl("audit", "verify", "--authority", one)
        if verified.returncode != 0:
            found.append(f"{os.path.basename(one)}: {verified.stdout}{verified.stderr}")
    count = len(decisions(log) | decisions(kept))
    if count != DECISIONS:
        found.append(f"{count} decisions of {DECISIONS} are left")
    return found


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    chance, report = random.Random(seed()), Report()
    with new_directory() as work:
        root, trace = f"{work}/root", f"{work}/trace"
        os.mkdir(root, 0o700)
        fill(f"{root}/acme")
        done = ctl(
            "audit", "archive", "--authority", f"{root}/acme", "--to", f"{root}/kept", "--first", str(ARCHIVED),
            LD_PRELOAD=compiled_shim(work), CRASH_TRACE_ROOT=root, CRASH_TRACE_FILE=trace,
        )  # fmt: skip
        if done.returncode != 0:
            sys.exit(f"the traced run failed: {done.stderr}")
        records = disk.read_trace(trace)
        first = 1 + max(i for i, record in enumerate(records) if record[0] == disk.SYNCED_NAMES and record[2] >= BEFORE)
        points = set(chance.sample(range(first, len(records)), min(count - 1, len(records) - first))) | {len(records)}
        state = disk.Disk()
        for i in range(len(records) + 1):
            for what, source in (("what was synced", None), ("that and half of the rest", chance)) if i in points else ():
                state.after_cut(f"{work}/cut", source)
                report.check(f"{what} at record {i - first} of {len(records) - first}", faults(f"{work}/cut", i == len(records)))
                shutil.rmtree(f"{work}/cut")
            if i < len(records):
                state.apply(records[i])
        report.note("points", len(points))
    report.end()


main()
