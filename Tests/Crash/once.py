#!/usr/bin/env python3
"""One-shot things, taken by 64 threads in 8 processes at once: each is taken once, or a second time does no harm.

Proofs, lapsed leases, hook deliveries, broker leases. Arguments: how many of each kind (200).
"""

import json
import multiprocessing
import os
import random
import sqlite3
import sys
import threading
import time
from collections import Counter

import libagentid
from libagentid import Guard
from answers import CALL, CEILING, DOMAIN
from workplace import Report, new_directory, seed

PROCESSES, THREADS = 8, 8


def opened(directory, **options):
    authority = libagentid.Authority.open(directory, trust_domain=DOMAIN, **options)
    authority.put_profile("researcher", owner="team:research@acme.example", ceiling=CEILING)
    return authority


def start(authority):
    return authority.agent("researcher", principal="user:alice@acme.example", task="once", scope=CEILING)


class Store:
    """A provider whose releases are counted in a file, across processes."""

    release_command = ()

    def __init__(self, path):
        self.path = path

    def acquire(self, request):
        return "secret of " + request["lease"]

    def release(self, lease):
        note(self.path, lease["lease"])


def note(path, text):
    """Appends a line in one write."""
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(file, text.encode() + b"\n")
    os.close(file)


def noted(path):
    if not os.path.exists(path):
        return []
    with open(path) as file:
        return file.read().split("\n")[:-1]


# ------------------------------------------------------ What each thread does: gets ready, yields, does it, yields what came


def present(work, things, order):
    """Presents every proof at a guard of the directory; which were accepted."""
    with Guard.open_directory(f"{work}/acme", proof_window=60, any_audience=True) as guard:
        yield
        yield [i for i in order if guard.check(*CALL, chain=things["chain"], proof=things["proofs"][i])]


def reap(work, things, order):
    """Reaps; how many agents that ended."""
    with opened(f"{work}/acme") as authority:
        yield
        yield [authority.reap()]


def deliver(work, things, order):
    """Takes up the hook until nothing is left."""
    with opened(f"{work}/acme") as authority:
        yield
        authority.add_hook("once", lambda event: note(f"{work}/heard", f"{event['event']} {event['agent']}"), deadline=60)
        while authority.deliveries():
            authority.settle(60)
        yield []


def release(work, things, order):
    """Releases every broker lease, all in the same order."""
    with opened(f"{work}/acme") as authority:
        authority.add_provider("store", Store(f"{work}/released"))
        yield
        for lease in things["leases"]:
            authority.release(lease)
        yield []


def one_process(work, name, ready, pipe, chance):
    things = pipe.recv()
    results, wait = [[] for _ in range(THREADS)], threading.Barrier(THREADS)

    def run(n):
        order = list(range(things["count"]))
        random.Random(chance * THREADS + n).shuffle(order)
        turns = globals()[name](work, things, order)
        try:
            next(turns)
            if wait.wait(60) == 0:
                ready.wait(60)
            wait.wait(60)
            results[n] = next(turns)
            turns.close()
        except Exception as error:
            results[n] = error

    threads = [threading.Thread(target=run, args=(n,)) for n in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    pipe.send(results)


def at_once(work, function, chance, **things):
    """Runs a function in 64 threads of 8 processes at the same time; what each answered, and faults of those that failed."""
    spawn = multiprocessing.get_context("spawn")
    ready, pipes, processes = spawn.Barrier(PROCESSES), [], []
    for _ in range(PROCESSES):
        ours, theirs = spawn.Pipe()
        arguments = (work, function.__name__, ready, theirs, chance.getrandbits(32))
        processes.append(spawn.Process(target=one_process, args=arguments))
        processes[-1].start()
        ours.send(things)
        pipes.append(ours)
    results = [result for pipe in pipes for result in pipe.recv()]
    for process in processes:
        process.join()
    return (
        [x for result in results if not isinstance(result, Exception) for x in result],
        [f"a thread failed: {result!r}" for result in results if isinstance(result, Exception)],
    )


# -------------------------------------------------------------------------------------------------- What must come out


def proofs(count, chance, report):
    with new_directory() as work, opened(f"{work}/acme") as authority, start(authority) as agent:
        made = [agent.prove(*CALL) for _ in range(count)]
        accepted, faults = at_once(work, present, chance, count=count, chain=agent.chain, proofs=made)
        if sorted(accepted) != list(range(count)):
            faults.append(f"accepted other than once: {Counter(Counter(accepted)[i] for i in range(count))}")
        report.check("a proof is accepted once", faults)


def lapsed_leases(count, chance, report):
    """Agents of a process that died: nobody renews them."""
    with new_directory() as work:
        process = multiprocessing.get_context("spawn").Process(target=leave_agents, args=(work, count))
        process.start()
        process.join()
        with opened(f"{work}/acme") as authority:
            authority.add_hook("watch", command=["/bin/false"])
            while any(agent["lease_expires"] + 1 > time.time() for agent in authority.agents(limit=100_000)):
                time.sleep(0.1)
            counts, faults = at_once(work, reap, chance, count=count)
            if sum(counts) != count:
                faults.append(f"{count} agents lapsed, {sum(counts)} were ended")
            agents = authority.agents(limit=100_000)
            if {agent["state"] for agent in agents} != {"deprovisioned"} or not all(agent["tombstone"] for agent in agents):
                faults.append("an agent is live, or has no tombstone")
            told = Counter((event["event"], event["agent"]) for event in owed(f"{work}/acme"))
            expected = Counter((name, a["id"]) for a in agents for name in ("lapsed", "deprovisioning", "deprovisioned"))
            if told != expected:
                faults.append(f"events other than once: {list(((told - expected) + (expected - told)).items())[:3]}")
            report.check("a lapsed lease is reaped once", faults)


def leave_agents(work, count):
    with opened(f"{work}/acme", lease_duration=2) as authority:
        kept = [start(authority) for _ in range(count)]
        os._exit(len(kept) - count)


def owed(directory):
    """The events that wait for hooks; read past the 1000 that the library lists."""
    database = sqlite3.connect(f"file:{directory}/registry.db?mode=ro", uri=True)
    try:
        return [json.loads(row[0]) for row in database.execute("SELECT payload FROM deliveries")]
    finally:
        database.close()


def hook_deliveries(count, chance, report):
    with new_directory() as work:
        with opened(f"{work}/acme") as authority:
            authority.add_hook("once", lambda event: None, events=["created"])
            authority.settle(10)
        # The hook stays registered, and nobody runs it.
        with opened(f"{work}/acme") as authority:
            agents = [start(authority) for _ in range(count)]
            ids = [agent.id for agent in agents]
            _, faults = at_once(work, deliver, chance, count=count)
            heard = Counter(noted(f"{work}/heard"))
            if heard != Counter(f"created {id}" for id in ids):
                faults.append(f"heard other than once: {Counter(heard.values())} of {count}")
            report.check("a hook delivery is claimed once", faults)


def broker_leases(count, chance, report):
    with new_directory() as work, opened(f"{work}/acme") as authority, start(authority) as agent:
        authority.add_provider("store", Store(f"{work}/released"))
        leases = [authority.acquire(agent.authorize(*CALL), "store", f"row {i}", 60).id for i in range(count)]
        _, faults = at_once(work, release, chance, count=count, leases=leases)
        released = Counter(noted(f"{work}/released"))
        if set(released) != set(leases):
            faults.append(f"{len(set(leases) - set(released))} leases were never released")
        if authority.broker_leases():
            faults.append(f"{len(authority.broker_leases())} leases are left")
        report.check("a broker lease is released, and again does no harm", faults)
        report.note("releases of a lease at most", max(released.values(), default=0))


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    chance, report = random.Random(seed()), Report()
    for kind in (proofs, lapsed_leases, hook_deliveries, broker_leases):
        kind(count, chance, report)
    report.end()


if __name__ == "__main__":
    main()
