"""Closing waits for nobody; what an interrupted call took up is parked again."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import TYPE_CHECKING

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
        assert time.monotonic() - begun < 6
    agent.close()


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
