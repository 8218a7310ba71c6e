"""A directory, registry, journal or log that is not what was opened permits nothing and is refused by name."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import libagentid
import pytest

CALL = ("read", {"path": "/data/a"})
CHILD = """
import sys
import libagentid
guard = libagentid.Guard.open_directory(sys.argv[1], audience="g")
agent = libagentid.Agent.open(sys.argv[2], sys.argv[3])
call = ("read", {"path": "/data/a"})
print("up", flush=True)
for _ in sys.stdin:
    print(guard.check(*call, chain=agent.chain, proof=agent.prove(*call, audience="g")).reason or "permit", flush=True)
"""


class World:
    """An authority, an agent of it, and guards in this process and in another, all of which permit."""

    def __init__(self, home: Path) -> None:
        self.path, self.backup = str(home / "acme"), str(home / "backup")
        # Made elsewhere: a copy by the process that has it open would drop SQLite's locks.
        script = (
            "import libagentid, sys\nwith libagentid.Authority.open(sys.argv[1], trust_domain='acme.example') as a:\n"
            " a.put_profile('p', owner='team:x@acme.example', ceiling=\"read(path under '/data')\")\n"
            " a.revoke(agent='spiffe://acme.example/agent/p/first'); a.integrate()"
        )
        subprocess.run([sys.executable, "-c", script, self.path], check=True)
        shutil.copytree(self.path, self.backup)
        self.authority = libagentid.Authority.open(self.path)
        self.agent = self.start()
        for n in range(30):
            self.authority.revoke(agent=f"spiffe://acme.example/agent/p/z{n}")
        self.authority.integrate()
        self.guard = libagentid.Guard.open_directory(self.path, audience="g")
        # As one elsewhere: an agent of the directory proves nothing without it, for it tells its labels.
        self.holder = libagentid.Agent.open(self.agent.export_key(), self.agent.chain)
        self.other = subprocess.Popen(
            [sys.executable, "-c", CHILD, self.path, self.agent.export_key(), self.agent.chain],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.other.stdout is not None
        assert self.other.stdout.readline() == "up\n"
        assert self.answers() == ["permit"] * 3

    def start(self) -> libagentid.Agent:
        return self.authority.agent("p", principal="user:a@acme.example", task="t", scope="read(path under '/data')")

    def answers(self) -> list[str]:
        """Of the authority's own agent, of a guard in this process, and of one in another."""
        proof = self.holder.prove(*CALL, audience="g")
        assert self.other.stdin is not None
        assert self.other.stdout is not None
        self.other.stdin.write("\n")
        self.other.stdin.flush()
        return [
            self.agent.check(*CALL).reason or "permit",
            self.guard.check(*CALL, chain=self.agent.chain, proof=proof).reason or "permit",
            self.other.stdout.readline().strip(),
        ]

    def denied(self) -> set[str]:
        """Why all three deny, as soon as they do."""
        until = time.monotonic() + 60
        while "permit" in (answers := self.answers()) and time.monotonic() < until:
            time.sleep(0.01)
        return set(answers)

    def refused(self, call: Callable[[], object]) -> str:
        try:
            call()
        except libagentid.Error as error:
            return error.name
        return "done"

    def close(self) -> None:
        self.guard.close()
        self.authority.close()
        self.other.kill()
        self.other.communicate()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.close()


def elsewhere(code: str, *arguments: str) -> None:
    subprocess.run([sys.executable, "-c", code, *arguments], check=True)


def put_back(world: World) -> None:
    os.rename(world.path, world.path + ".broken")
    subprocess.run(["cp", "-a", world.backup, world.path], check=True)


def overlay(world: World, *names: str) -> None:
    """An older copy is written into the files that are there."""
    for name in names:
        # What is mapped is not cut short first, as `cp` does: who touches it in that moment dies.
        how = ["conv=notrunc"] if name == "sequence" else []
        command = ["dd", f"if={world.backup}/{name}", f"of={world.path}/{name}", "status=none", *how]
        subprocess.run(command, check=True)


def swap(world: World, name: str) -> None:
    """An older copy takes the name."""
    subprocess.run(["cp", "-a", f"{world.backup}/{name}", f"{world.path}/{name}.copy"], check=True)
    if os.path.isdir(f"{world.path}/{name}"):
        os.rename(f"{world.path}/{name}", f"{world.path}/{name}.gone")
    os.rename(f"{world.path}/{name}.copy", f"{world.path}/{name}")


def link(world: World) -> None:
    """A link to a copy takes the directory's name."""
    put_back(world)
    os.rename(world.path, world.path + ".copy")
    os.symlink(world.path + ".copy", world.path)


def file(world: World) -> None:
    os.rename(world.path, world.path + ".moved")
    Path(world.path).touch()


def sqlite_restore(world: World) -> None:
    elsewhere(
        "import sqlite3, sys\ns, t = sqlite3.connect(sys.argv[1]), sqlite3.connect(sys.argv[2])\ns.backup(t)",
        f"{world.backup}/registry.db",
        f"{world.path}/registry.db",
    )


def remove(name: str) -> Callable[[World], None]:
    return lambda world: os.unlink(f"{world.path}/{name}")


DIRECTORY = {"directory_replaced"}
REPLACED = {"registry_replaced"}
# What goes file by file may be seen in the middle of it.
ONE_BY_ONE = {"journal_missing", "audit_replaced", "audit_unavailable", "replay_memory_replaced", "revocation_view_stale"}
HARMS: dict[str, tuple[Callable[[World], object], set[str]]] = {
    "directory removed": (lambda w: shutil.rmtree(w.path), DIRECTORY | REPLACED | ONE_BY_ONE),
    "directory moved": (lambda w: os.rename(w.path, w.path + ".moved"), DIRECTORY),
    "directory put back": (put_back, DIRECTORY),
    "directory is a link": (link, DIRECTORY),
    "directory is a file": (file, DIRECTORY),
    "registry removed": (remove("registry.db"), REPLACED),
    "registry put back": (lambda w: swap(w, "registry.db"), REPLACED),
    "registry restored by SQLite": (sqlite_restore, {"registry_rolled_back"}),
    "registry cut short": (lambda w: os.truncate(f"{w.path}/registry.db", 4096), REPLACED),
    "registry emptied": (lambda w: os.truncate(f"{w.path}/registry.db", 0), REPLACED),
    "wal removed": (remove("registry.db-wal"), REPLACED),
    "wal cut short": (lambda w: os.truncate(f"{w.path}/registry.db-wal", 100), REPLACED),
    "shm removed": (remove("registry.db-shm"), REPLACED),
    "sequence removed": (remove("sequence"), REPLACED),
    "sequence put back": (lambda w: swap(w, "sequence"), REPLACED),
    "sequence overwritten": (lambda w: overlay(w, "sequence"), REPLACED),
    "journal removed": (remove("journal"), {"journal_missing"}),
    "journal cut short": (lambda w: os.truncate(f"{w.path}/journal", 100), {"journal_rolled_back"}),
    "journal emptied": (lambda w: os.truncate(f"{w.path}/journal", 0), {"journal_rolled_back", "journal_damaged"}),
    "journal overwritten": (lambda w: overlay(w, "journal"), {"journal_rolled_back"}),
    "journal put back": (lambda w: swap(w, "journal"), {"journal_rolled_back"}),
    "log removed": (lambda w: shutil.rmtree(f"{w.path}/audit"), {"audit_replaced"}),
    "log put back": (lambda w: swap(w, "audit"), {"audit_replaced"}),
    "checkpoint removed": (remove("audit/checkpoint"), {"audit_replaced"}),
    "checkpoint put back": (lambda w: swap(w, "audit/checkpoint"), {"audit_rolled_back"}),
    "log's sequence removed": (remove("audit/sequence"), {"audit_replaced"}),
    "checkpoint emptied": (lambda w: os.truncate(f"{w.path}/audit/checkpoint", 0), {"audit_rolled_back"}),
    "log's sequence put back": (
        lambda w: overlay(w, "audit/sequence"),
        {"audit_rolled_back", "audit_replaced"},
    ),
    "log's sequence cut short": (lambda w: os.truncate(f"{w.path}/audit/sequence", 40), {"audit_replaced"}),
    "log's identity removed": (remove("audit/identity"), {"audit_replaced"}),
    "log's identity cut short": (lambda w: os.truncate(f"{w.path}/audit/identity", 4), {"audit_replaced"}),
}


@pytest.mark.parametrize("harm", HARMS)
def test_what_is_not_what_was_opened_permits_nothing_and_is_refused_by_name(world: World, harm: str) -> None:
    act, reasons = HARMS[harm]
    act(world)
    # Each looks for itself: who looks at the proofs' memory first finds that elsewhere.
    first = world.denied() - ({"replay_memory_replaced"} if "directory" in harm else set())
    assert first <= reasons | {"audit_unavailable"} if "log" in harm else first <= reasons
    # And goes on so.
    time.sleep(0.2)
    assert set(world.answers()) <= reasons
    if not reasons & {"audit_replaced", "audit_rolled_back"}:
        # A journal that was emptied is refused by whoever opens its file.
        reasons = reasons | ({"journal_damaged"} if "journal" in harm else set())
        refusals = {
            world.refused(world.start),
            world.refused(lambda: world.authority.revoke(agent=world.agent.id)),
            world.refused(lambda: world.authority.deprovision(world.agent)),
            world.refused(lambda: world.authority.put_profile("q", owner="team:x@acme.example", ceiling="read")),
        }
        # A journal is not part of what a profile is put into.
        assert refusals <= reasons | ({"done", "journal_missing"} if "journal" in harm else set()), refusals
        assert world.refused(lambda: world.authority.revoke(agent=world.agent.id)) != "done"


def test_a_directory_that_is_put_back_itself_goes_on(world: World) -> None:
    os.rename(world.path, world.path + ".moved")
    assert world.denied() <= DIRECTORY | {"replay_memory_replaced"}
    os.rename(world.path + ".moved", world.path)
    # A guard whose memory of used proofs was looked at meanwhile is opened anew, or waits until no used proof is good.
    good = {"permit", "replay_memory_replaced"}
    until = time.monotonic() + 60
    while not ("permit" in (answers := world.answers()) and set(answers) <= good) and time.monotonic() < until:
        time.sleep(0.01)
    assert "permit" in answers
    assert set(answers) <= good
    world.start()


def content(folder: str) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in Path(folder).rglob("*") if file.is_file()}


def test_what_is_written_stays_in_the_log_that_was_opened(world: World) -> None:
    """A copy takes the directory's place for less time than it takes to notice that, again and again, under load."""
    quiet, ended = threading.Lock(), threading.Event()
    permitted: list[str] = []
    reasons: set[str] = set()

    def load() -> None:
        while not ended.is_set():
            with quiet:
                for _ in range(20):
                    decision = world.agent.check(*CALL)
                    if decision.permitted:
                        permitted.append(decision.id)
                    reasons.add(decision.reason or "permit")
            reasons.add(world.refused(world.authority.integrate))

    away, copy = world.path + ".away", world.path + ".copy"
    loads = [threading.Thread(target=load) for _ in range(2)]
    for thread in loads:
        thread.start()
    try:
        for _ in range(30):
            with quiet:
                world.refused(world.authority.integrate)
                # Elsewhere, as above; what its own thread integrates meanwhile may go from under it.
                subprocess.run(["cp", "-a", world.path, copy], stderr=subprocess.DEVNULL, check=False)
            before = content(f"{copy}/audit")
            os.rename(world.path, away)
            os.rename(copy, world.path)
            time.sleep(0.02)
            os.rename(world.path, copy)
            os.rename(away, world.path)
            assert content(f"{copy}/audit") == before
            shutil.rmtree(copy)
    finally:
        ended.set()
        for thread in loads:
            thread.join()
    assert "permit" in reasons
    assert not reasons & {"audit_rolled_back", "audit_damaged", "registry_rolled_back", "journal_rolled_back"}, reasons
    until = time.monotonic() + 60
    while not world.agent.check(*CALL).permitted and time.monotonic() < until:
        time.sleep(0.01)
    world.authority.integrate()
    with libagentid.Audit.open(world.path) as audit:
        assert audit.verify().sound
        for id in permitted[:: max(1, len(permitted) // 50)]:
            assert audit.find(id)


def stopped(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.close()
    return world


OPENINGS: dict[str, tuple[Callable[[World], object], str]] = {
    "registry alone": (lambda w: swap_registry(w), "registry_rolled_back"),
    "registry and sequence": (lambda w: (swap_registry(w), overlay(w, "sequence")), "registry_rolled_back"),
    "registry, without the sequence": (
        lambda w: (swap_registry(w), os.unlink(f"{w.path}/sequence")),
        "registry_rolled_back",
    ),
    "journal alone": (lambda w: overlay(w, "journal"), "journal_rolled_back"),
    "no journal": (lambda w: os.unlink(f"{w.path}/journal"), "journal_missing"),
    "log alone": (lambda w: swap(w, "audit"), "audit_rolled_back"),
    "no log": (lambda w: shutil.rmtree(f"{w.path}/audit"), "audit_replaced"),
}


def swap_registry(world: World) -> None:
    for ending in ("-wal", "-shm"):
        if os.path.exists(f"{world.path}/registry.db{ending}"):
            os.unlink(f"{world.path}/registry.db{ending}")
    swap(world, "registry.db")
    if os.path.exists(f"{world.backup}/registry.db-wal"):
        swap(world, "registry.db-wal")


@pytest.mark.parametrize("part", OPENINGS)
def test_a_part_that_is_older_than_the_rest_is_refused_at_opening(tmp_path: Path, part: str) -> None:
    world = stopped(tmp_path)
    act, name = OPENINGS[part]
    act(world)
    assert world.refused(lambda: libagentid.Authority.open(world.path)) == name
    assert world.refused(lambda: libagentid.Guard.open_directory(world.path, audience="g")) == name
    doctor = subprocess.run([ctl(), "doctor", "--authority", world.path], capture_output=True, text=True, check=False)
    assert doctor.returncode == 1, doctor.stdout
    assert "restore" in doctor.stdout


def test_damage_in_the_wal_that_loses_a_revocation_is_found(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.authority.revoke(principal="user:a@acme.example")
    world.authority.integrate()
    log = f"{world.path}/registry.db-wal"
    kept = Path(log).read_bytes()
    copy = tmp_path / "crashed"
    subprocess.run(["cp", "-a", world.path, str(copy)], check=True)
    world.close()
    # The last frames are damaged, as by a disk: SQLite reads what is before them.
    harmed = bytearray(kept)
    for i in range(len(harmed) - 40000, len(harmed), 512):
        harmed[i] ^= 0xFF
    (copy / "registry.db-wal").write_bytes(harmed)
    (copy / "registry.db-shm").unlink()
    for name in ("sequence", None):
        assert world.refused(lambda: libagentid.Guard.open_directory(str(copy), audience="g")) == "registry_rolled_back"
        assert world.refused(lambda: libagentid.Authority.open(str(copy))) == "registry_rolled_back"
        if name:
            (copy / name).unlink()
            (copy / name).touch(0o600)
            os.truncate(copy / name, 4096)


def test_every_write_looks_at_the_schema(world: World) -> None:
    for pragma, name in (
        ("user_version=99", "newer_registry"),
        ("user_version=1", "older_registry"),
        ("user_version=0", "no_registry"),
        ("application_id=1", "no_registry"),
    ):
        code = "import sqlite3, sys\nc = sqlite3.connect(sys.argv[1])\nc.execute('pragma ' + sys.argv[2])\nc.commit()"
        elsewhere(code, f"{world.path}/registry.db", pragma)
        assert world.refused(world.start) == name
        assert world.refused(lambda: world.authority.put_profile("q", owner="team:x@acme.example", ceiling="read")) == name
        assert world.denied() == {"revocation_view_stale"}
        elsewhere(code, f"{world.path}/registry.db", "application_id=0x61676964")
        elsewhere(code, f"{world.path}/registry.db", "user_version=4")


def ctl() -> str:
    return os.environ.get("CTL", str(Path(__file__).parents[3] / ".build/release/agentidctl"))


def test_after_a_restore_and_its_remedy_no_chain_from_before_is_permitted(tmp_path: Path) -> None:
    world = World(tmp_path)
    key, chain, old = world.agent.export_key(), world.agent.chain, world.guard
    before = json.loads(world.authority.bundle())
    mine, theirs = libagentid.Guard.open(audience="g"), libagentid.Guard.open(audience="g")
    for guard in (mine, theirs):
        guard.add_bundle("acme.example", json.dumps(before))
    # All of it is put back as it is now, beneath those who go on.
    subprocess.run(["cp", "-a", world.path, str(tmp_path / "copy")], check=True)
    world.authority.revoke(principal="user:a@acme.example")
    os.rename(world.path, world.path + ".broken")
    os.rename(tmp_path / "copy", world.path)
    assert world.denied() <= DIRECTORY | {"authority_revoked", "journal_rolled_back"}
    done = subprocess.run([ctl(), "restored", "--yes", "--authority", world.path, "--json"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["lapsed"] == 1
    thief = libagentid.Agent.open(key, chain)

    def reason(guard: libagentid.Guard) -> str:
        return guard.check(*CALL, chain=chain, proof=thief.prove(*CALL, audience="g")).reason or "permit"

    assert "permit" not in world.answers()
    assert reason(old) != "permit"
    again = libagentid.Guard.open_directory(world.path, audience="g")
    assert reason(again) in {"authority_revoked", "untrusted_root"}
    with libagentid.Authority.open(world.path) as authority:
        mine.add_bundle("acme.example", authority.bundle())
        assert reason(mine) in {"authority_revoked", "untrusted_root"}
        assert reason(theirs) == "permit"
        agent = authority.agent("p", principal="user:b@acme.example", task="t", scope="read(path under '/data')")
        assert agent.check(*CALL).permitted
        assert again.check(*CALL, chain=agent.chain, proof=agent.prove(*CALL, audience="g")).permitted
    again.close()
    # Some still have the directory of before open, and are told of until they let go.
    doctor = subprocess.run([ctl(), "doctor", "--authority", world.path], capture_output=True, text=True, check=False)
    assert doctor.returncode == 1 and "opened another registry.db" in doctor.stdout, doctor.stdout
    world.close()
    doctor = subprocess.run([ctl(), "doctor", "--authority", world.path], capture_output=True, text=True, check=False)
    assert doctor.returncode == 0, doctor.stdout


def test_what_happens_after_a_restored_registry_is_in_the_log(tmp_path: Path) -> None:
    world = stopped(tmp_path)
    swap_registry(world)
    doctor = subprocess.run([ctl(), "doctor", "--authority", world.path], capture_output=True, text=True, check=False)
    assert doctor.returncode == 1
    assert "agentidctl restored" in doctor.stdout
    subprocess.run([ctl(), "restored", "--yes", "--authority", world.path], check=True, capture_output=True)
    with libagentid.Authority.open(world.path) as authority:
        agents = [
            authority.agent("p", principal="user:b@acme.example", task="t", scope="read(path under '/data')") for _ in range(20)
        ]
        names = {agent.id for agent in agents}
        authority.integrate()
    lines = subprocess.run(
        [ctl(), "audit", "export", "--authority", world.path, "--format", "jsonl"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    created = {entry.get("agent") for entry in map(json.loads, lines) if entry.get("event") == "created"}
    assert names <= created


def test_a_registry_that_was_made_before_is_given_an_epoch(tmp_path: Path) -> None:
    path = str(tmp_path / "acme")
    with libagentid.Authority.open(path, trust_domain="acme.example"):
        pass
    with sqlite3.connect(path + "/registry.db") as database:
        (epoch,) = database.execute("select epoch from meta").fetchone()
    assert len(epoch) == 32
