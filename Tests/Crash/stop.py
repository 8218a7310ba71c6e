#!/usr/bin/env python3
"""Stops processes of every kind at random moments (SIGSTOP), while others revoke.

Shows that a revocation is in force in another process within a second whoever stands still, that what was revoked is never
permitted again, and that the directory can be opened. Arguments: how many rounds (200). CRASH_SEED repeats a run's moments.
"""

import os
import random
import signal
import subprocess
import sys
import time

import libagentid
from workplace import Report, new_directory, seed

CALL = ("read", {"path": "/data/a"})
HEAD = "import libagentid, sys\npath = sys.argv[1]\n"
SCOPE = "scope=\"read(path under '/data')\", principal='user:a@acme.example', task='t'"
KINDS = {
    "one that starts and ends": "a = libagentid.Authority.open(path)\nprint(flush=True)\n"
    f"while True:\n a.agent('p', {SCOPE}).end(); a.integrate()",
    "one that reaps": "a = libagentid.Authority.open(path)\nprint(flush=True)\nwhile True: a.reap()",
    "one that opens": "libagentid.Authority.open(path).close()\nprint(flush=True)\n"
    "while True: libagentid.Authority.open(path).close()",
    "one that suspends": f"a = libagentid.Authority.open(path)\nb = a.agent('p', {SCOPE})\nprint(flush=True)\n"
    "while True: a.suspend(b); a.resume(b)",
    "one that decides": f"a = libagentid.Authority.open(path)\nb = a.agent('p', {SCOPE})\n"
    "g = libagentid.Guard.open_directory(path, audience='g')\nc = ('read', {'path': '/data/a'})\nprint(flush=True)\n"
    "while True: g.check(*c, chain=b.chain, proof=b.prove(*c, audience='g'))",
}
WATCH = """
g = libagentid.Guard.open_directory(path, audience='g')
print(flush=True)
for line in sys.stdin:
    key, chain = line.split()
    with libagentid.Agent.open(key, chain) as thief:
        c = ('read', {'path': '/data/a'})
        print(g.check(*c, chain=chain, proof=thief.prove(*c, audience='g')).reason or 'permit', flush=True)
"""
OPEN = "a = libagentid.Authority.open(path)\nprint(len(a.agents(state='active')))"


def start(code, path):
    process = subprocess.Popen(
        [sys.executable, "-c", HEAD + code, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    process.stdout.readline()
    return process


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    chance, report = random.Random(seed()), Report()
    with new_directory() as work:
        path = f"{work}/acme"
        authority = libagentid.Authority.open(path, trust_domain="acme.example")
        authority.put_profile("p", owner="team:x@acme.example", ceiling="read(path under '/data')")
        watch = start(WATCH, path)

        def ask(held):
            watch.stdin.write(f"{held[0]} {held[1]}\n")
            watch.stdin.flush()
            return watch.stdout.readline().strip()

        others = {kind: start(code, path) for kind, code in KINDS.items()}
        late, faults, slowest, revoked = [], [], 0.0, []
        try:
            for turn in range(count):
                agent = authority.agent("p", principal="user:a@acme.example", task="t", scope="read(path under '/data')")
                held = (agent.export_key(), agent.chain)
                if ask(held) != "permit":
                    faults.append(f"{turn}: not permitted before it was revoked: {ask(held)}")
                kind = chance.choice(list(others))
                time.sleep(chance.random() * 0.03)
                if others[kind].poll() is not None:
                    faults.append(f"{turn}: {kind} has died: {others[kind].returncode}")
                    others[kind] = start(KINDS[kind], path)
                os.kill(others[kind].pid, signal.SIGSTOP)
                begun = time.monotonic()
                authority.revoke(agent=agent.id)
                while (said := ask(held)) == "permit" and time.monotonic() - begun < 5:
                    pass
                took = time.monotonic() - begun
                slowest = max(slowest, took)
                if took > 1 or said != "authority_revoked":
                    late.append(f"{turn}: {kind} stood still: {said} after {took:.2f} s")
                if turn % 10 == 0:
                    opened = subprocess.run([sys.executable, "-c", HEAD + OPEN, path], capture_output=True, text=True, timeout=60)
                    if opened.returncode != 0:
                        faults.append(f"{turn}: {kind} stood still, and the directory cannot be opened: {opened.stderr[-300:]}")
                os.kill(others[kind].pid, signal.SIGCONT)
                revoked.append(held)
                agent.close()
                if (again := ask(chance.choice(revoked))) == "permit":
                    faults.append(f"{turn}: permitted again: {again}")
        finally:
            for process in [*others.values(), watch]:
                process.kill()
                process.communicate()
            authority.close()
        print(f"the slowest of {count} revocations took {slowest:.3f} s")
        report.check("a revocation is in force within a second, whoever stands still", late)
        report.check("nothing else goes wrong while processes stand still", faults)
    report.end()


main()
