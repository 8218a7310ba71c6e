"""Closing waits for nobody; what an interrupted call took up is parked again."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import TYPE_CHECKING

import libagentid
import pytest
from aio_world import locked
from life import CALL, open_authority, start

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("busy", ["leases", "denials", "both"])
def test_closing_waits_for_no_process_that_keeps_the_registry_locked(tmp_path: Path, busy: str) -> None:
    acme = open_authority(tmp_path / "acme", lease_duration=300 if busy == "denials" else 2)
    acme.add_hook("told", lambda event: None, events=["denied"])
    agent = start(acme)
    with locked(tmp_path / "acme"):
        if busy != "leases":
            assert agent.check("nothing", {}).reason
        time.sleep(1)  # until a round of leases waits
        begun = time.monotonic()
        acme.close()
        assert time.monotonic() - begun < 9
    agent.close()


def test_what_was_taken_up_for_nobody_ends_only_if_it_cannot_be_parked(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with open_authority(tmp_path / "acme") as acme:

        def taken_back(agent: libagentid.Agent) -> str:
            """Its state, after the call that it comes from was undone."""
            identity = agent.id
            agent._take_back("nobody waited for it")
            [state] = [one.state for one in acme.agents() if one.id == identity]
            acme.deprovision(identity)
            return state

        def parked(seconds: int) -> str:
            agent = start(acme)
            identity = agent.id
            agent.park(seconds)
            return identity

        assert taken_back(start(acme)) == "deprovisioned"
        assert taken_back(acme.unpark(parked(3600))) == "parked"
        over = acme.unpark(parked(1))
        time.sleep(1.1)
        assert taken_back(over) == "deprovisioned"
        assert not caplog.records
        held = acme.unpark(parked(3600))
        acme.suspend(held)
        assert taken_back(held) == "suspended"
        assert held._is_closed
        assert "was not parked again" in caplog.text


class Interrupted(BaseException):
    pass


def interrupt(*_: object) -> None:
    raise Interrupted


def test_an_interrupted_unpark_leaves_the_agent_parked_for_the_rest_of_its_time(tmp_path: Path) -> None:
    before = signal.signal(signal.SIGUSR1, interrupt)
    try:
        with open_authority(tmp_path / "acme") as acme:
            agent = start(acme)
            agent.park(3600)
            (parked,) = acme.agents()
            with locked(tmp_path / "acme") as let_go:
                threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGUSR1)).start()
                threading.Timer(0.6, let_go).start()
                with pytest.raises(Interrupted):
                    acme.unpark(parked.id)
            (after,) = acme.agents()
            assert (after.state, after.lease_expires) == ("parked", parked.lease_expires)
            with acme.unpark(parked.id) as again:
                assert again.check(*CALL).permitted
    finally:
        signal.signal(signal.SIGUSR1, before)
