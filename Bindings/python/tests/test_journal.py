"""A revocation needs no lock that another process can hold."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import libagentid
import pytest

CALL = ("read", {"path": "/data/a"})


@pytest.fixture
def acme(tmp_path: Path) -> Iterator[tuple[str, libagentid.Authority]]:
    path = str(tmp_path / "acme")
    with libagentid.Authority.open(path, trust_domain="acme.example") as authority:
        authority.put_profile("p", owner="team:x@acme.example", ceiling="read(path under '/data')")
        yield path, authority


def start(authority: libagentid.Authority, principal: str = "user:a@acme.example") -> libagentid.Agent:
    return authority.agent("p", principal=principal, task="t", scope="read(path under '/data')")


@contextlib.contextmanager
def locked(path: str) -> Iterator[None]:
    """Another process holds the registry's write lock, and is stopped in the middle of its transaction."""
    code = "import sqlite3, sys, time; c = sqlite3.connect(sys.argv[1] + '/registry.db', isolation_level=None)"
    code += "; c.execute('begin immediate'); print('held', flush=True); time.sleep(600)"
    with subprocess.Popen([sys.executable, "-c", code, path], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        holder.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            holder.kill()


def reason(guard: libagentid.Guard, agent: libagentid.Agent) -> str:
    return guard.check(*CALL, chain=agent.chain, proof=agent.prove(*CALL, audience="g")).reason


def soon(ask: object, expected: str) -> str:
    until = time.monotonic() + 60
    while (answer := ask()) != expected and time.monotonic() < until:  # type: ignore[operator]
        time.sleep(0.01)
    return answer


def elsewhere(path: str, code: str, killed: bool = False) -> str:
    done = subprocess.run(
        [sys.executable, "-c", f"import libagentid, os\na = libagentid.Authority.open({path!r})\n{code}\nos._exit(0)"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == (-9 if killed else 0), done.stderr
    return done.stdout


def test_revocations_and_suspensions_are_in_force_while_the_registry_is_locked(
    acme: tuple[str, libagentid.Authority],
) -> None:
    path, authority = acme
    revoked, held, other = start(authority), start(authority), start(authority, "user:b@acme.example")
    guard = libagentid.Guard.open_directory(path, audience="g")
    assert [reason(guard, agent) for agent in (revoked, held, other)] == [None, None, None]
    with locked(path):
        authority.revoke(agent=revoked.id)
        authority.suspend(held.id)
        assert soon(lambda: reason(guard, revoked), "authority_revoked") == "authority_revoked"
        assert soon(lambda: reason(guard, held), "suspended") == "suspended"
        assert revoked.check(*CALL).reason == "authority_revoked"
        assert held.check(*CALL).reason == "suspended"
        late = libagentid.Guard.open_directory(path, audience="g")
        assert [reason(late, agent) for agent in (revoked, held, other)] == ["authority_revoked", "suspended", None]
        elsewhere(path, "a.revoke(principal='user:b@acme.example')")
        assert soon(lambda: reason(guard, other), "authority_revoked") == "authority_revoked"
    authority.resume(held.id)
    assert soon(lambda: reason(guard, held), None) is None
    listed = {entry["id"]: entry.state for entry in authority.agents()}
    assert listed[held.id] == "active"


def readers(path: str) -> set[int]:
    """This process's descriptors of the journal from which it only reads."""
    found = set()
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            flags = int(Path(f"/proc/self/fdinfo/{name}").read_text().split("flags:")[1].split()[0], 8)
            if os.readlink(f"/proc/self/fd/{name}") == f"{path}/journal" and flags & os.O_ACCMODE == os.O_RDONLY:
                found.add(int(name))
    return found


def test_nothing_is_permitted_while_the_journal_cannot_be_read(acme: tuple[str, libagentid.Authority]) -> None:
    path, authority = acme
    agent, before = start(authority), readers(path)
    guard = libagentid.Guard.open_directory(path, audience="g")
    assert reason(guard, agent) is None
    (own,) = readers(path) - before

    def put(flags: int) -> None:
        other = os.open(f"{path}/journal", flags)
        os.dup2(other, own, inheritable=False)
        os.close(other)

    chain, proofs = agent.chain, [agent.prove(*CALL, audience="g") for _ in range(2000)]
    ask = lambda: guard.check(*CALL, chain=chain, proof=proofs.pop()).reason  # noqa: E731
    with locked(path):
        # Nothing is read from what is open to be written only.
        put(os.O_WRONLY)
        authority.revoke(agent=agent.id)
        assert ask() == "revocation_view_stale"
        put(os.O_RDONLY)
        assert soon(ask, "authority_revoked") == "authority_revoked"


def test_an_end_that_waits_for_the_lock_is_denied_at_once_and_made_good(acme: tuple[str, libagentid.Authority]) -> None:
    path, authority = acme
    agent = start(authority)
    guard = libagentid.Guard.open_directory(path, audience="g")
    chain, proofs = agent.chain, [agent.prove(*CALL, audience="g") for _ in range(200)]
    ask = lambda: guard.check(*CALL, chain=chain, proof=proofs.pop()).reason  # noqa: E731
    with locked(path):
        with pytest.raises(libagentid.Error, match="denied everywhere"):
            authority.deprovision(agent)
        assert ask() == "authority_revoked"
        assert authority.agents()[0]["state"] == "active", "what the disk does not have is not claimed"
    until = time.monotonic() + 60
    while authority.agents()[0]["state"] != "deprovisioned" and time.monotonic() < until:
        time.sleep(0.05)
    assert authority.agents()[0]["state"] == "deprovisioned"


def test_what_was_answered_survives_a_kill(acme: tuple[str, libagentid.Authority]) -> None:
    path, authority = acme
    agent = start(authority)
    with locked(path):
        elsewhere(path, f"a.revoke(agent={agent.id!r})\nos.kill(os.getpid(), 9)", killed=True)
    assert soon(lambda: agent.check(*CALL).reason, "authority_revoked") == "authority_revoked"


def test_a_torn_line_costs_no_other(acme: tuple[str, libagentid.Authority]) -> None:
    path, authority = acme
    agents = [start(authority) for _ in range(3)]
    guard = libagentid.Guard.open_directory(path, audience="g")
    with locked(path):
        authority.revoke(agent=agents[0].id)
        with open(path + "/journal", "ab") as journal:
            journal.write(b'\n0123456789abcdef {"revoke":"agent","value":"spiffe://acme')
        authority.revoke(agent=agents[1].id)
        assert [reason(guard, agent) for agent in agents] == ["authority_revoked", "authority_revoked", None]


def test_a_journal_that_is_gone_denies(acme: tuple[str, libagentid.Authority]) -> None:
    path, authority = acme
    agent = start(authority)
    authority.revoke(principal="user:c@acme.example")
    guard = libagentid.Guard.open_directory(path, audience="g")
    assert reason(guard, agent) is None
    os.unlink(path + "/journal")
    assert soon(lambda: reason(guard, agent), "journal_missing") == "journal_missing"


def test_a_journal_that_has_grown_is_replaced_and_loses_nothing(acme: tuple[str, libagentid.Authority]) -> None:
    path, authority = acme
    agent = start(authority)
    guard = libagentid.Guard.open_directory(path, audience="g")
    before = os.stat(path + "/journal").st_ino
    # Far beyond the size at which a file is replaced, by two processes at once.
    code = "for i in range(400): a.revoke(principal='user:%s-%d-%s' % (os.getpid(), i, 'x' * 1900))"
    others = [
        subprocess.Popen([sys.executable, "-c", f"import libagentid, os\na = libagentid.Authority.open({path!r})\n{code}"])
        for _ in range(2)
    ]
    assert [other.wait(120) for other in others] == [0, 0]
    authority.revoke(agent=agent.id)
    assert reason(guard, agent) == "authority_revoked"
    assert os.stat(path + "/journal").st_ino != before
    assert guard.statistics().revocations == 801


def test_a_signing_key_is_listed_as_revoked_as_soon_as_it_is(acme: tuple[str, libagentid.Authority]) -> None:
    path, authority = acme
    agent = start(authority)  # what the old key signed keeps it in the bundle
    [old] = json.loads(authority.bundle())["keys"]
    authority.publish_key()
    authority.activate_key()
    [new] = [key for key in json.loads(authority.bundle())["keys"] if key["kid"] != old["kid"]]
    with locked(path):
        authority.revoke(issuer=old["kid"])
        listed = {key["kid"]: key.get("revoked") for key in json.loads(authority.bundle())["keys"]}
        assert listed[old["kid"]] is not None
        assert listed[new["kid"]] is None
        assert agent.check(*CALL).reason == "authority_revoked"


def test_opening_sees_what_a_process_answered_before_it_died(acme: tuple[str, libagentid.Authority]) -> None:
    path, authority = acme
    agent = start(authority)
    with locked(path):
        elsewhere(path, f"a.suspend({agent.id!r})\nos.kill(os.getpid(), 9)", killed=True)
    assert elsewhere(path, "print(a.agents()[0]['state'])") == "suspended\n"
