"""What holds in every framework: `from contract import *` in a test module that has a fixture `framework`.

A framework is a function (script, is_async=, guarded=) that runs an agent with the tools of `tools_of(ran)`, whose model asks for
the calls of the script, a list of (name, arguments) a turn, and returns what the model read of each call, in order. Where it has a
place for other code between the guard and a tool, `framework.meddles` says what such code can do there, and meddle= has it done.
"""

import concurrent.futures
import contextlib

import pytest
from conftest import CEILING as CEILING

BAD = ("read_file", {"path": "/hunter2"})
GOOD = ("read_file", {"path": "/data/a"})


def tools_of(ran):
    """The functions that every framework makes its tools of."""

    def read_file(path: str) -> str:
        """Reads a file.

        Args:
            path: where
        """
        ran.append(path)
        return f"text of {path}"

    def send_mail(to: str, body: str = "hello") -> str:
        """Sends a mail.

        Args:
            to: to whom
            body: what it says
        """
        ran.append(to)
        return "sent"

    def boom() -> str:
        """Fails."""
        ran.append("boom")
        raise ValueError("boom")

    return [read_file, send_mail, boom]


ways = pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])


@ways
def test_unguarded_the_agent_does_what_the_model_says(framework, ran, is_async):
    framework([[BAD]], is_async=is_async, guarded=False)
    assert ran == ["/hunter2"]


@ways
def test_what_is_permitted_runs_and_what_is_not_never_does(framework, agent, ran, outcomes, is_async):
    said = framework([[BAD], [GOOD]], is_async=is_async)
    assert ran == ["/data/a"]
    assert "text of /data/a" in said[-1]
    assert 'must be under "/data"' in said[0]
    assert "hunter2" not in said[0] or hasattr(framework, "repeats")  # where the framework tells a model what it has called
    assert outcomes(agent)[-1] in ("succeeded", "begun", "answered")


@ways
def test_a_tool_that_is_not_granted_never_runs(framework, agent, ran, is_async):
    with contextlib.suppress(Exception):  # some frameworks stop where a model asks for a tool that it was not shown
        framework([[("send_mail", {"to": "eve"})]], is_async=is_async)
    assert ran == []


@ways
def test_each_of_many_calls_at_once_is_decided(framework, agent, ran, is_async):
    framework(
        [[("read_file", {"path": f"/{'data' if number % 2 else 'etc'}/{number}"}) for number in range(6)]], is_async=is_async
    )
    assert sorted(ran) == ["/data/1", "/data/3", "/data/5"]


@ways
def test_a_default_that_the_model_leaves_out_is_decided_too(framework, start, ran, is_async):
    start("send_mail(to: *, body? in ['bye'])")
    framework([[("send_mail", {"to": "a"})], [("send_mail", {"to": "b", "body": "bye"})]], is_async=is_async)
    assert ran == ["b"]


@ways
def test_whatever_breaks_in_the_guard_the_tool_does_not_run(framework, agent, ran, broken, is_async):
    broken()
    with contextlib.suppress(Exception):
        framework([[GOOD]], is_async=is_async)
    assert ran == []


@ways
def test_outside_of_any_agent_nothing_runs(framework, ran, is_async):
    with contextlib.suppress(Exception):
        framework([[GOOD]], is_async=is_async)
    assert ran == []


@ways
def test_an_agent_that_was_revoked_does_nothing_more(framework, agent, acme, ran, is_async):
    acme.revoke(agent=agent)
    framework([[GOOD]], is_async=is_async)
    assert ran == []


@ways
def test_runs_at_once_are_each_decided_as_their_own_agent(framework, acme, ran, is_async):
    def run(number):
        scope = f"read_file(path under '/data/{number}')"
        script = [[("read_file", {"path": f"/data/{(number + turn) % 4}/{number}"})] for turn in (1, 0, 2)]
        with acme.agent("worker", principal="user:alice@acme.example", task="T-1", scope=scope):
            framework(script, is_async=is_async)

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(run, range(4)))
    assert sorted(ran) == [f"/data/{number}/{number}" for number in range(4)]


@ways
def test_the_outcome_of_each_run_of_a_tool_that_fails_is_recorded(framework, agent, ran, outcomes, left_open, is_async):
    with contextlib.suppress(Exception):
        framework([[("boom", {})]], is_async=is_async)
    answered = getattr(framework, "answered", ())  # where the framework has made an answer of the error before anybody sees it
    assert ran and set(ran) == {"boom"}
    assert outcomes(agent) and set(outcomes(agent)) <= {"failed: ValueError", "failed: the tool says so", *answered}
    assert len(outcomes(agent)) == len(ran) and left_open(agent) == []


@ways
@pytest.mark.parametrize("meddle", ["other arguments", "again", "another answer", "no error"])
def test_what_comes_after_the_guard_runs_nothing_that_was_not_decided(
    framework, agent, ran, outcomes, left_open, is_async, meddle
):
    if meddle not in getattr(framework, "meddles", ()):
        pytest.skip("this framework has no place for that")
    call = ("boom", {}) if meddle == "no error" else GOOD
    with contextlib.suppress(Exception):  # some end the run
        framework([[call]], is_async=is_async, meddle=meddle)
    assert set(ran) <= {"/data/a", "boom"}
    assert len(ran) <= len(outcomes(agent)) and left_open(agent) == []
    if ran == ["boom"]:
        assert outcomes(agent) == ["failed: ValueError"]
    if meddle == "another answer":
        assert (ran, outcomes(agent)) == (["/data/a"], ["succeeded"])
