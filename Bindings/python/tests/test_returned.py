"""libagentid.tools: a call ends when what its function returned ends, fails or is closed, and is the current one within."""

import asyncio
import concurrent.futures
import functools
import gc
import types
from collections.abc import Coroutine

import libagentid
import pytest
from libagentid.tools import current_call, guarded


def logged(function):
    """A decorator as programs have them: a plain function around a coroutine."""

    @functools.wraps(function)
    def inner(*args, **kwargs):
        return function(*args, **kwargs)

    return inner


async def fails(to):
    await asyncio.sleep(0)
    assert current_call().decision
    raise ValueError("the bank says no")


class Awaited:
    def __init__(self, made):
        self.made = made

    def __await__(self):
        return self.made.__await__()


class Driven(Awaited, Coroutine):  # as compilers make them
    def send(self, value):
        return self.made.send(value)

    def throw(self, *error):
        return self.made.throw(*error)

    def close(self):
        self.made.close()


class Bank:
    async def __call__(self, to):
        return await fails(to)


class Several:
    def __call__(self, to):
        yield to
        assert current_call().decision
        raise ValueError


async def stream(to):
    yield to
    await fails(to)


def returns_generator(to):
    return (each for each in Several()(to))


@pytest.fixture
def world(tmp_path):
    with libagentid.Authority.open(tmp_path / "acme", trust_domain="acme.example") as acme:
        acme.put_profile("clerk", owner="team:x@acme.example", ceiling="pay")
        yield acme


@pytest.fixture
def outcomes(world, tmp_path):
    def outcomes():
        gc.collect()
        world.integrate()
        with libagentid.Audit.open(tmp_path / "acme") as log:
            return [entry["outcome"] for entry in log.entries() if entry["kind"] == "outcome"]

    return outcomes


def acts(world):
    return world.agent("clerk", principal="user:alice@acme.example", task="t", scope="pay(to: *)")


AWAITED = {
    "a coroutine": logged(fails),
    "a coroutine of another kind": lambda to: Driven(fails(to)),
    "a generator that is awaited": logged(types.coroutine(lambda to: (yield from fails(to).__await__()))),
    "an object with a coroutine for its call": Bank(),
    "a partial": functools.partial(fails),
    "a partial of a decorated one": functools.partial(logged(fails)),
    "a task": lambda to: asyncio.ensure_future(fails(to)),
    "a coroutine of a coroutine": lambda to: asyncio.sleep(0, fails(to)),
}
STREAMS = {"a generator": logged(Several()), "a generator's expression": returns_generator, "an object": Several()}
STREAMS_ASYNC = {"an asynchronous generator": logged(stream), "a partial": functools.partial(stream)}


@pytest.mark.parametrize("kind", AWAITED)
def test_the_outcome_is_that_of_what_is_awaited(world, outcomes, kind):
    pay = guarded(AWAITED[kind], name="pay")

    async def main():
        with acts(world), pytest.raises(ValueError, match="the bank"):
            made = await pay("bob")
            if kind == "a coroutine of a coroutine":
                await made

    asyncio.run(main())
    assert outcomes() == ["failed: ValueError"]


@pytest.mark.parametrize("kind", STREAMS)
def test_the_outcome_is_that_of_a_generator(world, outcomes, kind):
    pay = guarded(STREAMS[kind], name="pay")
    with acts(world):
        with pytest.raises(ValueError):
            list(pay("bob"))
        stopped = pay("bob")
        next(stopped)
        stopped.close()
        with pytest.raises(LookupError):
            current_call()
        if kind != "an object":  # whose call begins with its first value
            pay("bob")
    assert outcomes() == ["failed: ValueError", "closed early", "closed early"][: 2 if kind == "an object" else 3]


@pytest.mark.parametrize("kind", STREAMS_ASYNC)
def test_the_outcome_is_that_of_an_asynchronous_generator(world, outcomes, kind):
    pay = guarded(STREAMS_ASYNC[kind], name="pay")

    async def main():
        with acts(world):
            with pytest.raises(ValueError):
                async for _ in pay("bob"):
                    with pytest.raises(LookupError):
                        current_call()
            stopped = pay("bob")
            await anext(stopped)
            await stopped.aclose()

    asyncio.run(main())
    assert outcomes() == ["failed: ValueError", "closed early"]


def test_a_future_is_returned_as_it_is_and_ends_its_call_when_it_is_done(world, outcomes):
    made = [concurrent.futures.Future() for _ in range(3)]
    pay = guarded(lambda to: made[to], name="pay")
    with acts(world):
        assert [pay(number) for number in range(3)] == made and outcomes() == []
        made[0].set_result(1)
        made[1].set_exception(ValueError())
        made[2].cancel()
        made.clear()
        assert outcomes() == ["succeeded", "failed: ValueError", "failed: cancelled"]


def test_an_object_that_can_be_awaited_is_returned_as_it_is(world, outcomes):
    class Query:
        asked = 0

        def __await__(self):
            self.asked += 1
            return iter(())

    made = Query()
    pay = guarded(lambda to: made, name="pay")

    async def twice():
        one = pay("bob")
        assert one is made
        await one
        await one

    with acts(world):
        asyncio.run(twice())
    assert made.asked == 2 and outcomes() == ["succeeded"]


@pytest.mark.filterwarnings("ignore:coroutine")
def test_what_is_never_awaited_ends_its_call_when_it_is_dropped(world, outcomes):
    pay = guarded(logged(fails), name="pay")
    with acts(world):
        pay("bob").close()
        pay("bob")
        assert outcomes() == ["closed early"] * 2


def test_values_that_are_returned_go_through_a_generator_as_without_a_guard(world):
    def steps(to):
        got = yield to
        try:
            yield got
        except KeyError as error:
            yield type(error)
        return "end"

    with acts(world):
        for made in (guarded(steps, name="pay"), guarded(logged(steps), name="pay")):
            stream = made("bob")
            assert [next(stream), stream.send("more"), stream.throw(KeyError())] == ["bob", "more", KeyError]
            with pytest.raises(StopIteration, match="end"):
                next(stream)


def test_what_a_partial_fills_in_is_decided(world):
    def pay(to, usd):
        return to, usd

    with world.agent("clerk", principal="user:alice@acme.example", task="t", scope="pay(to in ['bob'], usd <= 5)"):
        assert guarded(functools.partial(pay, "bob"))(5) == ("bob", 5) and guarded(functools.partial(pay, usd=5))("bob")
        for wrong in (functools.partial(pay, "eve"), functools.partial(pay, usd=6)):
            with pytest.raises(libagentid.Denied):
                guarded(wrong)(**({"usd": 5} if wrong.args else {"to": "bob"}))
    with pytest.raises(TypeError, match="name="):
        guarded(Bank())
