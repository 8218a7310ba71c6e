"""Long tasks: a held agent's grant is renewed, up to its hard end; what a guard denies is not shown as live."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import libagentid
import pytest

ASK = {"principal": "user:alice@acme.example", "task": "all night", "scope": "search(query: *)"}


class Hand:
    """A clock that is the machine's, and set by hand."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


def opened(directory: object = None, **options: object) -> libagentid.Authority:
    acme = libagentid.Authority.open(directory, trust_domain="acme.example", **options)
    acme.put_profile("researcher", owner="team:research@acme.example", ceiling="search(query: *)")
    return acme


def until(condition: object, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_an_agent_that_is_held_outlives_its_grant_and_so_do_those_below_it() -> None:
    with opened() as acme, acme.agent("researcher", **ASK, lifetime=4) as agent:
        tree = [agent]
        for i in range(4):
            tree.append(tree[-1].spawn(f"n{i}", same_scope=True))
        first = [one.expires for one in tree]
        until(lambda: all(one.expires > end + 3 for one, end in zip(tree, first, strict=True)))
        assert [one.check("search", {"query": "x"}).reason for one in tree] == [None] * 5
        # Its key, and what it starts now, as before.
        agent.spawn("late", same_scope=True).close()
        agent.rotate_key()
        assert agent.check("search", {"query": "x"}).permitted
        assert all(one["live"] and not one.expired for one in acme.agents() if one["state"] == "active")


def test_chain_and_proof_are_taken_together_and_one_that_was_sent_stays_good() -> None:
    with opened() as acme, acme.agent("researcher", **ASK, lifetime=8) as agent:
        guard = acme.guard(audience="files")
        chain, proof = agent.present("search", {"query": "x"}, audience="files")
        until(lambda: agent.chain != chain)
        assert guard.check("search", {"query": "x"}, chain=chain, proof=proof).reason is None
        late = agent.prove("search", {"query": "x"}, audience="files")
        assert guard.check("search", {"query": "x"}, chain=chain, proof=late).reason == "pop_token_mismatch"
        again, proof = agent.present("search", {"query": "x"}, audience="files")
        assert again != chain
        assert guard.check("search", {"query": "x"}, chain=again, proof=proof).reason is None


def test_a_hard_end_is_an_end_and_is_refused_where_it_cannot_be_kept() -> None:
    with opened() as acme:
        now = int(time.time())
        for wrong in (-1, 1, now - 1, 2**62):
            with pytest.raises(libagentid.Error) as refused:
                acme.agent("researcher", **ASK, until=wrong)
            assert refused.value.name == "until"
        acme.put_profile("reviewed", owner="team:x", ceiling="search(query: *)", review_by=now + 1000)
        with pytest.raises(libagentid.Error) as refused:
            acme.agent("reviewed", **ASK, until=now + 1001)
        assert refused.value.name == "until"
        with acme.agent("researcher", **ASK, lifetime=2, until=now + 3) as agent:
            assert agent.expires <= now + 3
            until(lambda: agent.check("search", {"query": "x"}).reason == "expired")
            assert time.time() >= now + 3
            (shown,) = acme.agents(state="active")
            assert (shown["live"], shown["expired"], shown["grant_expires"]) == (False, True, now + 3)
        key = libagentid.generate_key()
        chain, _ = acme.issue("researcher", agentid_public(key), **ASK, until=now + 60)
        (link,) = libagentid.decode_chain(chain)["links"]
        assert link["claims"]["exp"] == now + 60


def agentid_public(key: str) -> str:
    import json

    return json.dumps({name: value for name, value in json.loads(key).items() if name != "d"})


def test_who_is_suspended_is_not_renewed_and_goes_on_when_it_is_resumed() -> None:
    with opened() as acme, acme.agent("researcher", **ASK, lifetime=2) as agent:
        acme.suspend(agent.id)
        until(lambda: acme.agents()[0]["expired"])
        shown = acme.agents()[0]
        assert (shown["state"], shown["live"]) == ("suspended", False)
        until(lambda: acme.agents()[0]["renewal_failure"] == "the agent is suspended")
        acme.resume(agent.id)
        until(lambda: agent.check("search", {"query": "x"}).permitted)
        assert acme.agents()[0]["live"]


def test_a_hook_on_renewed_is_told_of_the_new_chain(tmp_path: object) -> None:
    told = []
    with opened(tmp_path / "acme") as acme:
        acme.add_hook("watch", told.append, events=["renewed"])
        with acme.agent("researcher", **ASK, lifetime=2) as agent:
            until(lambda: any(event.get("chain") for event in told))
            acme.settle(5)
            ids = [event["chain"][-1] for event in told if event.get("chain")]
            assert libagentid.decode_chain(agent.chain)["links"][-1]["claims"]["jti"] in ids


def test_another_process_that_guards_the_directory_knows_what_was_renewed(tmp_path: object) -> None:
    with opened(tmp_path / "acme") as acme, acme.agent("researcher", **ASK, lifetime=10) as agent:
        child = agent.spawn("reader", same_scope=True)
        first = child.chain
        until(lambda: child.chain != first)
        chain, proof = child.present("search", {"query": "x"}, audience="files")
        program = (
            "import libagentid, sys; g = libagentid.Guard.open_directory(sys.argv[1], audience='files');"
            "print(g.check('search', {'query': 'x'}, chain=sys.argv[2], proof=sys.argv[3]).reason or 'permitted')"
        )
        said = subprocess.run([sys.executable, "-c", program, tmp_path / "acme", chain, proof], capture_output=True, text=True)
        assert said.stdout.strip() == "permitted", said


def test_a_process_that_was_frozen_past_its_lease_renews_nothing_when_it_goes_on(tmp_path: object) -> None:
    program = (
        "import libagentid, sys, time;"
        "acme = libagentid.Authority.open(sys.argv[1], lease_duration=2);"
        "agent = acme.agent('researcher', principal='user:a', task='t', scope='search(query: *)', lifetime=60);"
        "child = agent.spawn('reader', same_scope=True);"
        "print(agent.chain, flush=True); sys.stdin.readline();"
        "print(agent.check('search', {'query': 'x'}).reason, child.check('search', {'query': 'x'}).reason, flush=True)"
    )
    with opened(tmp_path / "acme") as acme:
        frozen = subprocess.Popen(
            [sys.executable, "-c", program, tmp_path / "acme"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        chain = frozen.stdout.readline().strip()
        os.kill(frozen.pid, signal.SIGSTOP)
        until(lambda: not any(one.live for one in acme.agents()))
        os.kill(frozen.pid, signal.SIGCONT)
        time.sleep(1.5)  # long enough for both of its threads to look
        said, _ = frozen.communicate("\n")
        assert said.split() == ["lease_lapsed", "lease_lapsed"]
        assert chain and not any(one.live for one in acme.agents())


def test_a_clock_that_was_far_ahead_for_a_moment_ends_nobody() -> None:
    hand = Hand()
    with opened(clock=hand, lease_duration=86_400) as acme, acme.agent("researcher", **ASK, lifetime=4) as agent:
        first = agent.expires
        hand.ahead = 3600
        time.sleep(1.5)  # it may be renewed meanwhile, dated ahead
        hand.ahead = 0
        until(lambda: first < agent.expires < time.time() + 60)
        until(lambda: agent.check("search", {"query": "x"}).permitted)
