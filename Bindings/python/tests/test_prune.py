"""Agents that ended long ago are forgotten, but for their tombstones."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import libagentid
import pytest
from life import open_authority, start


def test_what_ended_long_ago_leaves_its_tombstone(tmp_path: Path) -> None:
    ahead = [0.0]
    with open_authority(tmp_path / "acme", clock=lambda: time.time() + ahead[0]) as acme:
        with start(acme) as agent:
            name = agent.id
        tombstone = acme.deprovision(name)
        assert acme.prune(ended_before=int(time.time())) == 0, "its grant is not over for an hour"
        with pytest.raises(libagentid.Error, match="the time is ahead"):
            acme.prune(ended_before=int(time.time()) + 3600)
        ahead[0] = 7200
        assert acme.prune(ended_before=int(time.time()) + 60) == 1
        assert [entry.id for entry in acme.agents()] == []
        assert acme.deprovision(name) == tombstone
        assert acme.verify_gone(name).gone


WARN = """
import os, resource, sys, warnings
import libagentid
if sys.argv[1:]:
    # As in a container that allows none; root may lock whatever the limit says, so it becomes nobody.
    resource.setrlimit(resource.RLIMIT_MEMLOCK, (0, 0))
    if os.geteuid() == 0:
        os.setresuid(65534, 65534, 65534)
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    for _ in range(2):
        libagentid.Authority.open(trust_domain="acme.example").close()
print(len(said), *{str(one.message) for one in said})
try:
    libagentid.selftest()
except libagentid.Error as error:
    print(error.name)
"""


def test_memory_that_is_not_locked_is_said_once() -> None:
    done = subprocess.run([sys.executable, "-c", WARN, "none"], capture_output=True, text=True, check=True)
    count, *words = done.stdout.splitlines()[0].split()
    assert count == "1"
    assert "swapped" in " ".join(words)
    assert done.stdout.splitlines()[1] == "memory_not_locked"
