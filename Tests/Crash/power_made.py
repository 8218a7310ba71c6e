#!/usr/bin/env python3
"""Cuts the power while a command makes or changes something, at random points, whenever the registry was synced, and at its end.

Each remainder can be gone on with: the authority is made, starts an agent, and nothing is wrong. What a command said to have
made or done stays so. A directory that was restored is that again where the command was interrupted, and no chain from before is
permitted. Arguments: how many points (100). CRASH_SEED repeats a run's points.
"""

import os
import random
import shutil
import subprocess
import sys

import disk
from workplace import Report, compiled_shim, new_directory, seed

CTL = os.environ.get("AGENTIDCTL") or os.path.join(os.path.dirname(os.environ["AGENTID_LIBRARY"]), "agentidctl")
DENIED = 10
BEFORE = 1 << 62  # TICKETS_OF_BEFORE of trace_shim.h


def ctl(*arguments, **environment):
    return subprocess.run(
        [CTL, *arguments], capture_output=True, text=True, timeout=120, env={**os.environ, **environment}
    )


def init(place):
    return ["init", "acme.example", "--authority", f"{place}/acme"]


def agent(place):
    return [
        "agent", "--authority", f"{place}/acme", "--profile", "p", "--principal", "user:a@acme.example", "--task", "t",
        "--scope", "search", "--out", f"{place}/agent",
    ]  # fmt: skip


def approver(place):
    return ["approvals", "key", f"{place}/approver.jwk"]


def verify(place):
    return ["verify", f"{place}/agent/chain", "--any-audience", "--authority", f"{place}/acme"]


def profile(place):
    return ["profile", "put", "p", "--authority", f"{place}/acme", "--owner", "team:x@acme.example", "--ceiling", "search"]


def policy(place):
    return ["policy", "apply", f"{place}/policy.json", "--authority", f"{place}/acme"]


def restored(place):
    return ["restored", "--yes", "--authority", f"{place}/acme"]


MADE = {
    init: ["acme/registry.db"],
    agent: ["agent/key.jwk", "agent/chain", "agent/credential"],
    approver: ["approver.jwk"],
    policy: [],
    restored: [],
}
POLICY = '{"version": 1, "rules": [{"id": "slow", "match": "search", "rate": {"calls": 100, "per": "1h", "for": "agent"}}]}'


def prepare(command, root):
    """What the command finds."""
    if command is init:
        return
    steps = [init, profile] + [agent, verify] * (command is restored)
    for step in steps:
        done = ctl(*step(root))
        if done.returncode != 0:
            sys.exit(f"{step.__name__}: {done.stderr}")
    if command is policy:
        with open(f"{root}/policy.json", "w") as file:
            file.write(POLICY)


def undone(command, place, is_done):
    """What the command said to have done and what is not so."""
    if command is policy:
        shown = ctl("policy", "show", "--json", "--authority", f"{place}/acme")
        if is_done and shown.returncode != 0:
            return [f"no policy: {shown.stderr}"]
        done = ctl(*policy(place))
        return [] if done.returncode == 0 else [f"policy: {done.stderr}"]
    if command is restored:
        if not is_done:
            done = ctl(*restored(place))
            if done.returncode != 0:
                return [f"restored: {done.stderr}"]
        looked = ctl(*verify(place))
        if looked.returncode != DENIED:
            return [f"a chain from before is not denied: {looked.stdout}{looked.stderr}"]
    return []


def faults(place, command, is_done):
    """What was lost, or is in the way."""
    found = [f"{name} is lost" for name in MADE[command] if is_done and not os.path.exists(f"{place}/{name}")]
    found += undone(command, place, is_done)
    for command in (init, profile):
        done = ctl(*command(place))
        if done.returncode != 0:
            found.append(f"{command.__name__}: {done.stderr}")
    shutil.rmtree(f"{place}/agent", ignore_errors=True)
    done = ctl(*agent(place))
    if done.returncode != 0:
        found.append(f"agent: {done.stderr}")
    looked = ctl("doctor", "--authority", f"{place}/acme")
    if looked.returncode != 0:
        found.append("\n".join(line for line in looked.stdout.splitlines() if not line.startswith("ok")))
    return found


def cut(command, count, chance, report):
    """Records one command and cuts its power."""
    with new_directory() as work:
        root, trace = f"{work}/root", f"{work}/trace"
        os.mkdir(root, 0o700)
        prepare(command, root)
        done = ctl(*command(root), LD_PRELOAD=compiled_shim(work), CRASH_TRACE_ROOT=root, CRASH_TRACE_FILE=trace)
        if done.returncode != 0:
            sys.exit(f"the traced run failed: {done.stderr}")
        records = disk.read_trace(trace)
        synced = (i for i, record in enumerate(records) if record[0] == disk.SYNCED_NAMES and record[2] >= BEFORE)
        first = 1 + max(synced, default=-1)
        registry = {file for kind, file, _, _, name in records if kind == disk.CREATE and name == b"acme/registry.db-wal"}
        points = {i + 1 for i in range(first, len(records)) if records[i][0] == disk.SYNCED and records[i][1] in registry}
        points |= set(chance.sample(range(first, len(records)), min(count, len(records) - first))) | {len(records)}
        state = disk.Disk()
        for i in range(len(records) + 1):
            for what, source in (("what was synced", None), ("that and half of the rest", chance)) if i in points else ():
                state.after_cut(f"{work}/cut", source)
                at = f"{command.__name__}: {what} at record {i - first} of {len(records) - first}"
                report.check(at, faults(f"{work}/cut", command, i == len(records)))
                shutil.rmtree(f"{work}/cut")
            if i < len(records):
                state.apply(records[i])
        report.note("points", len(points))


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    chance, report = random.Random(seed()), Report()
    for command in MADE:
        cut(command, count // len(MADE), chance, report)
    report.end()


main()
