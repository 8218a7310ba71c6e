"""What a damaged or full disk leaves an operator with: keys, digests and marks that are no more, and no room."""
import contextlib
import os
import subprocess

from checkup import only, troubles
from harness import check, ctl, run
from lifecycle import authority, short, start


def secrets(work):
    """An empty key, or one under another's name, and an empty digest: each is found."""
    here = authority(work)
    home = here[1]
    key = next(name for name in os.listdir(f"{home}/keys") if name.endswith(".jwk") and name != "log.jwk")
    start(work, here, "agent")
    for name, word in [(f"keys/{key}", "rotate keys"), ("keys/log.jwk", "restore it"), ("keys/digest", "16")]:
        with open(f"{home}/{name}", "rb") as file:
            kept = file.read()
        for wrong in (b"", kept[:-1]):
            with open(f"{home}/{name}", "wb") as file:
                file.write(wrong)
            only(here, name, word)
        with open(f"{home}/{name}", "wb") as file:
            file.write(kept)
    with open(f"{home}/keys/log.jwk", "rb") as file:
        other = file.read()
    with open(f"{home}/keys/{key}", "rb") as file:
        kept = file.read()
    with open(f"{home}/keys/{key}", "wb") as file:
        file.write(other)
    only(here, f"keys/{key}", "another key")
    with open(f"{home}/keys/{key}", "wb") as file:
        file.write(kept)
    check(troubles(here, expect=0) == {}, "all is mended")


def flipped(work):
    """A bit of the shared page is flipped, in each word that says something: `restored` mends it, and all goes on."""
    here = authority(work)
    home = here[1]
    start(work, here, "first")
    _, said = run("restored", *here, expect=1)
    check("nothing was done" in said and "--yes" in said and home in said, "it asks, or wants to be told", said)
    check(len(ctl("agents", *here, "--live", "--json", json_out=True)) == 1, "nothing was done")
    for word in (16, 17, 24, 25, 26, 27, 28):
        for bit in (3, 30, 62, 63):
            with open(f"{home}/sequence", "r+b") as file:
                file.seek(8 * word)
                value = int.from_bytes(file.read(8), "little")
                file.seek(8 * word)
                file.write((value ^ 1 << bit).to_bytes(8, "little"))
            ctl("restored", "--yes", *here)
            ctl("profile", "list", *here)
            check(troubles(here, expect=0) == {}, f"word {word}, bit {bit} is mended")
    ctl("audit", "verify", *here)


@contextlib.contextmanager
def small_disk(work, options="size=20m"):
    place = f"{work}/disk"
    os.mkdir(place)
    mount = ["mount", "-t", "tmpfs", "-o", f"{options},mode=0700", "tmpfs", place]
    if subprocess.run(mount, stderr=subprocess.DEVNULL).returncode != 0:
        yield None
        return
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


def full(work):
    """What stops an agent needs no block of the disk; it is in force at once, and in the log when there is room."""
    with small_disk(work) as place:
        if place is None:
            return
        here = authority(place)
        names = ["revoked", "suspended", "ended", "lives"]
        agents = {name: start(place, here, name) for name in names}
        with open(f"{place}/filler", "wb") as file, contextlib.suppress(OSError):
            while True:
                os.write(file.fileno(), bytes(4096))
        _, said = run("revoke", *here, "agent", agents["revoked"])
        check("revoked: agent" in said and "when there is room" in said, "a full disk keeps nobody from revoking", said)
        _, said = run("suspend", *here, short(agents["suspended"]))
        check("suspended: " in said and "No space left" in said, "nor from suspending", said)
        _, said = run("deprovision", *here, agents["ended"], expect=1)
        check("denied everywhere" in said and "the disk is full" in said, "nor from ending, which is an error", said)
        said, _ = run("gone", *here, agents["ended"], expect=1)
        check("denied: 1" in said and "usable" not in said, "it is denied there already", said)
        ctl("revocations", *here, expect=1)
        _, said = run("resume", *here, agents["suspended"], expect=1)
        check("make room" in said, "what lets go on waits for room", said)
        os.remove(f"{place}/filler")
        ctl("reap", *here)
        states = {entry["id"]: entry["state"] for entry in ctl("agents", *here, "--json", json_out=True)}
        wanted = {"revoked": "active", "suspended": "suspended", "ended": "deprovisioned", "lives": "active"}
        check(states == {agents[name]: wanted[name] for name in names}, "each is what was said", states)
        check([entry["id"] for entry in ctl("agents", *here, "--live", "--json", json_out=True)] == [agents["lives"]],
              "the others are denied")
        ctl("gone", *here, agents["ended"])
        ctl("audit", "checkpoint", *here, "--integrate")
        lines = ctl("audit", "tail", *here).splitlines()
        for event, name in (("revoked", "revoked"), ("suspended", "suspended"), ("deprovisioned", "ended")):
            check(any(event in line and short(agents[name]) in line for line in lines),
                  "it is in the log when there is room", event)


def inodes(work):
    """A disk with room and without free inodes takes no new file: that is found, and hinders no revocation."""
    with small_disk(work, "size=200m,nr_inodes=200") as place:
        if place is None:
            return
        here = authority(place)
        agent = start(place, here, "agent")
        check(troubles(here, expect=0) == {}, "all is well")
        with contextlib.suppress(OSError):
            for number in range(200):
                open(f"{place}/{number}", "w").close()
        only(here, "room on the disk", "inodes")
        _, said = run("revoke", *here, "agent", agent)
        check("revoked: agent" in said, "no inode keeps nobody from revoking", said)
