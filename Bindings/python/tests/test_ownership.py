"""What an object needs lives as long as it does; what is let go of has ended or lapses; nothing is without an owner."""

from __future__ import annotations

import contextlib
import copy
import gc
import os
import pickle
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from ctypes import CDLL, c_ulonglong, create_string_buffer
from pathlib import Path
from typing import Any

import libagentid
import pytest
from libagentid import Agent
from life import ALICE, CALL, SCOPE, open_authority, start


def test_an_agent_keeps_its_authority_and_its_parent(tmp_path: Path) -> None:
    agent = start(open_authority(tmp_path / "acme", lease_duration=3))
    agent = agent.spawn("reader", same_scope=True)
    gc.collect()
    time.sleep(4)
    assert agent.check(*CALL).reason is None
    guard = open_authority().guard(audience="g")
    gc.collect()
    assert guard.statistics().permitted == 0


def test_what_is_collected_is_let_go_of_and_lapses(tmp_path: Path) -> None:
    with open_authority(tmp_path / "acme", lease_duration=1) as acme:
        agent = start(acme)
        name = agent.id
        del agent
        gc.collect()
        assert [entry.state for entry in acme.agents()] == ["active"], "a collector writes nothing"
        time.sleep(1.5)
        assert acme.reap() == 1
        assert acme.verify_gone(name).gone


def test_end_is_durable_and_close_lets_go(tmp_path: Path) -> None:
    with open_authority(tmp_path / "acme") as acme:
        one, other, third = start(acme), start(acme), start(acme)
        assert libagentid.verify_tombstone("acme.example", acme.bundle(), one.end("done"))["sub"] == one_id(acme, "done")
        other.close()
        third.__enter__()
        with third:
            pass
        assert third.check(*CALL), "its outer block is open"
        third.__exit__(None, None, None)
        assert sorted(entry.state for entry in acme.agents()) == ["active", "deprovisioned", "deprovisioned"]


def one_id(acme: libagentid.Authority, reason: str) -> str:
    [found] = [entry.id for entry in acme.agents() if entry["end_reason"] == reason]
    return found


def test_a_block_whose_end_cannot_be_written_says_so(tmp_path: Path) -> None:
    with open_authority(tmp_path / "acme") as acme:
        code = "import sqlite3, sys, time; c = sqlite3.connect(sys.argv[1] + '/registry.db', isolation_level=None)"
        code += "; c.execute('begin immediate'); print('held', flush=True); time.sleep(600)"
        agent, failing = start(acme), start(acme)
        chain = agent.chain
        with acme.guard(any_audience=True) as guard:
            proof = agent.prove(*CALL)
            with subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "acme")], stdout=subprocess.PIPE) as holder:
                assert holder.stdout is not None
                holder.stdout.readline()
                with pytest.raises(libagentid.Error), agent:
                    pass
                assert guard.check(*CALL, chain=chain, proof=proof).reason == "authority_revoked"
                with pytest.raises(ZeroDivisionError), failing:
                    raise ZeroDivisionError
                holder.kill()
        until = time.monotonic() + 60
        while {entry.state for entry in acme.agents()} != {"deprovisioned"} and time.monotonic() < until:
            time.sleep(0.05)
        assert {entry.state for entry in acme.agents()} == {"deprovisioned"}, "made good by itself"


def test_copies_are_safe_or_refused() -> None:
    with open_authority() as acme, start(acme) as agent:
        decision = agent.check("other", {})
        same, deep = copy.copy(decision), copy.deepcopy(decision)
        del decision
        for _ in range(100):
            agent.check(*CALL)
        assert same.reason == deep.reason == "tool_not_authorized"
        for thing in (acme, agent, same, acme.guard(any_audience=True)):
            with pytest.raises(TypeError):
                pickle.dumps(thing)
        for thing in (acme, agent):
            with pytest.raises(TypeError):
                copy.copy(thing)
        scope = libagentid.Scope(SCOPE)
        assert copy.deepcopy(scope) == scope == pickle.loads(pickle.dumps(scope)) != libagentid.Scope("read_file")
        assert len({scope, libagentid.Scope(SCOPE)}) == 1


@pytest.mark.parametrize("kind", [libagentid.Authority, libagentid.Guard, libagentid.Agent, libagentid.Audit])
def test_a_constructor_says_what_makes_one(kind: type) -> None:
    with pytest.raises(TypeError, match=r"use .*\("):
        kind("./acme")


class Interrupted(Exception):
    pass


def test_an_exception_of_a_signal_handler_leaves_no_live_agent(tmp_path: Path) -> None:
    def strike(*_: object) -> None:
        raise Interrupted

    before = signal.signal(signal.SIGALRM, strike)
    try:
        with open_authority(tmp_path / "acme", lease_duration=1) as acme:
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
            until = time.monotonic() + 60
            while {entry.state for entry in acme.agents()} != {"deprovisioned"} and time.monotonic() < until:
                acme.reap()
                time.sleep(0.1)
            assert {entry.state for entry in acme.agents()} == {"deprovisioned"}
    finally:
        signal.signal(signal.SIGALRM, before)


def test_an_interrupt_in_a_finalizer_reaches_the_program() -> None:
    script = """
import libagentid, signal, sys
acme = libagentid.Authority.open(trust_domain="acme.example")
acme.put_profile("p", owner="team:x@acme.example", ceiling="read")
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
        def __init__(self, acme: libagentid.Authority) -> None:
            self.agent = start(acme)
            self.me = self  # freed by the collector, not by the count

    with open_authority(tmp_path / "acme", signer=Signer()) as acme:
        for _ in range(20):
            Task(acme)
        assert len(acme.agents()) == 20


def test_a_forgotten_agent_is_told_of(tmp_path: Path) -> None:
    with open_authority(tmp_path / "acme") as acme, warnings.catch_warnings(record=True) as told:
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


@pytest.mark.parametrize("over", [Agent.end, Agent.close, lambda agent: agent.park(60)])
def test_no_code_of_python_runs_as_an_agent_that_is_over_goes(over: Callable[[Agent], object]) -> None:
    with open_authority() as acme:
        agent, ran = start(acme), list[str]()
        over(agent)
        sys.setprofile(lambda frame, event, _: ran.append(frame.f_code.co_name) if event == "call" else None)
        try:
            del agent
        finally:
            sys.setprofile(None)
    assert ran == []  # an interrupt in it would be lost


@pytest.mark.skipif(os.geteuid() != 0, reason="root is needed to become a user who may start no thread")
def test_an_agent_that_nothing_could_renew_is_not_started() -> None:
    script = """
import os, resource
import libagentid
acme = libagentid.Authority.open(trust_domain="acme.example")
acme.put_profile("p", owner="team:x@acme.example", ceiling="read")
os.setgid(54321); os.setuid(54321)
resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))
try:
    acme.agent("p", principal="user:a@acme.example", task="t", scope="read")
except libagentid.Error as error:
    print(error.name, len(acme.agents()))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "thread 0\n", done.stderr


def test_numbers_and_lists_are_taken_as_they_are_or_refused() -> None:
    with open_authority() as acme:
        for wrong in ({"until": 2**64}, {"lifetime": 2**64 + 300}, {"max_depth": 2**32}):
            with pytest.raises(OverflowError):
                acme.agent("researcher", principal=ALICE, task="t", scope=SCOPE, **wrong)  # type: ignore[arg-type]
        with pytest.raises(OverflowError):
            acme.agents(limit=2**64 + 1)
        with pytest.raises(TypeError, match="labels"):
            acme.agent("researcher", principal=ALICE, task="t", scope=SCOPE, labels="pii")
        with pytest.raises(TypeError, match="command"):
            acme.add_hook("h", command="/bin/true")
        with pytest.raises(TypeError, match="text"):
            acme.agent(None, principal=ALICE, task="t", scope=SCOPE)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="directory"):
        libagentid.Authority.open("")
    with pytest.raises(ValueError, match="audit"):
        libagentid.Authority.open(trust_domain="acme.example", audit="sometimes")  # type: ignore[arg-type]


def test_what_stands_in_for_another_object_is_named_at_once() -> None:
    with open_authority() as acme, acme.agent("researcher", principal=ALICE, task="t", scope=SCOPE) as agent:
        odd: Any = agent.id
        with pytest.raises(TypeError, match="decision is of the type Decision, not str"):
            acme.acquire(odd, "vault", "r", 60)
        with pytest.raises(TypeError, match="decision is of the type Decision, not str"):
            agent.call_permitted(odd)
        with pytest.raises(TypeError, match="child is of the type Identity, not str"):
            agent.join_labels(odd)
        with acme.guard(audience="files") as guard:
            with pytest.raises(TypeError, match="agent is of the type Identity, not str"):
                guard.check("read_file", {}, agent=odd)
            with pytest.raises(TypeError, match="decision"):
                guard.call_permitted(odd)
            with pytest.raises(TypeError, match="resources"):
                guard.add_provider("vault", Vault(), resources=odd)
        with pytest.raises(TypeError, match="offset is a whole number"):
            acme.limits(offset=odd)
        for given in ({}, {"by": "user:cfo"}, {"key": "{}"}, {"token": "a.b.c", "by": "user:cfo"}):
            with pytest.raises(TypeError, match="by= and key="):
                acme.approve("id", **given)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="key is a JWK as a text, .*not dict"):
            acme.sign_approval("id", by="user:cfo", key={})  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="run is a function, not str"):
            acme.add_hook("h", odd)
        with pytest.raises(TypeError, match="decide is a function, not str"):
            acme.on_approval(odd, by="user:cfo", key="{}")
        assert [hook.name for hook in acme.hooks()] == []
    with pytest.raises(TypeError, match="has no public_key"):
        libagentid.Authority.open(trust_domain="acme.example", signer=b"key")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="clock is a function"):
        libagentid.Authority.open(trust_domain="acme.example", clock=1795522935)  # type: ignore[arg-type]


class Vault:
    release_command: tuple[str, ...] = ()

    def acquire(self, request: object) -> str:
        raise AssertionError

    def release(self, lease: object) -> None:
        raise AssertionError
