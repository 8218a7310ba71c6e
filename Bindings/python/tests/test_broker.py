"""The broker and its providers: what it promises whoever fails, dies or comes too late."""

import json
import threading
import time

import libagentid
import pytest
from life import ALICE, CALL, OWNER, killed, open_authority, start, until

SECRET = "hunter2-" + "x" * 40


class Vault:
    """Holds what it was asked for, and fails when it is told to."""

    release_command: list[str] = []

    def __init__(self):
        self.held, self.released, self.requests = set(), [], []
        self.on_acquire = self.on_release = lambda lease: None

    def acquire(self, request):
        self.requests.append(request)
        self.on_acquire(request)
        self.held.add(request["lease"])
        return SECRET

    def release(self, lease):
        self.released.append(lease["lease"])
        self.on_release(lease)
        self.held.discard(lease["lease"])


@pytest.fixture
def vault():
    return Vault()


@pytest.fixture
def ahead():
    """How far the authority's clock is ahead, in seconds."""
    return [0.0]


@pytest.fixture
def acme(vault, ahead, tmp_path):
    with open_authority(tmp_path / "acme", clock=lambda: time.time() + ahead[0]) as acme:
        acme.add_provider("vault", vault)
        yield acme


def acquire(acme, agent, ttl=60, resource="door"):
    return acme.acquire(agent.authorize(*CALL), "vault", resource, ttl)


def fail(error):
    def failing(lease):
        raise error

    return failing


def test_provider_is_told_for_whom_and_which_task(acme, vault):
    with start(acme) as agent, agent.spawn("reader", same_scope=True) as reader:
        with acquire(acme, reader) as lease:
            assert lease.secret == SECRET and vault.held == {lease.id}
            (held,) = acme.broker_leases()
            assert (held["id"], held["agent"], held["state"], held["error"]) == (lease.id, reader.id, "held", None)
            assert vault.requests == [
                {
                    "lease": lease.id,
                    "agent": reader.id,
                    "resource": "door",
                    "ttl": 60,
                    "domain": "acme.example",
                    "task": "Q3 review",
                    "principal": ALICE,
                }
            ]
        assert vault.held == set() and acme.broker_leases() == []
        lease.release()
        acme.release("no such lease")


@pytest.mark.parametrize("error", [RuntimeError("sealed"), SystemExit(0), KeyboardInterrupt()], ids=repr)
def test_provider_that_fails_to_acquire_leaves_nothing(acme, vault, error):
    vault.on_acquire = fail(error)
    with start(acme) as agent:
        # An exception is why the call failed; what is none, as Ctrl-C, reaches the caller as it is.
        with pytest.raises(libagentid.StateError if isinstance(error, Exception) else type(error)) as failed:
            acquire(acme, agent)
        if isinstance(error, Exception):
            assert failed.value.name == "provider_failed" and failed.value.__cause__ is error
        else:
            assert failed.value is error
        assert vault.released == [vault.requests[0]["lease"]] and acme.broker_leases() == []
        vault.on_acquire = lambda lease: None
        acquire(acme, agent)
    assert vault.held == set()


def test_provider_that_fails_to_release_is_asked_again_while_the_agent_is_denied(acme, vault):
    with start(acme) as agent:
        lease, sub = acquire(acme, agent), agent.spawn("reader", same_scope=True)
        identity = agent.id
        vault.on_release = fail(RuntimeError("the line is dead"))
        with pytest.raises(libagentid.StateError, match="tried again"):
            lease.release()
        assert libagentid.verify_tombstone("acme.example", acme.bundle(), agent.end())
        assert not sub.check(*CALL)
        (left,) = acme.broker_leases()
        assert left["state"] == "releasing" and left["attempts"] >= 1 and left["error"] == "release returned 1"
        report = acme.verify_gone(identity)
        assert not report["gone"] and report["leases"] == [lease.id] and report["permitted"] == []
        asked = len(vault.released)
        until(lambda: len(vault.released) > asked)
        vault.on_release = lambda lease: None
        until(lambda: not acme.broker_leases())
        assert vault.held == set() and acme.verify_gone(identity).gone


def test_pauses_grow_between_attempts_to_release(vault):
    now = [time.time()]
    with open_authority(clock=lambda: now[0]) as acme, start(acme) as agent:
        acme.add_provider("vault", vault)
        vault.on_release = fail(RuntimeError("the line is dead"))
        acquire(acme, agent)
        agent.end()
        while (attempts := acme.broker_leases()[0].attempts) < 6:
            now[0] += 0.25 * 2 ** (attempts - 1) - 0.01
            acme.reap()
            assert len(vault.released) == attempts
            now[0] += 0.25 * 2 ** (attempts - 1) + 0.02
            acme.reap()
            until(lambda: attempts < len(vault.released) == acme.broker_leases()[0].attempts)


def test_nothing_is_got_without_a_fresh_permit(acme, vault, ahead):
    with start(acme) as agent:
        denial = agent.check("read_file", {"path": "/etc/passwd"})
        with pytest.raises(libagentid.Denied) as denied:
            acme.acquire(denial, "vault", "door", 60)
        assert denied.value.reason == "argument_constraint_violated"
        permit = agent.authorize(*CALL)
        for ahead[0] in (61, -61):
            with pytest.raises(libagentid.Denied) as denied:
                acme.acquire(permit, "vault", "door", 60)
            assert denied.value.reason == "pop_stale"
        ahead[0] = 50
        acme.acquire(permit, "vault", "door", 60)
    assert len(vault.requests) == 1


STOPS = {
    "deprovisioned": (lambda acme, agent: acme.deprovision(agent.id), "authority_revoked"),
    "parent": (lambda acme, agent: acme.deprovision(acme.agents(limit=1)[0]["id"]), "authority_revoked"),
    "principal": (lambda acme, agent: acme.revoke(principal=ALICE), "authority_revoked"),
    "suspended": (lambda acme, agent: acme.suspend(acme.agents(limit=1)[0]["id"]), "suspended"),
}


@pytest.mark.parametrize("stop", STOPS)
def test_agent_that_was_stopped_since_the_decision_gets_nothing(acme, vault, stop):
    with start(acme) as parent, parent.spawn("reader", same_scope=True) as agent:
        permit = agent.authorize(*CALL)
        STOPS[stop][0](acme, agent)
        with pytest.raises(libagentid.Denied) as denied:
            acme.acquire(permit, "vault", "door", 60)
        assert denied.value.reason == STOPS[stop][1]
        assert vault.requests == [] and acme.broker_leases() == []


@pytest.mark.parametrize("releases", ["at once", "later"])
def test_agent_that_ends_while_its_secret_is_made_gets_nothing(acme, vault, releases):
    with start(acme) as agent:
        vault.on_acquire = lambda request: acme.deprovision(request["agent"])
        failing = releases == "later"
        if failing:
            # Nothing to be released when the agent ends, and no answer when there is.
            vault.on_release = lambda lease: lease["lease"] in vault.held and fail(RuntimeError("the line is dead"))(lease)
        with pytest.raises(libagentid.Denied) as denied:
            acquire(acme, agent)
        assert denied.value.reason == "authority_revoked"
        assert len(acme.broker_leases()) == len(vault.held) == failing
        vault.on_release = lambda lease: None
        until(lambda: not acme.broker_leases())
        assert vault.held == set()


def test_secret_whose_maker_was_killed_is_looked_for_until_it_must_be_there(tmp_path, vault):
    lease = killed(
        """
import signal
class Slow:
    release_command = []
    def acquire(self, request):
        print(json.dumps(request["lease"]), flush=True)
        signal.pause()
    def release(self, lease):
        pass
acme = open_authority(sys.argv[1])
acme.add_provider("vault", Slow())
agent = start(acme)
acme.acquire(agent.authorize(*CALL), "vault", "door", 60)
""", tmp_path / "acme"
    )  # fmt: skip
    now = [time.time()]
    with open_authority(tmp_path / "acme", clock=lambda: now[0]) as acme:
        acme.add_provider("vault", vault)
        acme.deprovision(acme.agents()[0]["id"])
        # It may have been about to be made.
        assert vault.released == [lease] and [held["id"] for held in acme.broker_leases()] == [lease]
        now[0] += 61
        acme.reap()
        until(lambda: not acme.broker_leases())
        assert set(vault.released) == {lease} and len(vault.released) >= 2


def test_secret_lasts_no_longer_than_the_grant(acme, vault):
    with start(acme, lifetime=100) as agent:
        for ttl in (0, -1, 101, 1 << 62):
            with pytest.raises(libagentid.Error, match="lasts 1 to (99|100) s") as refused:
                acquire(acme, agent, ttl=ttl)
            assert refused.value.where == "ttl"
        acquire(acme, agent, ttl=99)
    assert len(vault.requests) == 1


def test_what_is_wrong_is_named(acme, vault):
    with start(acme) as agent:
        for arguments, error, where in (
            (("nobody", "door", 60), libagentid.NotFound, "provider"),
            (("vault", "", 60), libagentid.Error, "resource"),
            (("vault", "x" * 2049, 60), libagentid.Error, "resource"),
        ):
            with pytest.raises(error) as wrong:
                acme.acquire(agent.authorize(*CALL), *arguments)
            assert wrong.value.where == where
        vault.release_command = ["relative"]
        with pytest.raises(libagentid.Error, match="absolute"):
            acme.add_provider("vault", vault)
    assert vault.requests == [] and acme.broker_leases() == []


def test_lease_without_provider_or_command_waits_for_one(tmp_path, vault):
    with open_authority(tmp_path / "acme") as first:
        first.add_provider("vault", vault)
        agent = start(first)
        lease = acquire(first, agent, ttl=1)
    # Whoever had the provider is gone, and the secret's time is soon over.
    with open_authority(tmp_path / "acme") as second:
        until(lambda: second.reap() >= 0 and second.broker_leases()[0]["error"])
        (waiting,) = second.broker_leases()
        assert "no provider named vault" in waiting["error"] and vault.held == {lease.id}
        second.add_provider("vault", vault)
        until(lambda: not second.broker_leases())
        assert vault.held == set()


def test_secret_stays_out_of_files_events_and_errors(acme, vault, tmp_path):
    events = []
    acme.add_hook("all", events.append)
    with start(acme) as agent:
        lease = acquire(acme, agent)
        vault.on_release = fail(RuntimeError("cannot return"))
        with pytest.raises(libagentid.StateError) as failed:
            lease.release()
        assert SECRET not in str(failed.value) + repr(acme.broker_leases()) + repr(lease)
        vault.on_release = lambda lease: None
    acme.settle()
    assert events and SECRET not in json.dumps(events)
    files = [path.read_bytes() for path in (tmp_path / "acme").rglob("*") if path.is_file()]
    assert files and not any(SECRET.encode() in file for file in files)


def test_secret_larger_than_its_memory_is_refused(acme, vault):
    vault.acquire = lambda request: "x" * (1 << 20)
    with start(acme) as agent:
        with pytest.raises(libagentid.StateError) as refused:
            acquire(acme, agent)
        assert "at most" in str(refused.value.__cause__) and acme.broker_leases() == []


@pytest.mark.parametrize("named", ["agent", "principal", "owner", "profile", "another"])
def test_what_a_revoked_agent_and_those_below_it_hold_is_returned(acme, vault, named):
    with start(acme) as agent, agent.spawn("below", same_scope=True) as below, start(acme, "user:bob@acme.example") as bob:
        for holder in (agent, below, bob):
            acquire(acme, holder)
        revoked = {
            "agent": {"agent": agent}, "principal": {"principal": ALICE}, "owner": {"principal": OWNER},
            "profile": {"profile": "researcher"}, "another": {"principal": "user:eve@acme.example"},
        }[named]  # fmt: skip
        acme.revoke(**revoked)
        left = {"agent": 1, "principal": 1, "owner": 0, "profile": 0, "another": 3}[named]
        until(lambda: len(vault.held) == left and len(acme.broker_leases()) == left)
        time.sleep(1.5)
        assert len(vault.held) == left and len(vault.released) == 3 - left


@pytest.mark.parametrize("how", ["suspended", "grant", "key", "replaced"])
def test_what_a_stopped_agent_and_those_below_it_hold_is_returned(acme, vault, how):
    with start(acme) as agent, agent.spawn("below", same_scope=True) as below, start(acme, "user:bob@acme.example") as bob:
        for holder in (agent, below, bob):
            acquire(acme, holder)
        key = next(known for known in acme.agents() if known.id == agent.id).key
        grant = libagentid.decode_chain(agent.chain)["links"][0]["claims"]["jti"]
        {
            "suspended": lambda: acme.suspend(agent.id),
            "grant": lambda: acme.revoke(grant=grant),
            "key": lambda: acme.revoke(key=key),
            "replaced": lambda: agent.rotate_key(revoke_old=True),
        }[how]()
        # The agent goes on under a new key; those below it held grants of the old one.
        left = {"replaced": 2}.get(how, 1)
        until(lambda: len(vault.held) == left and len(acme.broker_leases()) == left)
        time.sleep(1.5)
        assert len(vault.held) == left and len(vault.released) == 3 - left


def test_an_empty_secret_is_none(acme, vault):
    vault.acquire = lambda request: ""
    with start(acme) as agent:
        with pytest.raises(libagentid.StateError, match="empty") as refused:
            acquire(acme, agent)
        assert refused.value.name == "provider_failed"
        assert len(vault.released) == 1 and acme.broker_leases() == []


def test_threads_acquire_while_their_agents_end(acme, vault):
    agents = [start(acme) for _ in range(8)]
    strays = []

    def work(agent):
        while True:
            try:
                acquire(acme, agent)
            except libagentid.Error as error:
                if not isinstance(error, (libagentid.Denied, libagentid.StateError)):
                    strays.append(error)
                return

    threads = [threading.Thread(target=work, args=(agent,)) for agent in agents]
    for thread in threads:
        thread.start()
    until(lambda: len(vault.requests) > 40)
    acme.deprovision_principal(ALICE)
    for thread in threads:
        thread.join()
    until(lambda: not acme.broker_leases())
    assert strays == [] and vault.held == set()


def test_a_provider_that_hangs_holds_up_nobody_else(tmp_path, vault):
    let_go = threading.Event()
    vault.on_release = lambda lease: let_go.wait(60)
    with open_authority(tmp_path / "acme") as acme:
        acme.add_provider("vault", vault)
        holder, other = start(acme), start(acme)
        lease = acme.acquire(holder.authorize(*CALL), "vault", "row", 60)
        ending = [threading.Thread(target=agent.end, daemon=True) for agent in (holder, other)]
        ending[0].start()
        assert until(lambda: vault.released)
        ending[1].start()
        for one in reversed(ending):  # who holds nothing waits for nothing, and the holder not for ever
            one.join(30)
            assert not one.is_alive()
        assert {entry.state for entry in acme.agents()} == {"deprovisioned"}
        assert [entry["id"] for entry in acme.broker_leases()] == [lease.id]
        assert acme.reap() == 0
        assert vault.released == [lease.id], "it is returned by one at a time"
        let_go.set()
        assert until(lambda: not acme.broker_leases())


def test_no_list_is_cut(tmp_path):
    with open_authority(tmp_path / "acme") as acme:
        agents = [start(acme) for _ in range(1003)]
        assert [entry.id for entry in acme.agents()] == sorted(agent.id for agent in agents)
        assert len(acme.agents(limit=1001)) == 1001
        assert len(acme.agents(offset=1001)) == 2
        with pytest.raises(libagentid.Error):
            acme.agents(limit=0)
