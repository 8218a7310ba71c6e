#!/usr/bin/env python3
"""Agents that live at once in one process: each is started, decides, and ends.

Shows what one takes, that descriptors and threads do not depend on how many there are, that nothing stays when they have
ended, and that agents are refused by name while there is still memory to refuse them with. Arguments: how many (100,000).
"""

import os
import pathlib
import resource
import subprocess
import sys
import tempfile
import time

import libagentid
from measure import of_process

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "Crash"))
from workplace import Report

WORK = {"principal": "user:a@acme.example", "task": "soak", "scope": "read(path under '/data')"}
CALL = ("read", {"path": "/data/a"})
# What an agent may take of this process: a handle in Python, keys, grants and its verified chain; its mappings are shared.
BYTES, MAPPINGS = 16 << 10, 0.01


def world(directory):
    acme = libagentid.Authority.open(directory, trust_domain="acme.example", lease_duration=86400)
    acme.put_profile("worker", owner="team:soak@acme.example", ceiling=WORK["scope"], max_lifetime=86400)
    return acme


def live(count, report):
    base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="agentid-live-", dir=base) as home:
        with world(f"{home}/acme") as acme:
            for _ in range(100):
                with acme.agent("worker", **WORK, lifetime=86400) as agent:
                    agent.check(*CALL)
            before, begun = of_process(), time.monotonic()
            agents = [acme.agent("worker", **WORK, lifetime=86400) for _ in range(count)]
            started = time.monotonic()
            wrong = [agent.id for agent in agents if not agent.check(*CALL).permitted]
            decided, full = time.monotonic(), of_process()
            report.check("each of them is permitted", wrong)
            taken = {name: full[name] - before[name] for name in full}
            print(f"{count} agents: {taken['memory'] / count:.0f} bytes and {taken['mappings'] / count:.4f} mappings each; "
                  f"{(started - begun) / count * 1e6:.0f} us to start one, {(decided - started) / count * 1e6:.0f} us to ask it first",
                  flush=True)  # fmt: skip
            faults = [taken] if taken["memory"] > BYTES * count or taken["mappings"] > 40 + MAPPINGS * count else []
            report.check("an agent takes no more than its share", faults)
            report.check(
                "descriptors and threads do not depend on them",
                [taken] if taken["descriptors"] > 4 or taken["threads"] > 4 else [],
            )
            last = agents[-1]
            chain, proof = last.present(*CALL, audience="here")
            for agent in agents:
                agent.end()
            del agents, agent, last
            guard = acme.guard(audience="here")
            report.check(
                "what has ended is denied",
                [] if guard.check(*CALL, chain=chain, proof=proof).reason == "authority_revoked" else ["permitted"],
            )
            report.check("nobody lives on", acme.agents(state="active"))
            left = of_process()
            more = {name: left[name] - before[name] for name in left}
            print(f"when they have ended {more['memory']} bytes and {more['mappings']} mappings more than before")
            # Names and keys that are revoked stay, and the allocator keeps some of what it had.
            report.check("nothing stays of them", [more] if more["memory"] > (4 << 20) + count * 2048 else [])


def refused():
    """In a process of its own, with little memory: agents until one is refused, then fewer, then one more."""
    acme = world(None)
    agents = [acme.agent("worker", **WORK)]
    with open("/proc/self/statm") as file:
        size = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + (96 << 20),) * 2)
    name = ""
    while not name:
        try:
            agents.append(acme.agent("worker", **WORK))
        except libagentid.Error as error:
            name = f"{error.name} {error.code}"
    permitted = all(agent.check(*CALL).permitted for agent in agents[-100:])
    for agent in agents[: len(agents) // 2]:
        agent.end()
    print(name, permitted, flush=True)
    os._exit(0)


def main():
    if sys.argv[1:] == ["refused"]:
        return refused()
    report = Report()
    live(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000, report)
    ended = subprocess.run([sys.executable, __file__, "refused"], capture_output=True, text=True)
    said = (ended.returncode, ended.stdout.strip())
    report.check(
        "where memory ends agents are refused, and those that live are permitted",
        [] if said == (0, "guarded_memory 10 True") else [said, ended.stderr[-300:]],
    )
    report.end()


if __name__ == "__main__":
    main()
