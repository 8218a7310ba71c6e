"""Hooks among processes that die, and commands of every kind: at least once, and nothing left behind."""

import json
import pathlib
import resource

import pytest
from life import later, open_authority, process, reaped, start, until

STEPS = ["created", "granted", "deprovisioning", "deprovisioned"]


@pytest.fixture
def acme(tmp_path):
    with open_authority(tmp_path / "acme") as acme:
        yield acme


def test_event_comes_again_after_its_process_was_killed_over_it(tmp_path):
    script = """
import signal
acme = open_authority(sys.argv[1])
def hook(event):
    print(json.dumps(event), flush=True)
    if event["event"] == "granted":
        signal.pause()
acme.add_hook("log", hook)
start(acme).end()
signal.pause()
"""
    with process(script, tmp_path / "acme") as child:
        before = [json.loads(child.stdout.readline()) for _ in range(2)]
    after = []
    with open_authority(tmp_path / "acme", clock=later()) as acme:
        acme.add_hook("log", after.append)
        acme.reap()  # its close may not have returned
        acme.settle()
        assert acme.deliveries() == [] == acme.deliveries(dead=True)
    assert [event["event"] for event in before] == STEPS[:2]
    # Also the one before it may come again: they are written down as told in batches.
    assert before[1] in after and all(event in after for event in before if event["event"] == after[0]["event"])
    assert [event["event"] for event in after if event["event"] != "lapsed"] in (STEPS, STEPS[1:])


def test_two_processes_of_one_hook_share_its_events(tmp_path):
    script = """
import signal
def say(value):
    sys.stdout.write(json.dumps(value) + "\\n")
    sys.stdout.flush()
acme = open_authority(sys.argv[1])
def hook(event):
    time.sleep(0.01)  # so that the other looks for work meanwhile
    say(event)
acme.add_hook("log", hook)
for line in sys.stdin:
    start(acme).end()
acme.settle()
say(None)
signal.pause()
"""
    with open_authority(tmp_path / "acme") as acme:
        with process(script, tmp_path / "acme") as one, process(script, tmp_path / "acme") as two:
            until(lambda: acme.hooks())
            for child in (one, two):
                child.stdin.write("\n" * 10)
                child.stdin.close()
            told = [event for child in (one, two) for event in iter(lambda: json.loads(child.stdout.readline()), None)]
            until(lambda: not acme.deliveries())
            for child in (one, two):
                child.kill()
                told += [json.loads(line) for line in child.stdout.read().splitlines()]
        expected = [(agent["id"], step) for agent in acme.agents() for step in STEPS]
    assert len(expected) == 80
    assert sorted((event["agent"], event["event"]) for event in told) == sorted(expected)


def test_process_with_a_hook_and_a_provider_under_way_ends_as_it_would(tmp_path):
    script = """
import threading
class Vault:
    release_command = []
    def acquire(self, request): return "secret"
    def release(self, lease): raise RuntimeError
acme = open_authority(sys.argv[1])
entered = threading.Event()
def hook(event):
    entered.set()
    time.sleep(0.2)
acme.add_hook("slow", hook)
acme.add_provider("vault", Vault())
agent = start(acme)
acme.acquire(agent.authorize(*CALL), "vault", "door", 1)
entered.wait()
"""
    with process(script, tmp_path / "acme") as child:
        assert child.wait(60) == 0


def command(tmp_path, text):
    path = tmp_path / "hook.sh"
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o700)
    return [str(path)]


def test_command_gets_the_event_and_its_name(acme, tmp_path):
    acme.add_hook("log", command=command(tmp_path, f'echo "$AGENTID_EVENT $(cat)" >> {tmp_path}/out'))
    start(acme).end()
    acme.settle()
    lines = [line.split(" ", 1) for line in (tmp_path / "out").read_text().splitlines()]
    assert [name for name, _ in lines] == STEPS == [json.loads(event)["event"] for _, event in lines]


def test_command_that_fails_is_dead_with_what_it_said(acme, tmp_path):
    acme.add_hook("log", command=command(tmp_path, "echo 'no line' >&2; exit 3"), events=["created"], max_attempts=2)
    start(acme).end()
    (dead,) = until(lambda: acme.deliveries(dead=True))
    assert "no line" in dead["error"] and "3" in dead["error"] and dead["attempts"] == 2
    acme.add_hook("gone", command=[str(tmp_path / "nothing")], events=["created"], max_attempts=1)
    start(acme).end()
    dead = until(lambda: [delivery for delivery in acme.deliveries(dead=True) if delivery["hook"] == "gone"])
    assert "No such file" in dead[0]["error"]


def running(word):
    """The processes whose command line has this word."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if word.encode() in path.read_bytes():
                found.append(path)
        except OSError:
            pass
    return found


def test_command_that_never_ends_is_killed_with_all_it_started(acme, tmp_path):
    word = str(tmp_path / "marker")
    text = f"for n in 1 2 3; do sh -c 'sleep 1000; : {word}' & done; trap '' TERM; while :; do sleep 1000; done; : {word}"
    acme.add_hook("stuck", command=["/bin/sh", "-c", text], events=["created"], deadline=1, max_attempts=1)
    with start(acme) as agent:
        until(lambda: len(running(word)) == 4)
        assert agent.authorize("read_file", {"path": "/data/x"})
        (dead,) = until(lambda: acme.deliveries(dead=True))
        assert dead["error"] and not running(word)


def test_command_under_way_is_killed_at_close(tmp_path):
    word = str(tmp_path / "marker")
    with open_authority(tmp_path / "acme") as acme:
        acme.add_hook("stuck", command=["/bin/sh", "-c", f"sleep 1000; : {word}"], events=["created"])
        with start(acme):
            until(lambda: running(word))
    until(lambda: not running(word))


def test_command_that_prints_a_gigabyte_fills_nothing(acme):
    text = "head -c 1073741824 /dev/zero; head -c 1073741824 /dev/zero >&2; exit 1"
    acme.add_hook("loud", command=["/bin/sh", "-c", text], events=["created"], max_attempts=1, deadline=60)
    with start(acme) as agent:
        before = max_resident()
        (dead,) = until(lambda: acme.deliveries(dead=True), 60)
        assert len(dead["error"]) <= 1000 and max_resident() - before < 64 << 10
        assert agent.authorize("read_file", {"path": "/data/x"})


def max_resident():
    """In KiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def test_command_of_a_process_that_died_is_run_by_whoever_reaps(tmp_path):
    script = """
acme = open_authority(sys.argv[1], lease_duration=1)
acme.add_hook("log", command=["/bin/sh", "-c", f"cat >> {sys.argv[2]}"], events=["lapsed"])
agent = start(acme)
print(agent.id, flush=True)
import signal; signal.pause()
"""
    with process(script, tmp_path / "acme", tmp_path / "out") as child:
        agent = child.stdout.readline().strip()
    with open_authority(tmp_path / "acme") as acme:
        assert reaped(acme, 1) == 1
        until(lambda: not acme.deliveries())
    event = json.loads((tmp_path / "out").read_text())
    assert (event["event"], event["agent"]) == ("lapsed", agent)
