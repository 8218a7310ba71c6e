"""Rates and budgets that grants state: signed offline, for the holder and all below it, beside the policy."""

import contextlib
import json
import sqlite3
import threading

import libagentid
import pytest
from life import ALICE, OWNER
from life import check as validate

PAY = "pay(usd: *)"


def budget(limit, name="pocket", match="pay", **more):
    return {"id": name, "match": match, "budget": {"unit": "usd", "limit": limit, "cost": {"argument": "usd"}, **more}}


def rate(calls, name="pace", match="*"):
    return {"id": name, "match": match, "rate": {"calls": calls, "per": "1d"}}


@pytest.fixture(params=["directory", "memory"])
def acme(request, tmp_path):
    place = tmp_path / "acme" if request.param == "directory" else None
    with libagentid.Authority.open(place, trust_domain="acme.example") as acme:
        acme.put_profile("buyer", owner=OWNER, ceiling=f"{PAY}; look", max_depth=4)
        yield acme


def start(acme, *limits, **more):
    return acme.agent("buyer", principal=ALICE, task="buy", scope=f"{PAY}; look", limits=limits or None, **more)


def key_pair():
    """A private JWK, and its public half."""
    key = json.loads(libagentid.generate_key())
    return json.dumps(key), json.dumps({name: key[name] for name in ("kty", "crv", "x")})


def pays(agent, usd):
    decision = agent.check("pay", {"usd": usd})
    assert decision.reason in (None, "budget_exhausted")
    return decision.permitted


def test_a_cost_finer_than_a_limit_is_rounded_up_for_it_and_denied_by_nobody(acme):
    acme.apply_policy({"version": 1, "rules": [budget("100.00", name="cents")]})
    with start(acme, budget("4")) as agent, agent.spawn("below", same_scope=True, limits=[budget("3")]) as below:
        for one, usd in [(agent, "1.25"), (below, "0.5"), (below, 0.01)]:
            assert pays(one, usd)
        # Two, one and one for it.
        assert not pays(agent, "0.01") and not pays(below, "0.01")


def test_a_grant_limits_its_holder_and_all_below_it_without_a_policy(acme):
    with start(acme, budget("5.00")) as agent:
        left = agent.remaining()
        validate("remaining", left)
        assert [(b["rule"], b["for"], b["subject"], b["left"]) for b in left["budgets"]] == [
            ("limit:pocket", "grant", agent.id, "5.00")
        ]
        with (
            agent.spawn("one", same_scope=True, limits=[budget("2.00"), rate(2)]) as one,
            agent.spawn("two", same_scope=True) as two,
        ):
            assert pays(one, "1.50") and not pays(one, "0.51") and pays(one, "0.50")
            denied = one.check("look", {})
            assert (denied.reason, denied.rule, denied.policy) == ("rate_limited", "limit:pace", None) and denied.retry_after > 0
            assert pays(two, "2.99") and not pays(two, "0.02") and pays(agent, "0.01") and not pays(two, "0.01")
            denied = two.check("pay", {"usd": "0.01"})
            assert (denied.rule, denied.left) == ("limit:pocket", {"amount": "0.00", "unit": "usd"})
            assert two.check("look", {}).permitted
        # An agent that comes after them has no more.
        with agent.spawn("three", same_scope=True, limits=[budget("5.00")]) as three:
            assert not pays(three, "0.01")


def test_a_call_settles_at_what_it_cost(acme):
    with start(acme, budget("1.00")) as agent:
        with agent.call("pay", {"usd": "1.00"}) as call:
            call.cost(usd="0.25")
        with pytest.raises(ZeroDivisionError), agent.call("pay", {"usd": "0.75"}):
            raise ZeroDivisionError
        assert agent.remaining()["budgets"][0]["left"] == "0.75"
        assert pays(agent, "0.75") and not pays(agent, "0.01")


def test_limits_last_over_renewals_rotations_parking_and_policies(acme):
    with start(acme, budget("3.00")) as agent, agent.spawn("below", same_scope=True, limits=[budget("2.00")]) as below:
        assert pays(below, "1.00")
        acme.apply_policy({"version": 1, "rules": [rate(100, "calls")]})
        assert pays(below, "0.50") and below.check("look", {}).policy == 1
        below.rotate_key()
        agent.rotate_key()
        assert not pays(below, "0.51") and pays(below, "0.25")
        agent.park(60)
        with acme.unpark(agent.id) as again:
            (left,) = again.unparked()
            with left:
                assert not pays(left, "0.26") and pays(left, "0.25")
                assert pays(again, "1.00") and not pays(again, "0.01")


def test_a_chain_for_a_key_elsewhere_carries_them_and_only_guards_with_meters_take_it(acme):
    key, holder = key_pair()
    chain, _ = acme.issue("buyer", holder, principal=ALICE, task="buy", scope=PAY, limits=[budget("2.00")], credential=False)
    with libagentid.Agent.open(key, chain) as agent:
        other, kept = key_pair()
        longer = agent.delegate(kept, same_scope=True, limits=json.dumps([budget("1.00", "mine")]))
        with libagentid.Agent.open(other, longer) as child, acme.guard(audience="shop") as guard:

            def reason(who, usd, at=guard):
                shown, proof = who.present("pay", {"usd": usd}, audience="shop")
                return at.check("pay", {"usd": usd}, chain=shown, proof=proof).reason

            assert [reason(child, usd) for usd in ("0.75", "0.50", "0.25")] == [None, "budget_exhausted", None]
            assert [reason(agent, usd) for usd in ("1.01", "1.00")] == ["budget_exhausted", None]
            with libagentid.Guard.open(audience="shop") as elsewhere:
                elsewhere.add_bundle("acme.example", acme.bundle())
                assert reason(child, "0.01", elsewhere) == "budget_unavailable"
            with libagentid.Authority.open(trust_domain="globex.example") as globex, globex.guard(audience="shop") as foreign:
                foreign.add_bundle("acme.example", acme.bundle())
                assert [reason(child, usd, foreign) for usd in ("0.75", "0.50", "0.25")] == [None, "budget_exhausted", None]


def test_who_hands_on_to_itself_gets_no_more_and_cannot_fill_the_meters(acme):
    key, holder = key_pair()
    chain, _ = acme.issue("buyer", holder, principal=ALICE, task="buy", scope=f"{PAY}; look", limits=[budget("2.00")])
    with libagentid.Agent.open(key, chain) as agent, acme.guard(audience="shop") as guard:
        reasons = set()
        for number in range(600):
            other, kept = key_pair()
            with libagentid.Agent.open(
                other, agent.delegate(kept, same_scope=True, limits=[budget("0.01", f"n{number}")])
            ) as child:
                shown, proof = child.present("pay", {"usd": "0.00"}, audience="shop")
                reasons.add(guard.check("pay", {"usd": "0.00"}, chain=shown, proof=proof).reason)
        assert reasons == {None, "meters_share"}
        # Others of the domain go on.
        with start(acme, budget("1.00")) as agent:
            assert pays(agent, "1.00")


def test_ones_own_limit_is_asked_before_ones_parents(acme):
    with start(acme, budget("1.00"), rate(1)) as agent:
        with agent.spawn("c", same_scope=True, limits=[budget("0.50"), rate(1)]) as child:
            assert pays(child, "0.10")
            names = [child.check("look", {}).document["message"], agent.check("look", {}).document["message"]]
            assert child.id in names[0] and child.id not in names[1]


def test_many_threads_spend_no_more_than_their_parent_has(acme):
    with start(acme, budget("5.00")) as agent:
        children = [agent.spawn(f"c{i}", same_scope=True, limits=[budget("2.00")]) for i in range(4)]
        spent = []

        def spend(child):
            # A registry that others keep busy for a second does not end the budget.
            while (reason := child.check("pay", {"usd": "0.07"}).reason) != "budget_exhausted":
                assert reason in (None, "budget_unavailable")
                spent.append(7 if reason is None else 0)

        threads = [threading.Thread(target=spend, args=(child,)) for child in children for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for child in children:
            child.close()
        assert sum(spent) == 497 and pays(agent, "0.03") and not pays(agent, "0.01")


@pytest.mark.parametrize(
    ("limits", "name", "place"),
    [
        ([budget("5.01")], "not_below_parent", "options.limits[0]"),
        ([budget("1.000")], "not_below_parent", "options.limits[0]"),
        ([budget("1.00", per="1d")], "not_below_parent", "options.limits[0]"),
        ([rate(5, "pocket")], "not_below_parent", "options.limits[0]"),
        ([budget("1.00", match="[")], "malformed", "options.limits[0].match"),
        ([budget("1.00", **{"for": "task"})], "unknown_member", "options.limits[0].budget.for"),
        ([{**rate(1), "then": "suspend"}], "unknown_member", "options.limits[0].then"),
        ([{"id": "x", "match": "*"}], "missing", "options.limits[0]"),
        ([rate(1), rate(2)], "duplicate", "options.limits[1].id"),
        ([], "limit_exceeded", "options.limits"),
        ([rate(1, f"r{i}") for i in range(9)], "limit_exceeded", "options.limits"),
        ([budget("1.00", "short", per="59m")], "limit_exceeded", "options.limits[0].budget.per"),
        ([rate(1, match="|".join(["a"] * 600))], "limit_exceeded", "options.limits[0].match"),
        ("x", "json", "options.limits"),
        ("{}", "malformed", "options.limits"),
        (json.dumps([rate(1, match="a" * 20000)]), "json", "options.limits"),
    ],
)
def test_bad_limits_are_refused_by_place_and_rule(acme, limits, name, place):
    with start(acme, budget("5.00")) as agent:
        with pytest.raises(libagentid.Error) as raised:
            agent.spawn("below", same_scope=True, limits=limits)
        assert (raised.value.name, raised.value.where) == (name, place), raised.value
        with pytest.raises((libagentid.Error, TypeError)):
            agent.spawn("below", same_scope=True, limits=7)
    assert not [a for a in acme.agents() if a["state"] != "deprovisioned"]


def signed(name, amount, scale=None, **cost):
    """A limit that its own holder signs below itself, to get more of those above."""
    limit = budget(amount, name)
    limit["budget"] |= ({} if scale is None else {"scale": scale}) | ({"cost": cost} if cost else {})
    return limit


def handed(agent, *limits, **more):
    """A grant that an agent hands on: its holder's key, and the chain."""
    key, holder = key_pair()
    return key, agent.delegate(holder, same_scope=True, limits=limits or None, **more)


@pytest.mark.parametrize(
    "own", [signed("mine", "1", 0, fixed="0"), signed("mine", "1.000000000", 9, fixed="0.000000001")], ids=["coarse", "fine"]
)
def test_a_holders_own_limits_do_not_keep_a_calls_cost_from_being_told(acme, own):
    acme.apply_policy({"version": 1, "rules": [budget("5.00", "policy")]})
    with start(acme, budget("5.00")) as agent, acme.guard(audience="shop") as guard:
        key, chain = handed(agent, own)
        with libagentid.Agent.open(key, chain) as child:

            def pay():
                shown, proof = child.present("pay", {"usd": "4.00"}, audience="shop")
                with guard.call("pay", {"usd": "4.00"}, chain=shown, proof=proof) as call:
                    call.cost(usd="3.50")

            pay()
            with pytest.raises(libagentid.Denied) as denied:
                pay()
        assert denied.value.rule in ("policy", "limit:pocket", "limit:mine")
        left = {rest["rule"]: rest["left"] for rest in agent.remaining()["budgets"]}
        assert left == {"policy": "1.50", "limit:pocket": "1.50"}


def test_a_cost_is_rounded_up_for_a_coarser_limit(acme):
    with start(acme, signed("coarse", "5", 0, fixed="1")) as agent:
        with agent.call("pay", {"usd": "1"}) as call:
            call.cost(usd="2.01")
        assert agent.remaining()["budgets"][0]["left"] == "2"


def test_who_hands_on_to_a_holder_has_no_say_in_the_meters_of_others(acme):
    key, holder = key_pair()
    request = {"principal": ALICE, "task": "t", "scope": f"{PAY}; look"}
    chain, credential = acme.issue("buyer", holder, limits=[rate(1)], **request)
    with libagentid.Agent.open(key, chain, credential) as first, acme.guard(audience="shop") as guard, start(acme) as other:

        def reason(chain):
            with libagentid.Agent.open(key, chain, credential) as agent, guard.admit(chain, credential) as admission:
                return admission.check("look", {}, proof=agent.prove("look", {}, audience="shop")).reason

        loose = {"id": "pace", "match": "*", "rate": {"calls": 500_000, "per": "1s"}}
        given = other.delegate(holder, same_scope=True, agent=first.id, limits=[loose])
        assert [reason(chain) for _ in range(2)] == [None, "rate_limited"]
        assert [reason(given) for _ in range(2)] == [None, None]
        assert reason(chain) == "rate_limited"


def test_a_call_is_extended_as_often_beneath_many_limits(acme):
    limits = [signed(f"m{i}", "1.00", fixed="0.00") for i in range(8)]
    with start(acme, *limits) as agent, agent.spawn("below", same_scope=True, limits=limits) as below:
        with below.call("pay", {"usd": "0.00"}) as call:
            for _ in range(1_300):
                call.extend("usd", "0.00")


def test_each_time_has_no_share_of_its_own_and_a_copied_name_none(acme):
    with start(acme) as agent, acme.guard(audience="shop") as guard:
        reasons = set()
        for number in range(140):
            limits = [
                {"id": f"n{number}", "match": "*", "rate": {"calls": 9, "per": f"{70 + 8 * number + i}s"}} for i in range(8)
            ]
            for i, limit in enumerate(limits):
                limit["id"] += f".{i}"
            key, chain = handed(agent, *limits)
            with libagentid.Agent.open(key, chain) as child:
                shown, proof = child.present("look", {}, audience="shop")
                reasons.add(guard.check("look", {}, chain=shown, proof=proof).reason)
        assert reasons == {None, "meters_share"}


def test_a_cost_that_cannot_be_booked_counts_against_every_budget(tmp_path):
    with libagentid.Authority.open(tmp_path / "acme", trust_domain="acme.example") as acme:
        acme.put_profile("buyer", owner=OWNER, ceiling=f"{PAY}; look", max_depth=4)
        with (
            start(acme, budget("9000.00", "first"), budget("6.00", "second")) as agent,
            agent.spawn("below", same_scope=True, limits=[budget("6.00", "own")]) as below,
            contextlib.closing(sqlite3.connect(tmp_path / "acme" / "registry.db", isolation_level=None)) as other,
        ):
            with pytest.raises(libagentid.Error), below.call("pay", {"usd": "1.00"}) as call:
                call.cost(usd="6.00")
                other.execute("BEGIN IMMEDIATE")
            other.execute("ROLLBACK")
            left = {entry["rule"]: entry["left"] for entry in below.remaining()["budgets"]}
            assert left == {"limit:first": "8994.00", "limit:second": "0.00", "limit:own": "0.00"}
            assert not pays(below, "0.01") and not pays(agent, "0.01")


def test_a_chain_states_so_many_limits_at_most(acme):
    with (
        start(acme, *(rate(9, f"a{i}") for i in range(8))) as one,
        one.spawn("two", same_scope=True, limits=[rate(9, f"b{i}") for i in range(8)]) as two,
    ):
        with two.spawn("three", same_scope=True, limits=[rate(9, f"c{i}") for i in range(8)]) as three:
            assert three.check("look", {}).permitted
            with three.spawn("four", same_scope=True, limits=[rate(9, "d")]) as four:
                assert four.check("look", {}).reason == "too_costly"


def test_a_limit_of_a_rules_name_is_no_rule_and_counts_against_nobody(acme):
    stray = {"id": "astray", "anomaly": {"denials": 3, "per": "1m", "for": "agent"}, "then": "suspend"}
    acme.apply_policy(
        {"version": 1, "rules": [{"id": "pace", "match": "*", "rate": {"calls": 9, "per": "1d", "for": "agent"}}, stray]}
    )
    with start(acme, rate(1)) as agent, agent.spawn("below", same_scope=True) as below:
        assert agent.check("look", {}).permitted
        assert [(d.reason, d.rule) for d in (below.check("look", {}) for _ in range(6))] == [("rate_limited", "limit:pace")] * 6


def test_a_limit_about_no_tool_of_the_grant_is_refused(acme):
    mistyped = budget("10.00", match="pay_")
    before = len(acme.agents())
    with pytest.raises(libagentid.Error) as refused:
        start(acme, budget("10.00", name="fine"), mistyped)
    assert (refused.value.name, refused.value.where) == ("unreachable_limit", "options.limits[1].match")
    assert len(acme.agents()) == before
    with start(acme, budget("10.00", match="pay*; look")) as agent:
        for hand_on in (
            lambda: agent.spawn("child", same_scope=True, limits=[mistyped]),
            lambda: agent.spawn("child", scope="look", limits=[budget("1.00")]),
            lambda: agent.delegate(key_pair()[1], same_scope=True, limits=[mistyped]),
        ):
            with pytest.raises(libagentid.Error) as refused:
                hand_on()
            assert refused.value.name == "unreachable_limit"
