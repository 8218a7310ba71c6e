#!/usr/bin/env python3
"""Spends one budget in 8 processes of 4 threads that are killed at random moments, while another one stands still.

Shows that no more is ever spent than the limit, that a kill loses nothing but what its own calls had reserved, and that all that
is left can be spent to the last cent. Arguments: how many kills (200). CRASH_SEED repeats a run's moments.
"""

import glob
import multiprocessing
import os
import random
import signal
import sys
import threading
import time

import libagentid
from workplace import Report, new_directory, seed

PROCESSES, THREADS, LIMIT, DEAREST = 8, 4, 60_000, 97
PAY = {"scope": "pay(usd: *)", "principal": "user:a@acme.example", "task": "t"}
BUDGET = {"unit": "usd", "limit": f"{LIMIT // 100}.{LIMIT % 100:02}", "cost": {"argument": "usd"}}
# Every call counts for both: its principal, and the domain above it.
RULES = [{"id": f"spend-{subject}", "match": "pay", "budget": {**BUDGET, "for": subject}} for subject in ("principal", "domain")]
# A process that has loaded the library, and opened nothing: those that spend are forked from it, which takes a moment.
FORKS = multiprocessing.get_context("forkserver")


def text(cents):
    return f"{cents // 100}.{cents % 100:02}"


def spend(directory, said, chance_seed, tries, dearest, started):
    """A process: each thread says what it is about to reserve, and what that cost once it is settled."""
    with libagentid.Authority.open(directory, audit="none") as acme, acme.agent("p", **PAY) as agent:
        file = os.open(said, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        started.set()

        def run(thread):
            chance = random.Random(chance_seed * THREADS + thread)
            for _ in range(tries):
                amount = chance.randint(1, dearest)
                os.write(file, f"begin {thread} {amount}\n".encode())
                cost = 0
                try:
                    call = agent.call("pay", {"usd": text(amount)})
                except libagentid.Denied as denied:
                    if denied.reason not in ("budget_exhausted", "budget_unavailable"):
                        raise
                else:
                    way = chance.random()
                    cost = 0 if way < 0.2 else amount if way < 0.6 else chance.randint(0, amount)
                    if way < 0.2:
                        call.abort()
                    else:
                        call.cost(usd=text(cost))
                        call.commit(key="k")
                        call.commit(key="k")
                    call.close()
                os.write(file, f"end {thread} {cost}\n".encode())

        def tell(thread):
            try:
                run(thread)
            except Exception as error:
                with open(f"{said}.faults", "a") as faults:
                    faults.write(f"{type(error).__name__}: {error}\n")

        threads = [threading.Thread(target=tell, args=(thread,)) for thread in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def heard(said):
    """What the calls of a process cost in all, and what those that were cut short may have."""
    cost, open_ = 0, {}
    with open(said, "rb") as file:
        for line in file.read().split(b"\n")[:-1]:
            kind, thread, amount = line.split()
            if kind == b"begin":
                open_[thread] = int(amount)
            else:
                open_.pop(thread)
                cost += int(amount)
    return cost, sum(open_.values())


def faults_of(work):
    """What any call met but a kill: denials for another reason than the budget, and errors."""
    return [line for file in sorted(glob.glob(f"{work}/*.faults")) for line in open(file).read().splitlines()]


def start(directory, said, chance, tries=1_000_000, dearest=DEAREST):
    started = FORKS.Event()
    process = FORKS.Process(target=spend, args=(directory, said, chance.getrandbits(32), tries, dearest, started), daemon=True)
    process.start()
    if not started.wait(120):
        sys.exit("a process did not start")
    return process, said


def round_of_kills(kills, chance, report):
    with new_directory() as work:
        directory = f"{work}/acme"
        with libagentid.Authority.open(directory, trust_domain="acme.example") as acme:
            acme.put_profile("p", owner="team:x@acme.example", ceiling="pay(usd: *)")
            acme.apply_policy({"version": 1, "rules": RULES})
        number = iter(range(1_000_000))
        running = [start(directory, f"{work}/{next(number)}", chance) for _ in range(PROCESSES)]
        frozen = running.pop()
        os.kill(frozen[0].pid, signal.SIGSTOP)
        ended = [frozen]
        for _ in range(kills):
            time.sleep(chance.uniform(0.0, 0.05))
            process, said = running.pop(chance.randrange(len(running)))
            process.kill()
            process.join()
            ended.append((process, said))
            running.append(start(directory, f"{work}/{next(number)}", chance))
        for process, said in [*running, frozen]:
            process.kill()
            process.join()
            ended.append((process, said))
        cost = lost = 0
        for said in {said for _, said in ended}:
            one, cut = heard(said)
            cost, lost = cost + one, lost + cut
        report.check("no more was spent than the limit", [] if cost <= LIMIT else [(cost, LIMIT)])
        # All that is left, in the end cent by cent, by processes that compete.
        last = [start(directory, f"{work}/{next(number)}", chance, 300, dearest) for dearest in (DEAREST, 7, 1, 1)]
        for process, _ in last:
            process.join()
        report.check("no call failed for another reason than the budget", faults_of(work))
        faults = [process.exitcode for process, _ in last if process.exitcode]
        with libagentid.Authority.open(directory, audit="none") as acme, acme.agent("p", **PAY) as agent:
            rest = agent.check("pay", {"usd": text(LIMIT)}).left
        cost += sum(heard(said)[0] for _, said in last)
        whole, _, part = rest["amount"].partition(".")
        left = int(whole) * 100 + int(part)
        if not LIMIT - lost <= cost + left <= LIMIT:
            faults.append(f"{cost} spent, {left} left and {lost} cut short of {LIMIT}")
        report.check("a kill loses nothing but what its own calls had reserved", faults)
        report.note("cents spent", cost)
        report.note("cut short", lost)


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    chance, report = random.Random(seed()), Report()
    for first in range(0, count, 100):
        round_of_kills(min(100, count - first), chance, report)
    report.end()


if __name__ == "__main__":
    FORKS.set_forkserver_preload(["libagentid"])
    main()
