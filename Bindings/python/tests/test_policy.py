"""Policies from Python: the schema and the reader say the same, and what is applied is enforced and told."""

import json
import resource
import subprocess
import sys
import time

import jsonschema
import libagentid
import policies
import pytest
from life import SCHEMAS, check, open_authority, start

# What a reader knows beyond a schema: what else stands in the document, and what a scope and a time zone are.
BEYOND = {"unknown_label", "duplicate", "unknown_zone", "unknown_approver"}
SCHEMA = jsonschema.Draft202012Validator(json.loads((SCHEMAS / "policy.json").read_text()))


def rules(*given, version=1, **members):
    return {"version": version, "rules": list(given), **members}


def read(document):
    """The reader's errors, without those of what is read and not enforced."""
    report = libagentid.check_policy(document)
    check("policy-report", report)
    return [error for error in report["errors"] if error["name"] != "not_built"]


def test_the_schema_and_the_reader_say_the_same_of_every_mutated_document():
    assert SCHEMA.is_valid(policies.EXAMPLE) and not read(policies.EXAMPLE)
    refused = 0
    for count, (what, document) in enumerate(policies.mutated(), 1):
        errors, valid = read(document), SCHEMA.is_valid(document)
        beyond = errors and (errors[0]["name"] in BEYOND or errors[0]["path"].endswith((".match", ".burst", ".need", ".scale")))
        assert valid == (not errors) or (valid and beyond), (what, errors)
        assert all(error["path"] and error["message"] and error["remedy"] for error in errors), what
        refused += bool(errors)
    assert count > 1000 and refused > 800


WANTING = """
import json, os, sys
import libagentid
guard, held = libagentid.Guard.open_directory(sys.argv[1], audience="files"), []
print("ready", flush=True)
for line in sys.stdin:
    call = json.loads(line)
    if "taken" in call:
        try:
            while call["taken"]:
                held.append(os.dup(0))
        except OSError:
            pass
        while held and not call["taken"]:
            os.close(held.pop())
        print("done", flush=True)
    else:
        print(guard.check("read_file", {"path": "/data/q3/a.csv"}, **call).reason, flush=True)
"""


def test_a_policy_that_could_not_be_read_for_a_while_is_read_again(tmp_path):
    with open_authority(tmp_path / "acme") as acme, start(acme) as agent:

        def tell(**given):
            guard.stdin.write(json.dumps(given) + "\n")
            guard.stdin.flush()
            return guard.stdout.readline().strip()

        def ask():
            return tell(chain=agent.chain, proof=agent.prove("read_file", {"path": "/data/q3/a.csv"}, audience="files"))

        few = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (128, 128))  # noqa: E731
        command = [sys.executable, "-c", WANTING, str(tmp_path / "acme")]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, preexec_fn=few) as guard:
            try:
                assert guard.stdout.readline() == "ready\n" and ask() == "None"
                tell(taken=True)
                acme.apply_policy(json.dumps(rules({"id": "h", "match": "read_file", "hours": "00:00-24:00 Europe/Berlin"})))
                assert ask() != "None"
                tell(taken=False)
                until = time.monotonic() + 60
                while (answer := ask()) != "None" and time.monotonic() < until:
                    time.sleep(0.05)
                assert answer == "None"
            finally:
                guard.kill()


def test_a_policy_is_applied_kept_and_explained():
    deny = {"id": "no", "match": "read_file(path like '**.key')", "then": "deny"}
    with open_authority() as acme, start(acme) as agent:
        assert acme.policy() is None
        assert acme.apply_policy(rules(deny)) == 1 and acme.apply_policy(json.dumps(rules(deny))) == 1
        assert acme.policy() == rules(deny)
        denied = agent.check("read_file", {"path": "/data/q3/a.key"})
        assert (denied.reason, denied.rule, denied.policy, denied.retry_after) == ("policy_denied", "no", 1, None)
        check("decision", denied.document)
        permitted = agent.authorize("read_file", {"path": "/data/q3/a"})
        assert permitted.policy == 1 and permitted.rule is None
        check("decision", permitted.document)
        found = libagentid.explain_policy(rules(deny), "read_file", {"path": 7})
        check("policy-explanation", found)
        assert [(rule["rule"], rule["certain"]) for rule in found["rules"]] == [("no", False)]
        with pytest.raises(libagentid.StateError) as older:
            acme.apply_policy(rules())
        assert older.value.name == "policy_version"
        for wrong, name, where in [
            ({**deny, "thn": 1}, "unknown_member", "rules[0].thn"),
            ({"id": "a", "match": "t", "approval": {"of": ["user:a"]}}, "unknown_approver", "rules[0].approval.of[0]"),
        ]:
            with pytest.raises(libagentid.Error) as refused:
                acme.apply_policy(rules(wrong, version=2))
            assert (refused.value.name, refused.value.where) == (name, where)
        assert acme.policy() == rules(deny)
        report = libagentid.check_policy(rules({"id": "x", "match": "fax", "then": "deny"}), acme)
        assert [finding["name"] for finding in report["findings"]] == ["unreachable_rule"]


def test_a_rate_says_when_to_come_again_also_in_another_process():
    with open_authority() as acme, start(acme) as agent:
        acme.apply_policy(rules({"id": "slow", "match": "*", "rate": {"calls": 1, "per": "1h"}}))
        agent.authorize("read_file", {"path": "/data/q3/a"})
        with pytest.raises(libagentid.Denied) as limited:
            agent.authorize("read_file", {"path": "/data/q3/a"})
        denied = limited.value
        assert (denied.reason, denied.rule, denied.http_status) == ("rate_limited", "slow", 429)
        assert 3590 < denied.retry_after <= 3600 and denied.retry_after == denied.decision.retry_after
        check("decision", denied.document)


@pytest.mark.parametrize("kind", ["rate", "budget"])
def test_ones_own_meter_is_asked_before_one_that_others_share(kind):
    """So a call that its own agent may not make takes nothing of the domain's, not for a moment: nobody else is stopped."""

    def rule(subject):
        if kind == "rate":
            return {"id": subject, "match": "*", "rate": {"calls": 1, "per": "1d", "for": subject}}
        return {"id": subject, "match": "*", "budget": {"unit": "calls", "limit": "1", "for": subject, "cost": {"fixed": "1"}}}

    subjects = ["domain", "profile", "principal", "task", "subtree", "agent"]
    with open_authority() as acme, start(acme) as agent:
        acme.apply_policy(rules(*map(rule, subjects)))
        assert agent.check("read_file", {"path": "/data/q3/a"})
        for version in range(2, 8):
            assert agent.check("read_file", {"path": "/data/q3/a"}).rule == subjects.pop()
            acme.apply_policy(rules(*map(rule, subjects), version=version))
        assert agent.check("read_file", {"path": "/data/q3/a"})


def test_labels_refuse_and_observing_permits():
    with open_authority() as acme, start(acme) as agent:
        acme.apply_policy(rules(
            {"id": "in", "match": "read_file(path == '/data/q3/in')", "labels": {"adds": ["seen"]}},
            {"id": "out", "match": "read_file(path == '/data/q3/out')", "labels": {"refuses": ["seen"]}},
            labels=["seen"],
        ))  # fmt: skip
        assert agent.check("read_file", {"path": "/data/q3/out"})
        assert agent.check("read_file", {"path": "/data/q3/in"})
        assert agent.check("read_file", {"path": "/data/q3/out"}).reason == "flow_refused"
        acme.apply_policy(rules(
            {"id": "out", "match": "read_file", "mode": "observe", "labels": {"refuses": ["seen"]}},
            version=2, labels=["seen"],
        ))  # fmt: skip
        observed = agent.check("read_file", {"path": "/data/q3/out"})
        assert observed and observed.document["would_deny"] == {"rule": "out", "reason": "flow_refused"}
        check("decision", observed.document)


def test_what_cannot_be_told_for_its_cost_stops_nobody(tmp_path):
    with open_authority(tmp_path / "acme") as acme:
        acme.put_profile("writer", owner="team:x@acme.example", ceiling="note(text: *)")
        globs = [{"id": f"r{n}", "match": f"note(text like '**/secret{n}/*.key')", "then": "revoke"} for n in range(12)]
        acme.apply_policy(rules(*globs))
        with acme.agent("writer", principal="user:alice@acme.example", task="notes", scope="note(text: *)") as agent:
            assert agent.check("note", {"text": "Note: lunch at noon, either/or"}).permitted
            denied = agent.check("note", {"text": "a sentence and another/one. " * 30_000})
            assert denied.reason == "too_costly"
            assert agent.check("note", {"text": "and it goes on"}).permitted
            assert agent.check("note", {"text": "/a/secret7/b.key"}).reason == "policy_denied"
            assert agent.check("note", {"text": "no more"}).reason == "authority_revoked"
