#!/usr/bin/env python3
"""Lets a sync, or the step that a change hangs on, fail or be the last, and looks at what stands there whichever way it went.

A commit whose sync failed is nowhere, or its keys are kept. A line of the log whose sync failed was recorded for nobody, and a disk that
goes on failing is not filled with segments. An archive that was interrupted is gone on with. A hook whose host dies in it is given up.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

from workplace import HERE, Report, new_directory

CTL = os.environ.get("AGENTIDCTL") or os.path.join(os.path.dirname(os.environ["AGENTID_LIBRARY"]), "agentidctl")
NEW = """
import sys, libagentid
with libagentid.Authority.open(sys.argv[1], trust_domain="acme.example") as acme:
    acme.put_profile("p", owner="team:x@acme.example", ceiling="read(path under '/data')")
    acme.agent("p", principal="user:a@acme.example", task="t", scope="read(path under '/data')")
"""
FILL = """
import sys, libagentid
with libagentid.Authority.open(sys.argv[1]) as acme:
    for n in range(int(sys.argv[2])):
        acme.revoke(agent=f"spiffe://acme.example/agent/{sys.argv[3]}/{n}")
    acme.integrate()
"""
ALWAYS = """
import os, sys, threading, libagentid
path, mark = sys.argv[1:]
acme = libagentid.Authority.open(path, trust_domain="acme.example", audit="always")
acme.put_profile("p", owner="team:x@acme.example", ceiling="read(path under '/data')")
agent = acme.agent("p", principal="user:a@acme.example", task="t", scope="read(path under '/data')")
assert agent.check("read", {"path": "/data/a"}).permitted
open(mark, "w").close()
reasons = []
def ask():
    reasons.extend(agent.check("read", {"path": "/data/a"}).reason for _ in range(20))
threads = [threading.Thread(target=ask) for _ in range(16)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
segments = [name for name in os.listdir(f"{path}/audit/segments") if name.endswith(".seg")]
print(sum(reason is None for reason in reasons), len(segments), flush=True)
os.unlink(mark)
for _ in range(300):
    if agent.check("read", {"path": "/data/a"}).permitted:
        break
    threading.Event().wait(0.1)
print("permitted again" if agent.check("read", {"path": "/data/a"}).permitted else "denied", flush=True)
acme.integrate()
acme.close()
"""


class Trial:
    """A directory, and a process in it that a fault meets."""

    def __init__(self, work):
        self.work, self.path, self.shim = work, f"{work}/acme", f"{work}/fault_shim.so"
        flags = ["-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"]
        subprocess.run(["gcc", *flags, str(HERE / "fault_shim.c"), "-o", self.shim, "-ldl"], check=True)

    def python(self, script, *arguments, **fault):
        return subprocess.run(
            [sys.executable, "-c", script, self.path, *map(str, arguments)], capture_output=True, text=True, timeout=120, env=self.environment(fault)
        )

    def ctl(self, *arguments, at=None, **fault):
        words = arguments.index("--") if "--" in arguments else len(arguments)
        return subprocess.run(
            [CTL, *arguments[:words], "--authority", at or self.path, *arguments[words:]], capture_output=True, text=True, timeout=120, env=self.environment(fault)
        )

    def environment(self, fault):
        names = {f"FAULT_{name.upper()}": str(value) for name, value in fault.items()}
        return {**os.environ, **names, **({"LD_PRELOAD": self.shim, "FAULT_ERROR": "5", **names} if fault else {})}

    def new(self):
        shutil.rmtree(self.path, ignore_errors=True)
        done = self.python(NEW)
        assert done.returncode == 0, done.stderr

    def state(self):
        """The bundle's keys and the agents; the error where there is none."""
        agents = self.ctl("agents", "--json")
        bundle = self.ctl("bundle")
        if agents.returncode or bundle.returncode:
            return f"{agents.stderr}{bundle.stderr}"
        return sorted(key["kid"] for key in json.loads(bundle.stdout)["keys"]), [one["id"] for one in json.loads(agents.stdout)]


def commits(trial, report):
    """The commit of each of these cannot be synced: once, or from then on."""
    out = f"{trial.work}/out"
    agent = ["agent", "--profile", "p", "--principal", "user:b@acme.example", "--task", "t", "--scope", "read(path under '/data/a')", "--out", out]
    changes = {"publish": ["bundle", "--publish"], "activate": ["bundle", "--activate"], "agent": agent, "restored": ["restored", "--yes"]}
    for name, arguments in changes.items():
        for at in (1, 2, 3, 0):
            trial.new()
            shutil.rmtree(out, ignore_errors=True)
            if name == "activate":
                trial.ctl("bundle", "--publish")
            before = trial.state()
            done = trial.ctl(*arguments, **{"call": "fsync", "AT": at, "in": f"{trial.path}/registry.db-wal"})
            after, faults = trial.state(), []
            if isinstance(after, str):
                faults.append(f"{done.stderr.strip()}: and then: {after}")
            elif "nothing was changed" in done.stderr and after != before and (name, at) != ("restored", 3):
                faults.append(f"it said that nothing was changed: {done.stderr}")  # What restored does then is another change.
            if name == "restored" and not faults:
                again = trial.ctl("restored", "--yes")
                faults += [again.stderr] if again.returncode else []
            check = trial.ctl("reap")
            faults += [check.stderr] if check.returncode else []
            report.check(f"{name}: sync {at or 'of each'} of the registry's log fails", faults)


def lines(trial, report):
    """With audit="always", no sync of a segment succeeds for a while."""
    shutil.rmtree(trial.path, ignore_errors=True)
    mark = f"{trial.work}/mark"
    done = trial.python(ALWAYS, mark, **{"call": "fsync", "AT": 0, "in": trial.path, "end": ".seg", "while": mark})
    said, faults = done.stdout.split("\n"), []
    if done.returncode or len(said) < 2:
        faults.append(done.stderr)
    else:
        permitted, segments = map(int, said[0].split())
        faults += [f"{permitted} calls were permitted without a line"] if permitted else []
        faults += [f"{segments} segments were left"] if segments > 20 else []
        faults += ["it did not recover"] if said[1] != "permitted again" else []
        faults += [] if "sound" in trial.ctl("audit", "verify").stdout else ["the log is not sound"]
    report.check("no line is recorded that was not synced", faults)


def archives(trial, report):
    trial.new()
    trial.python(FILL, 500, "a")
    one, other, third = (f"{trial.work}/{name}" for name in ("one", "other", "third"))
    bundle = f"{trial.path}/audit/tile/entries/000"
    shutil.copy(bundle, f"{trial.work}/bundle")
    archive = ["audit", "archive", "--first"]
    assert trial.ctl(*archive, "256", "--to", one).returncode == 0
    # As if the first had been killed before it had removed all.
    shutil.copy(f"{trial.work}/bundle", bundle)
    trial.python(FILL, 900, "b")
    for end in ("kept", "checkpoint"):
        trial.ctl(*archive, "768", "--to", one, **{"call": "rename", "AT": 0, "in": f"{one}/", "end": f"/{end}"})
        found = trial.ctl("audit", "verify", at=one)
        report.check(f"an archive is whole whose {end} could not be replaced", [] if "sound" in found.stdout else [found.stderr + found.stdout])
    done = trial.ctl(*archive, "768", "--to", one)
    report.check("and is gone on with", [done.stderr] if done.returncode else [])
    report.check("what an earlier call left is removed", ["it is there"] if os.path.exists(bundle) else [])

    # Of two at once, the one that archived less is last.
    environment = trial.environment({"call": "rename", "AT": 1, "in": f"{other}/", "end": "/checkpoint", "stop": 1})
    slow = subprocess.Popen(
        [CTL, *archive, "1024", "--to", other, "--authority", trial.path], env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE
    )
    os.waitpid(slow.pid, os.WUNTRACED)
    done = trial.ctl(*archive, "1280", "--to", third)
    os.kill(slow.pid, signal.SIGCONT)
    said = slow.communicate(timeout=60)[1].decode()
    kept = json.load(open(f"{trial.path}/audit/kept"))["from"]
    report.check("of two at once, none says that less is archived", [] if (kept, done.returncode) == (1280, 0) else [kept, done.stderr, said])
    found = trial.ctl("audit", "verify")
    report.check("the log is sound", [] if "sound" in found.stdout else [found.stdout + found.stderr])


def hooks(trial, report):
    """The command of a hook ends its host each time."""
    trial.new()
    tries, host = f"{trial.work}/tries", f"{trial.work}/host"
    script = f"echo 1 >> {tries}; kill -9 $(cat {host})"

    def hosted(*arguments):
        run = ["/bin/sh", "-c", f'echo $$ > {host}; exec "$@"', "sh", CTL, *arguments, "--authority", trial.path]
        subprocess.run(run, capture_output=True, timeout=60)

    trial.ctl("hooks", "add", "bad", "--on", "suspended", "--max-attempts", "2", "--deadline", "1", "--", "/bin/sh", "-c", script)
    agent = trial.state()[1][0]
    hosted("suspend", agent)
    for _ in range(3):
        time.sleep(6.5)  # So long is an attempt of a second taken for under way.
        hosted("hooks", "run")
    count = len(open(tries).readlines())
    dead = json.loads(trial.ctl("hooks", "dead", "--json").stdout)
    faults = [] if count == 2 and [(one["hook"], one["attempts"]) for one in dead] == [("bad", 2)] else [count, dead]
    report.check("a hook that ends its host is tried as often as it may", faults)


def main():
    parts = {"commits": commits, "lines": lines, "archives": archives, "hooks": hooks}
    report = Report()
    with new_directory() as work:
        trial = Trial(work)
        for name in [name for name in sys.argv[1:] if name in parts] or parts:
            parts[name](trial, report)
    report.end()


main()
