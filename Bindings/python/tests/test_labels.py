"""Labels of a task: in grants, in proofs, and told."""

import pytest
from policies import open_authority, start

import libagentid

LABELS = ["untrusted", "private"]
OUT = {"id": "out", "match": "search", "labels": {"refuses": ["untrusted"]}}


def apply(acme, *rules, version=1):
    acme.apply_policy({"version": version, "labels": LABELS, "rules": list(rules)})


def test_what_a_task_has_read_is_seen_by_a_guard_elsewhere_in_grants_and_proofs():
    with open_authority() as acme, open_authority(trust_domain="globex.example") as globex, start(acme) as agent:
        apply(acme)
        apply(globex, OUT)
        guard = globex.guard(accept_proofs_without_audience=True)
        guard.add_bundle(acme.bundle(), "acme.example")

        def reason(who):
            chain, proof = who.present("search", {"query": "x"})
            return guard.check("search", {"query": "x"}, chain=chain, proof=proof).reason

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
