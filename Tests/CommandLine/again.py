"""After a restore: which policy is in force is said, the newer log tells which was, and `reap --watch` goes on."""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess

from checkup import only, troubles
from denying import apply
from harness import PROGRAM, check, ctl, until
from lifecycle import authority, database, start

EMPTY = {"version": 1, "rules": []}


def policy(work):
    here = authority(work)
    home, backup = here[1], f"{work}/backup"
    apply(work, here, EMPTY)
    ctl("audit", "checkpoint", *here, "--integrate")
    events = [json.loads(line) for line in ctl("audit", "export", *here, "--format", "jsonl").splitlines()]
    applied = [event for event in events if event.get("event") == "policy"]
    check([event["policy"]["version"] for event in applied] == [1] and len(applied[0]["policy"]["sha256"]) == 43,
          "what was put in force is in the log", events)
    shutil.copytree(home, backup)
    for version in (2, 3):
        apply(work, here, {"version": version, "rules": []})
    apply(work, here, {"version": 3, "rules": []})
    ctl("audit", "checkpoint", *here, "--integrate")
    check(ctl("audit", "export", *here, "--format", "jsonl").count('"event":"policy"') == 3, "once each")
    told = [json.loads(line) for line in ctl("audit", "export", *here, "--format", "ocsf").splitlines()]
    check(any("version 3" in line["message"] for line in told if line["class_uid"] == 0), "ocsf")
    check("policy  version 3" in ctl("audit", "tail", *here), "tail")
    # The log is newer than the registry: it was not lost.
    registry_put_back(home, backup)
    only(here, "registry", "agentidctl restored")
    told = ctl("restored", "--yes", *here, "--json", json_out=True)
    check((told["policy_version"], told["policy_in_log"]) == (1, 3), "restored says which policy is in force, and which was", told)
    only(here, "policy in force: version 1", "version 3", "agentidctl policy apply")
    told = ctl("restored", "--yes", *here, "--json", json_out=True)
    check(told["policy_version"] == 1, "once more", told)
    only(here, "policy in force: version 1", "version 3")
    apply(work, here, {"version": 3, "rules": []})
    check(troubles(here, expect=0) == {}, "it was applied again")


def registry_put_back(home, backup):
    """An older registry, whole, beside the newer rest of a directory."""
    for name in os.listdir(home):
        if name.startswith("registry.db"):
            os.remove(f"{home}/{name}")
    for name in os.listdir(backup):
        if name.startswith("registry.db"):
            shutil.copy(f"{backup}/{name}", f"{home}/{name}")


def watched(work):
    """A directory that is moved away, put back by and by and restored while `reap --watch` runs: it goes on, and reaps in it."""
    here = authority(work)
    home, backup = here[1], f"{work}/backup"
    shutil.copytree(home, backup)
    with subprocess.Popen([PROGRAM, "reap", *here, "--watch", "--every", "1", "--json"], stdout=subprocess.PIPE,
                          stderr=open(f"{work}/said", "w")) as watching:
        def says(word):
            until(lambda: watching.poll() is not None or word in pathlib.Path(f"{work}/said").read_text(), f"it says {word}")

        until(lambda: os.path.exists(f"/proc/{watching.pid}/fd/3"), "it began")
        start(work, here, "one")
        ctl("reap", *here)
        os.rename(home, f"{work}/broken")
        says("directory_replaced")
        says("no_authority")
        # An older registry beside the newer rest is not taken, and not made new either.
        shutil.copytree(f"{work}/broken", home)
        registry_put_back(home, backup)
        says("registry_rolled_back")
        ctl("restored", "--yes", *here)
        start(work, here, "two")
        with contextlib.closing(database(here)) as db, db:
            db.execute("UPDATE leases SET expires = 0, boot = '', runs_until = 0, grace = 0")

        def living():
            with contextlib.closing(database(here)) as db:
                return db.execute("SELECT count(*) FROM agents WHERE state <> 'deprovisioned'").fetchone()[0]

        until(lambda: watching.poll() is not None or living() == 0, "it reaps")
        held = [os.readlink(f"/proc/{watching.pid}/fd/{number}") for number in os.listdir(f"/proc/{watching.pid}/fd")]
        check(not [name for name in held if f"{work}/broken" in name or "(deleted)" in name], "it holds nothing of before", held)
        watching.send_signal(signal.SIGTERM)
        check(watching.wait() == 0, "it ends when told")
    said = pathlib.Path(f"{work}/said").read_text().splitlines()
    check(len(said) == len(set(said)), "each fault is told once", said)
