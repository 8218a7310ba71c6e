"""Files of a directory that somebody moved away, removed or put back: `doctor` finds what it does to those who run, and its
remedy is one."""
import os
import pathlib
import shutil
import subprocess
import sys
import time

from checkup import only, troubles
from denying import call, metered
from harness import ROOT, Host, check, ctl
from lifecycle import authority, start


def neighbours(work):
    """A process has these open under whatever name; with nothing, or a copy, in their place, it denies."""
    here = authority(work)
    with Host(here[1], 300) as host:
        check(troubles(here, expect=0) == {}, "nothing is wrong with what lives")
        for name in ("registry.db-wal", "registry.db-shm", "replay"):
            path, aside = f"{here[1]}/{name}", f"{work}/aside"
            os.rename(path, aside)
            if name == "registry.db-wal":
                only(here, "registry", "registry.db-wal was removed", "agentidctl restored")
            else:
                only(here, "files that guards go by", f"process {host.process.pid}", name, "start it again")
            shutil.copy2(aside, path)
            only(here, "files that guards go by", f"process {host.process.pid}", name, "moved away")
            os.rename(aside, path)
            check(troubles(here, expect=0) == {}, "it is back", name)


def anew(work):
    """Meters that were removed are made anew by the next call: agents from before have none of their labels."""
    here, path = metered(work)
    time.sleep(1.1)
    os.remove(path)
    call(work, here, "agent")
    only(here, "labels", "made anew", "end those")
    agent = ctl("agents", *here, "--json", json_out=True)[0]["id"]
    ctl("deprovision", *here, agent)
    check(troubles(here, expect=0) == {}, "who had them has ended")
    start(work, here, "other")
    call(work, here, "other")
    check(troubles(here, expect=0) == {}, "who came later lacks nothing")


def marks(work):
    """An older `sequence` written over the newer one, in place, or none: whoever opens the authority mends it."""
    here = authority(work)
    path = pathlib.Path(f"{here[1]}/sequence")
    before = path.read_bytes()
    start(work, here, "agent")
    with path.open("r+b") as file:
        file.write(before)
    only(here, "sequence", "an older one", "agentidctl reap")
    ctl("reap", *here)
    check(troubles(here, expect=0) == {}, "it knows all again")
    path.unlink()
    only(here, "registry", "is gone", "agentidctl reap")
    ctl("reap", *here)
    check(troubles(here, expect=0) == {}, "it is made anew")


def meters_and_marks(work):
    """Older `meters` together with the `sequence` of their time: the registry, which is newer, knows what they do not."""
    here, path = metered(work)
    both = {name: pathlib.Path(f"{here[1]}/{name}").read_bytes() for name in ("meters", "sequence")}
    call(work, here, "agent")
    start(work, here, "other")
    for name, before in both.items():
        pathlib.Path(f"{here[1]}/{name}").write_bytes(before)
    found = troubles(here)
    check({"meters: rates, budgets, labels", "sequence: how far the registry has got"} == found.keys(), "both are found", found)
    check(call(work, here, "agent", expect=10)["reason"] == "meters_damaged", "what was used is not there to be used again")
    ctl("reap", *here)
    only(here, "meters", "an older copy", "remove")
    check(call(work, here, "agent", expect=10)["reason"] == "meters_damaged", "nor once `sequence` is mended")
    # Agents' times are in seconds: those from before started in an earlier one.
    time.sleep(1.1)
    os.remove(path)
    call(work, here, "agent")
    only(here, "labels", "made anew", "end those")


def checkpoint(work):
    """An older checkpoint in the place of the newest, one step of the log before it: it is signed again."""
    here = authority(work)
    path = pathlib.Path(f"{here[1]}/audit/checkpoint")
    script = ("import os, shutil, sys\nsys.path.insert(0, sys.argv[2] + '/Bindings/python')\n"
              "os.environ.setdefault('AGENTID_LIBRARY', sys.argv[2] + '/.build/release/libagentid.so')\nimport libagentid\n"
              "a = libagentid.Authority.open(sys.argv[1])\n"
              "a.revoke(agent='spiffe://acme.example/agent/p/1')\na.integrate()\n"
              "shutil.copy(sys.argv[1] + '/audit/checkpoint', sys.argv[3])\n"
              "a.revoke(agent='spiffe://acme.example/agent/p/2')\na.integrate()\nos._exit(0)")
    subprocess.run([sys.executable, "-c", script, here[1], str(ROOT), f"{work}/before"], check=True)
    check(troubles(here, expect=0) == {}, "nothing is wrong with the newest")
    path.write_bytes(pathlib.Path(f"{work}/before").read_bytes())
    only(here, "newest checkpoint", "are signed", "--integrate")
    ctl("audit", "checkpoint", *here, "--integrate")
    check(troubles(here, expect=0) == {}, "it is signed again")


def proofs(work):
    """Older used proofs, written over the newer in place: guards that have them deny, and whoever opens one takes them up."""
    here = authority(work)
    start(work, here, "agent")
    call(work, here, "agent")
    path = pathlib.Path(f"{here[1]}/replay")
    before = path.read_bytes()
    call(work, here, "agent")
    check(troubles(here, expect=0) == {}, "nothing is wrong with what works")
    with path.open("r+b") as file:
        file.write(before)
    only(here, "replay memory", "knows 1 of 2 used proofs", "wait 4 minutes")
    call(work, here, "agent")
    check(troubles(here, expect=0) == {}, "it was taken up")
