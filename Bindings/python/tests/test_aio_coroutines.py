"""asyncio: coroutines as hooks and providers."""

import asyncio

import libagentid
import pytest
from aio_world import SECRET, opened, start
from libagentid import aio
from life import ALICE, CALL, OWNER, SCOPE, open_authority, until


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
            with pytest.raises(libagentid.Error) as failed:
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
        with pytest.raises(libagentid.Error) as failed:
            acme.acquire(agent.authorize(*CALL), "vault", "door", 60)
        assert "libagentid.aio" in str(failed.value.__cause__)
        acme.add_hook("log", hook, events=["suspended"])
        acme.suspend(agent)
        until(lambda: any(delivery["attempts"] for delivery in acme.deliveries()))


def test_hook_of_a_loop_that_is_closed_is_told_by_the_next(tmp_path):
    told = []

    async def add():
        acme = await aio.Authority.open(tmp_path / "acme", trust_domain="acme.example")
        await acme.put_profile("researcher", owner=OWNER, ceiling=SCOPE)

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
