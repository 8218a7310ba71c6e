"""libagentid.tools: no call of a guarded function before it was decided, whoever makes it and however."""

import asyncio
import contextlib
import inspect
import json
import logging
import sys
import threading
import typing

import libagentid
import pytest
from libagentid.tools import (
    NotGuarded,
    acting,
    authorize,
    defaulted,
    guarded,
    narrowed,
    permitted,
    refusal,
    require_guarded,
)  # fmt: skip

SCOPE = "read_file(path under '/data', mode? in ['r']); add(a: *, b: *); lines(path under '/data'); nothing"


def opened(directory):
    acme = libagentid.Authority.open(directory, trust_domain="acme.example")
    acme.put_profile("worker", owner="team:x@acme.example", ceiling=SCOPE + "; send(to: *)")
    return acme


def started(acme, request):
    """An agent whose block is open while the test runs. Not in a generator, to which alone the block would belong."""
    agent = acme.agent("worker", principal="user:alice@acme.example", task="T-1", scope=SCOPE)
    agent.__enter__()
    request.addfinalizer(lambda: agent.__exit__(None, None, None))
    return agent


@pytest.fixture(scope="module")
def acme():
    with opened(None) as authority:
        yield authority


@pytest.fixture
def agent(acme, request):
    return started(acme, request)


@pytest.fixture
def on_disk(tmp_path, request):
    """An agent of an authority with an audit log, in `tmp_path / "acme"`."""
    acme = opened(tmp_path / "acme")
    request.addfinalizer(acme.close)
    return acme, started(acme, request)


class Ran(list):
    """What functions put here when they run."""


@pytest.fixture
def ran():
    return Ran()


def read_file_into(ran, **how):
    @guarded(**how)
    def read_file(path: str, mode: str = "r", *, context: object = None) -> str:
        """Reads."""
        ran.append(path)
        return path

    return read_file


def test_a_permitted_call_runs_and_a_denied_one_never_does(agent, ran):
    read_file = read_file_into(ran)
    assert read_file("/data/a") == "/data/a"
    with pytest.raises(libagentid.Denied) as denied:
        read_file("/etc/passwd")
    assert (ran, denied.value.argument) == (["/data/a"], "path")


def test_positionals_and_defaults_are_decided_by_name(agent, ran):
    read_file = read_file_into(ran)
    for wrong in [lambda: read_file("/data/a", "w"), lambda: read_file(mode="w", path="/data/a")]:
        with pytest.raises(libagentid.Denied) as denied:
            wrong()
        assert denied.value.argument == "mode"

    @guarded(name="read_file")
    def writes_by_itself(path, mode="w"):
        ran.append(path)

    with pytest.raises(libagentid.Denied):
        writes_by_itself("/data/a")
    assert ran == []


def test_what_no_caller_chooses_is_hidden_and_a_default_of_none_is_not_given(agent, ran):
    assert read_file_into(ran, hidden=["context"])("/data/a", context=object()) == "/data/a"
    assert read_file_into(ran)("/data/a") == "/data/a"
    with pytest.raises(TypeError, match="no form in JSON"):
        read_file_into(ran)("/data/a", context=object())
    with pytest.raises(TypeError, match="no parameter nobody"):
        read_file_into(ran, hidden=["nobody"])

    class Files:
        @guarded
        def read_file(self, path):
            ran.append(path)

    Files().read_file("/data/b")
    assert ran == ["/data/a", "/data/a", "/data/b"]


def test_arguments_gathered_by_stars_are_decided_and_none_hides_another(agent, ran):
    @guarded(name="add")
    def gathers(a, /, *more, **named):
        ran.append((a, more, named))

    gathers(1, b=2)
    for wrong in [lambda: gathers(1, 2, b=2), lambda: gathers(1, b=2, c=3)]:
        with pytest.raises(libagentid.Denied):
            wrong()
    with pytest.raises(TypeError, match="twice"):
        gathers(1, a=2, b=3)
    assert ran == [(1, (), {"b": 2})]


def test_what_does_not_fit_or_is_no_json_never_runs(agent, ran):
    read_file = read_file_into(ran)
    nan = float("nan")
    for wrong in [lambda: read_file(), lambda: read_file("/data", nobody=1), lambda: read_file(object()), lambda: read_file(nan)]:
        with pytest.raises(TypeError):
            wrong()
    assert ran == []


def test_outside_of_any_agent_nothing_runs(ran):
    with pytest.raises(LookupError):
        read_file_into(ran)("/data/a")
    assert ran == []


def test_a_thread_has_no_agent_unless_it_is_handed_one(agent, ran):
    raised, read_file = [], read_file_into(ran)

    def run(within):
        try:
            with within:
                read_file("/data/a")
        except LookupError as error:
            raised.append(error)

    for within in (contextlib.nullcontext(), acting(agent)):
        thread = threading.Thread(target=run, args=[within])
        thread.start()
        thread.join()
    assert (len(raised), ran) == (1, ["/data/a"])


def test_coroutines_and_generators_of_both_kinds_are_decided_before_their_first_line(agent, ran):
    @guarded(name="lines")
    async def coroutine(path):
        ran.append("coroutine")
        return path

    @guarded(name="lines")
    def generator(path):
        ran.append("generator")
        got = yield path
        yield got
        return "end"

    @guarded(name="lines")
    async def async_generator(path):
        ran.append("async generator")
        try:
            got = yield path
        except KeyError as error:
            got = error
        yield got

    async def told():
        assert await coroutine("/data/a") == "/data/a"
        stream = async_generator("/data/a")
        assert [await stream.asend(None), await stream.asend("more")] == ["/data/a", "more"]
        await stream.aclose()
        stream = async_generator("/data/a")
        await stream.asend(None)
        assert isinstance(await stream.athrow(KeyError("x")), KeyError)
        assert [item async for item in async_generator("/data/b")] == ["/data/b", None]
        ran.clear()
        with pytest.raises(libagentid.Denied):
            await coroutine("/etc")
        with pytest.raises(libagentid.Denied):
            async for _ in async_generator("/etc"):
                pass

    asyncio.run(told())
    stream = generator("/data/a")
    assert [next(stream), stream.send("more")] == ["/data/a", "more"]
    ran.clear()
    with pytest.raises(libagentid.Denied):
        next(generator("/etc"))
    assert ran == []
    assert inspect.iscoroutinefunction(coroutine) and inspect.isgeneratorfunction(generator)
    assert inspect.isasyncgenfunction(async_generator)


def test_what_is_decorated_looks_the_same_and_cannot_be_reached_around(ran):
    read_file = read_file_into(ran)
    assert (read_file.__name__, read_file.__doc__) == ("read_file", "Reads.")
    assert list(inspect.signature(read_file).parameters) == ["path", "mode", "context"]
    assert typing.get_type_hints(read_file)["path"] is str
    assert inspect.unwrap(read_file) is read_file


def test_outcomes_are_recorded_by_type_and_never_by_value(on_disk, tmp_path, caplog):
    acme, agent = on_disk

    @guarded(name="add")
    def fails(a, b):
        raise ValueError(f"secret {a}")

    @guarded
    def nothing():
        return None

    nothing()
    with pytest.raises(ValueError):
        fails("hunter2", 2)
    with pytest.raises(libagentid.Denied), caplog.at_level(logging.WARNING, "libagentid.tools"):
        authorize("read_file", {"path": "/hunter2"})
    acme.integrate()
    with libagentid.Audit.open(tmp_path / "acme") as log:
        entries = [json.dumps(entry) for entry in log.entries()]
    assert any('"succeeded"' in e for e in entries) and any('"failed: ValueError"' in e for e in entries)
    assert not any("hunter2" in e for e in entries)
    said = json.loads(caplog.messages[0].removeprefix("denied: "))
    assert (said["tool"], said["reason"], said["argument"]) == ("read_file", "argument_constraint_violated", "path")
    assert (said["principal"], said["agent"], bool(said["decision"])) == ("user:alice@acme.example", agent.id, True)
    assert "hunter2" not in caplog.text


def test_a_client_elsewhere_that_has_its_call_cancelled_gets_nothing_back(on_disk, tmp_path):
    acme, agent = on_disk
    spend = {"unit": "usd", "limit": "10", "cost": {"fixed": "2"}, "per": "day", "for": "agent"}
    acme.apply_policy({"version": 1, "rules": [{"id": "spend", "match": "nothing", "budget": spend}]})
    guard = acme.guard(audience="here")

    def presented():
        proof = agent.prove("nothing", {}, audience="here")
        return authorize("nothing", {}, guard=guard, presented=(agent.chain, proof))

    for error in asyncio.CancelledError, GeneratorExit:
        with pytest.raises(error), presented():
            raise error

    async def takes_it_for_a_failure(call):
        asyncio.current_task().cancel()  # as a server does whose client says so, or goes
        with pytest.raises(ValueError), call:
            try:
                await asyncio.sleep(1)
            except asyncio.CancelledError:
                raise ValueError from None

    with contextlib.suppress(asyncio.CancelledError):
        asyncio.run(takes_it_for_a_failure(presented()))
    with pytest.raises(asyncio.CancelledError), authorize("nothing", {}):  # this program's own agent
        raise asyncio.CancelledError
    with pytest.raises(ValueError), presented():
        raise ValueError
    acme.integrate()
    with libagentid.Audit.open(tmp_path / "acme") as log:
        outcomes = [entry["outcome"] for entry in log.entries() if entry["kind"] == "outcome"]
    swallowed = "closed early" if sys.version_info >= (3, 11) else "failed: ValueError"
    assert outcomes == ["closed early"] * 2 + [swallowed, "failed: CancelledError", "failed: ValueError"]
    assert agent.remaining("nothing")["budgets"][0]["left"] == ("4" if sys.version_info >= (3, 11) else "6")


def test_a_model_reads_that_it_may_call_again_where_it_may():
    rules = [
        {"id": "often", "match": "search", "rate": {"calls": 1, "per": "1h", "for": "agent"}},
        {"id": "ask", "match": "pay", "approval": {"of": ["user:cfo"]}},
        {"id": "never", "match": "shout", "hours": "Mon 00:00-00:01; Tue 00:00-00:01 UTC"},
    ]
    key = json.loads(libagentid.generate_key())["x"]
    clock = lambda: 1795522935.0  # noqa: E731, a Tuesday at noon
    with libagentid.Authority.open(trust_domain="acme.example", clock=clock) as acme:
        acme.put_profile("clerk", owner="team:x@acme.example", ceiling="search; pay; shout")
        acme.apply_policy({"version": 1, "approvers": [{"name": "user:cfo", "key": key}], "rules": rules})
        with acme.agent("clerk", principal="user:alice@acme.example", task="t", scope="search; pay; shout") as agent:
            agent.authorize("search", {})
            for tool, said in (
                ("search", "again after that time"),
                ("pay", "the very same call again later"),
                ("shout", "at another time"),
            ):
                with pytest.raises(libagentid.Denied) as denied:
                    agent.authorize(tool, {})
                told = refusal(denied.value)
                assert said in told and "Do not repeat" not in told, told


def test_a_model_reads_what_to_do_and_no_value(agent):
    with pytest.raises(libagentid.Denied) as denied:
        authorize("read_file", {"path": "/hunter2"})
    said = refusal(denied.value)
    assert 'path of read_file must be under "/data"' in said and "has not run" in said and "Do not repeat" in said
    assert "hunter2" not in said
    agent.end()
    with pytest.raises(libagentid.Denied) as denied:
        authorize("read_file", {"path": "/data"}, agent=agent)
    assert "has not run" in refusal(denied.value)


def test_a_hooks_decision_is_not_made_twice_and_serves_one_call_of_the_same_arguments(agent, ran, monkeypatch):
    read_file, asked = read_file_into(ran), []
    real = type(agent).authorize
    monkeypatch.setattr(type(agent), "authorize", lambda self, *call: asked.append(call) or real(self, *call))
    with authorize("read_file", {"path": "/data/a", "mode": "r"}):
        read_file("/data/a")
        assert len(asked) == 1
        read_file("/data/a")
        assert len(asked) == 2
    with authorize("read_file", {"path": "/data/a", "mode": "r"}):
        read_file("/data/b")
        with pytest.raises(libagentid.Denied):
            read_file("/etc")
    assert (len(asked), ran) == (5, ["/data/a", "/data/a", "/data/b"])


@pytest.mark.parametrize("error", [OSError("full"), RuntimeError("broken"), KeyboardInterrupt()])
def test_whatever_breaks_inside_the_guard_the_function_does_not_run(agent, ran, monkeypatch, error):
    def broken(*_, **__):
        raise error

    monkeypatch.setattr(type(agent), "authorize", broken)
    with pytest.raises(type(error)):
        read_file_into(ran)("/data/a")
    assert ran == []


def test_an_outcome_that_cannot_be_recorded_does_not_lose_the_result(on_disk, ran, monkeypatch, caplog):
    def broken(*_, **__):
        raise OSError("full")

    monkeypatch.setattr(libagentid.Call, "commit", broken)
    assert read_file_into(ran)("/data/a") == "/data/a"
    assert "could not be recorded" in caplog.text


def test_a_sub_agent_has_its_parents_authority_over_its_own_tools_and_no_more(agent):
    with narrowed(agent, "Billing / agent!", ["read_file", "send"]) as child:
        assert child.check("read_file", {"path": "/data/a"}) and not child.check("read_file", {"path": "/etc"})
        assert not child.check("send", {"to": "x"}) and not child.check("nothing", {})
        assert "/Billing-agent/" in child.id
        with narrowed(child, "", ["nothing"]) as grandchild:
            assert not grandchild.check("nothing", {})
    with narrowed(agent, "n", ["read_file"], scope="read_file(path under '/data/q3')") as child:
        assert not child.check("read_file", {"path": "/data/a"}) and child.check("read_file", {"path": "/data/q3/a"})
    assert [n for n in permitted(["send", "nothing"], str)] == ["nothing"]


def test_tools_that_nothing_guards_are_named(ran):
    require_guarded({"read_file": read_file_into(ran)}, "here")
    with pytest.raises(NotGuarded, match="here: nothing guards print"):
        require_guarded({"read_file": read_file_into(ran), "print": print}, "here")


def test_a_decision_serves_one_of_several_threads_that_make_its_call(agent):
    both = threading.Barrier(2)

    class Path:
        def __repr__(self):  # asked for by both before either goes on
            both.wait(10)
            return "/data/a"

    with authorize("read_file", {"path": "/data/a"}, agent=agent) as call:
        taken = []

        def take():
            with acting(agent):
                taken.append(call.take("read_file", {"path": Path()}))

        threads = [threading.Thread(target=take) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(taken) == [False, True]


def test_a_decision_is_taken_by_its_own_agent_and_its_own_guard_alone(agent, acme, ran):
    read_file, decided = read_file_into(ran), ("read_file", {"path": "/data/a", "mode": "r"})
    with authorize(*decided), agent.spawn("helper", "add(a: *, b: *)"), pytest.raises(libagentid.Denied):
        read_file("/data/a")
    guard = acme.guard(audience="bank")
    guarded_there = read_file_into(ran, guard=guard)
    with authorize(*decided, guard=guard):
        guard.close()
        guarded_there("/data/a")  # which that guard has decided
    with authorize(*decided), pytest.raises(libagentid.Error, match="closed"):
        guarded_there("/data/a")
    assert ran == ["/data/a"]
    with authorize(*decided) as call, agent.spawn("helper", "add(a: *, b: *)"):
        assert call.begin("read_file") and not call.begin("read_file")


def test_what_pydantic_makes_of_arguments_is_decided(agent, ran):
    pydantic = pytest.importorskip("pydantic")

    class Options(pydantic.BaseModel):
        path: str = pydantic.Field("/etc", alias="where")
        note: str | None = None
        tags: set[bytes] = {b"a"}

    def add(a: Options, b: int):
        ran.append(a.path)

    with pytest.raises(TypeError, match="put @guarded below @validate_call"):
        guarded(pydantic.validate_call(add))
    scope = "add(a: members(where in ['/data'], tags: *), b: *)"
    with agent.spawn("helper", scope):
        with pytest.raises(libagentid.Denied):
            pydantic.validate_call(guarded(add))({}, 1)
        pydantic.validate_call(guarded(add))({"where": "/data"}, 1)
        with authorize(
            "add", defaulted({"a": {"where": "/data"}, "b": 1}, pydantic.create_model("Add", a=Options, b=int))
        ) as call:
            assert call.take("add", {"a": {"where": "/data", "tags": ["a"]}, "b": 1})
    assert ran == ["/data"]
