"""asyncio: what is cancelled, and what an `async with` block began, ends."""

import asyncio
import contextlib
import json

import libagentid
import pytest
from aio_world import Gate, Signer, Vault, cancelled, entered, locked, opened, start, states
from libagentid import aio
from libagentid.aio._running import in_thread
from life import ALICE, CALL, SCOPE, until


def test_cancelled_start_leaves_no_agent():
    async def main():
        gate, signer = Gate(), Signer()
        async with opened(signer=signer) as acme:
            signer.wait = gate
            starting = asyncio.ensure_future(entered(start(acme)))
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
            starting = asyncio.ensure_future(entered(start(acme)))
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
            starting = asyncio.ensure_future(entered(start(acme)))
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


def test_an_agent_that_was_parked_or_has_ended_says_who_it_was():
    async def main():
        async with opened() as acme:
            one, other = await start(acme), await start(acme)
            await one.park(60)
            await other.end()
            async with acme.unpark(one.id) as again:
                assert again.id == one.id != other.id

    asyncio.run(main())


def test_cancelled_issue_leaves_no_agent():
    async def main():
        gate, signer = Gate(), Signer()
        async with opened(signer=signer) as acme:
            signer.wait = gate
            issuing = asyncio.ensure_future(issued(acme))
            await gate.turn()
            issuing.cancel()
            await gate.release()
            await asyncio.wait([issuing])
            assert issuing.cancelled() and states(acme) == ["deprovisioned"]

    asyncio.run(main())


def issued(acme):
    held = json.loads(libagentid.generate_key())
    key = json.dumps({name: value for name, value in held.items() if name != "d"})
    return acme.issue("researcher", key, principal=ALICE, task="t", scope=SCOPE)


def interrupt(coroutine):
    with contextlib.suppress(KeyboardInterrupt):
        coroutine.throw(KeyboardInterrupt)


@pytest.mark.parametrize("leave", [lambda coroutine: coroutine.close(), interrupt], ids=["closed", "interrupted"])
def test_a_coroutine_that_is_left_while_it_starts_issues_or_acquires_leaves_nothing(leave):
    async def main():
        vault, signer, gates = Vault(), Signer(), [Gate(), Gate(), Gate()]
        async with opened(signer=signer) as acme, start(acme) as agent:
            await acme.add_provider("vault", vault)
            vault.on_acquire = gates[0]
            acquiring = acme.acquire(agent.authorize(*CALL), "vault", "door", 60).__aenter__()
            acquiring.send(None)
            await gates[0].turn()
            signer.wait = gates[1]
            starting = entered(start(acme))
            starting.send(None)
            await gates[1].turn()
            signer.wait = gates[2]
            issuing = issued(acme)
            issuing.send(None)
            await gates[2].turn()
            for left, gate in zip((acquiring, starting, issuing), gates, strict=True):
                leave(left)  # closed as the collector does, when a loop was closed with tasks pending
                await gate.release()
            until(lambda: not vault.held and not acme.sync.broker_leases())
            until(lambda: sorted(states(acme)) == ["active", "deprovisioned", "deprovisioned"])

    asyncio.run(main())


@pytest.mark.parametrize("ending", ["return", "raise", "cancel"])
def test_block_ends_its_agent_however_it_is_left(ending):
    async def main():
        inside = asyncio.Event()

        async def work(acme):
            async with start(acme) as agent, agent.spawn("reader", same_scope=True):
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
            busy = [asyncio.ensure_future(in_thread(gate, kind="ends")) for _ in range(64)]
            await gate.turn()
            leave.set()
            for _ in range(10):
                await asyncio.sleep(0)
            task.cancel()
            await gate.release()
            await asyncio.gather(task, *busy, return_exceptions=True)
            assert task.cancelled() and states(acme) == ["deprovisioned"]

    asyncio.run(main())


def test_cancelled_unpark_leaves_the_agents_parked_for_the_rest_of_their_time():
    async def main():
        gate, signer = Gate(), Signer()
        async with opened(signer=signer) as acme:
            agent = await start(acme)
            agent.sync.park(3600)
            (before,) = acme.sync.agents()
            signer.wait = gate
            taking = asyncio.ensure_future(entered(acme.unpark(before.id)))
            await gate.turn()
            taking.cancel()
            await gate.release()
            await asyncio.wait([taking])
            assert taking.cancelled()
            (after,) = acme.sync.agents()
            assert after.state == "parked" and after.lease_expires == before.lease_expires
            async with acme.unpark(before.id) as again:
                assert again.check(*CALL).permitted

    asyncio.run(main())
