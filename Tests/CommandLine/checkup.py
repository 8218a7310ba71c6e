"""What doctor finds: each fault is made, found with a place and a remedy, and gone when it is mended."""
import os
import time

from harness import Host, check, ctl, until
from lifecycle import authority, database, short, start


def troubles(here, expect=1):
    """What is wrong, by what was looked at."""
    found = ctl("doctor", *here, "--json", expect=expect, json_out=True)
    wrong = {f["what"]: f for f in found["findings"] if f["trouble"]}
    check(found["healthy"] is (not wrong), "healthy is not findings")
    check(all(f["where"] for f in found["findings"]), "each finding has a place", found)
    check(all(f["remedy"] for f in wrong.values()), "each finding says what to do", wrong)
    return wrong


def only(here, what, *words):
    """That just one thing is wrong, and how that is said."""
    wrong = troubles(here)
    check(len(wrong) == 1 and any(what in name for name in wrong), f"doctor finds {what}, and no more", wrong)
    text = " ".join(f"{f['trouble']} {f['remedy']}" for f in wrong.values())
    for word in words:
        check(word in text, f"doctor says {word!r}", text)


def rotate(here):
    ctl("bundle", *here, "--publish")
    ctl("bundle", *here, "--activate")


def findings(work):
    here = authority(work)
    with Host(here[1], 3) as host:
        check(troubles(here, expect=0) == {}, "nothing is wrong with what lives")
        host.kill()
        until(lambda: ctl("agents", *here, "--live", "--json", json_out=True) == [], "leases lapse")
        only(here, "lease", "lapsed and not reaped", short(host.agents["root"]), "agentidctl reap")
        ctl("reap", *here)
        check(troubles(here, expect=0) == {}, "reaped, and one failed release is not a habit")
        time.sleep(0.6)
        ctl("reap", *here)
        only(here, "secret", "db/reports from vault", "no provider named vault")
        with database(here) as db:
            db.execute("DELETE FROM broker_leases")
    agent = start(work, here, "agent")
    ctl("deprovision", *here, agent)
    with database(here) as db:
        db.execute("UPDATE agents SET tombstone = NULL WHERE id = ?", (agent,))
    only(here, "tombstone", short(agent), "agentidctl reap")
    check("signed 1 tombstone" in ctl("reap", *here), "what a crash left unsigned is signed")
    agent = start(work, here, "late")
    with database(here) as db:
        db.execute("UPDATE agents SET created = created + 7200 WHERE id = ?", (agent,))
    only(here, "clock", short(agent), "went back", "set the clock", "end the agent")
    with database(here) as db:
        db.execute("UPDATE agents SET created = 9223372036854775807 WHERE id = ?", (agent,))
    only(here, "clock", "went back")
    ctl("deprovision", *here, agent)
    check(troubles(here, expect=0) == {}, "an agent that has ended says nothing of the clock")
    with database(here) as db:
        db.execute("UPDATE agents SET created = 1 WHERE id = ?", (agent,))
    ctl("hooks", "add", "log", *here, "--on", "created", "--", "/bin/false")
    start(work, here, "other")
    check(troubles(here, expect=0) == {}, "a hook that failed once is not a finding")
    with database(here) as db:
        db.execute("UPDATE deliveries SET attempts = 4")
    only(here, "hook log", "4 attempts", "ended with status 1", "agentidctl hooks retry")
    with database(here) as db:
        db.execute("UPDATE deliveries SET state = 'dead'")
    only(here, "hook log", "1 dead delivery")
    check("wrong" in ctl("doctor", *here, expect=1), "in words")
    ctl("hooks", "remove", "log", *here)
    check(troubles(here, expect=0) == {}, "and all is well again")
    rotate(here)
    with database(here) as db:
        db.execute("UPDATE keys SET retired_at = retired_at + 86400, drop_at = drop_at + 86400 WHERE role = 'retired'")
    only(here, "signing key", "a clock that was ahead", "--publish")
    rotate(here)
    check(troubles(here, expect=0) == {}, "the next rotation mends it")


def files(work):
    here = authority(work)
    home = here[1]
    agent = start(work, here, "agent")
    ctl("authorize", *here, "--any-audience", "--tool", "search", "--proof", os.devnull, f"{work}/agent", expect=10)
    replay = f"{home}/replay"
    check(os.path.exists(replay), "a guard of the directory made its replay memory")
    key = next(name for name in os.listdir(f"{home}/keys") if name.endswith(".jwk") and name != "log.jwk")
    for name, mode in [("registry.db", 0o640), ("sequence", 0o644), ("lock", 0o604), ("keys", 0o750), (f"keys/{key}", 0o644),
                       ("replay", 0o640)]:
        kept = os.stat(f"{home}/{name}").st_mode & 0o777
        os.chmod(f"{home}/{name}", mode)
        only(here, "replay memory" if name == "replay" else name, "chmod")
        os.chmod(f"{home}/{name}", kept)
    check(troubles(here, expect=0) == {}, "modes are mended")
    if os.geteuid() == 0:
        os.chown(replay, 65534, 65534)
        only(here, "replay memory", "chown")
        os.chown(replay, 0, 0)
    size = os.stat(replay).st_size
    os.truncate(replay, size - 512)
    only(here, "replay memory", "has not the size that it says")
    os.truncate(replay, 16)
    only(here, "replay memory", "too short")
    os.remove(replay)
    os.symlink("/dev/zero", replay)
    check("replay memory" in troubles(here), "a replay memory that is none")
    os.remove(replay)
    os.rename(f"{home}/keys/{key}", f"{home}/keys/kept")
    only(here, "signing key", "not in keys/", "restore it")
    os.rename(f"{home}/keys/kept", f"{home}/keys/{key}")
    ctl("suspend", *here, agent)
    with open(f"{home}/registry.db", "r+b") as database_file:
        # Behind the header, in the pages of tables.
        database_file.seek(8192)
        database_file.write(os.urandom(8192))
    for name in ("registry.db-wal", "registry.db-shm"):
        if os.path.exists(f"{home}/{name}"):
            os.remove(f"{home}/{name}")
    check(any("registry" in name for name in troubles(here)), "a registry that is damaged", troubles(here))
    check(any("directory" in name for name in troubles(["--authority", f"{work}/absent"])), "a directory that is not there")
