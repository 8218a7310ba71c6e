#!/usr/bin/env python3
"""Spends one budget in 4 processes of 4 threads on a disk that fills up and is emptied at random moments.

Shows that no more is ever spent than the limit, and that whatever fails says why and costs nothing. Arguments: how many times
the disk fills up (100). CRASH_SEED repeats a run's moments.
"""

import multiprocessing
import os
import random
import re
import sys
import threading
import time

import libagentid
from workplace import Report, new_directory, seed, small_disk

PROCESSES, THREADS, LIMIT, DEAREST = 4, 4, 2_000_000, 97
PAY = {"scope": "pay(usd: *)", "principal": "user:a@acme.example", "task": "t"}
BUDGET = {"unit": "usd", "limit": f"{LIMIT // 100}.00", "cost": {"argument": "usd"}}
FULL = re.compile("disk is full|No space left|cannot be written")
FORKS = multiprocessing.get_context("forkserver")


def text(cents):
    return f"{cents // 100}.{cents % 100:02}"


class Spender:
    """A process's part: what it spent, what may have been spent besides, and what failed for no good reason."""

    def __init__(self, directory, audit, chance_seed, ending):
        self.directory, self.audit, self.chance_seed, self.ending = directory, audit, chance_seed, ending
        self.spent, self.open, self.calls, self.refused, self.faults = 0, 0, 0, 0, []
        self.lock = threading.Lock()

    def run(self, said):
        chance = random.Random(self.chance_seed)
        while not self.ending.is_set():
            try:
                with libagentid.Authority.open(self.directory, audit=self.audit) as acme, acme.agent("p", **PAY) as agent:
                    threads = [threading.Thread(target=self.spend, args=(agent, chance.random())) for _ in range(THREADS)]
                    for thread in threads:
                        thread.start()
                    for thread in threads:
                        thread.join()
            except Exception as error:
                self.fail(error)
        said.put((self.spent, self.open, self.calls, self.refused, self.faults))

    def fail(self, error):
        with self.lock:
            self.refused += 1
            if not FULL.search(str(error)):
                self.faults.append(f"{type(error).__name__}: {error}")

    def spend(self, agent, chance_seed):
        chance = random.Random(chance_seed)
        for _ in range(chance.randint(50, 2000)):
            if self.ending.is_set():
                return
            amount = chance.randint(1, DEAREST)
            try:
                call = agent.call("pay", {"usd": text(amount)})
            except libagentid.Denied as denied:
                if denied.reason != "budget_exhausted":
                    self.fail(denied)
                continue
            except libagentid.Error as error:
                self.fail(error)
                continue
            cost, settled = amount, False
            try:
                if chance.random() < 0.2:
                    call.abort()
                    cost = 0
                else:
                    cost = chance.randint(0, amount)
                    call.cost(usd=text(cost))
                    call.commit()
                settled = True
            except libagentid.Error as error:
                self.fail(error)
            finally:
                call.close()
            with self.lock:
                self.calls += 1
                self.spent += cost if settled else 0
                self.open += 0 if settled else amount


def work(directory, audit, chance_seed, ending, said):
    Spender(directory, audit, chance_seed, ending).run(said)


def started(directory, audit, chance):
    ending, said = FORKS.Event(), FORKS.Queue()
    process = FORKS.Process(target=work, args=(directory, audit, chance.getrandbits(32), ending, said), daemon=True)
    process.start()
    return process, ending, said


def ended(running):
    for _, ending, _ in running:
        ending.set()
    found = [said.get(timeout=120) for _, _, said in running]
    for process, _, _ in running:
        process.join()
    return found


def left_of(directory):
    with libagentid.Authority.open(directory, audit="none") as acme, acme.agent("p", **PAY) as agent:
        whole, _, part = agent.check("pay", {"usd": text(LIMIT)}).left["amount"].partition(".")
        return int(whole) * 100 + int(part or 0)


def round_of_fills(fills, chance, report):
    audit = chance.choice(("none", "batch"))
    # The log of all calls takes a third of it at most: what fills it is the filler.
    size = 24 << 10 if audit == "none" else 320 << 10
    with new_directory() as place_of_work, small_disk(place_of_work, size) as place:
        if place is None:
            return False
        directory, filler = f"{place}/acme", f"{place}/filler"
        with libagentid.Authority.open(directory, trust_domain="acme.example", audit=audit) as acme:
            acme.put_profile("p", owner="team:x@acme.example", ceiling="pay(usd: *)")
            acme.apply_policy({"version": 1, "rules": [{"id": "spend", "match": "pay", "budget": {**BUDGET, "for": "principal"}}]})
        running = [started(directory, audit, chance) for _ in range(PROCESSES)]
        for _ in range(fills):
            time.sleep(chance.uniform(0.0, 0.1))
            with open(filler, "wb", buffering=0) as file:
                try:
                    while True:
                        file.write(bytes(chance.choice((4096, 1 << 20))))
                except OSError:
                    pass  # that is the aim
            time.sleep(chance.uniform(0.0, 0.15))
            os.unlink(filler)
        found = ended(running)
        spent, open_ = sum(one[0] for one in found), sum(one[1] for one in found)
        report.check("whatever fails on a full disk says so", [fault for one in found for fault in one[4]])
        left = left_of(directory)
        right = LIMIT - open_ <= spent + left <= LIMIT
        report.check("what fails costs nothing", [] if right else [f"{spent} spent, {left} left, {open_} not settled of {LIMIT}"])
        report.note("calls", sum(one[2] for one in found))
        report.note("refused", sum(one[3] for one in found))
        report.note("cents not settled", open_)
    return True


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    chance, report = random.Random(seed()), Report()
    mounts = [round_of_fills(min(20, count - first), chance, report) for first in range(0, count, 20)]
    if not all(mounts):
        print("left out: a small disk cannot be mounted by this user")
    report.end()


if __name__ == "__main__":
    FORKS.set_forkserver_preload(["libagentid"])
    main()
