"""What becomes of an agent that crosses the line of a rule, in every process of the machine."""

import json
import subprocess
import sys
import time

import libagentid
import pytest
from life import check, open_authority, start

# Asks as fast as it can; says when each call began and was answered, by the machine's steady clock, and what the answer was.
WORKER = """
import json, sys, time, libagentid
with libagentid.Guard.open_directory(sys.argv[1], audience="files") as guard:
    calls = json.loads(sys.stdin.readline())
    print("ready", flush=True)
    sys.stdin.readline()
    answers = []
    for chain, proof in calls:
        begun = time.monotonic_ns()
        decision = guard.check("read_file", {"path": "/data/a.csv"}, chain=chain, proof=proof)
        answers.append([begun, time.monotonic_ns(), decision.reason, decision.document.get("stop")])
    print(json.dumps(answers))
"""


@pytest.mark.parametrize("then", ["suspend", "revoke", "deprovision"])
def test_no_call_that_begins_after_the_denial_was_answered_is_permitted_in_any_process(tmp_path, then):
    with open_authority(tmp_path / "acme") as acme, start(acme) as agent, agent.spawn("below", same_scope=True) as child:
        acme.apply_policy({"version": 1, "rules": [
            {"id": "few", "match": "read_file", "rate": {"calls": 300, "per": "1h", "for": "task"}, "then": then},
        ]})  # fmt: skip
        workers = [
            subprocess.Popen(
                [sys.executable, "-c", WORKER, str(tmp_path / "acme")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            for _ in range(4)
        ]
        # The task's line is crossed by the agent itself, and all below it stop with it.
        who = [agent, agent, child, child]
        for worker, caller in zip(workers, who, strict=True):
            chain = caller.chain
            proofs = [caller.prove("read_file", {"path": "/data/a.csv"}, audience="files") for _ in range(400)]
            worker.stdin.write(json.dumps([[chain, proof] for proof in proofs]) + "\n")
            worker.stdin.flush()
        assert all(worker.stdout.readline() == "ready\n" for worker in workers)
        for worker in workers:
            worker.stdin.write("\n")
            worker.stdin.flush()
        answers = [json.loads(worker.communicate(timeout=120)[0]) for worker in workers]
        mine = [answer for worker in answers[:2] for answer in worker]
        stops = [answer for answer in mine if answer[3]]
        below = [answer for worker in answers[2:] for answer in worker]
        assert stops and all(answer[3]["then"] == then and answer[3]["rule"] == "few" for answer in stops)
        answered = min(answer[1] for answer in stops)
        later = [answer for answer in mine + below if answer[0] > answered]
        assert len(later) > 100 and not [answer for answer in later if answer[2] is None]
        gone = "suspended" if then == "suspend" else "authority_revoked"
        assert {answer[2] for answer in mine if answer[0] > answered} == {gone}
        assert sum(answer[2] is None for answer in mine + below) <= 300


def test_a_stop_is_told_with_its_rule_and_only_an_operator_resumes(tmp_path):
    with open_authority(tmp_path / "acme") as acme, start(acme) as agent:
        heard = []
        acme.add_hook("pager", lambda event: heard.append(event), events=["suspended", "resumed"])
        acme.apply_policy({"version": 1, "rules": [{"id": "never", "match": "read_file", "then": "suspend"}]})
        denied = agent.check("read_file", {"path": "/data/a.csv"})
        assert denied.reason == "policy_denied"
        assert denied.document["stop"] == {"rule": "never", "then": "suspend", "stopped": [agent.id]}
        check("decision", denied.document)
        assert agent.check("read_file", {"path": "/data/a.csv"}).reason == "suspended"
        deadline = time.monotonic() + 30
        while not heard and time.monotonic() < deadline:
            acme.settle(1)
            time.sleep(0.05)
        assert [(event["event"], event["agent"], event["reason"]) for event in heard] == [
            ("suspended", agent.id, "policy 1, rule never")
        ]
        acme.apply_policy({"version": 2, "rules": []})
        assert agent.check("read_file", {"path": "/data/a.csv"}).reason == "suspended"
        acme.resume(agent.id)
        assert agent.check("read_file", {"path": "/data/a.csv"})
        acme.integrate()
        entries = list(libagentid.Audit.open(tmp_path / "acme").entries())
        for entry in entries:
            check("audit", entry)
        assert [entry["stop"]["rule"] for entry in entries if "stop" in entry] == ["never"]


def test_what_is_observed_stops_nobody():
    with open_authority() as acme, start(acme) as agent:
        acme.apply_policy({"version": 1, "rules": [{"id": "seen", "match": "*", "then": "revoke", "mode": "observe"}]})
        for _ in range(3):
            observed = agent.check("read_file", {"path": "/data/a.csv"})
            assert observed and "stop" not in observed.document
            assert observed.document["would_deny"] == {"rule": "seen", "reason": "policy_denied", "then": "revoke"}
            check("decision", observed.document)
