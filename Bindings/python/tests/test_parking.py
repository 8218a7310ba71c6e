"""Agents whose run waits are parked, and taken up in another process."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import subprocess
import sys
import time
from random import Random
from typing import TYPE_CHECKING, Any

import libagentid
import libagentid.aio
import pytest
from libagentid import _handles

if TYPE_CHECKING:
    from pathlib import Path

ASK = {"principal": "user:alice@acme.example", "task": "t", "scope": "read_file(path under '/data')"}


def opened(directory: Path | None) -> libagentid.Authority:
    acme = libagentid.Authority.open(directory, trust_domain="acme.example")
    acme.put_profile("researcher", owner="team:research@acme.example", ceiling="read_file(path under '/data')")
    return acme


TAKE = """
import sys, libagentid
acme = libagentid.Authority.open(sys.argv[1], must_exist=True)
agent = acme.unpark(sys.argv[2])
agent.authorize("read_file", {"path": "/data/a"})
print(agent.id)
agent.close()
acme.close()
"""


def test_a_parked_agent_is_taken_up_in_another_process(tmp_path: Path) -> None:
    acme = opened(tmp_path / "acme")
    with acme.agent("researcher", **ASK) as agent:
        parked = agent.id
        agent.park(3600)
    # Its block ended nothing.
    assert [(one.id, one.state, one.live) for one in acme.agents()] == [(parked, "parked", False)]
    assert [one.id for one in acme.agents(state="parked")] == [parked]
    done = subprocess.run(
        [sys.executable, "-c", TAKE, str(tmp_path / "acme"), parked], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == parked
    with pytest.raises(libagentid.StateError) as refused:
        acme.unpark(parked)
    assert refused.value.name == "not_parked"
    acme.close()


def test_a_taken_up_agent_ends_with_its_block() -> None:
    acme = opened(None)
    agent = acme.agent("researcher", **ASK)
    parked = agent.id
    agent.park(60)
    agent.close()
    with acme.unpark(parked) as taken:
        taken.authorize("read_file", {"path": "/data/a"})
    assert acme.agents()[0].state == "deprovisioned"


def test_who_may_not_be_parked_goes_on() -> None:
    acme = opened(None)
    with acme.agent("researcher", **ASK) as agent, agent.spawn("child", same_scope=True) as child:
        with pytest.raises(libagentid.StateError) as refused:
            child.park(60)
        assert refused.value.name == "sub_agent"
        for one in (agent, child):
            one.authorize("read_file", {"path": "/data/a"})


def test_those_below_are_parked_and_taken_up_with_it(tmp_path: Path) -> None:
    acme = opened(tmp_path / "acme")
    with acme.agent("researcher", **ASK) as agent:
        with agent.spawn("child", same_scope=True) as child, child.spawn("below", "read_file(path under '/data/q3')") as below:
            ids = [agent.id, child.id, below.id]
            below.add_labels("told")
            agent.park(3600)
            for one in (agent, child, below):
                assert one.check("read_file", {"path": "/data/q3/a"}).reason == "parked"
    assert {one.id for one in acme.agents(state="parked")} == set(ids)
    with pytest.raises(libagentid.StateError, match=ids[0]) as refused:
        acme.unpark(ids[1])
    assert refused.value.name == "sub_agent"
    with acme.unpark(ids[0]) as agent:
        [child] = agent.unparked()
        [below] = child.unparked()
        assert [one.id for one in (agent, child, below)] == ids
        assert agent.unparked() == child.unparked() == below.unparked() == []
        assert below.labels() == ["told"]
        assert not below.check("read_file", {"path": "/data/a"}).permitted
        for one in (agent, child, below):
            one.authorize("read_file", {"path": "/data/q3/a"})
        child.close()
        below.close()
    assert {one.state for one in acme.agents()} == {"deprovisioned"}
    acme.close()


@pytest.mark.parametrize("nth", range(3))
def test_an_interrupt_while_those_below_are_taken_up_loses_none(monkeypatch: pytest.MonkeyPatch, nth: int) -> None:
    acme = opened(None)
    agent = acme.agent("researcher", **ASK)
    identity = agent.id
    below = [agent.spawn(name, same_scope=True) for name in ("left", "right")]
    ids = {one.id for one in below}
    agent.park(60)
    with acme.unpark(identity) as agent:
        done = 0

        def struck(*arguments: Any) -> None:
            nonlocal done
            call(*arguments)
            done += 1
            if done == nth + 1:
                raise KeyboardInterrupt

        call = _handles.call
        monkeypatch.setattr(_handles, "call", struck)
        with contextlib.suppress(KeyboardInterrupt):
            assert {one.id for one in agent.unparked()} == ids
            assert nth == 2
        if nth < 2:
            gc.collect()
            taken = agent.unparked()
            assert {one.id for one in taken} == ids
            for one in taken:
                one.authorize("read_file", {"path": "/data/a"})
        assert agent.unparked() == []
    acme.close()


def test_taken_up_in_asyncio() -> None:
    async def main() -> None:
        async with await libagentid.aio.Authority.open(trust_domain="acme.example") as acme:
            await acme.put_profile("researcher", owner="team:research@acme.example", ceiling="read_file(path under '/data')")
            agent = await acme.agent("researcher", **ASK)
            child = await agent.spawn("child", same_scope=True)
            identity = agent.id
            await agent.park(60)
            await child.close()
            await agent.close()
            async with await acme.unpark(identity) as again:
                [child] = again.unparked()
                async with child:
                    child.authorize("read_file", {"path": "/data/a"})

    asyncio.run(main())


WORK = """
import os, sys, libagentid
acme = libagentid.Authority.open(sys.argv[1], must_exist=True)
agent = acme.unpark(sys.argv[2])
print("ready", flush=True)
while True:
    agent.park(3600)
    agent = acme.unpark(sys.argv[2])
"""


def test_a_kill_in_the_middle_leaves_all_or_none(tmp_path: Path) -> None:
    random = Random(7)
    for _ in range(12):
        directory = tmp_path / f"acme{random.random()}"
        acme = opened(directory)
        with acme.agent("researcher", **ASK) as agent:
            identity = agent.id
            children = [agent.spawn(f"c{i}", same_scope=True) for i in range(4)]
            children += [child.spawn("below", same_scope=True) for child in children]
            agent.park(3600)
            for child in children:
                child.close()
        worker = subprocess.Popen([sys.executable, "-c", WORK, str(directory), identity], stdout=subprocess.PIPE, text=True)
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
        time.sleep(random.uniform(0, 0.08))
        worker.kill()
        worker.wait()
        worker.stdout.close()
        states = [one.state for one in acme.agents()]
        assert len(states) == 9
        assert len(set(states)) == 1, states
        if states[0] == "parked":
            with acme.unpark(identity) as again:
                taken = again.unparked()
                taken += [below for child in taken for below in child.unparked()]
                for one in taken:
                    one.authorize("read_file", {"path": "/data/a"})
                    one.close()
                assert len(taken) == 8
        acme.close()


RACE = """
import sys, libagentid
acme = libagentid.Authority.open(sys.argv[1], must_exist=True)
sys.stdin.readline()
try:
    with acme.unpark(sys.argv[2]) as agent:
        children = agent.unparked()
        print(len(children), flush=True)
        sys.stdin.readline()
        for child in children:
            child.authorize("read_file", {"path": "/data/a"})
            child.close()
except libagentid.StateError as error:
    print(error.name, flush=True)
acme.close()
"""


def test_of_several_processes_one_takes_all_up(tmp_path: Path) -> None:
    acme = opened(tmp_path / "acme")
    with acme.agent("researcher", **ASK) as agent:
        identity = agent.id
        for i in range(3):
            agent.spawn(f"c{i}", same_scope=True).close()
        children = [agent.spawn(f"c{i}", same_scope=True) for i in range(3)]
        agent.park(3600)
        for child in children:
            child.close()
    command = [sys.executable, "-c", RACE, str(tmp_path / "acme"), identity]
    racers = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    said = [racer.stdout.readline().strip() for racer in racers if racer.stdout is not None]
    for racer in racers:
        racer.communicate("end\n" if racer.poll() is None else None)
    assert sorted(said) == ["3", "not_parked", "not_parked"]
    acme.close()


def test_resume_within_is_bounded() -> None:
    with pytest.raises(libagentid.Error):
        libagentid.Authority.open(trust_domain="acme.example", resume_within=2_592_001)
    libagentid.Authority.open(trust_domain="acme.example", resume_within=2_592_000).close()


def test_a_parked_agent_still_has_its_id_and_is_taken_up_by_it() -> None:
    acme = opened(None)
    agent = acme.agent("researcher", **ASK)
    named = agent.id
    agent.park(60)
    assert agent.id == named and named in repr(agent)
    with acme.unpark(agent) as taken:
        assert taken.id == named and taken.check("read_file", {"path": "/data/a"}).permitted
    acme.close()
