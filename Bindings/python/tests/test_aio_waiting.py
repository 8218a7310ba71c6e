"""asyncio: what waits for people or hooks holds neither the loop nor a thread."""

import asyncio
import json

import libagentid
import pytest
from aio_world import Gate, opened, start
from libagentid import aio
from life import CALL

THREADS = 16


async def asking(acme):
    """Has the policy ask about every call; the key of the one who is asked."""
    key = libagentid.generate_key()
    await acme.apply_policy({
        "version": 1, "approvers": [{"name": "user:cfo", "key": json.loads(key)["x"]}],
        "rules": [{"id": "big", "match": "read_file", "approval": {"of": ["user:cfo"], "within": "1h"}}],
    })  # fmt: skip
    return key


def waiting(acme, request, count=THREADS + 1):
    return [asyncio.ensure_future(acme.wait_for_approval(request, 3600)) for _ in range(count)]


def test_any_number_of_tasks_wait_for_an_approval_that_another_gives():
    async def main():
        async with opened() as acme, start(acme) as agent:
            key = await asking(acme)
            request = agent.check(*CALL).approval
            assert await acme.wait_for_approval(request, 0) == "pending"
            tasks = waiting(acme, request)
            await asyncio.sleep(0.05)
            assert await acme.approve(request, by="user:cfo", key=key)
            assert await asyncio.gather(*tasks) == ["approved"] * len(tasks)
            assert agent.authorize(*CALL)
            with pytest.raises(libagentid.NotFound):
                await acme.wait_for_approval(request, 3600)

    asyncio.run(asyncio.wait_for(main(), 60))


def test_a_task_that_waits_for_an_approval_ends_when_it_is_cancelled():
    async def main():
        async with opened() as acme, start(acme) as agent:
            await asking(acme)
            tasks = waiting(acme, agent.check(*CALL).approval)
            await asyncio.sleep(0.05)
            for task in tasks:
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
            assert all(isinstance(each, asyncio.CancelledError) for each in ended)

    asyncio.run(asyncio.wait_for(main(), 60))


def test_a_decision_waits_for_people_on_a_thread_only():
    async def main():
        async with opened() as acme, start(acme) as agent:
            key = await asking(acme)
            request = agent.check(*CALL).approval
            with pytest.raises(TypeError, match="wait_for_approval"):
                agent.authorize(*CALL, wait=3600)
            deciding = asyncio.ensure_future(aio_to_thread(agent, 3600))
            await acme.approve(request, by="user:cfo", key=key)
            assert await deciding

    asyncio.run(asyncio.wait_for(main(), 60))


async def aio_to_thread(agent, seconds):
    return await aio.to_thread(agent.authorize, *CALL, wait=seconds)


def test_settling_leaves_the_threads_to_others():
    async def main():
        gate = Gate()
        async with opened() as acme, start(acme) as agent:
            await acme.add_hook("slow", gate, events=["suspended"])
            await acme.suspend(agent)
            tasks = [asyncio.ensure_future(acme.settle(3600)) for _ in range(THREADS + 1)]
            await asyncio.sleep(0.05)
            await acme.resume(agent)
            await gate.release()
            await asyncio.gather(*tasks)
            with pytest.raises(libagentid.Error) as unsettled:
                held = Gate()
                await acme.add_hook("held", held, events=["suspended"])
                await acme.suspend(agent)
                try:
                    await acme.settle(0.1)
                finally:
                    held.open.set()
            assert unsettled.value.name == "unsettled"

    asyncio.run(asyncio.wait_for(main(), 60))


class SlowVault:
    """Makes a secret once it is let go, or what `asks` awaits has come."""

    release_command = ()

    def __init__(self, asks=None):
        self.reached, self.open, self.asks = 0, asyncio.Event(), asks

    async def acquire(self, request):
        self.reached += 1
        await (self.asks() if self.asks else self.open.wait())
        return "hunter2"

    async def release(self, lease):
        await asyncio.sleep(0)


async def acquire(acme, agent):
    async with acme.acquire(agent.authorize(*CALL), "vault", CALL[1]["path"], 60) as lease:
        assert lease.secret == "hunter2"


@pytest.mark.parametrize("count", [THREADS, 2 * THREADS])
def test_authority_is_taken_away_while_every_provider_hangs(count):
    async def main():
        async with opened() as acme, start(acme) as agent:
            vault, doomed = SlowVault(), [await start(acme) for _ in range(3)]
            await acme.add_provider("vault", vault)
            tasks = [asyncio.ensure_future(acquire(acme, agent)) for _ in range(count)]
            while vault.reached < THREADS:
                await asyncio.sleep(0.01)
            await acme.suspend(doomed[0], "odd")
            await acme.revoke(agent=doomed[1])
            await doomed[2].end()
            assert [one.check(*CALL).reason for one in doomed[:2]] == ["suspended", "authority_revoked"]
            async with start(acme) as late:  # others begin and end as well
                assert late.check(*CALL)
            assert not any(task.done() for task in tasks)
            vault.open.set()
            await asyncio.gather(*tasks)
            for one in doomed[:2]:
                await one.close()

    asyncio.run(asyncio.wait_for(main(), 60))


def test_any_number_of_providers_ask_their_authority_before_they_answer():
    async def main():
        async with opened() as acme, start(acme) as agent:
            await acme.add_provider("vault", SlowVault(acme.agents))
            await asyncio.gather(*(acquire(acme, agent) for _ in range(2 * THREADS)))
            assert await acme.broker_leases() == []

    asyncio.run(asyncio.wait_for(main(), 60))
