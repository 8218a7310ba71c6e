"""Arguments of guarded functions: what has no form in JSON, whose first parameter is hidden, and coroutines made of generators."""

import asyncio
import decimal
import functools
import types

import libagentid
import pytest
from libagentid.tools import guarded

SCOPE = "read_file(path under '/data'); take"


@pytest.fixture
def directory(tmp_path):
    return tmp_path / "acme"


@pytest.fixture
def acme(directory):
    with libagentid.Authority.open(directory, trust_domain="acme.example") as acme:
        acme.put_profile("worker", owner="team:x@acme.example", ceiling=SCOPE)
        yield acme


@pytest.fixture
def agent(acme, request):
    """One whose block is open while the test runs. Not in a generator, to which alone the block would belong."""
    agent = acme.agent("worker", principal="user:alice@acme.example", task="T-1", scope=SCOPE)
    agent.__enter__()
    request.addfinalizer(lambda: agent.__exit__(None, None, None))
    return agent


@pytest.fixture
def outcomes(acme, directory):
    def outcomes():
        acme.integrate()
        with libagentid.Audit.open(directory) as log:
            return [entry["outcome"] for entry in log.entries() if entry["kind"] == "outcome"]

    return outcomes


@types.coroutine
def pause():
    yield from asyncio.sleep(0).__await__()


def as_coroutine(ran):
    @guarded
    @types.coroutine
    def read_file(path):
        yield from pause()
        ran.append(path)
        return f"text of {path}"

    return read_file


def as_method(ran):
    class Files:
        @guarded
        @types.coroutine
        def read_file(self, path):
            yield from pause()
            ran.append(path)
            return f"text of {path}"

    return Files().read_file


def as_partial(ran):
    @types.coroutine
    def read_file(path, size):
        yield from pause()
        ran.append(path)
        return f"text of {path}"

    return guarded(hidden=["size"])(functools.partial(read_file, size=1))


@pytest.mark.parametrize("made", [as_coroutine, as_method, as_partial])
def test_a_coroutine_that_a_generator_makes_is_decided_and_awaited(agent, outcomes, made):
    ran = []
    read_file = made(ran)

    async def main(path):
        return await asyncio.wait_for(asyncio.ensure_future(awaits(path)), 10)

    async def awaits(path):
        return await read_file(path)

    assert asyncio.run(main("/data/a")) == "text of /data/a"
    with pytest.raises(libagentid.Denied):
        asyncio.run(main("/etc/passwd"))
    assert ran == ["/data/a"] and outcomes() == ["succeeded"]


def test_such_a_coroutine_may_fail_be_cancelled_and_be_part_of_another(agent, outcomes):
    ended = []

    @guarded(name="take")
    @types.coroutine
    def waits(how):
        try:
            yield from asyncio.sleep(3600 if how == "long" else 0).__await__()
            raise ValueError(how)
        finally:
            ended.append(how)

    @types.coroutine
    def outer():
        yield from waits("part")

    async def main(what, error, late=False):
        task = asyncio.ensure_future(what)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        if late:
            task.cancel()
        with pytest.raises(error):
            await task

    async def awaits(what):
        await what

    asyncio.run(main(awaits(waits("short")), ValueError))
    asyncio.run(main(awaits(outer()), ValueError))
    asyncio.run(main(awaits(waits("long")), asyncio.CancelledError, late=True))
    assert ended == ["short", "part", "long"]
    assert outcomes() == ["failed: ValueError", "failed: ValueError", "failed: CancelledError"]


class Thing:
    pass


def itself():
    made = []
    made.append(made)
    return made


WITHOUT_FORM = {
    "an object": Thing(), "bytes that are not text": b"\xff", "NaN": float("nan"), "infinity": float("-inf"), "a complex number": 1j,
    "a list's element": [1, Thing()], "a member": {"a": {"b": {1, Thing()}}}, "NaN in a member": {"a": [float("nan")]},
    "a number as a name": {1: 2}, "a class": int, "a function": len, "a list in itself": itself(),
}  # fmt: skip
WITH_FORM = [{2, 1}, b"text", decimal.Decimal("1.5"), 1.5, {"a": None}, (1, [2.0])]


@pytest.mark.parametrize("value", WITHOUT_FORM.values(), ids=WITHOUT_FORM)
def test_an_argument_that_has_no_form_in_json_is_an_error_that_names_it(agent, value):
    ran = []

    @guarded
    def take(amount, *more, unit=None, **others):
        ran.append(amount)

    for call, argument, parameter in (
        (lambda: take(value), "amount", "amount"), (lambda: take(1, value), "more", "more"),
        (lambda: take(1, unit=value), "unit", "unit"), (lambda: take(1, to=value), "to", "others"),
    ):  # fmt: skip
        with pytest.raises(TypeError) as raised:
            call()
        said = str(raised.value)
        assert said.startswith(f"take: the argument {argument} cannot be decided: ") and f"hidden=['{parameter}']" in said
    assert ran == []
    for each in WITH_FORM:
        take(each)
    assert ran == WITH_FORM


def test_the_first_parameter_of_a_method_alone_is_hidden(agent):
    ran = []

    class Files:
        @guarded
        def read_file(self, path):
            ran.append(path)

        @classmethod
        @guarded(name="read_file")
        def of_class(cls, path):
            ran.append(path)

        @staticmethod
        @guarded(name="read_file")
        def below(self, path="/data/b"):
            ran.append(self)

        @guarded(name="read_file")
        @staticmethod
        def above(cls, path="/data/b"):
            ran.append(cls)

    class More(Files):
        pass

    for files in (Files(), More()):
        files.read_file("/data/a")
        Files.read_file(files, "/data/a")
        files.of_class("/data/a")
        type(files).of_class("/data/a")
        for call in (files.below, files.above, type(files).below, type(files).above):
            with pytest.raises(libagentid.Denied) as denied:
                call("/etc/passwd")
            assert denied.value.argument in ("self", "cls")
    assert ran == ["/data/a"] * 8


@pytest.mark.parametrize("name", ["self", "cls"])
def test_a_functions_parameter_of_such_a_name_is_decided(agent, name):
    ran, made = [], {}
    exec(f"def read_file({name}, path='/data/a'): ran.append({name})", {"ran": ran}, made)
    for read_file in (guarded(made["read_file"]), guarded(functools.partial(made["read_file"]))):
        for call in (lambda: read_file("/etc/passwd"), lambda: read_file(**{name: "/etc/passwd"})):
            with pytest.raises(libagentid.Denied) as denied:
                call()
            assert denied.value.argument == name
    guarded(hidden=[name])(made["read_file"])("/data/b")
    assert ran == ["/data/b"]
