"""Nothing that is accepted locks the door: what could not be read back is refused, and one damaged profile hides no other."""

import sqlite3

import libagentid
import pytest

OWNER = "team:x@acme.example"


def nested(depth):
    return "read(x " + "any(" * (depth - 1) + "== 1" + ")" * (depth - 1) + ")"


@pytest.fixture
def acme(tmp_path):
    with libagentid.Authority.open(tmp_path / "acme", trust_domain="acme.example") as acme:
        acme.put_profile("fine", owner=OWNER, ceiling="read")
        yield acme


def start(acme, profile="fine", scope="read"):
    return acme.agent(profile, principal="user:a@acme.example", task="t", scope=scope)


def works(acme):
    assert [profile["name"] for profile in acme.profiles() if "damaged" not in profile] == ["fine"]
    acme.publish_key()
    acme.activate_key()
    with start(acme) as agent:
        assert agent.check("read", {})


@pytest.mark.parametrize(
    "options",
    [
        {"review_by": 2**60}, {"review_by": 2**63 - 1}, {"review_by": -1}, {"review_by": 253_402_300_800}, {"ceiling": nested(32)},
        {"ceiling": nested(33)}, {"max_lifetime": 2**62}, {"max_lifetime": -1}, {"max_depth": 65},
    ],
    ids=lambda options: str(options)[:40],
)  # fmt: skip
def test_what_could_not_be_read_back_is_refused_with_its_place(acme, options):
    with pytest.raises(libagentid.Error) as refused:
        acme.put_profile("p", **{"owner": OWNER, "ceiling": "read", **options})
    assert refused.value.where == f"options.{next(iter(options))}"
    if "review_by" in options and options["review_by"] != 0:
        with pytest.raises(libagentid.Error) as refused:
            acme.certify_profile("fine", options["review_by"])
        assert refused.value.where.endswith("review_by")
    works(acme)


def test_a_mistyped_version_of_a_policy_uses_up_no_others(acme):
    for wrong in (1_000_000_000, 100_000_001):
        with pytest.raises(libagentid.StateError, match="at most 100000000") as refused:
            acme.apply_policy({"version": wrong, "rules": []})
        assert refused.value.name == "policy_version"
    acme.apply_policy({"version": 20_261_130, "rules": []})
    acme.apply_policy({"version": 120_261_130, "rules": []})
    works(acme)


def test_no_revocation_ends_every_agent_that_will_ever_be(acme):
    with pytest.raises(libagentid.Error, match="every agent") as refused:
        acme.revoke(agent="spiffe://acme.example/agent")
    assert (refused.value.name, refused.value.where) == ("revocation", "value")
    assert acme.revoke(agent="spiffe://partner.example/agent") is False
    works(acme)


def test_the_deepest_ceiling_that_is_accepted_is_read_back(acme):
    acme.put_profile("fine", owner=OWNER, ceiling=nested(31))
    with start(acme, scope=nested(31)) as agent:
        assert agent.check("read", {"x": 1})
    works_after = [profile["name"] for profile in acme.profiles()]
    assert works_after == ["fine"]


def test_a_scope_one_level_too_deep_registers_nothing(acme):
    acme.put_profile("deep", owner=OWNER, ceiling="read(x: *)")
    with pytest.raises(libagentid.ScopeError) as refused:
        start(acme, "deep", nested(32))
    assert refused.value.where == "options.scope" and acme.agents() == []
    with start(acme, "deep", "read(x: *)") as agent:
        with pytest.raises(libagentid.ScopeError):
            agent.spawn("reader", scope=nested(32))
        assert len(acme.agents()) == 1


@pytest.mark.parametrize("document", ["", "{", "[]", '{"name":"old"}', '{"name":"old","owner":"x"}', "review"])
def test_a_profile_from_before_that_cannot_be_read_is_listed_as_damaged_and_mended_by_putting_it_again(tmp_path, acme, document):
    acme.put_profile("old", owner=OWNER, ceiling="read", review_by=2_000_000_000)
    with sqlite3.connect(tmp_path / "acme/registry.db") as database:
        (stored,) = database.execute("SELECT document FROM profiles WHERE name = 'old'").fetchone()
        changed = stored.replace("2000000000", str(2**60)) if document == "review" else document
        database.execute("UPDATE profiles SET document = ? WHERE name = 'old'", (changed,))
    (damaged,) = [profile for profile in acme.profiles() if "damaged" in profile]
    assert damaged["name"] == "old" and "put it again" in damaged["damaged"]
    works(acme)
    with pytest.raises(libagentid.Error) as refused:
        start(acme, "old")
    assert refused.value.name == "profile_damaged"
    acme.put_profile("old", owner=OWNER, ceiling="read")
    assert [profile["name"] for profile in acme.profiles()] == ["fine", "old"]
    with start(acme, "old") as agent:
        assert agent.check("read", {})


def test_a_damaged_profile_can_be_withdrawn(tmp_path, acme):
    acme.put_profile("old", owner=OWNER, ceiling="read")
    agent = start(acme, "old")
    with sqlite3.connect(tmp_path / "acme/registry.db") as database:
        database.execute("UPDATE profiles SET document = '{' WHERE name = 'old'")
    assert acme.withdraw_profile("old") == 1
    assert agent.check("read", {}).reason == "authority_revoked"


def test_an_empty_audience_is_none(acme):
    with pytest.raises(libagentid.Error):
        acme.guard(audience="")
    guard = acme.guard(audience="files")
    with start(acme) as agent:
        assert guard.check("read", {}, chain=agent.chain, proof=agent.prove("read", {})).reason == "pop_recipient_mismatch"
        assert guard.check("read", {}, chain=agent.chain, proof=agent.prove("read", {}, audience="files"))
