#!/usr/bin/env python3
"""A million operations over several processes, and a model of what each answer has to be.

Shows that no answer disagrees, that nothing is left of what ended, that the log has every decision once and the budget every
cent, and that memory, mappings, descriptors, threads and files stay as they are: over the second half they grow by no more
than their bounds. Arguments: how many operations (1,000,000). SOAK_SEED repeats the lives' choices.
"""

import json
import multiprocessing
import os
import pathlib
import queue
import random
import sys
import tempfile
import time

import libagentid
import work
from life import CEILING, DOMAIN, policy, text
from measure import growth, most

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "Crash"))
from workplace import Report

TENANTS, THREADS = 3, 2
HERE = pathlib.Path(__file__).resolve().parent
# What may come over the second half. Memory: in bytes for each agent that ended meanwhile, and for each process.
PER_AGENT, PER_PROCESS = 512, 3 << 20


class Plan:
    """What all processes of a soak know."""

    def __init__(self, spawning, directory, operations, seed):
        key = libagentid.generate_key()
        self.work, self.directory = os.path.dirname(directory), directory
        self.operations, self.seed, self.tenants = operations, seed, TENANTS
        self.approver, self.approver_x = key, json.loads(key)["x"]
        self.agentidctl = os.environ.get("AGENTIDCTL") or str(HERE.parents[1] / ".build/release/agentidctl")
        self.announced, self.applied, self.done = (spawning.Value("q", 1) for _ in range(3))
        self.done.value = 0
        self.failed, self.over, self.closed, self.found = *(spawning.Event() for _ in range(3)), spawning.Queue()


def run(operations, seed):
    spawning = multiprocessing.get_context("spawn")
    base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="agentid-soak-", dir=base) as home:
        plan = Plan(spawning, f"{home}/acme", operations, seed)
        with libagentid.Authority.open(plan.directory, trust_domain=DOMAIN) as acme:
            acme.put_profile("worker", owner="team:soak@acme.example", ceiling=CEILING)
            acme.apply_policy(policy(1, plan.approver_x))
        pipes = [[spawning.Pipe() for _ in range(THREADS)] for _ in range(TENANTS)]
        processes = [spawning.Process(target=work.server, name="server", args=(plan, [far for some in pipes for _, far in some]))]
        processes += [
            spawning.Process(target=work.tenant, name=f"tenant {n}", args=(plan, n, [near for near, _ in pipes[n]]))
            for n in range(TENANTS)
        ]
        keeper = spawning.Process(target=work.keeper, name="keeper", args=(plan,))
        for process in [*processes, keeper]:
            process.start()
        return collect(plan, processes, keeper)


def collect(plan, processes, keeper):
    """What each process found. The server and the keeper go on until all lives have ended."""
    found, names = {}, {process: process.name for process in [*processes, keeper]}
    while len(found) < len(names):
        try:
            name, one = plan.found.get(timeout=1)
            found[name] = one
        except queue.Empty:
            for process, name in names.items():
                if process.exitcode and name not in found:
                    found[name] = {"wrong": f"ended with {process.exitcode}"}
                    plan.failed.set()
        if all(f"tenant {n}" in found for n in range(TENANTS)):
            plan.over.set()
    for process in names:
        process.join(60)
        if process.exitcode != 0 and not found[names[process]].get("wrong"):
            found[names[process]]["wrong"] = f"ended with {process.exitcode}"
            process.kill()
    return found


def judge(found, report):
    """All that has to hold in the end."""
    report.check(
        "no answer disagrees",
        [f"{name}: {one['wrong']}\n{one.get('where', '')}" for name, one in found.items() if one.get("wrong")],
    )
    if report.failed:
        return
    keeper, tenants = found["keeper"], [found[f"tenant {n}"] for n in range(TENANTS)]
    total = {name: sum(one[name] for one in tenants) for name in ("operations", "decided", "spent", "ended", "busy")}
    report.check("a busy registry is the exception", [total["busy"]] if total["busy"] * 1000 > total["operations"] else [])
    for name in ("operations", "ended", "decided", "busy"):
        report.note(name, total[name])
    for name in ("policies", "archived", "pruned"):
        report.note(name, keeper[name])
    same = [("agents alive", keeper["left alive"], 0), ("secrets out", keeper["secrets"], 0)]
    report.check("nothing is left of what ended", [one for one in same if one[1] != one[2]])
    for what, here, counted in (
        ("the log has every decision once", keeper["decisions"], total["decided"]),
        ("what was spent is what was counted", keeper["spent"], text(total["spent"])),
    ):
        report.check(what, [(here, counted)] if here != counted else [])
    ended = total["ended"] / 2
    for name, one in found.items():
        samples = one["samples"]
        grown = growth(samples, "memory")
        print(
            f"{name}: "
            + ", ".join(f"{what} {samples[0][1][what]} to {samples[-1][1][what]}" for what in samples[0][1])
            + f"; memory +{grown / 1024:.0f} KiB over the second half, {grown / ended:.0f} bytes an agent",
            flush=True,
        )
        faults = [f"memory grew by {grown:.0f} bytes"] if grown > PER_PROCESS + PER_AGENT * ended else []
        for what, more in (("mappings", 16), ("descriptors", 4), ("threads", 2)):
            before, after = most(samples, what)
            if after > before + more:
                faults.append(f"{what}: {before}, then {after}")
        report.check(f"{name} stays as large as it is", faults)
    files = keeper["files"]
    # The hashes of archived entries stay: a file for each 256.
    faults = []
    for what, bound in (
        ("files", 40 + keeper["archived"] // 400),
        ("registry", ended * 2048),
        ("audit", 24 << 20),
        ("other", 4 << 20),
    ):
        grown = growth(files, what)
        print(
            f"{what} of the directory: {files[0][1][what]} to {files[-1][1][what]}, {grown:+.0f} over the second half", flush=True
        )
        if grown > bound:
            faults.append(f"{what} grew by {grown:.0f}")
    report.check("the directory stays as large as it is", faults)


def main():
    operations = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    seed = int(os.environ.get("SOAK_SEED") or random.randrange(1 << 32))
    print(f"soak: {operations} operations, SOAK_SEED={seed}", flush=True)
    begun, report = time.monotonic(), Report()
    judge(run(operations, seed), report)
    print(f"{time.monotonic() - begun:.0f} s", flush=True)
    report.end()


if __name__ == "__main__":
    main()
