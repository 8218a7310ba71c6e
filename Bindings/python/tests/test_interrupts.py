"""An exception at any moment of a call, or at either end of a block: what was made has ended, or is handed over."""

from __future__ import annotations

import dis
import json
import logging
import os
import sys
from collections.abc import Callable, Generator
from functools import partial
from itertools import count
from types import FrameType
from typing import Any

import libagentid
import pytest
from libagentid import _callbacks, _operations
from libagentid._calling import call
from libagentid.tools import Runs
from life import ALICE, CALL, SCOPE, open_authority, start, until


class Struck(BaseException):
    pass


def interrupted(work: Callable[[], object], place: int) -> bool:
    """Runs `work` with an exception raised at one place of the package, counted from 1; False if it has fewer.

    Where Python handles signals: where a function begins, after a call of one that is not Python's, in a loop. Not where a
    function has its result in hand and returns: that is lost whatever the function does; nor before the first line of either
    end of a block.
    """
    passed, package = 0, os.path.dirname(libagentid.__file__)
    last = dict[FrameType, str]()

    def trace(frame: FrameType, event: str, _: object) -> Any:
        nonlocal passed
        if not frame.f_code.co_filename.startswith(package):
            return None
        frame.f_trace_opcodes = True
        if event == "return" and frame.f_back is not None:
            last[frame.f_back] = ""
        if event == "opcode":
            at, code = frame.f_lasti, frame.f_code.co_code
            before = last.get(frame, "" if frame.f_code.co_name in ("__enter__", "__exit__") else "CALL")
            last[frame] = dis.opname[code[at]]
            returns = RETURNS & {dis.opname[code] for code in code[at : at + 3 : 2]}
            if before.startswith(("CALL", "JUMP")) and not returns:
                passed += 1
                if passed == place:
                    raise Struck
        return trace

    sys.settrace(trace)
    try:
        work()
    except Struck:
        return True
    finally:
        sys.settrace(None)
    return passed >= place


RETURNS = {"RETURN_VALUE", "RETURN_CONST"}


def places(work: Callable[[], object], at_least: int) -> Generator[tuple[int, bool]]:
    """Runs `work` with an exception at each of its places in turn, and then without one."""
    for place in count(1):
        struck = interrupted(work, place)
        yield place, struck
        if not struck:
            assert place > at_least
            return


class Vault:
    release_command = ()

    def __init__(self) -> None:
        self.held: set[str] = set()

    def acquire(self, request: Any, /) -> str:
        self.held.add(request["lease"])
        return "a secret"

    def release(self, lease: Any, /) -> None:
        self.held.discard(lease["lease"])


def test_no_secret_is_left() -> None:
    vault, leases = Vault(), list[Any]()
    with open_authority() as acme, start(acme) as agent, acme.guard(any_audience=True) as guard:
        acme.add_provider("vault", vault)
        guard.add_provider("vault", vault)

        def lent(broker: Any, resource: str) -> Any:
            if broker is acme:
                permit = agent.authorize(*CALL)
            else:
                permit = guard.authorize(*CALL, chain=agent.chain, proof=agent.prove(*CALL))
            return broker.acquire(permit, "vault", resource, 60)

        def block(broker: Any, resource: str) -> None:
            with lent(broker, resource):
                pass

        for given in ((acme, "door"), (guard, "/data/a.csv")):
            for place, struck in places(lambda given=given: leases.append(lent(*given)), 50):
                if not struck:
                    leases.pop().release()
                assert not leases and not vault.held and not acme.broker_leases(), f"at {place} with {given[1]}"
            for place, _ in places(partial(block, *given), 60):
                assert not vault.held, f"at {place} of a block with {given[1]}"


def alive(acme: libagentid.Authority) -> list[str]:
    return sorted(record.state for record in acme.agents() if record.state != "deprovisioned")


def test_no_agent_is_left_that_was_started_spawned_or_issued() -> None:
    with open_authority() as acme, start(acme) as parent:

        def issue(credential: bool) -> None:
            held = json.loads(libagentid.generate_key())
            key = json.dumps({name: value for name, value in held.items() if name != "d"})
            acme.issue("researcher", key, principal=ALICE, task="t", scope=SCOPE, credential=credential)

        def started() -> None:
            with start(acme), parent.spawn("reader", same_scope=True):
                pass

        for place, _ in places(started, 60):
            assert alive(acme) == ["active"], f"at {place} of a block"
        for credential in (True, False):
            for place, struck in places(partial(issue, credential), 40):
                if struck:
                    assert alive(acme) == ["active"], f"at {place}, credential={credential}"
            assert alive(acme) == ["active", "active"], "and one that has its chain goes on"
            for record in acme.agents():
                if record.id != parent.id:
                    acme.deprovision(record.id)


@pytest.mark.parametrize("pauses", [False, True])
def test_no_run_of_a_framework_leaves_its_agent(pauses: bool) -> None:
    with open_authority() as acme:
        runs = Runs(acme, "researcher", SCOPE)

        def run() -> None:
            with runs.run("thread 7", ALICE) as part:
                if pauses:
                    part.pause()

        for place, _ in places(run, 60):
            assert "active" not in alive(acme), f"at {place}"
        assert alive(acme) == ["parked"] * pauses


def test_the_block_of_one_that_is_entered_twice_ends_it_once() -> None:
    with open_authority() as acme:
        for place in count(1):
            struck, agent = False, start(acme)
            with agent:
                struck = interrupted(lambda agent=agent: agent.__enter__() and agent.__exit__(None, None, None), place)
                assert alive(acme) == ["active"], f"at {place}"
            assert not alive(acme), f"at {place}"
            if not struck:
                assert place > 5
                break


def test_who_is_told_of_lines_after_an_interrupt_is_let_go_of_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    def struck(*given: Any) -> None:
        call(*given)
        raise Struck

    monkeypatch.setattr(_operations, "call", struck)
    with pytest.raises(Struck):
        libagentid.log_to(logging.getLogger("nobody"))
    monkeypatch.undo()
    kept = len(_callbacks._kept)
    _operations._end()  # at exit
    until(lambda: len(_callbacks._kept) < kept)
