"""Agents whose process died, was stopped or has the wrong time: a lease ends by itself and nothing brings it back."""

import json
import shutil
import signal
import time

import libagentid
import pytest
from life import ALICE, CALL, check, killed, open_authority, process, start, until

HOLD = """
acme = open_authority(sys.argv[1], lease_duration=1)
agent = start(acme)
child = agent.spawn("reader", same_scope=True)
print(json.dumps([agent.id, agent.chain, agent.export_key(), child.chain, child.export_key()]), flush=True)
"""
REAP = """
with open_authority(sys.argv[1], must_exist=True) as acme:
    print(json.dumps(acme.reap()))
"""


def reaped_elsewhere(directory):
    with process(REAP, directory) as other:
        return int(other.stdout.readline())


def test_lapse_denies_everywhere_without_anyone_noticing(tmp_path):
    events = []
    with open_authority(tmp_path / "acme") as acme:
        acme.add_hook("all", events.append)
        identity, *held = killed(HOLD, tmp_path / "acme")
        guard = libagentid.Guard.open_directory(tmp_path / "acme", any_audience=True)
        for chain, key in (held[:2], held[2:]):
            with libagentid.Agent.open(key, chain) as thief:
                until(lambda: guard.check(*CALL, chain=chain, proof=thief.prove(*CALL)).reason == "lease_lapsed")
        until(lambda: not any(agent.live for agent in acme.agents()))
        assert {agent.state for agent in acme.agents()} == {"active"}
        assert not acme.verify_gone(identity).gone

        assert reaped_elsewhere(tmp_path / "acme") == 2
        assert acme.reap() == 0
        with libagentid.Agent.open(held[1], held[0]) as thief:
            assert guard.check(*CALL, chain=held[0], proof=thief.prove(*CALL)).reason == "authority_revoked"
        report = acme.verify_gone(identity)
        assert report["gone"] and (report["agents"], report["chains"]) == (2, 2)
        claims = libagentid.verify_tombstone("acme.example", acme.bundle(), report["tombstone"])
        check("tombstone", claims)
        assert (claims["sub"], claims["reason"]) == (identity, "its lease lapsed")
        acme.settle()
    told = [event["event"] for event in events if event["agent"] == identity]
    assert told == ["created", "granted", "delegated", "lapsed", "deprovisioning", "deprovisioned"]


def test_process_that_was_held_up_past_its_lease_is_not_taken_back(tmp_path):
    answer = HOLD + "for _ in sys.stdin: print(agent.check(*CALL).reason, flush=True)\n"
    with open_authority(tmp_path / "acme") as acme, process(answer, tmp_path / "acme") as other:
        identity = json.loads(other.stdout.readline())[0]

        def ask():
            other.stdin.write("\n")
            other.stdin.flush()
            return other.stdout.readline().strip()

        assert ask() == "None"
        other.send_signal(signal.SIGSTOP)
        until(lambda: not any(agent.live for agent in acme.agents()))
        other.send_signal(signal.SIGCONT)
        assert ask() == "lease_lapsed"
        acme.reap()
        assert ask() != "None" and acme.verify_gone(identity).gone


def test_ended_agent_is_not_renewed_by_the_process_that_holds_it(tmp_path):
    with open_authority(tmp_path / "acme", lease_duration=6) as holder, start(holder) as agent, start(holder) as other:
        with open_authority(tmp_path / "acme") as operator:
            identity = agent.id
            operator.deprovision(identity)
            renewed = other.credential
            until(lambda: other.credential != renewed)
            (ended,) = operator.agents(state="deprovisioned")
            assert (ended["id"], ended["lease_expires"], ended["live"]) == (identity, None, False)
            assert agent.check(*CALL).reason == "authority_revoked"
            assert operator.verify_gone(identity).gone


def test_clock_that_is_set_back_and_right_again_loses_nothing(tmp_path):
    now, events = [time.time()], []
    with open_authority(tmp_path / "acme", clock=lambda: now[0]) as acme, start(acme) as agent:
        acme.add_hook("all", events.append)
        lease = acme.agents()[0]["lease_expires"]
        now[0] -= 86_400
        assert acme.reap() == 0
        assert not agent.check(*CALL)
        acme.suspend(agent)
        early = start(acme)
        assert early.id != agent.id and early.check(*CALL).reason == "clock_went_back"
        now[0] += 86_400
        acme.resume(agent)
        # A grant that was made anew at the wrong time is made again.
        until(lambda: agent.check(*CALL))
        assert acme.agents(principal=ALICE, state="active")[-1]["lease_expires"] >= lease
        assert acme.reap() == 0, "the machine's own clock says that it was started a moment ago"
        acme.settle()
    assert [event["event"] for event in events if event["event"] in ("suspended", "resumed")] == ["suspended", "resumed"]
    sequences = [event["sequence"] for event in events]
    assert sequences == sorted(sequences)


def test_registry_of_another_trust_domain_is_refused_and_nothing_is_lost(tmp_path):
    with open_authority(tmp_path / "acme") as acme:
        start(acme).end()
        before = acme.agents()
        with pytest.raises(libagentid.NotFound):
            acme.deprovision(before[0]["id"].replace("acme.example", "other.example"))
    with libagentid.Authority.open(tmp_path / "other", trust_domain="other.example") as other:
        other.put_profile("p", owner="team:x", ceiling="a")
    with pytest.raises(libagentid.StateError, match="acme.example"):
        libagentid.Authority.open(tmp_path / "acme", trust_domain="other.example")

    def exchange():
        for name in ("registry.db", "registry.db-wal", "registry.db-shm"):
            ours, theirs, aside = tmp_path / "acme" / name, tmp_path / "other" / name, tmp_path / name
            for source, target in ((ours, aside), (theirs, ours), (aside, theirs)):
                if source.exists():
                    shutil.move(source, target)

    exchange()
    with pytest.raises(libagentid.Error) as refused:
        open_authority(tmp_path / "acme")
    assert refused.value.name in ("registry_replaced", "other_trust_domain")
    exchange()
    with open_authority(tmp_path / "acme") as acme:
        assert acme.agents() == before and acme.verify_gone(before[0]["id"]).gone
