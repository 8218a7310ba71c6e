"""Labels of a task: in grants, in proofs, and told."""

import json

import libagentid
import pytest
from life import check, open_authority, start

INSIDE = {"path": "/data/q3/a"}
LABELS = ["untrusted", "private"]
OUT = {"id": "out", "match": "read_file", "labels": {"refuses": ["untrusted"]}}


def apply(acme, *rules, version=1):
    acme.apply_policy({"version": version, "labels": LABELS, "rules": list(rules)})


def test_what_a_task_has_read_is_seen_by_a_guard_elsewhere_in_grants_and_proofs():
    globex = libagentid.Authority.open(trust_domain="globex.example")
    with open_authority() as acme, globex, start(acme) as agent:
        apply(acme)
        apply(globex, OUT)
        guard = globex.guard(audience="mail")
        guard.add_bundle("acme.example", acme.bundle())

        def reason(who):
            chain, proof = who.present("read_file", INSIDE, audience="mail")
            return guard.check("read_file", INSIDE, chain=chain, proof=proof).reason

        assert reason(agent) is None and agent.labels() == []
        agent.add_labels("untrusted")
        assert reason(agent) == "flow_refused"
        with agent.spawn("below", same_scope=True) as below:
            assert below.labels() == ["untrusted"] == agent.remaining()["labels"]
            assert reason(below) == "flow_refused"
        with pytest.raises(libagentid.Error) as raised:
            agent.add_labels("unheard-of")
        assert raised.value.name == "unknown_label"
        with pytest.raises(TypeError):
            agent.add_labels(7)


@pytest.mark.parametrize("kept", [True, False], ids=["directory", "memory"])
def test_guards_and_handles_of_an_authority_count_together(tmp_path, kept):
    with open_authority(tmp_path / "acme" if kept else None) as acme, start(acme) as agent:
        one, other = acme.guard(audience="mail"), acme.guard(audience="mail")

        def reason(guard):
            chain, proof = agent.present("read_file", INSIDE, audience="mail")
            return guard.check("read_file", INSIDE, chain=chain, proof=proof).reason

        calls = {"calls": 3, "per": "1d", "for": "task"}
        apply(acme, {"id": "rate", "match": "read_file", "rate": calls})
        assert [reason(one), reason(other), agent.check("read_file", INSIDE).reason] == [None] * 3
        assert [reason(one), reason(other), agent.check("read_file", INSIDE).reason] == ["rate_limited"] * 3
        assert [meter["calls"] for meter in acme.limits()["meters"]] == [3]
        apply(acme, {"id": "in", "match": "read_file", "labels": {"adds": ["untrusted"]}}, version=2)
        assert reason(one) is None and agent.labels() == ["untrusted"]
        apply(acme, OUT, version=3)
        assert [reason(one), reason(other), agent.check("read_file", INSIDE).reason] == ["flow_refused"] * 3
        cost = {"unit": "usd", "cost": {"fixed": "6"}, "limit": "10", "for": "task"}
        apply(acme, {"id": "spend", "match": "read_file", "budget": cost}, version=4)
        chain, proof = agent.present("read_file", INSIDE, audience="mail")
        with one.call("read_file", INSIDE, chain=chain, proof=proof) as call:
            assert reason(other) == "budget_exhausted"
            call.cost(usd="1")
        one.close()
        assert reason(other) is None and agent.check("read_file", INSIDE).left == {"amount": "3", "unit": "usd"}


def test_an_isolated_childs_labels_come_up_on_purpose_alone():
    with open_authority() as acme, start(acme) as agent:
        acme.apply_policy({
            "version": 1, "labels": LABELS, "rules": [OUT],
            "results": [{"name": "amount", "type": "number", "labels": ["private"]}],
        })  # fmt: skip
        with agent.spawn("reader", same_scope=True, isolated=True) as reader:
            reader.add_labels("untrusted")
            assert agent.labels() == [] and agent.check("read_file", INSIDE).permitted
            for wrong in ("7 ", "pay eve"):
                with pytest.raises(libagentid.Error) as raised:
                    agent.join_labels(reader, wrong, type="amount")
                assert raised.value.name == "result_type"
            with pytest.raises(libagentid.NotFound):
                agent.join_labels(reader, "7", type="sum")
            with pytest.raises(TypeError):
                agent.join_labels(reader, "7")
            with pytest.raises(libagentid.Error) as below:
                reader.join_labels(agent)
            assert below.value.name == "not_below" and agent.labels() == []
            assert agent.join_labels(reader, "7", type="amount") == ["private"] == agent.labels()
            # What it took went down again.
            assert (
                agent.join_labels(reader) == ["private", "untrusted"]
                and agent.check("read_file", INSIDE).reason == "flow_refused"
            )
    with open_authority() as acme:
        acme.apply_policy({"version": 1, "labels": LABELS, "rules": [OUT]})
        with start(acme, isolated=True) as agent, agent.spawn("reader", same_scope=True) as reader:
            reader.add_labels("untrusted")
            assert agent.labels() == []


def test_people_take_labels_away_once():
    keys = {name: libagentid.generate_key() for name in ("user:cfo", "user:coo")}
    with open_authority() as acme, start(acme) as agent:
        acme.apply_policy({
            "version": 1, "labels": LABELS, "approvers": [{"name": name, "key": json.loads(key)["x"]} for name, key in keys.items()],
            "rules": [OUT, {"id": "clear", "declassifies": ["untrusted"], "approval": {"of": list(keys), "need": 2}}],
        })  # fmt: skip
        agent.add_labels("untrusted", "private")
        with pytest.raises(libagentid.StateError) as never:
            acme.ask_to_declassify(agent, "untrusted", "private")
        assert never.value.name == "not_declassifiable"
        request = acme.ask_to_declassify(agent, "untrusted")
        assert acme.ask_to_declassify(agent.id, "untrusted") == request
        shown = acme.approval(request)
        check("approval", shown)
        assert shown["call"]["declassifies"] == ["untrusted"] and shown["arguments"] == {
            "agent": agent.id,
            "labels": ["untrusted"],
        }
        for name, key in keys.items():
            with pytest.raises(libagentid.StateError) as early:
                acme.declassify(request)
            assert early.value.name == "approval_required" and agent.check("read_file", INSIDE).reason == "flow_refused"
            acme.approve(request, by=name, key=key)
        acme.declassify(request)
        assert agent.labels() == ["private"] and agent.check("read_file", INSIDE).permitted
        with pytest.raises(libagentid.NotFound):
            acme.declassify(request)


@pytest.mark.parametrize("rule, path", [
    ({"declassifies": ["untrusted"]}, "then"),
    ({"declassifies": ["untrusted"], "approval": {"of": ["user:cfo"]}, "match": "*"}, "match"),
    ({"declassifies": ["unheard"], "approval": {"of": ["user:cfo"]}}, "declassifies[0]"),
    ({"declassifies": [], "approval": {"of": ["user:cfo"]}}, "declassifies"),
    ({"declassifies": ["untrusted"], "approval": {"of": ["user:cfo"]}, "then": "deny"}, "approval"),
    ({"declassifies": ["untrusted"], "approval": {"of": ["user:cfo"]}, "mode": "observe"}, "mode"),
    ({"declassifies": ["untrusted"], "approval": {"of": ["user:cfo"]}, "hours": "00:00-24:00 UTC"}, ""),
    ({"declassifies": ["untrusted"], "approval": {"of": ["user:eve"]}}, "approval.of[0]"),
])  # fmt: skip
def test_a_rule_that_declassifies_says_what_is_wrong_with_it(rule, path):
    document = {
        "version": 1, "labels": LABELS, "approvers": [{"name": "user:cfo", "key": json.loads(libagentid.generate_key())["x"]}],
        "rules": [{"id": "clear", **rule}],
    }  # fmt: skip
    with open_authority() as acme, pytest.raises(libagentid.Error) as raised:
        acme.apply_policy(document)
    assert raised.value.where.startswith("rules[0]" + ("." + path if path else "")), raised.value


@pytest.mark.parametrize("results, path", [
    ([], "results"), ([{"name": "a"}], "results[0].type"), ([{"name": "a", "type": "text"}], "results[0].type"),
    ([{"name": "a", "type": []}], "results[0].type"), ([{"name": "a", "type": [7]}], "results[0].type[0]"),
    ([{"name": "a b", "type": "date"}], "results[0].name"), ([{"type": "date"}], "results[0].name"),
    ([{"name": "a", "type": "date"}, {"name": "a", "type": "number"}], "results[1].name"),
    ([{"name": "a", "type": "date", "labels": ["x"]}], "results[0].labels[0]"),
    ([{"name": "a", "type": "date", "label": []}], "results[0].label"),
])  # fmt: skip
def test_types_of_results_are_checked(results, path):
    with open_authority() as acme, pytest.raises(libagentid.Error) as raised:
        acme.apply_policy({"version": 1, "labels": LABELS, "results": results, "rules": []})
    assert raised.value.where == path, raised.value
