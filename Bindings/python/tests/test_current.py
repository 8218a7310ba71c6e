"""The current agent: that of the innermost block, in every context its own."""

import asyncio
import contextvars
import threading

import libagentid
import pytest
from libagentid import aio
from life import ALICE, CALL, SCOPE, open_authority, start


@pytest.fixture
def acme():
    with open_authority() as acme:
        yield acme


def none_here():
    with pytest.raises(LookupError, match="no agent here"):
        libagentid.current_agent()
    return True


def test_innermost_block_has_it_and_the_outer_one_has_it_again(acme):
    assert none_here()
    with start(acme) as agent:
        assert libagentid.current_agent() is agent
        with agent.spawn("reader", same_scope=True) as reader:
            assert libagentid.current_agent() is reader
            with agent.spawn("other", same_scope=True) as other:
                assert libagentid.current_agent() is other
            assert libagentid.current_agent() is reader
        assert libagentid.current_agent() is agent
        with pytest.raises(ZeroDivisionError), agent.spawn("failing", same_scope=True):
            raise ZeroDivisionError
        assert libagentid.current_agent() is agent
    assert none_here()


def test_starting_an_agent_alone_does_not_make_it_current(acme):
    agent = start(acme)
    assert none_here()
    agent.close()


def test_blocks_left_in_another_order_leave_nothing_behind(acme):
    one, two = start(acme), start(acme)
    one.__enter__()
    two.__enter__()
    one.__exit__()
    assert libagentid.current_agent() is two
    two.__exit__()
    assert none_here()


def test_block_left_in_another_context_ends_the_agent(acme):
    agent = start(acme)
    contextvars.copy_context().run(agent.__enter__)
    assert none_here()
    agent.__exit__()
    with pytest.raises(libagentid.Error, match="closed"):
        agent.authorize(*CALL)


def test_thread_has_none_and_one_run_in_a_copy_of_the_context_has_it(acme):
    found = []
    with start(acme) as agent:
        context = contextvars.copy_context()
        for target in (none_here, lambda: context.run(libagentid.current_agent)):
            thread = threading.Thread(target=lambda target=target: found.append(target()))
            thread.start()
            thread.join()
    assert found == [True, agent]


def test_tasks_inherit_it_and_keep_their_own():
    async def child(parent, name):
        assert aio.current_agent().id == parent.id
        async with parent.spawn(name, same_scope=True) as agent:
            await asyncio.sleep(0)  # the other task's block is open as well now
            assert aio.current_agent().id == agent.id == libagentid.current_agent().id
            return await aio.to_thread(lambda: libagentid.current_agent().id)

    async def main():
        async with aio.Authority.open(trust_domain="acme.example") as acme:
            await acme.put_profile("researcher", owner="team:x@acme.example", ceiling=SCOPE)
            assert none_here()
            async with acme.agent("researcher", principal=ALICE, task="t", scope=SCOPE) as agent:
                found = await asyncio.gather(child(agent, "a"), child(agent, "b"))
                assert [identity.split("/")[-2] for identity in found] == ["a", "b"]
                assert libagentid.current_agent() is agent.sync
            assert none_here()

    asyncio.run(main())


def test_what_outlives_the_block_finds_an_agent_that_is_refused():
    async def main():
        over = asyncio.Event()

        async def late():
            await over.wait()
            libagentid.current_agent().authorize(*CALL)

        async with aio.Authority.open(trust_domain="acme.example") as acme:
            await acme.put_profile("researcher", owner="team:x@acme.example", ceiling=SCOPE)
            async with acme.agent("researcher", principal=ALICE, task="t", scope=SCOPE):
                task = asyncio.create_task(late())
                await asyncio.sleep(0)
            over.set()
            with pytest.raises((libagentid.Error, LookupError), match=r"closed|no agent"):
                await task

    asyncio.run(main())
