"""Agents whose run waits are parked, and taken up in another process."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import libagentid
import pytest

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
        for one, name in ((agent, "live_children"), (child, "sub_agent")):
            with pytest.raises(libagentid.StateError) as refused:
                one.park(60)
            assert refused.value.name == name
            one.authorize("read_file", {"path": "/data/a"})


def test_resume_within_is_bounded() -> None:
    with pytest.raises(libagentid.Error):
        libagentid.Authority.open(trust_domain="acme.example", resume_within=2_592_001)
    libagentid.Authority.open(trust_domain="acme.example", resume_within=2_592_000).close()
