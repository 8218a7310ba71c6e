"""What a damaged or full disk leaves an operator with: keys, digests and marks that are no more, and no room."""
import contextlib
import os
import subprocess

from checkup import only, troubles
from harness import Host, check, ctl, run
from lifecycle import authority, database, short, start


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


def lost_keys(work):
    """The keys of the log and of parked agents are not made anew: under others the log would be another."""
    here, there = authority(work), ["--authority", f"{work}/other"]
    home = here[1]
    start(work, here, "agent")
    ctl("audit", "checkpoint", *here, "--integrate")
    ctl("init", *there, "acme.example")
    with open(f"{home}/audit/key", "rb") as file:
        signed = file.read()
    for name in ("log.jwk", "digest"):
        os.rename(f"{home}/keys/{name}", f"{work}/kept")
        only(here, "keys of the audit log", name, "backup")
        for _ in range(2):
            _, said = run("audit", "checkpoint", *here, "--integrate", expect=1)
            check(f"keys/{name} is missing" in said and "agentidctl restored" in said, f"{name} is asked for", said)
        check(not os.path.exists(f"{home}/keys/{name}"), f"no other {name} is made")
        os.rename(f"{work}/kept", f"{home}/keys/{name}")
    with open(f"{home}/keys/log.jwk", "rb") as file:
        own = file.read()
    with open(f"{work}/other/keys/log.jwk", "rb") as file:
        other = file.read()
    with open(f"{home}/keys/log.jwk", "wb") as file:
        file.write(other)
    only(here, "keys of the audit log", "another key")
    _, said = run("audit", "checkpoint", *here, "--integrate", expect=1)
    check("another key than the one that signed" in said, "another log's key signs nothing", said)
    with open(f"{home}/keys/log.jwk", "wb") as file:
        file.write(own)
    with open(f"{home}/audit/key", "rb") as file:
        check(file.read() == signed, "the log's key is the same")
    ctl("audit", "verify", *here)
    check(troubles(here, expect=0) == {}, "all is mended")


def looks(work):
    """What `restored` would do is said before it is asked for, and what stands against it first of all."""
    here = authority(work)
    _, said = run("restored", "--authority", f"{work}/nothing", expect=1)
    check("there is no authority in" in said and "--yes" not in said, "it looks first", said)
    start(work, here, "agent")
    _, said = run("restored", *here, expect=1)
    check("1 of them now" in said and "has it open" not in said and "--yes" in said, "it says what it would do", said)
    with Host(here[1], 300) as host:
        _, said = run("restored", *here, expect=1)
        check("5 of them now" in said and f"process {host.process.pid}" in said, "and who has it open", said)
    with contextlib.closing(database(here)) as db:
        [version] = db.execute("PRAGMA user_version").fetchone()
        db.execute(f"PRAGMA user_version = {version - 1}")
        _, said = run("restored", *here, expect=1)
        older = troubles(here, expect=1)
        db.execute(f"PRAGMA user_version = {version}")
    check(older and all("agentidctl restored" in f["remedy"] for f in older.values()), "an older version may be that of a backup", older)
    check("agent" in said and "--yes" in said, "a backup of an older version is asked about too", said)
    with open(f"{here[1]}/audit/sequence", "r+b") as file:
        file.write(b"garbage")
    _, said = run("restored", *here, expect=1)
    check("audit" in said and "--yes" not in said, "a damaged log stands against it", said)
    check(len(ctl("agents", *here, "--state", "active", "--json", json_out=True)) == 5, "nothing was done")


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
            [first] = ctl("agents", *here, "--json", json_out=True)
            check("restored" in first["end_reason"], "why it ended", first)
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


def unwritten(work):
    """An agent whose key cannot be written does not stay: nobody has it."""
    here = authority(work)
    with small_disk(work, "size=64k") as place:
        if place is None:
            return
        with open(f"{place}/filler", "wb") as file, contextlib.suppress(OSError):
            while True:
                os.write(file.fileno(), bytes(4096))
        _, said = run("agent", *here, "--profile", "researcher", "--principal", "user:alice@acme.example", "--task", "t",
                      "--scope", "search", "--out", f"{place}/agent", expect=1)
        check("No space left" in said and not os.path.exists(f"{place}/agent"), "it says why, and leaves no directory", said)
    states = [agent["state"] for agent in ctl("agents", *here, "--json", json_out=True)]
    check(states == ["deprovisioned"], "the agent ended", states)


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


def nearly_full(work):
    """A disk with room for a line and none for a command's part of the log: what stops an agent works all the same."""
    with small_disk(work, "size=200m") as place:
        if place is None:
            return
        here = authority(place)
        for pages in (1, 4, 16):
            agents = {name: start(place, here, f"{name}{pages}") for name in ("revoked", "suspended", "ended")}
            room = os.statvfs(place)
            with open(f"{place}/filler", "wb") as file:
                os.posix_fallocate(file.fileno(), 0, (room.f_bavail - pages) * room.f_frsize)
            ctl("revoke", *here, "agent", agents["revoked"])
            ctl("suspend", *here, agents["suspended"])
            _, said = run("deprovision", *here, agents["ended"], expect=None)
            check("denied everywhere" in said or "it is in force" in said, "ending it is in force", said)
            live = {entry["id"] for entry in ctl("agents", *here, "--live", "--json", json_out=True)}
            check(not live & set(agents.values()), f"with {pages} pages left all are stopped", agents)
            os.remove(f"{place}/filler")
            ctl("reap", *here)
            ctl("gone", *here, agents["ended"])
            check(troubles(here, expect=0) == {}, "and all is well again")


def restored_in_part(work):
    """Wherever taking a directory up again ends, as on a full disk, the authority is not lost: it is done again."""
    here = authority(work)
    for name in ("audit/sequence", "journal"):
        agent = start(work, here, f"before {name[:5]}")
        # Its new version cannot be written, nor removed.
        os.mkdir(f"{here[1]}/{name}.new")
        run("restored", *here, "--yes", expect=1)
        os.rmdir(f"{here[1]}/{name}.new")
        ctl("restored", *here, "--yes")
        ctl("gone", *here, agent)
        start(work, here, f"after {name[:5]}")
        check(troubles(here, expect=0) == {}, f"{name}: all is well again")


def unopened(work):
    """A log that is damaged, or a key that is gone, keeps an authority from being opened, and nobody from stopping agents."""
    here = authority(work)
    key = next(name for name in os.listdir(f"{here[1]}/keys") if name.endswith(".jwk") and name != "log.jwk")
    names = ("audit/tile", "audit/checkpoint", "audit/identity", "audit", f"keys/{key}")
    for number, name in enumerate(names):
        opens = name.startswith("audit")
        agents = [start(work, here, f"{n}of{number}") for n in range(4)]
        profile = f"passing{number}"
        ctl("profile", "put", profile, *here, "--owner", "team:x@acme.example", "--ceiling", "search")
        passing = start(work, here, profile, profile=profile)
        os.rename(f"{here[1]}/{name}", f"{work}/aside")
        _, said = run("revoke", *here, "agent", agents[0])
        check("it is in force" in said, "revoked without it", (name, said))
        _, said = run("suspend", *here, agents[1])
        check("it is in force" in said, "suspended without it", (name, said))
        _, said = run("deprovision", *here, agents[2], expect=0 if opens else 1)
        check("it is in force" in said or "denied everywhere" in said, "ended without it", (name, said))
        run("profile", "withdraw", *here, profile, expect=0 if opens else 1)
        os.rename(f"{work}/aside", f"{here[1]}/{name}")
        states = {entry["id"]: entry for entry in ctl("agents", *here, "--live", "--json", json_out=True)}
        check(agents[3] in states and not {*agents[:3], passing} & set(states), f"without {name} each is stopped", states)
        ctl("reap", *here)
        ctl("gone", *here, agents[2])
        ctl("gone", *here, passing)
        check(troubles(here, expect=0) == {}, f"with {name} all is well again")
        ctl("audit", "verify", *here)


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
