"""Secrets for a tool server that has none of the authority's keys: for what its own guard permitted, and no more."""

import asyncio
import json
import os
import pathlib
import signal
import subprocess
import sys

import libagentid
import pytest
from libagentid import aio
from life import CALL, check, open_authority, process, start, until

PATH = CALL[1]["path"]


class Vault:
    """Hands out names of files, which are there as long as the secret is good."""

    def __init__(self, place, by_command=False):
        self.place = pathlib.Path(place)
        self.place.mkdir(exist_ok=True)
        self.asked = []
        # A program that removes the file of a lease, in whatever process.
        self.release_command = (
            ["/bin/sh", "-c", f'rm -f "{self.place}/$(sed "s/.*\\"lease\\":\\"\\([^\\"]*\\).*/\\1/")"'] if by_command else []
        )

    def acquire(self, request):
        self.asked.append(request)
        (self.place / request["lease"]).touch()
        return "the secret"

    def release(self, lease):
        (self.place / lease["lease"]).unlink(missing_ok=True)

    @property
    def held(self):
        return {path.name for path in self.place.iterdir()}


@pytest.fixture
def acme(tmp_path):
    with open_authority(tmp_path / "acme") as acme:
        yield acme


@pytest.fixture
def vault(tmp_path):
    return Vault(tmp_path / "vault")


@pytest.fixture
def guard(acme, vault, tmp_path):
    with libagentid.Guard.open_directory(tmp_path / "acme", audience="files") as guard:
        guard.add_provider("vault", vault)
        yield guard


def permit(guard, agent, path=PATH):
    call = (CALL[0], {"path": path})
    return guard.authorize(*call, chain=agent.chain, proof=agent.prove(*call, audience="files"))


def refused(guard, decision, resource=PATH, provider="vault"):
    with pytest.raises(libagentid.Denied) as denied:
        guard.acquire(decision, provider, resource, 60)
    return denied.value.reason


def test_secret_of_a_guards_own_permit(acme, guard, vault):
    with start(acme) as agent:
        with guard.acquire(permit(guard, agent), "vault", PATH, 60) as lease:
            assert lease.secret == "the secret" and vault.held == {lease.id}
            assert vault.asked[0]["agent"] == agent.id and vault.asked[0]["resource"] == PATH
            (held,) = acme.broker_leases()
            assert (held.id, held.agent, held.provider, held.state) == (lease.id, agent.id, "vault", "held")
        assert vault.held == set() and acme.broker_leases() == []
        guard.release(lease)
        guard.release("no such lease")


def test_what_a_permit_is_not_good_for(acme, guard, vault, tmp_path):
    with start(acme) as agent, start(acme) as other:
        assert refused(guard, permit(guard, agent), "/data/b.csv") == "secret_resource_mismatch"
        # The other agent asked for something else: its permit opens no more than that.
        assert refused(guard, permit(guard, other, "/data/b.csv")) == "secret_resource_mismatch"
        assert refused(guard, agent.authorize(*CALL)) == "secret_permit_foreign"
        once = permit(guard, agent)
        guard.acquire(once, "vault", PATH, 60).release()
        assert refused(guard, once) == "secret_used"
        with libagentid.Guard.open_directory(tmp_path / "acme", audience="files") as another:
            assert refused(guard, permit(another, agent)) == "secret_permit_foreign"
            with pytest.raises(libagentid.NotFound):
                another.acquire(permit(another, agent), "vault", PATH, 60)
        with pytest.raises(libagentid.NotFound):
            guard.acquire(permit(guard, agent), "nobody", PATH, 60)
        denial = guard.check(*CALL, chain=agent.chain, proof=None)
        assert refused(guard, denial) == "pop_missing"
        late = permit(guard, other)
        other.end()
        assert refused(guard, late) == "authority_revoked"
    assert len(vault.asked) == 1 and vault.held == set()


def test_resources_of_tools(acme, guard, vault):
    guard.add_provider("crm", vault, resources={"read_file": "crm{path}"})
    with start(acme) as agent:
        guard.acquire(permit(guard, agent), "crm", f"crm{PATH}", 60).release()
        for resource in (PATH, "crm/data/b.csv", "crm{path}"):
            assert refused(guard, permit(guard, agent), resource, "crm") == "secret_resource_mismatch"
        for wrong in ({"read_file": "{"}, {"": "x"}, {"t": ""}):
            with pytest.raises(libagentid.Error):
                guard.add_provider("wrong", vault, resources=wrong)
        acme.add_provider("crm", vault, resources={"read_file": "crm{path}"})
        decision = agent.authorize(*CALL)
        acme.acquire(decision, "crm", f"crm{PATH}", 60).release()
        with pytest.raises(libagentid.Denied, match="got its secret"):
            acme.acquire(decision, "crm", f"crm{PATH}", 60)
    with libagentid.Guard.open(audience="files") as alone:
        with pytest.raises(libagentid.StateError) as no:
            alone.add_provider("vault", vault)
        assert no.value.name == "no_registry"


def test_refusal_is_in_the_log_and_told(acme, guard, tmp_path):
    told = []
    acme.add_hook("told", told.append, events=["secret_refused"])
    with start(acme) as agent:
        decision = permit(guard, agent)
        assert refused(guard, decision, "/data/b.csv") == "secret_resource_mismatch"
        until(lambda: acme.settle() or told)
        acme.integrate()
        with libagentid.Audit.open(tmp_path / "acme") as log:
            (entry,) = [entry for entry in log.entries() if entry.get("event") == "secret_refused"]
        assert entry["agent"] == agent.id and entry["tool"] == CALL[0] and entry["decision"] == decision.id
        assert entry["reason"] == "secret_resource_mismatch" and entry["provider"] == "vault"
        assert "b.csv" not in json.dumps(entry)
        for document in (entry, told[0]):
            check("event", document)
        check("audit", entry)


SERVER = """
from test_guard_secrets import Vault, permit
import signal
import subprocess
import sys
guard = libagentid.Guard.open_directory(sys.argv[1], audience="files")
guard.add_provider("vault", Vault(sys.argv[2], by_command=True))
for line in sys.stdin:
    call = json.loads(line)
    try:
        decision = guard.authorize("read_file", {"path": call["path"]}, chain=call["chain"], proof=call["proof"])
        lease = guard.acquire(decision, "vault", call["path"], 200)
        print(json.dumps(lease.id), flush=True)
        if call.get("release"):
            lease.release()
            print(json.dumps("released"), flush=True)
    except libagentid.Denied as denied:
        print(json.dumps(denied.reason), flush=True)
"""


def ask(server, agent, **more):
    call = {"path": PATH, "chain": agent.chain, "proof": agent.prove(*CALL, audience="files"), **more}
    server.stdin.write(json.dumps(call) + "\n")
    server.stdin.flush()


def answer(server):
    return json.loads(server.stdout.readline())


@pytest.mark.parametrize("fate", [signal.SIGSTOP, signal.SIGKILL], ids=["frozen", "killed"])
def test_secret_ends_with_its_agent_while_its_server_is_frozen_or_dead(acme, tmp_path, fate):
    vault = Vault(tmp_path / "vault")
    with process(SERVER, tmp_path / "acme", tmp_path / "vault") as server, start(acme) as agent:
        ask(server, agent)
        lease = answer(server)
        assert vault.held == {lease}
        server.send_signal(fate)
        if fate == signal.SIGKILL:
            server.wait()
        agent.end()
        until(lambda: not vault.held and not acme.broker_leases())
        if fate == signal.SIGSTOP:
            with start(acme) as next_one:
                server.send_signal(signal.SIGCONT)
                ask(server, next_one, release=True)
                assert answer(server) != lease and answer(server) == "released"
                assert vault.held == set()


def test_what_cannot_be_released_now_is_released_by_whoever_can(acme, tmp_path, vault):
    with libagentid.Guard.open_directory(tmp_path / "acme", audience="files") as first, start(acme) as agent:
        first.add_provider("vault", vault)
        first.acquire(permit(first, agent), "vault", PATH, 60)
        first.close()
        agent.end()
        assert len(vault.held) == len(acme.broker_leases()) == 1, "nobody can, now"
        for _ in range(5):
            acme.reap()
        with libagentid.Guard.open_directory(tmp_path / "acme", audience="files") as second:
            second.add_provider("vault", vault)
            until(lambda: not acme.broker_leases())
        assert vault.held == set()


def test_only_the_owner_of_the_directory_writes_leases(acme, tmp_path, vault):
    if os.geteuid() != 0:
        pytest.skip("it takes root to own a directory for somebody else")
    with libagentid.Guard.open_directory(tmp_path / "acme", audience="files") as guard:
        os.chown(tmp_path / "acme", 65534, 65534)
        try:
            with pytest.raises(libagentid.Error):
                guard.add_provider("vault", vault)
        finally:
            os.chown(tmp_path / "acme", 0, 0)


def test_on_a_loop(acme, tmp_path):
    class Slow(Vault):
        async def acquire(self, request):
            await asyncio.sleep(0)
            return super().acquire(request)

        async def release(self, lease):
            await asyncio.sleep(0)
            super().release(lease)

    async def main():
        slow = Slow(tmp_path / "vault")
        async with aio.Guard.open_directory(tmp_path / "acme", audience="files") as guard:
            await guard.add_provider("vault", slow, resources={"read_file": "{path}"})
            with start(acme) as agent:
                decision = permit(guard, agent)
                async with guard.acquire(decision, "vault", PATH, 60) as lease:
                    assert lease.secret == "the secret" and slow.held == {lease.id}
                assert slow.held == set()
                with pytest.raises(libagentid.Denied, match="got its secret"):
                    await guard.acquire(decision, "vault", PATH, 60)
                await guard.release(lease.id)

    asyncio.run(main())


LEAVES = """
import sys, time, libagentid
from life import CALL, open_authority, start
class Slow:
    release_command = []
    def acquire(self, request): return "x"
    def release(self, lease): time.sleep(0.3)
acme = open_authority(sys.argv[1])
guard = libagentid.Guard.open_directory(sys.argv[1], audience="files")
guard.add_provider("slow", Slow())
agent = start(acme)
for _ in range(20):
    permit = guard.authorize(*CALL, chain=agent.chain, proof=agent.prove(*CALL, audience="files"))
    guard.acquire(permit, "slow", CALL[1]["path"], 1)
time.sleep(float(sys.argv[2]))
"""


@pytest.mark.parametrize("while_it_returns", ["1.3", "1.7", "2.1"])
def test_a_program_ends_while_its_secrets_are_returned(tmp_path, while_it_returns):
    here = pathlib.Path(__file__).parent
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(here), os.environ.get("PYTHONPATH", "")])}
    done = subprocess.run([sys.executable, "-c", LEAVES, str(tmp_path / "acme"), while_it_returns], env=environment, check=False)
    assert done.returncode == 0


@pytest.mark.parametrize(("template", "value", "isGiven"), [
    ("crm/{path}", "a.csv", True), ("crm/{path}", "a/b", True), ("crm/{path}", "..a", True), ("crm{path}", "/a", True), ("{path}", "/data/../x", True),
    ("crm/{path}", "../hr", False), ("crm/{path}", "a/../../hr", False), ("crm/{path}", "..", False), ("crm/{path}", ".", False),
    ("crm/{path}", "a/./b", False), ("crm/{path}", "", False), ("crm/{path}", "/hr", False), ("crm/{path}", "a\\..\\b", False),
    ("crm/{path}", "a\0b", False), ("crm/{path}", "a\nb", False), ("crm/.{path}", ".", False), ("crm/{path}/x", "..", False),
])  # fmt: skip
def test_an_argument_leads_nowhere_else_than_its_template_says(tmp_path, template, value, isGiven):
    with libagentid.Authority.open(tmp_path / "acme", trust_domain="acme.example") as acme:
        acme.put_profile("researcher", owner="team:x@acme.example", ceiling="read_file(path: *)")
        acme.add_provider("vault", Vault(tmp_path / "vault"), resources={"read_file": template})
        with acme.agent("researcher", principal="user:a@acme.example", task="t", scope="read_file(path: *)") as agent:
            permit = agent.authorize("read_file", {"path": value})
            resource = template.replace("{path}", value)
            if isGiven:
                return acme.acquire(permit, "vault", resource, 60).release()
            with pytest.raises(libagentid.Denied) as denied:
                acme.acquire(permit, "vault", resource, 60)
            assert denied.value.reason == "secret_resource_mismatch"
