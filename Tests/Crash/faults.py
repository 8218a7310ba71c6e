#!/usr/bin/env python3
"""Lets one call after the other fail, once, in a process that works: write, sync, mapping, rename and open, each with EIO, ENOSPC,
EINTR and EMFILE.

Shows that it neither hangs nor dies, that each refusal is an error of the library, that what was answered is there, that
nothing that was ended or revoked is permitted afterwards, and that the directory is opened by the next. Arguments: how many faults
(540). CRASH_SEED repeats a run's choice of them.
"""

import errno
import json
import os
import random
import subprocess
import sys

from workplace import HERE, Report, new_directory, seed

WORK = """
import json, sys
import libagentid
def say(what, *more):
    print(json.dumps([what, *more]), flush=True)
def attempt(what, call):
    try:
        return call()
    except libagentid.Error as error:
        say("error", what, error.name, str(error))
    except libagentid.Denied as denied:
        say("error", what, denied.reason, str(denied))
path, scope = sys.argv[1], "read(path under '/data')"
acme = None
for _ in range(2):
    acme = acme or attempt("open", lambda: libagentid.Authority.open(path, trust_domain="acme.example"))
if acme is None:
    sys.exit(0)
for _ in range(2):
    attempt("profile", lambda: acme.put_profile("p", owner="team:x@acme.example", ceiling=scope))
guard = attempt("guard", lambda: libagentid.Guard.open_directory(path, audience="g"))
for n in range(3):
    agent = attempt("start", lambda: acme.agent("p", principal=f"user:{n}@acme.example", task="t", scope=scope))
    if agent is None:
        continue
    name = agent.id
    say("started", name, agent.export_key(), agent.chain)
    call = ("read", {"path": "/data/a"})
    if guard is not None:
        decided = guard.check(*call, chain=agent.chain, proof=agent.prove(*call, audience="g"))
        say("decided", name, decided.reason)
    agent.check(*call)
    if n == 0 and attempt("revoke", lambda: (acme.revoke(agent=name), True)):
        say("over", name)
    if n == 1 and attempt("end", lambda: (agent.end(), True)):
        say("over", name)
    if n == 2 and attempt("leave", lambda: (acme.deprovision_principal("user:2@acme.example"), True)):
        say("over", name)
attempt("integrate", acme.integrate)
attempt("close", acme.close)
say("done")
"""
CHECK = """
import json, sys
import libagentid
said = json.load(sys.stdin)
faults = []
with libagentid.Authority.open(sys.argv[1], trust_domain="acme.example") as acme:
    guard = libagentid.Guard.open_directory(sys.argv[1], audience="g")
    known = {agent["id"] for agent in acme.agents()}
    over = {entry[1] for entry in said if entry[0] == "over"}
    for what, *more in said:
        if what != "started":
            continue
        name, key, chain = more
        if name not in known:
            faults.append(f"{name} was answered and is not there")
        call = ("read", {"path": "/data/a"})
        with libagentid.Agent.open(key, chain) as thief:
            reason = guard.check(*call, chain=chain, proof=thief.prove(*call, audience="g")).reason
        if name in over and reason != "authority_revoked":
            faults.append(f"{name} is over, and {reason or 'permitted'}")
    acme.integrate()
    acme.reap()
print(json.dumps(faults))
"""
CALLS = ("write", "fsync", "mmap", "rename", "open")
ERRORS = (errno.EIO, errno.ENOSPC, errno.EINTR, errno.EMFILE)


def run(work, shim, call, at, error):
    """What was wrong where that call failed so; None where there was no such call."""
    path, mark = f"{work}/acme", f"{work}/said"
    for name in (path, mark):
        subprocess.run(["rm", "-rf", name], check=True)
    environment = {
        **os.environ, "LD_PRELOAD": shim, "FAULT_CALL": call, "FAULT_AT": str(at), "FAULT_ERROR": str(error), "FAULT_IN": path,
        "FAULT_SAID": mark,
    }  # fmt: skip
    try:
        done = subprocess.run([sys.executable, "-c", WORK, path], capture_output=True, text=True, timeout=90, env=environment)
    except subprocess.TimeoutExpired:
        return ["it hangs"]
    if not os.path.exists(mark):
        return None
    if done.returncode != 0:
        return [f"it ended with {done.returncode}: {done.stderr[-300:]}"]
    said = [json.loads(line) for line in done.stdout.splitlines()]
    check = subprocess.run(
        [sys.executable, "-c", CHECK, path], input=json.dumps(said), capture_output=True, text=True, timeout=90
    )
    if check.returncode != 0:
        return [f"the next cannot work: {check.stderr[-300:]}", [entry for entry in said if entry[0] == "error"]]
    return json.loads(check.stdout)


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 540
    chance, report = random.Random(seed()), Report()
    with new_directory() as work:
        shim = f"{work}/fault_shim.so"
        flags = ["-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"]
        subprocess.run(["gcc", *flags, str(HERE / "fault_shim.c"), "-o", shim, "-ldl"], check=True)
        most = dict.fromkeys(CALLS, 64)
        done = 0
        while done < count:
            call, error = chance.choice(CALLS), chance.choice(ERRORS)
            at = chance.randint(1, most[call])
            faults = run(work, shim, call, at, error)
            if faults is None:
                most[call] = max(at - 1, 1)
                continue
            done += 1
            report.check(f"{call} number {at} fails with {errno.errorcode[error]}", faults)
    report.end()


main()
