"""Amounts are exact: random sums beside Python's Decimal. AGENTID_SUMS says how many (20,000), AGENTID_SEED repeats them."""

import decimal
import os
import random
from decimal import Decimal

import libagentid
from life import ALICE, open_authority


def policy(version, unit, limit, scale):
    budget = {"unit": unit, "limit": f"{limit:f}", "scale": scale, "cost": {"argument": "usd"}, "for": "domain"}
    return {"version": version, "rules": [{"id": unit, "match": "pay", "budget": budget}]}


def test_sums_are_those_of_decimal():
    seed = int(os.environ.get("AGENTID_SEED") or random.randrange(1 << 32))
    print(f"AGENTID_SEED={seed}")
    chance = random.Random(seed)
    sums = int(os.environ.get("AGENTID_SUMS", "20000"))
    decimal.getcontext().prec = 60
    with open_authority() as acme:
        acme.put_profile("buyer", owner="team:a@acme.example", ceiling="pay(usd: *)")
        with acme.agent("buyer", principal=ALICE, task="t", scope="pay(usd: *)") as agent:
            for round_ in range(20):
                scale = chance.randint(0, 9)
                limit = Decimal(chance.randint(1, 2**62)).scaleb(-scale)
                acme.apply_policy(policy(round_ + 1, f"u{round_}", limit, scale))
                spent = Decimal(0)
                for _ in range(sums // 20):
                    spent = one(agent, chance, scale, limit, spent, f"u{round_}")
                left = agent.check("pay", {"usd": f"{limit:f}"}).left if spent else None
                assert left is None or Decimal(left["amount"]) == max(limit - spent, 0)


def one(agent, chance, scale, limit, spent, unit):
    """One call, and what then is spent."""
    most = (
        int((limit - spent).scaleb(scale))
        if chance.random() < 0.02
        else int(limit.scaleb(scale)) // chance.choice([20, 500, 10**6])
    )
    amount = Decimal(chance.randint(0, max(most, 0) + 1)).scaleb(-scale)
    try:
        call = agent.call("pay", {"usd": f"{amount:f}"})
    except libagentid.Denied as denied:
        assert denied.reason == "budget_exhausted" and spent + amount > limit
        assert Decimal(denied.left["amount"]) == max(limit - spent, 0)
        return spent
    assert spent + amount <= limit
    way = chance.random()
    if way < 0.3:
        call.abort()
        amount = Decimal(0)
    elif way < 0.6:
        amount = Decimal(chance.randint(0, int(amount.scaleb(scale)))).scaleb(-scale)
        call.cost({unit: amount})
        call.commit()
    call.close()
    return spent + amount
