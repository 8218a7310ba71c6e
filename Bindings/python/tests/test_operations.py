"""What operators are told: lines of the process, and an authority in numbers."""

from __future__ import annotations

import logging
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import libagentid
import pytest
from life import CALL, check, open_authority, start


class Lines(logging.Handler):
    """Keeps records as they come."""

    def __init__(self) -> None:
        super().__init__()
        self.records: queue.Queue[logging.LogRecord] = queue.Queue()

    def emit(self, record: logging.LogRecord) -> None:
        self.records.put(record)

    def line(self, reason: str) -> logging.LogRecord:
        """The next line of a reason."""
        while True:
            record = self.records.get(timeout=60)
            if getattr(record, "reason", None) == reason:
                return record


@pytest.fixture
def lines() -> Iterator[Lines]:
    logger, handler = logging.getLogger("test.agentid"), Lines()
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    logger.addHandler(handler)
    libagentid.log_to(logger)
    yield handler
    libagentid.log_to(None)
    logger.removeHandler(handler)


def fail(_: object) -> None:
    raise ValueError("the siem is down")


def test_a_hook_that_fails_is_told_and_that_it_is_dead_as_an_error(lines: Lines, tmp_path: Path) -> None:
    with open_authority(tmp_path / "acme") as acme, start(acme) as agent:
        acme.add_hook("siem", fail, events=["suspended"], max_attempts=2)
        acme.suspend(agent.id)
        failed, dead = lines.line("hook_failed"), lines.line("hook_dead")
    assert failed.levelno == logging.WARNING and "siem" in failed.getMessage() and "suspended" in failed.getMessage()
    assert dead.levelno == logging.ERROR and "hooks dead" in dead.getMessage()


def test_a_clock_that_went_back_is_told(lines: Lines) -> None:
    ahead = [0.0]
    with open_authority(None, clock=lambda: time.time() + ahead[0]) as acme, start(acme) as agent:
        assert agent.check(*CALL).permitted
        ahead[0] = 900
        assert agent.check(*CALL).reason is not None
        assert "ahead" in lines.line("clock_stepped").getMessage()
        ahead[0] = -600
        assert agent.check(*CALL).reason == "clock_went_back"
        assert lines.line("clock_went_back").levelno == logging.ERROR


def test_a_directory_that_was_replaced_is_told_by_the_reason_of_the_denials(lines: Lines, tmp_path: Path) -> None:
    with open_authority(tmp_path / "acme") as acme, start(acme) as agent:
        assert agent.check(*CALL).permitted
        os.rename(tmp_path / "acme", tmp_path / "elsewhere")
        time.sleep(0.1)
        reason = agent.check(*CALL).reason
        assert reason == "directory_replaced" and lines.line(reason).levelno == logging.ERROR
        os.rename(tmp_path / "elsewhere", tmp_path / "acme")
        time.sleep(0.1)
        agent.check(*CALL)
        assert lines.line("directory_back").levelno == logging.INFO


def test_a_decision_that_is_not_written_down_is_told(lines: Lines, tmp_path: Path) -> None:
    with open_authority(tmp_path / "acme", audit_strict=False) as acme, start(acme) as agent:
        os.rename(tmp_path / "acme/audit", tmp_path / "acme/audit.moved")
        time.sleep(0.3)
        agent.check(*CALL)
        told = [lines.records.get(timeout=60)]
        while not any("not in the audit log" in line.getMessage() for line in told):
            told.append(lines.records.get(timeout=60))
        os.rename(tmp_path / "acme/audit.moved", tmp_path / "acme/audit")


def test_a_handler_may_call_the_library_and_replace_itself(lines: Lines) -> None:
    logger, done = logging.getLogger("test.agentid.within"), threading.Event()

    class Within(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            libagentid.selftest()
            libagentid.log_to(None)
            done.set()

    logger.addHandler(Within())
    logger.propagate = False
    libagentid.log_to(logger)
    with open_authority(None) as acme, start(acme) as agent:
        acme.add_hook("siem", fail, events=["suspended"], max_attempts=1)
        acme.suspend(agent.id)
        assert done.wait(20)


def test_levels_below_are_left_out() -> None:
    logger, handler = logging.getLogger("test.agentid.errors"), Lines()
    logger.addHandler(handler)
    logger.propagate = False
    libagentid.log_to(logger, level=logging.ERROR)
    with open_authority(None) as acme, start(acme) as agent:
        acme.add_hook("siem", fail, events=["suspended"], max_attempts=2)
        acme.suspend(agent.id)
        first = handler.records.get(timeout=60)
    libagentid.log_to(None)
    assert getattr(first, "reason", None) == "hook_dead"


def test_a_process_that_ends_while_lines_come_ends_well() -> None:
    program = """
import logging, time, libagentid
class Slow(logging.Handler):
    def emit(self, record):
        time.sleep(0.2)
logger = logging.getLogger("x"); logger.addHandler(Slow()); libagentid.log_to(logger)
def fail(_): raise ValueError
acme = libagentid.Authority.open(trust_domain="acme.example")
acme.put_profile("p", owner="team:x@acme.example", ceiling="read")
acme.add_hook("h", fail, events=["created"], max_attempts=1)
agent = acme.agent("p", principal="user:a@acme.example", task="t", scope="read")
acme.settle(1)
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr


def test_the_numbers_are_those_of_the_schema(tmp_path: Path) -> None:
    with open_authority(tmp_path / "acme") as acme, start(acme) as agent, start(acme) as other:
        acme.add_hook("siem", fail, events=["suspended"], max_attempts=1)
        acme.suspend(other.id)
        acme.settle(5)
        agent.authorize(*CALL)
        assert agent.check("read_file", {"path": "/etc/passwd"}).reason == "argument_constraint_violated"
        acme.guard(audience="files").check(*CALL, chain=agent.chain, proof=agent.prove(*CALL, audience="files"))
        found = acme.statistics()
        check("statistics", found)
        assert found.agents.active == 1 and found.agents.suspended == 1 and found.agents.lapsing_soon == 0
        assert found.hooks == [{"name": "siem", "waiting": 0, "dead": 1}]
        assert found.guard is not None and found.guard.permitted == 1
        assert found.guard.denied == {"argument_constraint_violated": 1}
        assert found.replay is not None and found.replay["remembered"] == 1
        before = found.audit
        acme.integrate()
        after = acme.statistics().audit
        assert before is not None and after is not None and after["waiting"] == 0
        assert (after["entries"] or 0) >= (before["entries"] or 0) + (before["waiting"] or 0) > 0
    with open_authority(None) as acme:
        found = acme.statistics()
        check("statistics", found)
        assert found.audit is None and found.replay is None and found.meters is None
