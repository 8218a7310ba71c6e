"""asyncio: a life, and nothing that stalls the loop."""

import asyncio
import inspect
import os

import libagentid
import pytest
from aio_world import SECRET, Gate, Signer, Vault, entered, locked, opened, start
from libagentid import aio
from life import CALL

# What is decided or told in memory, in microseconds.
PLAIN = {
    "add_bundle", "add_labels", "admit", "authorize", "call", "call_permitted", "chain", "chain_reference", "check",
    "credential", "expires", "export_key", "id", "join_labels", "labels", "load_revocations", "nonce", "present",
    "presentation", "prove", "public_key", "refreshed",
    "remaining", "report", "scope", "statistics", "unparked",
}  # fmt: skip


def test_a_life():
    async def main():
        async with opened() as acme, start(acme) as agent:
            async with agent.spawn("reader", "read_file(path under '/data/q3')") as reader:
                assert reader.authorize("read_file", {"path": "/data/q3/a.csv"})
                with pytest.raises(libagentid.Denied, match="/data/q3"):
                    reader.authorize(*CALL)
                async with acme.guard(audience="files") as guard:
                    proof = reader.prove("read_file", {"path": "/data/q3/a.csv"}, audience="files")
                    assert guard.authorize("read_file", {"path": "/data/q3/a.csv"}, chain=reader.chain, proof=proof)
                    assert guard.authorize(*CALL, agent=agent)
            identity, tombstone = agent.id, await agent.end("done")
            assert libagentid.verify_tombstone("acme.example", await acme.bundle(), tombstone)["sub"] == identity
            assert (await acme.verify_gone(identity)).gone and await acme.reap() == 0

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


@pytest.mark.parametrize("kind", [libagentid.Agent, libagentid.Audit, libagentid.Authority, libagentid.Guard, libagentid.Lease])
def test_everything_is_there_and_awaited_unless_it_takes_microseconds(kind):
    view = getattr(aio, kind.__name__)
    names = {name for name in dir(kind) if not name.startswith("_")} - {"secret"}
    assert names <= set(dir(view)) | {"sync"}
    for name in names - PLAIN - ({"revoke"} if kind is libagentid.Guard else set()):
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
            with pytest.raises(ValueError, match="was returned"):
                print(returned.secret)
            assert not vault.held

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
            agent, _ = await asyncio.gather(entered(start(acme)), gate.release())
            await agent.close()

    asyncio.run(main())


def test_loop_turns_while_another_process_holds_the_lock(tmp_path):
    async def main():
        async with opened(tmp_path / "acme") as acme:
            with locked(tmp_path / "acme") as let_go:
                starting = asyncio.ensure_future(entered(start(acme)))
                for _ in range(100):
                    await asyncio.sleep(0.001)
                assert not starting.done()
                let_go()
                await (await starting).close()

    asyncio.run(main())


def test_child_of_a_fork_is_refused_and_does_not_wait_for_threads_it_does_not_have():
    async def one():
        async with opened():
            pass

    asyncio.run(one())
    child = os.fork()
    if child == 0:
        try:
            asyncio.run(one())
        except libagentid.Error as error:
            os._exit(0 if error.name == "forked" else 1)
        os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
