"""What an object needs lives as long as it does; what is let go of has ended or lapses; nothing is without an owner."""

from __future__ import annotations

import contextlib
import copy
import gc
import json
import os
import pickle
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import AsyncIterator, Iterator
from ctypes import CDLL, c_ulonglong, create_string_buffer
from pathlib import Path

import agentid
import pytest

CALL = ("read", {"path": "/data/a"})
SCOPE = "read(path under '/data')"


def opened(path: Path | None = None, **options: object) -> agentid.Authority:
    authority = agentid.Authority.open(path, trust_domain="acme.example", **options)  # type: ignore[arg-type]
    authority.profile("p", owner="team:x@acme.example", ceiling=SCOPE)
    return authority


def start(authority: agentid.Authority, user: str = "a") -> agentid.Agent:
    return authority.agent("p", principal=f"user:{user}@acme.example", task="t", scope=SCOPE)


def test_an_agent_keeps_its_authority_and_its_parent(tmp_path: Path) -> None:
    agent = start(opened(tmp_path / "acme", lease_duration=1))
    agent = agent.spawn("reader")
    gc.collect()
    time.sleep(2)
    assert agent.check(*CALL).reason == ""
    guard = opened().guard()
    gc.collect()
    assert guard.statistics["permitted"] == 0


def test_what_is_collected_is_let_go_of_and_lapses(tmp_path: Path) -> None:
    with opened(tmp_path / "acme", lease_duration=1) as acme:
        agent = start(acme)
        name = agent.id
        del agent
        gc.collect()
        assert [entry["state"] for entry in acme.agents()] == ["active"], "a collector writes nothing"
        time.sleep(1.5)
        assert acme.reap() == 1
        assert acme.verify_gone(name)["gone"]


def test_end_is_durable_and_close_lets_go(tmp_path: Path) -> None:
    with opened(tmp_path / "acme") as acme:
        one, other, third = start(acme), start(acme), start(acme)
        assert agentid.verify_tombstone("acme.example", acme.bundle, one.end("done"))["sub"] == one_id(acme, "done")
        other.close()
        third.__enter__()
        with third:
            pass
        assert third.check(*CALL), "its outer block is open"
        third.__exit__(None, None, None)
        assert sorted(entry["state"] for entry in acme.agents()) == ["active", "deprovisioned", "deprovisioned"]


def one_id(acme: agentid.Authority, reason: str) -> str:
    [found] = [entry["id"] for entry in acme.agents() if entry["end_reason"] == reason]
    return found


def test_a_block_whose_end_cannot_be_written_says_so(tmp_path: Path) -> None:
    with opened(tmp_path / "acme") as acme:
        code = "import sqlite3, sys, time; c = sqlite3.connect(sys.argv[1] + '/registry.db', isolation_level=None)"
        code += "; c.execute('begin immediate'); print('held', flush=True); time.sleep(600)"
        agent, failing = start(acme), start(acme)
        chain = agent.chain
        with acme.guard() as guard:
            proof = agent.prove(*CALL)
            with subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "acme")], stdout=subprocess.PIPE) as holder:
                assert holder.stdout is not None
                holder.stdout.readline()
                with pytest.raises(agentid.Error), agent:
                    pass
                assert guard.check(chain, proof, *CALL).reason == "authority_revoked"
                with pytest.raises(ZeroDivisionError), failing:
                    raise ZeroDivisionError
                holder.kill()
        until = time.monotonic() + 20
        while {entry["state"] for entry in acme.agents()} != {"deprovisioned"} and time.monotonic() < until:
            time.sleep(0.05)
        assert {entry["state"] for entry in acme.agents()} == {"deprovisioned"}, "made good by itself"


def test_copies_are_safe_or_refused() -> None:
    with opened() as acme, start(acme) as agent:
        decision = agent.check("other", {})
        same, deep = copy.copy(decision), copy.deepcopy(decision)
        del decision
        for _ in range(100):
            agent.check(*CALL)
        assert same.reason == deep.reason == "tool_not_authorized"
        for thing in (acme, agent, same, acme.guard()):
            with pytest.raises(TypeError):
                pickle.dumps(thing)
        for thing in (acme, agent):
            with pytest.raises(TypeError):
                copy.copy(thing)
        scope = agentid.Scope(SCOPE)
        assert copy.deepcopy(scope) == scope == pickle.loads(pickle.dumps(scope)) != agentid.Scope("read")
        assert len({scope, agentid.Scope(SCOPE)}) == 1


@pytest.mark.parametrize("kind", [agentid.Authority, agentid.Guard, agentid.Agent, agentid.Audit])
def test_a_constructor_says_what_makes_one(kind: type) -> None:
    with pytest.raises(TypeError, match=r"use .*\("):
        kind("./acme")


def test_each_generator_has_its_own_agent() -> None:
    with opened() as acme:

        def stream(user: str) -> Iterator[tuple[str, str]]:
            with start(acme, user) as agent:
                while True:
                    yield agentid.current_agent().id, agent.id

        def nested() -> str:
            return agentid.current_agent().id

        alice, bob = stream("alice"), stream("bob")
        for _ in range(3):
            for one in (alice, bob):
                found, own = next(one)
                assert found == own
            with pytest.raises(LookupError):
                agentid.current_agent()
        with start(acme) as outer:
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
        assert {entry["state"] for entry in acme.agents()} == {"deprovisioned"}


def test_asynchronous_generators_and_context_managers() -> None:
    import asyncio

    async def main() -> None:
        with opened() as acme:

            async def stream(user: str) -> AsyncIterator[bool]:
                with start(acme, user) as agent:
                    for _ in range(3):
                        await asyncio.sleep(0)
                        yield agentid.current_agent() is agent

            @contextlib.asynccontextmanager
            async def acting(user: str) -> AsyncIterator[agentid.Agent]:
                with start(acme, user) as agent:
                    yield agent

            @contextlib.contextmanager
            def acting_now(user: str) -> Iterator[agentid.Agent]:
                with contextlib.ExitStack() as stack:
                    yield stack.enter_context(start(acme, user))

            async def ask(user: str) -> None:
                async with acting(user) as agent:
                    assert agentid.current_agent() is agent
                    async for own in stream(user + "2"):
                        assert own
                        assert agentid.current_agent() is agent
                    with acting_now(user) as now:
                        assert agentid.current_agent() is now
                        await asyncio.create_task(same(now))
                    assert agentid.current_agent() is agent
                with pytest.raises(LookupError):
                    agentid.current_agent()

            async def same(agent: agentid.Agent) -> None:
                assert agentid.current_agent() is agent

            await asyncio.gather(*(ask(f"u{n}") for n in range(5)))
            assert {entry["state"] for entry in acme.agents()} == {"deprovisioned"}

    asyncio.run(main())


class Interrupted(Exception):
    pass


def test_an_exception_of_a_signal_handler_leaves_no_live_agent(tmp_path: Path) -> None:
    def strike(*_: object) -> None:
        raise Interrupted

    before = signal.signal(signal.SIGALRM, strike)
    try:
        with opened(tmp_path / "acme", lease_duration=1) as acme:
            for n in range(60):
                with contextlib.suppress(Interrupted):
                    signal.setitimer(signal.ITIMER_REAL, 0.0002 + 0.0001 * n)
                    try:
                        with start(acme) as agent:
                            agent.check(*CALL)
                    finally:
                        signal.setitimer(signal.ITIMER_REAL, 0)
            agent = None
            gc.collect()
            until = time.monotonic() + 20
            while {entry["state"] for entry in acme.agents()} != {"deprovisioned"} and time.monotonic() < until:
                acme.reap()
                time.sleep(0.1)
            assert {entry["state"] for entry in acme.agents()} == {"deprovisioned"}
    finally:
        signal.signal(signal.SIGALRM, before)


def test_an_interrupt_in_a_finalizer_reaches_the_program() -> None:
    script = """
import agentid, signal, sys
acme = agentid.Authority.open(trust_domain="acme.example")
acme.profile("p", owner="team:x@acme.example", ceiling="read")
agent = acme.agent("p", principal="user:a@acme.example", task="t", scope="read")
signals, interrupts = 0, 0
def strike(*_):
    global signals
    signals += 1
    raise KeyboardInterrupt
signal.signal(signal.SIGINT, strike)
signal.signal(signal.SIGALRM, strike)
while interrupts < 500:
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.0002 + 0.000001 * interrupts)
        for _ in range(100_000):
            agent.check("read", {})
        sys.exit("an interrupt was lost")
    except KeyboardInterrupt:
        interrupts += 1
print(agent.check("read", {}).permitted)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout == "True\n", done.stderr[-2000:]
    assert "Exception ignored" not in done.stderr


class Signer:
    """Signs through libsodium, and has the collector run in the middle."""

    def __init__(self) -> None:
        self.sodium = CDLL("libsodium.so.23")
        self.public, self.secret = create_string_buffer(32), create_string_buffer(64)
        self.sodium.crypto_sign_keypair(self.public, self.secret)

    @property
    def public_key(self) -> bytes:
        return self.public.raw

    def sign(self, message: bytes, /) -> bytes:
        gc.collect()
        signature = create_string_buffer(64)
        self.sodium.crypto_sign_detached(signature, None, message, c_ulonglong(len(message)), self.secret)
        return signature.raw


def test_a_collection_within_a_signer_holds_up_nothing(tmp_path: Path) -> None:
    class Task:
        def __init__(self, acme: agentid.Authority) -> None:
            self.agent = start(acme)
            self.me = self  # freed by the collector, not by the count

    with opened(tmp_path / "acme", signer=Signer()) as acme:
        for _ in range(20):
            Task(acme)
        assert len(json.loads(json.dumps(acme.agents()))) == 20


def test_a_forgotten_agent_is_told_of(tmp_path: Path) -> None:
    with opened(tmp_path / "acme") as acme, warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        agent = start(acme)
        del agent
        gc.collect()
        with start(acme):
            pass
        start(acme).end()
    assert [str(warning.message) for warning in told if warning.category is ResourceWarning] == [
        "an agent was neither ended nor closed: it lapses with its lease"
    ]


@pytest.mark.skipif(os.geteuid() != 0, reason="root is needed to become a user who may start no thread")
def test_an_agent_that_nothing_could_renew_is_not_started() -> None:
    script = """
import os, resource
import agentid
acme = agentid.Authority.open(trust_domain="acme.example")
acme.profile("p", owner="team:x@acme.example", ceiling="read")
os.setgid(54321); os.setuid(54321)
resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))
try:
    acme.agent("p", principal="user:a@acme.example", task="t", scope="read")
except agentid.Error as error:
    print(error.name, len(acme.agents()))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "thread 0\n", done.stderr


def principal_of_a_tool() -> str:
    return agentid.current_agent().check(*CALL).document["chain"][0]["principal"]


class Session:
    """A block that is entered one function deeper."""

    def __init__(self, acme: agentid.Authority, user: str) -> None:
        self.agent = start(acme, user)

    def __enter__(self) -> agentid.Agent:
        return self.agent.__enter__()

    def __exit__(self, *exception: object) -> None:
        self.agent.__exit__(*exception)


def test_a_block_that_is_entered_in_a_function_is_the_generators_all_the_same() -> None:
    with opened() as acme:

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
            agentid.current_agent()


def test_a_generators_tasks_never_run_as_whoever_iterates() -> None:
    import asyncio

    async def tool() -> str:
        try:
            return principal_of_a_tool()
        except LookupError:
            return "nobody"

    async def main() -> None:
        with opened() as acme:

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


def test_numbers_and_lists_are_taken_as_they_are_or_refused() -> None:
    with opened() as acme:
        for wrong in ({"until": 2**64}, {"lifetime": 2**64 + 300}, {"max_depth": 2**32}):
            with pytest.raises(OverflowError):
                acme.agent("p", principal="user:a@acme.example", task="t", scope=SCOPE, **wrong)  # type: ignore[arg-type]
        with pytest.raises(OverflowError):
            acme.agents(limit=2**64 + 1)
        with pytest.raises(TypeError, match="labels"):
            acme.agent("p", principal="user:a@acme.example", task="t", scope=SCOPE, labels="pii")
        with pytest.raises(TypeError, match="command"):
            acme.add_hook("h", command="/bin/true")
        with pytest.raises(TypeError, match="text"):
            acme.agent(None, principal="user:a@acme.example", task="t", scope=SCOPE)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="directory"):
        agentid.Authority.open("")
    with pytest.raises(ValueError, match="audit"):
        agentid.Authority.open(trust_domain="acme.example", audit="sometimes")  # type: ignore[arg-type]
