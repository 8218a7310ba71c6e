#!/usr/bin/env python3
"""Cuts the power of a run at random points: of the directory only what was synced is left, or a random half of the rest too.

A worker runs under trace_shim.so; disk.py replays its trace. Each remainder is opened anew and held to what was answered
before the cut. To show that this can fail, the trace is replayed once more as if no sync of the write-ahead log counted,
which is what SQLite does with synchronous=NORMAL, and once as if none of the audit log did. Arguments: how many points (300). CRASH_SEED repeats a run's points.
"""

import os
import random
import shutil
import subprocess
import sys

import disk
from answers import Answers, Check
from workplace import WORKER, Report, compiled_shim, new_directory, seed


# How long before a cut a decision must have been answered to be in the audit log for sure, in seconds: under `batch` the
# interval is 100 ms, and the machine may be slow.
SLACK = {"always": 0.0, "batch": 1.0}


def record(work, chance, steps, audit):
    """The trace of one run in `work`/root/acme."""
    root, trace = f"{work}/root", f"{work}/trace"
    os.mkdir(root, 0o700)
    environment = {
        **os.environ, "LD_PRELOAD": compiled_shim(work), "CRASH_TRACE_ROOT": root, "CRASH_TRACE_FILE": trace,
    }  # fmt: skip
    command = [
        *WORKER, f"{root}/acme", "--steps", str(steps), "--seed", str(chance.getrandbits(32)),
        "--audit", audit, "--seconds", str(6 * SLACK[audit]),
    ]  # fmt: skip
    done = subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, timeout=300)
    if done.returncode != 0:
        sys.exit(f"the traced run failed: {done.returncode}")
    return disk.read_trace(trace)


def replay(trace, points, chance, into, slack=0.0, ignores=lambda path: False):
    """Yields at each point what was answered, and the faults of both remainders of a power cut there."""
    state, answers = disk.Disk(ignores), Answers()
    for i, record in enumerate(trace):
        if i in points:
            found = []
            for what, random_source in (("what was synced", None), ("that and half of the rest", chance)):
                state.after_cut(into, random_source)
                agents = list(answers.agents.values())
                sample = agents[-20:] + chance.sample(agents, min(len(agents), 20))
                sequence = answers.sequence
                until = max(answers.decisions.values(), default=0) - slack
                found.append((f"{what} at record {i}", Check(f"{into}/acme", answers).run(sample, owes=True, until=until)))
                # What was not synced may be gone at the next point.
                answers.seen_ended, answers.sequence, answers.logged, answers.entries = set(), sequence, set(), 0
                shutil.rmtree(into)
            yield answers, found
        if record[0] == disk.MARK:
            answers.take(record[4])
        else:
            state.apply(record)


def folded_early(trace):
    """The points at which the registry reached the disk while lines of the journal had not: it must not know of them."""
    named = {kind: {file for made, file, _, _, name in trace if made == disk.CREATE and name.startswith(name_of)}
             for kind, name_of in (("journal", b"acme/journal"), ("registry", b"acme/registry.db-wal"))}
    waiting, begun, points = False, {}, []
    for i, (kind, file, a, _, bytes_) in enumerate(trace):
        if kind == disk.WRITE and file in named["journal"]:
            waiting, begun = True, {}
        elif kind == disk.SYNC and file in named["journal"]:
            begun[int.from_bytes(bytes_, "little")] = True
        elif kind == disk.SYNCED and file in named["journal"] and a in begun:
            waiting = False
        elif kind == disk.SYNCED and file in named["registry"] and waiting and i + 1 < len(trace):
            points.append(i + 1)
    return points


def cut(audit, count, chance, report):
    """Records one run and cuts its power."""
    with new_directory() as work:
        trace = record(work, chance, max(count // 5, 15), audit)
        report.note("records", len(trace))
        report.note("syncs", sum(record[0] in (disk.SYNCED, disk.SYNCED_NAMES) for record in trace))
        # One in ten while the directory is made, which is short and where most can go wrong.
        first = next(i for i, record in enumerate(trace) if record[0] == disk.MARK)
        points = set(chance.sample(range(first), min(count // 10, first)))
        early = [point for point in folded_early(trace) if point >= first]
        points |= set(chance.sample(early, min(len(early), count // 5)))
        points |= set(chance.sample(sorted(set(range(first, len(trace))) - points), count - len(points)))
        report.note("points while lines of the journal were on their way", len(set(early) & points))
        for answers, found in replay(trace, points, chance, f"{work}/cut", SLACK[audit]):
            for what, faults in found:
                report.check(f"{audit}: {what}, after {answers.count} answers", faults)
        report.note("answers", answers.count)
        report.note("points", count)
        database = next(file for kind, file, _, _, name in trace if kind == disk.CREATE and name == b"acme/registry.db")
        report.note("checkpoints", sum(record[:2] == (disk.SYNCED, database) for record in trace))
        for part in ("registry.db-wal", "audit/"):
            lost, points = 0, set(chance.sample(range(len(trace) // 2, len(trace)), min(count, 20)))
            for _, found in replay(trace, points, chance, f"{work}/cut", SLACK[audit], lambda path: part in path):
                lost += bool(found[0][1])
            report.check(
                f"{audit}: without syncs of {part} something is lost", [] if lost else ["nothing was lost: the test sees nothing"]
            )
            report.note(f"of {len(points) * len(SLACK)} cuts lose answers where no sync of {part} counts", lost)


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    chance, report = random.Random(seed()), Report()
    for audit in SLACK:
        cut(audit, count // len(SLACK), chance, report)
    report.end()


main()
