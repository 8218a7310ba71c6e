"""Approvals from Python: a call that a rule asks about waits for people, who say yes to exactly it, once."""

import base64
import json
import threading

import libagentid
import pytest
from life import check, open_authority, start, until

CALL = ("read_file", {"path": "/data/q3/a"})


@pytest.fixture
def office():
    """An authority whose policy asks the CFO, and the CFO's key."""
    key = libagentid.generate_key()
    with open_authority() as acme:
        acme.apply_policy({
            "version": 1, "approvers": [{"name": "user:cfo", "key": json.loads(key)["x"]}],
            "rules": [{"id": "big", "match": "read_file", "approval": {"of": ["user:cfo"], "within": "1h"}}],
        })  # fmt: skip
        yield acme, key


def test_an_approved_call_is_permitted_once(office):
    acme, key = office
    with start(acme) as agent:
        with pytest.raises(libagentid.Denied) as asked:
            agent.authorize(*CALL)
        denied = asked.value
        request = denied.decision.approval
        assert (denied.reason, denied.rule, denied.http_status) == ("approval_required", "big", 403)
        assert denied.document["approval"] == request and agent.check(*CALL).approval == request
        check("decision", denied.document)
        shown = acme.approval(request)
        check("approval", shown)
        assert acme.approvals() == [shown] and shown["arguments"] == CALL[1] and shown["call"]["tool"] == "read_file"
        token = acme.sign_approval(request, by="user:cfo", key=key)
        payload = token.split(".")[1]
        assert json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["call"] == shown["call"]
        for wrong in (token[:-4] + "AAAA", "x"):
            with pytest.raises(libagentid.Error):
                acme.approve(request, wrong)
        assert acme.approve(request, token) is True
        decided = acme.approval(request)
        check("approval", decided)
        assert decided["arguments"] is None and decided["approved_by"] == ["user:cfo"]
        assert agent.authorize(*CALL).approval is None
        assert agent.check(*CALL).approval != request
        with pytest.raises(libagentid.NotFound):
            acme.approval(request)


def test_what_is_refused_is_denied(office):
    acme, _ = office
    with start(acme) as agent:
        request = agent.check(*CALL).approval
        with pytest.raises(libagentid.Error) as stranger:
            acme.refuse(request, by="user:eve")
        assert stranger.value.name == "approver_unknown"
        acme.refuse(request, by="user:cfo")
        assert acme.wait_for_approval(request, 0) == "refused"
        assert agent.check(*CALL).reason == "approval_refused"


def waiting(agent):
    """A call that waits for people, on a thread; what denied it in the end, or None."""
    answers = []

    def call():
        try:
            agent.authorize(*CALL, wait=60)
            answers.append(None)
        except libagentid.Denied as denied:
            answers.append(denied.reason)

    thread = threading.Thread(target=call)
    thread.start()

    def answer():
        thread.join()
        return answers[0]

    return answer


@pytest.mark.parametrize(
    ("what", "reason"),
    [("park", "parked"), ("suspend", "suspended"), ("revoke", "authority_revoked"), ("end", "authority_revoked")],
)
def test_a_call_waits_for_nobody_once_its_agent_may_not_act(office, what, reason):
    acme, _ = office
    with start(acme) as agent:
        answer = waiting(agent)
        until(acme.approvals)
        {
            "park": lambda: agent.park(60),
            "suspend": lambda: acme.suspend(agent),
            "revoke": lambda: acme.revoke(agent=agent),
            "end": agent.end,
        }[what]()
        assert answer() == reason


def test_a_call_that_waits_goes_by_the_policy_that_is_put_in_force(office):
    acme, key = office
    with start(acme) as agent:
        answer = waiting(agent)
        until(acme.approvals)
        [asked] = acme.approvals()
        acme.apply_policy({**acme.policy(), "version": 2})
        until(lambda: len(acme.approvals()) == 2)
        with pytest.raises(libagentid.NotFound):
            acme.wait_for_approval(asked["id"], 60)
        [again] = [request for request in acme.approvals() if request["id"] != asked["id"]]
        acme.approve(again["id"], by="user:cfo", key=key)
        assert answer() is None
        answer = waiting(agent)
        until(lambda: len(acme.approvals()) == 2)
        acme.apply_policy({"version": 3, "rules": []})
        assert answer() is None


def test_a_call_waits_for_its_approval(office):
    acme, key = office
    with start(acme) as agent:
        request = agent.check(*CALL).approval
        with pytest.raises(libagentid.Denied) as early:
            agent.authorize(*CALL, wait=0.01)
        assert early.value.decision.approval == request
        assert acme.wait_for_approval(request, 0.01) == "pending"
        person = threading.Timer(0.1, lambda: acme.approve(request, by="user:cfo", key=key))
        person.start()
        assert agent.authorize(*CALL, wait=60)
        person.join()


def test_a_callback_decides_what_waits_and_what_comes(office):
    acme, key = office
    with start(acme) as agent:
        early = agent.check(*CALL).approval
        seen = []

        def decide(request):
            seen.append(request["id"])
            if len(seen) == 1:
                raise ValueError("not yet")
            if request["arguments"]["path"].endswith("odd"):
                return 1  # neither True nor False: approves nothing
            return not request["arguments"]["path"].endswith("no")

        acme.on_approval(decide, by="user:cfo", key=key)
        assert acme.wait_for_approval(early, 60) == "approved"
        assert agent.check(*CALL)
        refused = agent.check("read_file", {"path": "/data/q3/no"}).approval
        assert acme.wait_for_approval(refused, 60) == "refused"
        odd = agent.check("read_file", {"path": "/data/q3/odd"}).approval
        assert acme.wait_for_approval(odd, 1) == "pending"
        assert seen[0] == seen[1] == early


def test_a_hook_is_told_of_each_step_and_of_no_value(office):
    acme, key = office
    told = []
    acme.add_hook("told", told.append, events=["approval"])
    with start(acme) as agent:
        request = agent.check(*CALL).approval
        acme.approve(request, by="user:cfo", key=key)
        agent.authorize(*CALL)
        acme.settle()
    for event in told:
        check("event", event)
    assert [event["approval"]["state"] for event in told] == ["asked", "approved", "used"]
    assert [event["approval"]["by"] for event in told] == [None, "user:cfo", None]
    assert "/data/q3" not in json.dumps(told)
