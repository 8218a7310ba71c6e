"""A generator's block of an agent is its own: `current_agent()` never names another's."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator

import libagentid
import pytest
from life import CALL, open_authority
from life import start as started


def start(acme: libagentid.Authority, user: str) -> libagentid.Agent:
    return started(acme, f"user:{user}@acme.example")


def test_each_generator_has_its_own_agent() -> None:
    with open_authority() as acme:

        def stream(user: str) -> Iterator[tuple[str, str]]:
            with start(acme, user) as agent:
                while True:
                    yield libagentid.current_agent().id, agent.id

        def nested() -> str:
            return libagentid.current_agent().id

        alice, bob = stream("alice"), stream("bob")
        for _ in range(3):
            for one in (alice, bob):
                found, own = next(one)
                assert found == own
            with pytest.raises(LookupError):
                libagentid.current_agent()
        with start(acme, "outer") as outer:
            next(alice)
            assert nested() == outer.id
            for user in ("carol", "dan"):

                def inner(user: str = user) -> Iterator[bool]:
                    with start(acme, user) as mine:
                        yield nested() == mine.id
                        with outer:
                            yield nested() == outer.id
                        yield nested() == mine.id

                assert list(inner()) == [True, True, True]
        alice.close()
        bob.close()
        assert {entry.state for entry in acme.agents()} == {"deprovisioned"}


def test_asynchronous_generators_and_context_managers() -> None:
    import asyncio

    async def main() -> None:
        with open_authority() as acme:

            async def stream(user: str) -> AsyncIterator[bool]:
                with start(acme, user) as agent:
                    for _ in range(3):
                        await asyncio.sleep(0)
                        yield libagentid.current_agent() is agent

            @contextlib.asynccontextmanager
            async def acting(user: str) -> AsyncIterator[libagentid.Agent]:
                with start(acme, user) as agent:
                    yield agent

            @contextlib.contextmanager
            def acting_now(user: str) -> Iterator[libagentid.Agent]:
                with contextlib.ExitStack() as stack:
                    yield stack.enter_context(start(acme, user))

            async def ask(user: str) -> None:
                async with acting(user) as agent:
                    assert libagentid.current_agent() is agent
                    async for own in stream(user + "2"):
                        assert own
                        assert libagentid.current_agent() is agent
                    with acting_now(user) as now:
                        assert libagentid.current_agent() is now
                        await asyncio.create_task(same(now))
                    assert libagentid.current_agent() is agent
                with pytest.raises(LookupError):
                    libagentid.current_agent()

            async def same(agent: libagentid.Agent) -> None:
                assert libagentid.current_agent() is agent

            await asyncio.gather(*(ask(f"u{n}") for n in range(5)))
            assert {entry.state for entry in acme.agents()} == {"deprovisioned"}

    asyncio.run(main())


def principal_of_a_tool() -> str:
    return libagentid.current_agent().check(*CALL).document["chain"][0]["principal"]


class Session:
    """A block that is entered one function deeper."""

    def __init__(self, acme: libagentid.Authority, user: str) -> None:
        self.agent = start(acme, user)

    def __enter__(self) -> libagentid.Agent:
        return self.agent.__enter__()

    def __exit__(self, *exception: object) -> None:
        self.agent.__exit__(*exception)


def test_a_block_that_is_entered_in_a_function_is_the_generators_all_the_same() -> None:
    with open_authority() as acme:

        def stream(user: str) -> Iterator[tuple[str, str]]:
            with Session(acme, user):
                while True:
                    yield f"user:{user}@acme.example", principal_of_a_tool()

        def stacked(user: str) -> Iterator[tuple[str, str]]:
            with contextlib.ExitStack() as stack:
                stack.enter_context(Session(acme, user))
                for _ in range(6):
                    yield f"user:{user}@acme.example", principal_of_a_tool()

        streams = [stream("alice"), stream("bob"), stacked("carol")]
        with Session(acme, "boss"):
            for _ in range(3):
                for one in streams:
                    asked, found = next(one)
                    assert asked == found
                assert principal_of_a_tool() == "user:boss@acme.example"
        for one in streams:
            one.close()  # type: ignore[attr-defined]
        with pytest.raises(LookupError):
            libagentid.current_agent()


def test_a_generators_tasks_never_run_as_whoever_iterates() -> None:
    import asyncio

    async def tool() -> str:
        try:
            return principal_of_a_tool()
        except LookupError:
            return "nobody"

    async def main() -> None:
        with open_authority() as acme:

            async def stream() -> AsyncIterator[str]:
                with start(acme, "alice"):
                    yield await tool()
                    yield await asyncio.create_task(tool())
                    yield await asyncio.wait_for(tool(), 30)
                    yield await asyncio.to_thread(lambda: asyncio.run(tool()))

            with start(acme, "boss"):
                assert await asyncio.create_task(tool()) == "user:boss@acme.example"
                async for found in stream():
                    assert found in ("user:alice@acme.example", "nobody")
                    assert await tool() == "user:boss@acme.example"
                assert await asyncio.create_task(tool()) == "user:boss@acme.example"

    asyncio.run(main())
