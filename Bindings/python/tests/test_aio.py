"""asyncio: nothing stalls the loop, and what an `async with` block began it ends."""

import asyncio
import inspect
import os
import threading
from contextlib import asynccontextmanager, contextmanager

import agentid
import pytest
from agentid import aio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from life import ALICE, CALL, OWNER, SCOPE, open_authority, process, until

SECRET = "hunter2"
# What is decided or told in memory, in microseconds.
PLAIN = {
    "add_bundle", "admit", "authorize", "authorize_agent", "chain", "check", "credential", "export_key", "id", "prove", "public_key",
    "refreshed", "report", "scope", "statistics",
}  # fmt: skip


class Gate:
    """Holds whoever comes, on whatever thread, until the loop has turned a hundred times more."""

    def __init__(self):
        self.reached, self.open = threading.Event(), threading.Event()

    def __call__(self, *_):
        self.reached.set()
        assert self.open.wait(30), "the loop stands still"

    async def turn(self):
        while not self.reached.is_set():
            await asyncio.sleep(0)
        for _ in range(100):
            await asyncio.sleep(0)

    async def release(self):
        await self.turn()
        self.open.set()


class Signer:
    """Signs with a key of its own, after `wait`."""

    def __init__(self, wait=lambda: None):
        self.key, self.wait = Ed25519PrivateKey.generate(), wait
        self.public_key = self.key.public_key().public_bytes_raw()

    def sign(self, message):
        self.wait()
        return self.key.sign(message)


class Vault:
    """Makes a secret, after `on_acquire`, and takes it back, after `on_release`."""

    release_command = ()

    def __init__(self):
        self.held, self.on_acquire, self.on_release = set(), lambda: None, lambda: None

    def acquire(self, request):
        self.held.add(request["lease"])
        self.on_acquire()
        return SECRET

    def release(self, lease):
        self.on_release()
        self.held.discard(lease["lease"])


@asynccontextmanager
async def opened(directory=None, **options):
    async with aio.Authority.open(directory, trust_domain="acme.example", **options) as acme:
        await acme.profile("researcher", owner=OWNER, ceiling=SCOPE)
        yield acme


def start(acme):
    return acme.agent("researcher", principal=ALICE, task="Q3 review", scope=SCOPE)


@contextmanager
def locked(directory):
    """Another process writes in the registry and does not end: the function given lets go."""
    script = "import sqlite3; c = sqlite3.connect(sys.argv[1], isolation_level=None); c.execute('BEGIN IMMEDIATE'); print(flush=True); input()"
    with process(script, directory / "registry.db") as other:
        other.stdout.readline()

        def let_go():
            other.stdin.write("\n")
            other.stdin.flush()

        yield let_go


def states(acme):
    return [agent["state"] for agent in acme.sync.agents()]


async def cancelled(task):
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()


def test_a_life():
    async def main():
        async with opened() as acme, start(acme) as agent:
            async with agent.spawn("reader", "read_file(path under '/data/q3')") as reader:
                assert reader.authorize("read_file", {"path": "/data/q3/a.csv"})
                with pytest.raises(agentid.Denied, match="/data/q3"):
                    reader.authorize(*CALL)
                async with acme.guard(audience="files") as guard:
                    proof = reader.prove("read_file", {"path": "/data/q3/a.csv"}, audience="files")
                    assert guard.authorize(reader.chain, proof, "read_file", {"path": "/data/q3/a.csv"})
                    assert guard.authorize_agent(agent, *CALL)
            identity, tombstone = agent.id, await agent.deprovision("done")
            assert agentid.verify_tombstone("acme.example", await acme.bundle(), tombstone)["sub"] == identity
            assert (await acme.verify_gone(identity))["gone"] and await acme.reap() == 0

    asyncio.run(main())


def test_log_is_read(tmp_path):
    async def main():
        async with opened(tmp_path / "acme") as acme, start(acme) as agent:
            decisions = [agent.authorize(*CALL).id for _ in range(300)]
            await acme.integrate()
            async with aio.Audit.open(tmp_path / "acme") as audit:
                entries = [entry async for entry in audit.entries()]
                assert len(entries) == (await audit.head())["size"] > 300
                assert (await audit.find(decisions[7]))["entry"] in entries
                assert (await audit.verify())["sound"]

    asyncio.run(main())


@pytest.mark.parametrize("kind", [agentid.Agent, agentid.Audit, agentid.Authority, agentid.Guard, agentid.Lease])
def test_everything_is_there_and_awaited_unless_it_takes_microseconds(kind):
    view = getattr(aio, kind.__name__)
    names = {name for name in dir(kind) if not name.startswith("_")} - {"secret"}
    assert names <= set(dir(view)) | {"sync"}
    for name in names - PLAIN - ({"revoke"} if kind is agentid.Guard else set()):
        made = inspect.getattr_static(view, name)
        awaited = inspect.iscoroutinefunction(made) or inspect.isasyncgenfunction(made)
        assert awaited or type(made).__name__ in ("waits", "starts", "staticmethod"), name
        assert getattr(view, name).__doc__


def test_loop_turns_while_a_provider_holds_a_call():
    async def main():
        vault, taken, given = Vault(), Gate(), Gate()
        vault.on_acquire, vault.on_release = taken, given
        async with opened() as acme, start(acme) as agent:
            await acme.add_provider("vault", vault)
            opening = asyncio.create_task(taken.turn())
            lease = asyncio.ensure_future(acme.acquire(agent.authorize(*CALL), "vault", "door", 60).__aenter__())
            await opening
            assert agent.authorize(*CALL)  # nor does a decision wait for it
            taken.open.set()
            returned = await lease
            assert returned.secret == SECRET
            await asyncio.gather(returned.release(), given.release())
            assert returned.secret == "" and not vault.held

    asyncio.run(main())


def test_loop_turns_while_a_hook_holds_a_call():
    async def main():
        hook = Gate()
        async with opened() as acme:
            await acme.add_hook("slow", hook, events=["created"])
            async with start(acme):
                await asyncio.gather(acme.settle(60), hook.release())

    asyncio.run(main())


def test_loop_turns_while_a_signer_holds_a_call():
    async def main():
        gate = Gate()
        signer = Signer()
        async with opened(signer=signer) as acme:
            signer.wait = gate
            agent, _ = await asyncio.gather(_entered(start(acme)), gate.release())
            await agent.close()

    asyncio.run(main())


async def _entered(starting):
    return await starting


def test_loop_turns_while_another_process_holds_the_lock(tmp_path):
    async def main():
        async with opened(tmp_path / "acme") as acme:
            with locked(tmp_path / "acme") as let_go:
                starting = asyncio.ensure_future(_entered(start(acme)))
                for _ in range(100):
                    await asyncio.sleep(0.001)
                assert not starting.done()
                let_go()
                await (await starting).close()

    asyncio.run(main())


def test_cancelled_start_leaves_no_agent():
    async def main():
        gate, signer = Gate(), Signer()
        async with opened(signer=signer) as acme:
            signer.wait = gate
            starting = asyncio.ensure_future(_entered(start(acme)))
            await gate.turn()
            starting.cancel()
            await asyncio.sleep(0)
            starting.cancel()  # twice: the call is waited for all the same
            await gate.release()
            await asyncio.wait([starting])
            assert starting.cancelled() and states(acme) == ["deprovisioned"]

    asyncio.run(main())


def test_start_that_is_cancelled_as_it_succeeds_leaves_no_agent():
    async def main():
        async with opened() as acme:
            starting = asyncio.ensure_future(_entered(start(acme)))
            await asyncio.sleep(0)
            while not states(acme):  # the loop is not turned: the task does not learn of it
                pass
            await cancelled(starting)
            assert states(acme) == ["deprovisioned"]

    asyncio.run(main())


def test_call_cancelled_before_its_turn_is_not_made():
    async def main():
        gate = Gate()
        async with opened() as acme:
            busy = [asyncio.ensure_future(aio.to_thread(gate)) for _ in range(64)]
            await gate.turn()
            starting = asyncio.ensure_future(_entered(start(acme)))
            await asyncio.sleep(0)
            await cancelled(starting)
            gate.open.set()
            await asyncio.gather(*busy)
            assert states(acme) == []

    asyncio.run(main())


def test_cancelled_acquire_returns_the_secret():
    async def main():
        vault, gate = Vault(), Gate()
        vault.on_acquire = gate
        async with opened() as acme, start(acme) as agent:
            await acme.add_provider("vault", vault)
            acquiring = asyncio.ensure_future(acme.acquire(agent.authorize(*CALL), "vault", "door", 60).__aenter__())
            await gate.turn()
            acquiring.cancel()
            await gate.release()
            await asyncio.wait([acquiring])
            assert acquiring.cancelled() and not vault.held and not await acme.broker_leases()

    asyncio.run(main())


@pytest.mark.parametrize("ending", ["return", "raise", "cancel"])
def test_block_ends_its_agent_however_it_is_left(ending):
    async def main():
        inside = asyncio.Event()

        async def work(acme):
            async with start(acme) as agent, agent.spawn("reader"):
                inside.set()
                if ending == "raise":
                    raise ZeroDivisionError
                if ending == "cancel":
                    await asyncio.sleep(3600)

        async with opened() as acme:
            task = asyncio.create_task(work(acme))
            await inside.wait()
            if ending == "cancel":
                task.cancel()
            await asyncio.wait([task])
            assert task.cancelled() == (ending == "cancel")
            assert states(acme) == ["deprovisioned", "deprovisioned"]
            assert ending != "raise" or isinstance(task.exception(), ZeroDivisionError)

    asyncio.run(main())


def test_cancelled_while_it_ends_the_agent_it_ends_it_first(tmp_path):
    async def main():
        async with opened(tmp_path / "acme") as acme:
            leave = asyncio.Event()

            async def work():
                async with start(acme):
                    await leave.wait()

            task = asyncio.create_task(work())
            await asyncio.sleep(0)
            while not states(acme):
                await asyncio.sleep(0.01)
            with locked(tmp_path / "acme") as let_go:
                leave.set()
                for _ in range(20):
                    await asyncio.sleep(0.001)
                task.cancel()
                for _ in range(20):
                    await asyncio.sleep(0.001)
                assert not task.done()
                let_go()
                await asyncio.wait([task])
            assert task.cancelled() and states(acme) == ["deprovisioned"]

    asyncio.run(main())


def test_cancelled_before_its_turn_to_end_the_agent_it_ends_it_all_the_same():
    async def main():
        gate, inside, leave = Gate(), asyncio.Event(), asyncio.Event()

        async def work(acme):
            async with start(acme):
                inside.set()
                await leave.wait()

        async with opened() as acme:
            task = asyncio.create_task(work(acme))
            await inside.wait()
            busy = [asyncio.ensure_future(aio.to_thread(gate)) for _ in range(64)]
            await gate.turn()
            leave.set()
            for _ in range(10):
                await asyncio.sleep(0)
            task.cancel()
            await gate.release()
            await asyncio.gather(task, *busy, return_exceptions=True)
            assert task.cancelled() and states(acme) == ["deprovisioned"]

    asyncio.run(main())


def test_coroutines_are_hooks_and_providers():
    async def main():
        loop, told = asyncio.get_running_loop(), []

        class Slow:
            release_command = ()

            async def acquire(self, request):
                await asyncio.sleep(0)
                if request["resource"] == "wall":
                    raise LookupError("there is no wall")
                return SECRET

            async def release(self, lease):
                assert asyncio.get_running_loop() is loop
                told.append("released")

        async def hook(event):
            assert asyncio.get_running_loop() is loop
            told.append(event["event"])

        async with opened() as acme, start(acme) as agent:
            await acme.add_hook("log", lambda event: hook(event), events=["suspended"])  # seen to be one when it is called
            await acme.add_provider("slow", Slow())
            async with acme.acquire(agent.authorize(*CALL), "slow", "door", 60) as lease:
                assert lease.secret == SECRET
            with pytest.raises(agentid.Error) as failed:
                await acme.acquire(agent.authorize(*CALL), "slow", "wall", 60)
            assert isinstance(failed.value.__cause__, LookupError)
            await acme.suspend(agent)
            await acme.settle(30)
            assert told == ["released", "released", "suspended"] or told == ["released", "suspended"]

    asyncio.run(main())


def test_coroutine_that_nothing_would_run_is_no_success():
    class Async:
        release_command = ()

        async def acquire(self, request):
            return SECRET

        async def release(self, lease):
            pass

    async def hook(event):
        pass

    with open_authority() as acme, start(acme) as agent:
        acme.add_provider("vault", Async())
        with pytest.raises(agentid.Error) as failed:
            acme.acquire(agent.authorize(*CALL), "vault", "door", 60)
        assert "agentid.aio" in str(failed.value.__cause__)
        acme.add_hook("log", hook, events=["suspended"])
        acme.suspend(agent)
        until(lambda: any(delivery["attempts"] for delivery in acme.deliveries()))


def test_hook_of_a_loop_that_is_closed_is_told_by_the_next(tmp_path):
    told = []

    async def add():
        acme = await aio.Authority.open(tmp_path / "acme", trust_domain="acme.example")
        await acme.profile("researcher", owner=OWNER, ceiling=SCOPE)

        async def lost(event):
            told.append("lost")

        await acme.add_hook("log", lost, events=["created"])
        return acme

    async def again(acme):
        async def hook(event):
            told.append(event["event"])

        async with acme:
            await acme.add_hook("log", hook, events=["created"])
            while await acme.deliveries():
                await asyncio.sleep(0.01)

    acme = asyncio.run(add())
    agent = acme.sync.agent("researcher", principal=ALICE, task="t", scope=SCOPE)
    asyncio.run(again(acme))
    agent.close()
    assert set(told) == {"created"}


def test_child_of_a_fork_is_refused_and_does_not_wait_for_threads_it_does_not_have():
    async def one():
        async with opened():
            pass

    asyncio.run(one())
    child = os.fork()
    if child == 0:
        try:
            asyncio.run(one())
        except agentid.Error as error:
            os._exit(0 if error.name == "forked" else 1)
        os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
