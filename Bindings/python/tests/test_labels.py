"""Labels of a task: in grants, in proofs, and told."""

import libagentid
import pytest
from life import open_authority, start

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
