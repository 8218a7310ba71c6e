"""Whatever makes guards deny every call, `doctor` finds, and says what to do: exit 1, and no finding without a remedy."""
import contextlib
import fcntl
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

from checkup import only, troubles
from harness import PROGRAM, check, ctl, run
from lifecycle import authority, database, start

RATE = {"version": 1, "rules": [{"id": "few", "match": "search", "rate": {"calls": 5, "per": "1h", "for": "agent"}}]}
HOURS = {"version": 2, "rules": [{"id": "day", "match": "search", "hours": "Mon-Fri 09:00-17:00 Europe/Berlin"}]}


def call(work, here, agent, expect=0):
    """One call of an agent whose key is in a directory."""
    made = ["--tool", "search", "--arguments", "{}"]
    proof = ctl("prove", "--agent", f"{work}/{agent}", *made, "--audience", "tools")
    return ctl("authorize", *here, "--audience", "tools", *made, "--proof", "-", f"{work}/{agent}", "--json", stdin=proof.encode(),
               expect=expect, json_out=True)


def apply(work, here, policy):
    file = pathlib.Path(f"{work}/policy.json")
    file.write_text(json.dumps(policy))
    return ctl("policy", "apply", *here, str(file), "--json", json_out=True)


def metered(work):
    """An authority whose policy has a rate, which one call was counted by."""
    here = authority(work)
    start(work, here, "agent")
    apply(work, here, RATE)
    call(work, here, "agent")
    check(troubles(here, expect=0) == {}, "nothing is wrong with what works")
    return here, f"{here[1]}/meters"


def meters(work):
    here, path = metered(work)
    whole = pathlib.Path(path).read_bytes()
    for damage, at in ((os.urandom(4096), 0), (os.urandom(8192), 16384), (os.urandom(16), 576)):
        pathlib.Path(path).write_bytes(whole[:at] + damage + whole[at + len(damage):])
        call(work, here, "agent", expect=10)
        only(here, "meters", "end the guards", path)
    for size in (len(whole) - 512, len(whole) + 512, 16):
        pathlib.Path(path).write_bytes(whole)
        os.truncate(path, size)
        only(here, "meters", "end the guards")
    pathlib.Path(path).write_bytes(whole)
    os.chmod(path, 0o666)
    only(here, "meters", "chmod")
    os.chmod(path, 0o600)
    if os.geteuid() == 0:
        os.chown(path, 65534, 65534)
        only(here, "meters", "chown")
        os.chown(path, 0, 0)
    os.remove(path)
    os.symlink("/dev/zero", path)
    only(here, "meters", "remove")
    os.remove(path)
    only(here, "meters", "removed", "labels", "put them back")
    pathlib.Path(path).write_bytes(whole)
    os.chmod(path, 0o600)
    check(troubles(here, expect=0) == {}, "and all is well again")


def older(work):
    """A copy that knows less than was spent since."""
    here = authority(work)
    start(work, here, "agent")
    budget = {"unit": "calls", "limit": "5", "cost": {"fixed": "1"}, "per": "day", "for": "agent"}
    apply(work, here, {"version": 1, "rules": [{"id": "five", "match": "search", "budget": budget}]})
    path = pathlib.Path(f"{here[1]}/meters")
    call(work, here, "agent")
    before = path.read_bytes()
    call(work, here, "agent")
    check(troubles(here, expect=0) == {}, "nothing is wrong with what works")
    now = path.read_bytes()
    path.write_bytes(before)
    only(here, "meters", "older copy", "end the guards")
    call(work, here, "agent", expect=10)
    path.write_bytes(now)
    check(troubles(here, expect=0) == {}, "and all is well again")


def another(work):
    """Another user's file in a user's directory."""
    if os.geteuid() != 0:
        return
    here, path = metered(work)
    os.chmod(work, 0o711)
    for root, names, files in os.walk(here[1]):
        for name in [root, *(f"{root}/{name}" for name in names + files)]:
            os.chown(name, 65534, 65534)
    check(troubles(here, expect=0) == {}, "root looks as the owner")
    os.chown(path, 0, 0)
    only(here, "meters", "belongs to user 0", "chown")


def moved(work):
    """A guard that runs goes by the file that it opened; what was put in its place, or nothing, is found by its process."""
    here, path = metered(work)
    with open(path, "r+b") as held, open(f"{here[1]}/registry.db", "rb"):
        os.rename(path, f"{work}/elsewhere")
        only(here, "meters", f"process {os.getpid()}", "start it again")
        shutil.copy(f"{work}/elsewhere", path)
        only(here, "meters", f"process {os.getpid()}")
        os.remove(path)
        os.rename(f"{work}/elsewhere", path)
        check(held.read(1) != b"" and troubles(here, expect=0) == {}, "it is back")


def replaced(work):
    """Guards hold what they opened, by a descriptor or mapped: a copy put in its place is found by their processes."""
    here = authority(work)
    script = "import mmap, sys\nfile = open(sys.argv[1], 'r+b')\n" \
        "held = mmap.mmap(file.fileno(), 0)\nprint(flush=True)\n" + "{}" + "\nsys.stdin.read()"
    for name, closes in (("sequence", True), ("registry.db", False)):
        path = f"{here[1]}/{name}"
        command = [sys.executable, "-c", script.format("file.close()" if closes else ""), path]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
            holder.stdout.readline()
            check(troubles(here, expect=0) == {}, "who holds what is there is well")
            shutil.copy2(path, f"{path}.new")
            os.rename(f"{path}.new", path)
            only(here, "files that guards go by", f"process {holder.pid}", name, "start it again", "agentidctl restored")
            holder.stdin.close()
        check(troubles(here, expect=0) == {}, "it has ended")


def set_aside(work):
    """What a process opened has another name or place by now, and a copy stands where it was."""
    here = authority(work)
    script = "import mmap, sys\nheld = open(sys.argv[1], 'rb')\nwith open(sys.argv[2], 'r+b') as page:\n" \
        "    mapped = mmap.mmap(page.fileno(), 0)\nprint(flush=True)\nsys.stdin.read()"
    for name in ("sequence", "registry.db"):
        path = f"{here[1]}/{name}"
        command = [sys.executable, "-c", script, f"{here[1]}/registry.db", f"{here[1]}/sequence"]
        for elsewhere in (f"{path}.old", f"{work}/aside"):
            with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
                holder.stdout.readline()
                check(troubles(here, expect=0) == {}, "who holds what is there is well")
                os.rename(path, elsewhere)
                shutil.copy2(elsewhere, path)
                only(here, "files that guards go by", f"process {holder.pid}", name, "start it again")
                holder.stdin.close()
        with subprocess.Popen(["tail", "-f", f"{path}.old"], stdout=subprocess.DEVNULL) as reader:
            check(troubles(here, expect=0) == {}, "who reads a copy goes by nothing")
            reader.kill()


def policies(work):
    here, _ = metered(work)
    with database(here) as db:
        db.execute("UPDATE policies SET document = CAST('{}' AS BLOB)")
    only(here, "policy", "version 1", "agentidctl policy apply")
    with database(here) as db:
        db.execute("DELETE FROM policies")
    only(here, "policy", "does not have it", "agentidctl policy apply")


def tables(work):
    here, _ = metered(work)
    with database(here) as db:
        db.execute("INSERT INTO approvals VALUES ('1', 'c', 'a', 't', 1, 9223372036854775807, '{}', NULL, 'approved', 'junk', NULL)")
    only(here, "approval", "tokens")
    with database(here) as db:
        db.execute("UPDATE approvals SET tokens = '[]', document = 'junk'")
    only(here, "approval", "document")
    with database(here) as db:
        db.execute("DELETE FROM approvals")
    check(troubles(here, expect=0) == {}, "nobody asks any more")
    for table in ("approvals", "policies", "departures"):
        place = f"{work}/{table}"
        os.mkdir(place)
        here = authority(place)
        with database(here) as db:
            db.execute(f"DROP TABLE {table}")
        wrong = troubles(here)
        check(any(f"table {table}" in f["trouble"] and "backup" in f["remedy"] for f in wrong.values()), f"no table {table}", wrong)


def zones(work):
    """Without the machine's tz database a policy with hours cannot be read."""
    here = authority(work)
    apply(work, here, HOURS)
    check(troubles(here, expect=0) == {}, "nothing is wrong where the zone is known")
    with unshared("mount -t tmpfs tmpfs /usr/share/zoneinfo") as inside:
        if inside is None:
            return
        found = inside("doctor", *here)
        wrong = [f for f in found["findings"] if f["trouble"]]
        check(len(wrong) == 1 and "Europe/Berlin" in wrong[0]["trouble"] and "tzdata" in wrong[0]["remedy"], "no zone", found)


@contextlib.contextmanager
def unshared(prepare):
    """Runs the program in a mount namespace of its own, after `prepare`; None where that may not be."""
    import harness
    enter = ["unshare", "--mount", "sh", "-ec", f'{prepare}; exec "$0" "$@"']
    if subprocess.run([*enter, "true"], stderr=subprocess.DEVNULL).returncode != 0:
        yield None
        return

    def inside(*arguments):
        done = subprocess.run([*enter, harness.PROGRAM, *arguments, "--json"], capture_output=True, timeout=60)
        return json.loads(done.stdout or done.stderr)

    yield inside


def segments(work):
    here, _ = metered(work)
    home = here[1]
    ctl("audit", "checkpoint", *here, "--integrate")
    os.rename(f"{home}/audit/segments", f"{work}/kept")
    only(here, "segments", "restore")
    os.rename(f"{work}/kept", f"{home}/audit/segments")
    check(troubles(here, expect=0) == {}, "they are back")


def locked(work):
    """A process that was stopped while it wrote."""
    here, _ = metered(work)
    held = f"import os, sqlite3, signal; db = sqlite3.connect({here[1] + '/registry.db'!r}); db.execute('BEGIN IMMEDIATE'); " \
           "print(1, flush=True); os.kill(os.getpid(), signal.SIGSTOP)"
    with subprocess.Popen([sys.executable, "-c", held], stdout=subprocess.PIPE) as holder:
        holder.stdout.read(1)
        only(here, "registry: can be written", f"process {holder.pid}", "end that process")
        for what in (["profile", "researcher"], ["principal", "user:nobody@acme.example"]):
            began = time.monotonic()
            ctl("revoke", *here, *what)
            check(time.monotonic() - began < 9, "who revokes waits for nobody", time.monotonic() - began)
        holder.send_signal(signal.SIGKILL)
    with open(f"{here[1]}/lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        only(here, "lock", f"process {os.getpid()}", "end that process")
    check(troubles(here, expect=0) == {}, "it is free")


def journal_line(work):
    """A revocation that the registry does not have, one bit of it damaged; and what a power cut leaves, which is not damage."""
    here, _ = metered(work)
    path = f"{here[1]}/journal"
    with contextlib.closing(database(here)) as held:
        held.isolation_level = None
        held.execute("BEGIN IMMEDIATE")
        with open(path, "ab") as journal:
            journal.write(b"\n0123456789abcdef {\"rea" + bytes(600) + b"}\n" + b"\n01234")
        ctl("revoke", *here, "principal", "user:nobody@acme.example")
        call(work, here, "agent")
        size = os.path.getsize(path)
        ctl("revoke", *here, "profile", "researcher")
        call(work, here, "agent", expect=10)
        with open(path, "r+b") as journal:
            journal.seek(size + 30)
            byte = journal.read(1)[0]
            journal.seek(size + 30)
            journal.write(bytes([byte ^ 1]))
        for _ in range(2):
            made = ["--audience", "tools", "--tool", "search", "--arguments", "{}"]
            _, said = run("authorize", *here, *made, "--proof", "-", f"{work}/agent", stdin=b"{}", expect=1)
            check("damaged line" in said, "no guard is opened", said)
        held.execute("ROLLBACK")
    only(here, "registry, journal", "damaged line", "agentidctl restored")
    ctl("reap", *here, expect=1)
    ctl("restored", *here, "--yes")
    check(troubles(here, expect=0) == {}, "it is mended")
    call(work, here, "agent", expect=10)


def journal_without_room(work):
    """No file can be made in the place of a journal that was full."""
    here, _ = metered(work)
    path = f"{here[1]}/journal"
    agent = ctl("agents", *here, "--json", json_out=True)[0]["id"]
    os.rename(path, path + ".old")
    os.mkdir(path + ".new")
    ctl("suspend", *here, agent)
    call(work, here, "agent", expect=10)
    os.rmdir(path + ".new")
    ctl("reap", *here)
    check(os.path.exists(path), "made when it can be")
    call(work, here, "agent", expect=10)


LOCKING = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <unistd.h>
/* Stops where a lock is taken that keeps all others from opening the database: SQLite's pending byte. */
static int control(const char *name, int file, int command, void *argument) {
    const int result = ((int (*)(int, int, ...))dlsym(RTLD_NEXT, name))(file, command, argument);
    const struct flock *lock = argument;
    if (command == F_SETLK && lock->l_type == F_WRLCK && lock->l_start == 0x40000000) raise(SIGSTOP);
    return result;
}
int fcntl(int file, int command, ...) {
    va_list more;
    va_start(more, command);
    return control("fcntl", file, command, va_arg(more, void *));
}
int fcntl64(int file, int command, ...) {
    va_list more;
    va_start(more, command);
    return control("fcntl64", file, command, va_arg(more, void *));
}
"""


def closing(work):
    """A process that closes a directory takes no lock that would keep all others from opening it, were it stopped then."""
    here, _ = metered(work)
    source = pathlib.Path(f"{work}/stopping.c")
    source.write_text(LOCKING)
    subprocess.run(["cc", "-shared", "-fPIC", str(source), "-o", f"{work}/stopping.so", "-ldl"], check=True)
    environment = {**os.environ, "LD_PRELOAD": f"{work}/stopping.so"}
    for command in (["agents"], ["reap"], ["profile", "list"], ["revoke", "principal", "user:nobody@acme.example"], ["doctor"]):
        with subprocess.Popen([PROGRAM, *command, *here], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as one:
            _, status = os.waitpid(one.pid, os.WUNTRACED)
            check(not os.WIFSTOPPED(status), f"{command[0]} keeps nobody from opening it")
            if os.WIFSTOPPED(status):
                one.kill()
            else:
                one.returncode = os.waitstatus_to_exitcode(status)


def unwritable(work):
    here, _ = metered(work)
    with unshared(f"mount --bind {here[1]} {here[1]}; mount -o remount,bind,ro {here[1]}") as inside:
        if inside is None:
            return
        found = inside("doctor", *here)
        wrong = [f for f in found["findings"] if f["trouble"]]
        check(any("read-only" in f["trouble"] and "remount" in f["remedy"] for f in wrong), "a read-only disk is named", found)
        check(all(f["remedy"] for f in wrong), "each finding says what to do", wrong)


def short_files(work):
    """A limit on the size of files is an error that says so, and stops nobody from revoking."""
    import harness
    here = authority(work)
    start(work, here, "agent")

    def limited(*arguments):
        command = ["sh", "-c", 'ulimit -f 8; exec "$0" "$@"', harness.PROGRAM, *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=60)

    refused = limited("agent", *here, "--profile", "researcher", "--principal", "user:alice@acme.example", "--task", "t",
                      "--scope", "search", "--out", f"{work}/another")
    check(refused.returncode == 1 and "ulimit -f" in refused.stderr, "a file may not grow", refused)
    done = limited("revoke", *here, "principal", "user:alice@acme.example")
    check(done.returncode == 0 and "revoked" in done.stderr, "it is revoked all the same", done)
    check(call_denied(work, here), "and in force")


def call_denied(work, here):
    return call(work, here, "agent", expect=10)["reason"] == "authority_revoked"
