"""Hooks in this process: every event, in order, whatever the hook does; and never in the way of a decision."""

import threading
import time

import libagentid
import pytest
from life import CALL, check, open_authority, reaped, start, until


@pytest.fixture
def acme(tmp_path):
    with open_authority(tmp_path / "acme") as acme:
        yield acme


def names(events, agent=None):
    return [event["event"] for event in events if agent in (None, event.get("agent"))]


def test_every_step_is_told_in_order_and_by_its_schema(tmp_path):
    events, ahead = [], [0]
    every = (
        "created renewed rotated granted delegated denied suspended resumed revoked deprovisioning deprovisioned lapsed".split()
    )
    with open_authority(tmp_path / "acme", lease_duration=6, clock=lambda: time.time() + ahead[0]) as acme:
        acme.add_hook("all", events.append, events=every)
        agent, other, doomed = start(acme, intent="sums"), start(acme), start(acme)
        child = agent.spawn("reader", same_scope=True)
        who = [one.id for one in (agent, child, other, doomed)]
        until(lambda: "renewed" in names(events, who[0]))
        child.rotate_key()
        agent.delegate(other.public_key, same_scope=True)
        acme.suspend(agent, "looked at")
        acme.resume(agent)
        kinds = {"grant": "g", "key": "k" * 43, "agent": who[2], "profile": "p", "principal": "user:x", "issuer": "k" * 43}
        for kind, value in kinds.items():
            acme.revoke(**{kind: value})
        agent.end()
        other.close()
        doomed.close()
        ahead[0] = 20
        assert reaped(acme, 2) == 2
        acme.settle()
    for event in events:
        check("event", event)
    told = [[name for name in names(events, one) if name != "renewed"] for one in who]
    assert told == [
        ["created", "granted", "delegated", "delegated", "suspended", "resumed", "deprovisioning", "deprovisioned"],
        ["created", "rotated", "deprovisioning", "deprovisioned"],
        ["created", "granted", "revoked", "lapsed", "deprovisioning", "deprovisioned"],
        ["created", "granted", "lapsed", "deprovisioning", "deprovisioned"],
    ]
    assert names(events).count("revoked") == 6
    assert [event["reason"] for event in events if event["event"] == "suspended"] == ["looked at"]
    sequences = [event["sequence"] for event in events]
    assert sequences == sorted(sequences)
    assert {event["event"] for event in events} == set(every) - {"denied"}


def test_hook_gets_what_it_asked_for(acme):
    some, most = [], []
    acme.add_hook("some", some.append, events=["created", "deprovisioned"])
    acme.add_hook("most", most.append)
    start(acme).end()
    acme.settle()
    assert names(some) == ["created", "deprovisioned"]
    assert names(most) == ["created", "granted", "deprovisioning", "deprovisioned"]
    assert [(hook["name"], hook["kind"], hook["pending"], hook["dead"]) for hook in acme.hooks()] == [
        ("most", "callback", 0, 0), ("some", "callback", 0, 0),
    ]  # fmt: skip


@pytest.mark.parametrize("error", [RuntimeError("no line"), SystemExit(0)], ids=repr)
def test_hook_that_fails_holds_up_its_agent_alone_and_then_gives_up(acme, error):
    told, mended = [], []

    def failing(event):
        told.append((event["agent"], event["event"]))
        if event["event"] == "created" and "/reader" in event["agent"] and not mended:
            raise error

    bad = start(acme)
    acme.add_hook("failing", failing, max_attempts=2, events=["created", "rotated", "deprovisioned"])
    child = bad.spawn("reader", same_scope=True)
    child.rotate_key()
    good = start(acme)
    ids = [child.id, good.id]
    bad.end()
    good.end()
    until(lambda: (ids[1], "deprovisioned") in told)
    assert (ids[0], "rotated") not in told
    (dead,) = until(lambda: acme.deliveries(dead=True))
    assert (dead["hook"], dead["agent"], dead["event"], dead["attempts"]) == ("failing", ids[0], "created", 2)
    assert dead["error"] == "the callback returned 1"
    until(lambda: not acme.deliveries())
    assert [name for agent, name in told if agent == ids[0]] == ["created", "created", "rotated", "deprovisioned"]
    assert [hook["dead"] for hook in acme.hooks()] == [1]
    mended.append(True)
    acme.retry_delivery(dead["id"])
    until(lambda: not acme.deliveries(dead=True) and not acme.deliveries())
    assert told[-1] == (ids[0], "created")
    with pytest.raises(libagentid.NotFound):
        acme.retry_delivery(dead["id"])


def test_hook_that_sleeps_delays_nobody(acme):
    happened, entered, go = [], threading.Event(), threading.Event()

    def slow(event):
        happened.append("entered")
        entered.set()
        go.wait()
        happened.append("left")

    acme.add_hook("slow", slow, events=["created", "deprovisioned"])
    quick = []
    acme.add_hook("quick", quick.append, events=["deprovisioned"])
    with start(acme) as agent, start(acme) as other:
        entered.wait()
        assert agent.authorize(*CALL)
        happened.append("authorized")
        identity = agent.id
        agent.end()
        assert acme.verify_gone(identity).gone and other.authorize(*CALL)
        until(lambda: quick)
        happened.append("deprovisioned")
        with pytest.raises(libagentid.Error) as unsettled:
            acme.settle(0.05)
        assert unsettled.value.name == "unsettled"
        go.set()
    acme.settle()
    assert happened[:4] == ["entered", "authorized", "deprovisioned", "left"]


def test_hook_may_call_the_library_even_to_remove_itself(acme):
    seen, second = [], []

    def hook(event):
        others = [agent.id for agent in acme.agents(state="active")]
        for other in others:
            acme.deprovision(other, "with the first")
        acme.add_hook("second", second.append, events=["deprovisioned"])
        acme.remove_hook("first")
        seen.append(others)

    with start(acme) as agent, start(acme) as other:
        acme.add_hook("first", hook, events=["deprovisioning"])
        one, two = agent.id, other.id
        agent.end()
        until(lambda: seen)
        assert seen == [[two]] and acme.verify_gone(two).gone
        assert not other.check(*CALL)
    start(acme).end()
    acme.settle()
    assert [hook["name"] for hook in acme.hooks()] == ["second"] and len(seen) == 1
    assert set(names(second)) == {"deprovisioned"} and second[-1]["agent"] not in (one, two)


def test_close_does_not_wait_for_a_hook_and_loses_no_event(tmp_path):
    entered, go, told = threading.Event(), threading.Event(), []

    def slow(event):
        entered.set()
        go.wait()
        told.append(event)

    with open_authority(tmp_path / "acme") as acme:
        acme.add_hook("slow", slow)
        start(acme).end()
        entered.wait()
    assert told == []
    go.set()
    with open_authority(tmp_path / "acme", clock=lambda: time.time() + 60) as again:
        again.add_hook("slow", told.append)
        until(lambda: not again.deliveries())
    assert list(dict.fromkeys(names(told))) == ["created", "granted", "deprovisioning", "deprovisioned"]


def test_hook_that_is_removed_takes_along_what_was_waiting(acme):
    acme.add_hook("broken", lambda event: 1 / 0)
    start(acme).end()
    until(lambda: any(delivery["error"] for delivery in acme.deliveries()))
    assert acme.hooks()[0].pending == 4
    acme.remove_hook("broken")
    assert acme.hooks() == acme.deliveries() == []
    with pytest.raises(libagentid.NotFound):
        acme.remove_hook("broken")
    start(acme).end()
    told = []
    acme.add_hook("broken", told.append)
    acme.settle()
    assert told == [] and acme.deliveries() == []


def test_hook_added_again_takes_up_what_was_waiting(acme):
    first, told = [], []

    def failing(event):
        first.append(event)
        raise RuntimeError

    acme.add_hook("log", failing)
    with start(acme):
        until(lambda: first)
        acme.add_hook("log", told.append)
        until(lambda: not acme.deliveries())
    acme.settle()
    assert names(told) == ["created", "granted", "deprovisioning", "deprovisioned"]
    assert names(first) == ["created"]


@pytest.mark.parametrize(
    "where, name, options",
    [
        ("hook.name", "", {}), ("hook.name", "a b", {}), ("hook.name", "x" * 129, {}), ("hook.events", "x", {"events": []}),
        ("hook.events", "x", {"events": ["born"]}), ("hook.events", "x", {"events": ["born\n\u202e" + "x" * 9000]}),
        ("hook.deadline", "x", {"deadline": -1}),
        ("hook.deadline", "x", {"deadline": 3601}), ("hook.max_attempts", "x", {"max_attempts": -1}),
        ("hook.command", "x", {"command": ["true"], "run": None}), ("hook", "x", {"command": ["/bin/true"]}),
        ("hook", "x", {"run": None}),
    ],
)  # fmt: skip
def test_what_no_hook_can_be_is_named(acme, where, name, options):
    with pytest.raises(libagentid.Error) as refused:
        acme.add_hook(name, **{"run": lambda event: None, **options})
    assert refused.value.where == where
    assert str(refused.value).isprintable() and len(str(refused.value)) < 500
    assert acme.hooks() == []
