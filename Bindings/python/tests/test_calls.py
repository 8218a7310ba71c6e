"""Calls as objects: decided when they begin, settled and recorded once, whatever happens in their block."""

import asyncio
import threading
from decimal import Decimal

import libagentid
import pytest
from libagentid.tools import authorize, current_call, guarded
from life import check, open_authority, start

READ = ("read_file", {"path": "/data/q3/a"})
LABELS = ["private", "reviewed"]
SPEND = {"id": "spend", "match": "read_file", "budget": {"unit": "usd", "limit": "1.00", "cost": {"fixed": "0.40"}}}
FLOW = {"id": "flow", "match": "read_file(path like '**.out')", "labels": {"refuses": ["private"]}}
NEED = {"id": "need", "match": "read_file(path like '**.fin')", "labels": {"requires": ["reviewed"]}}


def apply(acme, *rules, **budget):
    given = [
        {**rule, "budget": {**rule["budget"], **budget}} if "budget" in rule else rule for rule in rules or (SPEND, FLOW, NEED)
    ]
    acme.apply_policy({"version": 1, "labels": LABELS, "rules": given})


def left(agent):
    """What is left of the budget, as the denial says."""
    calls = []
    try:
        while True:
            calls.append(agent.call(*READ))
    except libagentid.Denied as denied:
        check("decision", denied.document)
        assert (denied.reason, denied.rule, denied.left["unit"]) == ("budget_exhausted", "spend", "usd")
        assert denied.decision.left == denied.left
        return f"{len(calls)} calls, {denied.left['amount']}"
    finally:
        for call in calls:
            call.abort()


def outcomes(acme, directory):
    acme.integrate()
    with libagentid.Audit.open(directory) as audit:
        return [entry for entry in audit.entries() if entry["kind"] == "outcome"]


def test_what_a_call_did_not_cost_comes_back_and_what_it_cost_beyond_denies():
    with open_authority() as acme, start(acme) as agent:
        apply(acme)
        with agent.call(*READ) as call:
            call.cost(usd="0.10")
            call.cost({"usd": Decimal("0.05"), "tokens": 17})
            assert call.decision.permitted and call.decision.policy == 1
        assert left(agent) == "2 calls, 0.15"
        with agent.call(*READ) as call:
            call.cost(usd="5.00")
        assert left(agent) == "0 calls, 0.00"


@pytest.mark.parametrize(("rule", "expected"), [({}, "2 calls, 0.20"), ({"on_failure": "spend"}, "1 calls, 0.20")])
@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, asyncio.CancelledError])
def test_an_exception_gives_back_what_the_rule_says_and_goes_on(rule, expected, error):
    with open_authority() as acme, start(acme) as agent:
        apply(acme, **rule)
        with pytest.raises(error), agent.call(*READ):
            raise error("hunter2")
        assert left(agent) == expected


def test_a_call_is_ended_once_in_whatever_way():
    with open_authority() as acme, start(acme) as agent:
        apply(acme)
        with agent.call(*READ) as call:
            call.cost(usd="0.10")
            call.commit("read 17 bytes", key="a")
            call.commit(key="a")
            for again in (lambda: call.commit(), lambda: call.commit(key="b"), lambda: call.abort(), lambda: call.cost(usd="0")):
                with pytest.raises(libagentid.StateError) as ended:
                    again()
                assert ended.value.name == "call_ended"
        call.close()
        assert left(agent) == "2 calls, 0.10"
        aborted = agent.call(*READ)
        aborted.abort()
        aborted.abort()
        with pytest.raises(libagentid.StateError):
            aborted.commit()
        assert left(agent) == "2 calls, 0.10"


def test_amounts_are_exact_and_what_is_not_one_changes_nothing():
    with open_authority() as acme, start(acme) as agent:
        apply(acme)
        with agent.call(*READ) as call:
            for wrong in (0.1, True, None, b"1"):
                with pytest.raises(TypeError):
                    call.cost(usd=wrong)
            for wrong in ("-1", "1e2", "0.123", "", " 1", "NaN", "9" * 30, "1\0"):
                with pytest.raises(libagentid.Error) as refused:
                    call.cost(usd=wrong)
                assert refused.value.name == "cost", wrong
            call.cost(usd=Decimal("1E-2"))
        assert left(agent) == "2 calls, 0.19"


def test_an_extension_reserves_once_for_each_key_or_nothing():
    with open_authority() as acme, start(acme) as agent:
        apply(acme)
        with agent.call(*READ) as call:
            for _ in range(3):
                call.extend("usd", "0.25", key="page 2")
            assert left(agent) == "0 calls, 0.35"
            with pytest.raises(libagentid.Denied) as denied:
                call.extend("usd", "0.36", key="page 3")
            assert denied.value.reason == "budget_exhausted"
            call.extend("usd", within=7200)
            call.cost(usd="0.55")
        assert left(agent) == "1 calls, 0.05"


@pytest.mark.parametrize("end", ["suspend", "deprovision", "revoke"])
def test_a_call_is_extended_only_while_its_agent_may_act(end):
    with open_authority() as acme:
        apply(acme)
        agent = start(acme)
        call = agent.call(*READ)
        call.extend("usd")
        acme.revoke(agent=agent.id) if end == "revoke" else getattr(acme, end)(agent.id)
        with pytest.raises(libagentid.Denied) as denied:
            call.extend("usd", "0.01")
        assert denied.value.reason == ("suspended" if end == "suspend" else "authority_revoked")
        call.commit()


def test_labels_that_a_tool_reports_deny_the_tasks_next_call():
    with open_authority() as acme, start(acme) as agent:
        apply(acme, FLOW, NEED)
        out = ("read_file", {"path": "/data/q3/a.out"})
        with agent.call(*out) as call:
            for wrong, name in (("privat", "unknown_label"), ("reviewed", "label_permits")):
                with pytest.raises(libagentid.Error) as refused:
                    call.labels("private", wrong)
                assert refused.value.name == name
            assert agent.check(*out).permitted
            call.labels("private")
            assert agent.check(*out).rule == "flow"
        with start(acme) as other:
            assert other.check(*out).permitted


def test_a_guard_begins_what_was_presented_in_any_form(tmp_path):
    with open_authority(tmp_path / "acme") as acme, start(acme) as agent, acme.guard(audience="files") as guard:
        apply(acme)
        chain, proof = agent.present(*READ, audience="files")
        with guard.call(*READ, chain=chain, proof=proof) as call:
            call.cost(usd="0.00")
        with pytest.raises(libagentid.Denied) as replayed:
            guard.call(*READ, chain=chain, proof=proof)
        assert replayed.value.reason == "replayed" and replayed.value.decision is not None
        with guard.call(*READ, presentation=agent.presentation(*READ, audience="files")) as call:
            call.cost(usd="0.00")
        with guard.call(*READ, agent=agent) as call:
            call.cost(usd="0.00")
        with guard.admit(agent.chain) as admission:
            with admission.call(*READ, proof=agent.prove(*READ, audience="files")) as call:
                call.cost(usd="0.01")
        assert left(agent) == "2 calls, 0.19"
        assert len([entry for entry in outcomes(acme, tmp_path / "acme") if entry["outcome"] == "succeeded"]) == 4


def test_outcomes_are_recorded_with_the_decision_and_without_values(tmp_path):
    with open_authority(tmp_path / "acme") as acme, start(acme) as agent:
        apply(acme)
        with agent.call(*READ) as done:
            done.labels("private")
            done.commit("read 17 bytes")
        with pytest.raises(ValueError, match="hunter2"), agent.call(*READ) as failed:
            raise ValueError("hunter2")
        told = outcomes(acme, tmp_path / "acme")
        for entry in told:
            check("audit", entry)
        assert [(entry["decision"], entry["outcome"], entry.get("labels")) for entry in told] == [
            (done.decision.id, "read 17 bytes", ["private"]), (failed.decision.id, "failed: ValueError", None),
        ]  # fmt: skip


def test_a_failure_whose_type_has_a_long_name_is_recorded_and_refunded(tmp_path):
    with open_authority(tmp_path / "acme") as acme, start(acme) as agent:
        apply(acme, on_failure="refund")
        for _ in range(4):
            with pytest.raises(ArithmeticError), agent.call(*READ):
                raise type("X" * 2000, (ArithmeticError,), {})
        assert left(agent) == "2 calls, 0.20"
        assert [entry["outcome"] for entry in outcomes(acme, tmp_path / "acme")][:4] == ["failed: " + "X" * 200] * 4


def test_a_guarded_tool_that_fails_gives_its_reservation_back_and_says_what_it_cost():
    @guarded
    def read_file(path: str) -> str:
        current_call().cost(usd="0.30")
        current_call().labels("private")
        return path

    @guarded(name="read_file")
    def broken(path: str) -> str:
        raise ValueError(path)

    with pytest.raises(LookupError):
        current_call()
    with open_authority() as acme, start(acme) as agent:
        apply(acme)
        with pytest.raises(ValueError, match="/data"):
            broken("/data/q3/a")
        assert left(agent) == "2 calls, 0.20"
        assert read_file("/data/q3/a") == "/data/q3/a"
        assert left(agent) == "1 calls, 0.30"
        with pytest.raises(libagentid.Denied, match="private"):
            read_file("/data/q3/a.out")
    with pytest.raises(LookupError):
        current_call()


def test_a_tool_that_a_framework_has_decided_says_what_it_cost_too():
    with open_authority() as acme, start(acme) as agent:
        apply(acme)
        with authorize(*READ, agent=agent) as outer:
            with authorize(*READ, agent=agent) as inner:
                assert current_call() is inner
                current_call().cost(usd="0.10")
            assert current_call() is outer
            current_call().cost(usd="0.30")
        with pytest.raises(LookupError, match="libagentid.tools.guarded"):
            current_call()
        assert left(agent) == "1 calls, 0.20"


def test_a_cost_without_its_unit_is_named():
    with open_authority() as acme, start(acme) as agent:
        for amount in ("12.40", 12, Decimal("1")):
            with pytest.raises(TypeError, match=r"a cost has its unit, cost\(usd='12.40'\)"), agent.call(*READ) as call:
                call.cost(amount)


def test_coroutines_use_it_and_a_task_that_is_cancelled_gives_back():
    async def run():
        async with await libagentid.aio.Authority.open(None, trust_domain="acme.example") as acme:
            await acme.put_profile("researcher", owner="team:a@acme.example", ceiling="read_file(path under '/data')")
            await acme.apply_policy({"version": 1, "rules": [SPEND]})
            ask = {"principal": "user:alice@acme.example", "task": "t", "scope": "read_file(path under '/data')"}
            async with await acme.agent("researcher", **ask) as agent:
                async with agent.call(*READ) as call:
                    call.cost(usd="0.10")
                assert left(agent) == "2 calls, 0.10"

                async def waits():
                    async with agent.call(*READ):
                        await asyncio.sleep(60)

                task = asyncio.create_task(waits())
                await asyncio.sleep(0)
                task.cancel()
                await asyncio.wait([task])
                assert left(agent) == "2 calls, 0.10"

    import libagentid.aio

    asyncio.run(run())


def test_threads_that_end_one_call_settle_it_once():
    with open_authority() as acme, start(acme) as agent:
        apply(acme)
        for _ in range(20):
            call = agent.call(*READ)
            call.cost(usd="0.01")
            ends = [threading.Thread(target=end) for end in [lambda: quiet(call.commit), lambda: quiet(call.abort)] * 4]
            for thread in ends:
                thread.start()
            for thread in ends:
                thread.join()
        assert left(agent) == "2 calls, 0.00"


def quiet(end):
    try:
        end()
    except libagentid.StateError as ended:
        assert ended.name == "call_ended"


def test_what_is_left_is_told_and_who_used_it(tmp_path):
    rate = {"id": "slow", "match": "read_*", "rate": {"calls": 4, "per": "1h", "for": "agent"}}
    with open_authority(tmp_path / "acme") as acme, start(acme) as agent, start(acme, principal="user:bob@acme.example") as bob:
        check("remaining", agent.remaining())
        assert agent.remaining() == {"policy": None, "rates": [], "budgets": [], "labels": []}
        check("limits", acme.limits())
        apply(acme, rate, {**SPEND, "budget": {**SPEND["budget"], "per": "day", "for": "principal"}}, FLOW)
        assert (acme.limits()["total"], acme.budgets()["total"]) == (0, 0)
        before = agent.remaining()
        assert [meter["left"] for meter in (*before["rates"], *before["budgets"])] == [4, "1.00"]
        assert before["rates"][0]["more_in_ms"] is None
        with agent.call(*READ) as call:
            call.cost(usd="0.25")
            call.labels("private")
        bob.authorize(*READ)
        bob.authorize(*READ)
        left = agent.remaining("read_file")
        check("remaining", left)
        assert (left["rates"][0]["left"], left["budgets"][0]["left"], left["labels"]) == (3, "0.75", ["private"])
        assert 0 < left["rates"][0]["more_in_ms"] <= 900_000 and 0 < left["budgets"][0]["resets_in_ms"] <= 86_400_000
        assert agent.remaining("search")["rates"] == []
        limits, budgets = acme.limits(), acme.budgets()
        check("limits", limits)
        check("limits", budgets)
        assert [(meter["subject"], meter["left"]) for meter in limits["meters"]] == [(bob.id, 2), (agent.id, 3)]
        assert [(meter["subject"], meter["spent"]) for meter in budgets["meters"]] == [
            ("user:bob@acme.example", "0.80"), ("user:alice@acme.example", "0.25"),
        ]  # fmt: skip
        second = acme.limits(offset=1, limit=1)
        assert second["total"] == 2 and [meter["subject"] for meter in second["meters"]] == [agent.id] and not second["cut"]
        for name, wrong in ("offset", -1), ("limit", -1), ("limit", 100_001):
            for listed in acme.limits, acme.budgets:
                with pytest.raises(libagentid.Error) as raised:
                    listed(**{name: wrong})
                assert raised.value.where == name
        # Nothing was taken by looking.
        assert agent.remaining("read_file")["rates"][0]["left"] == 3
