"""Agents after they were started: listed, suspended, ended by whoever may, and then gone for good."""

import json
import threading
import time

import libagentid
import libagentid._lifecycle as _lifecycle
import pytest
from life import ALICE, CALL, OWNER, SCOPE, check, open_authority, start

BOB = "user:bob@acme.example"


@pytest.fixture
def ahead():
    """How far the authority's clock is ahead, in seconds."""
    return [0.0]


@pytest.fixture
def acme(ahead, tmp_path):
    with open_authority(tmp_path / "acme", clock=lambda: time.time() + ahead[0]) as acme:
        yield acme


def ids(agents):
    return [agent["id"] for agent in agents]


@pytest.mark.parametrize("kind", ["memory", "directory"])
def test_no_live_agent_is_left_out_where_others_end_between_pages(kind, tmp_path, monkeypatch):
    with open_authority(None if kind == "memory" else tmp_path / "other") as acme:
        held = sorted((start(acme) for _ in range(25)), key=lambda agent: agent.id)
        asked, pages = _lifecycle.take, []

        def take(*given):
            page = asked(*given)
            pages.append(page)
            if len(pages) == 1:
                for agent in held[:8]:
                    agent.end()
            return page

        monkeypatch.setattr(_lifecycle, "_PAGE", 10)
        monkeypatch.setattr(_lifecycle, "take", take)
        found = ids(acme.agents(state="active"))
        assert len(pages) > 1 and found == [agent.id for agent in held]
        assert ids(acme.agents(state="active", offset=2)) == [agent.id for agent in held[10:]]
        assert ids(acme.agents(state="active", offset=2, limit=3)) == [agent.id for agent in held[10:13]]
        for agent in held:
            agent.close()


def test_every_agent_is_listed_by_what_it_is(acme):
    acme.put_profile("writer", owner=BOB, ceiling=SCOPE)
    with (
        start(acme) as first,
        first.spawn("reader", same_scope=True) as below,
        start(acme, BOB, "writer", intent="write") as writer,
    ):
        gone = start(acme)
        gone.end()
        agents = acme.agents()
        for agent in agents:
            check("agent", agent)
        assert len(agents) == 4 and ids(agents) == sorted(ids(agents))
        for asked, found in (
            ({"profile": "writer"}, [writer]),
            ({"principal": BOB}, [writer]),
            ({"owner": BOB}, [writer]),
            ({"owner": BOB, "principal": ALICE}, []),
            ({"parent": first}, [below]),
            ({"parent": first.id}, [below]),
            ({"state": "active", "profile": "researcher"}, [first, below]),
            ({"state": "suspended"}, []),
        ):
            assert ids(acme.agents(**asked)) == sorted(agent.id for agent in found), asked
        (ended,) = acme.agents(state="deprovisioned")
        assert (ended["live"], ended["end_reason"], ended["lease_expires"]) == (False, "", None)
        described = acme.agents(profile="writer")[0]
        assert (described["live"], described["intent"], described["parent"]) == (True, "write", None)
        pages = [acme.agents(limit=1, offset=n) for n in range(5)]
        assert [page[0] for page in pages[:4]] == agents and pages[4] == []
        for wrong in ({"state": "dead"}, {"limit": -1}, {"limit": 1_000_000}, {"offset": -1}):
            with pytest.raises(libagentid.Error) as refused:
                acme.agents(**wrong)
            assert refused.value.where == "filter." + next(iter(wrong))


def test_suspension_holds_all_below_until_it_is_lifted(acme, tmp_path):
    with (
        start(acme) as agent,
        agent.spawn("a", same_scope=True) as child,
        child.spawn("b", same_scope=True) as leaf,
        start(acme) as other,
    ):
        guard = libagentid.Guard.open_directory(tmp_path / "acme", any_audience=True)

        def reason(agent):
            here, there = agent.check(*CALL).reason, guard.check(*CALL, chain=agent.chain, proof=agent.prove(*CALL)).reason
            assert here == there
            return here

        acme.suspend(child, "looked at")
        acme.suspend(child.id)
        assert [reason(one) for one in (agent, child, leaf, other)] == [None, "suspended", "suspended", None]
        for refused in (
            child.rotate_key,
            lambda: child.spawn("c", same_scope=True),
            lambda: child.delegate(other.public_key, same_scope=True),
        ):
            with pytest.raises(libagentid.StateError) as held:
                refused()
            assert held.value.name == "agent_suspended"
        acme.resume(child)
        acme.resume(child)
        assert [reason(one) for one in (agent, child, leaf)] == [None, None, None]
        identity, tombstone = child.id, child.end()
        for move in (acme.suspend, acme.resume):
            with pytest.raises(libagentid.StateError, match="ended"):
                move(identity)
            with pytest.raises(libagentid.NotFound):
                move(identity + "x")
        assert acme.deprovision(identity) == tombstone


ENDS = {
    "end": (lambda acme, agent: agent.end(), ""),
    "with": (lambda acme, agent: agent.__exit__(None, None, None), "its block ended"),
    "agent": (lambda acme, agent: agent.end("done"), "done"),
    "operator": (lambda acme, agent: acme.deprovision(agent, "stop"), "stop"),
    "id": (lambda acme, agent: acme.deprovision(agent.id, "stop"), "stop"),
    "principal": (lambda acme, agent: acme.deprovision_principal(ALICE, "left"), "left"),
    "owner": (lambda acme, agent: acme.deprovision_principal(OWNER, "left"), "left"),
    "profile": (lambda acme, agent: acme.withdraw_profile("researcher", "unsafe"), "unsafe"),
}


@pytest.mark.parametrize("end", ENDS)
def test_end_reaches_all_below_and_leaves_proof(acme, tmp_path, end):
    act, why = ENDS[end]
    guard = libagentid.Guard.open_directory(tmp_path / "acme", any_audience=True)
    with start(acme) as agent, agent.spawn("a", same_scope=True) as child, child.spawn("b", same_scope=True) as leaf:
        child.rotate_key()
        identity, below = agent.id, [child.id, leaf.id]
        held = [(one.chain, one.prove(*CALL)) for one in (agent, child, leaf)]
        ended = act(acme, agent)
        assert ended == 3 if isinstance(ended, int) else True
        for chain, proof in held:
            assert not guard.check(*CALL, chain=chain, proof=proof)
        for one in (agent, child, leaf):
            with pytest.raises(libagentid.Error):
                one.prove(*CALL)
    report = acme.verify_gone(identity)
    check("gone", report)
    assert report["gone"] and (report["agents"], report["chains"]) == (3, 4)
    claims = libagentid.verify_tombstone("acme.example", acme.bundle(), report["tombstone"])
    check("tombstone", claims)
    assert (claims["sub"], claims["reason"], claims["below"]) == (identity, why, 2)
    for agent in acme.agents(state="deprovisioned"):
        check("agent", agent)
        receipt = libagentid.verify_tombstone("acme.example", acme.bundle(), agent["tombstone"])
        check("tombstone", receipt)
        assert receipt["sub"] == agent["id"] and why in receipt["reason"]
    assert set(below) < set(ids(acme.agents(state="deprovisioned")))


def test_tombstone_of_another_key_domain_or_text_does_not_verify(acme):
    with start(acme) as agent:
        tombstone = agent.end()
    with open_authority() as other:
        for domain, bundle, token in (
            ("acme.example", other.bundle(), tombstone),
            ("other.example", acme.bundle(), tombstone),
            ("acme.example", acme.bundle(), tombstone[:-4] + "AAAA"),
            ("acme.example", acme.bundle(), ""),
        ):
            with pytest.raises(libagentid.Denied):
                libagentid.verify_tombstone(domain, bundle, token)
        with pytest.raises(libagentid.Error) as malformed:
            libagentid.verify_tombstone("acme.example", "{}", tombstone)
        assert not isinstance(malformed.value, libagentid.Denied)


def test_live_agent_is_reported_as_not_gone(acme):
    with start(acme) as agent, agent.spawn("a", same_scope=True):
        report = acme.verify_gone(agent)
        check("gone", report)
        assert not report["gone"] and len(report["permitted"]) == len(report["live"]) == 2
        acme.suspend(agent)
        report = acme.verify_gone(agent)
        assert not report["gone"] and report["permitted"] == [] and len(report["live"]) == 2
    with pytest.raises(libagentid.NotFound):
        acme.verify_gone("spiffe://acme.example/agent/nobody")


def test_id_is_never_used_again(acme, tmp_path):
    seen = []
    for n in range(30):
        with start(acme) as agent, agent.spawn("a", same_scope=True) as child:
            seen += [agent.id, child.id]
    with open_authority(tmp_path / "acme", clock=lambda: 1_700_000_000) as again:
        for n in range(30):
            agent = start(again)
            seen.append(agent.id)
            agent.end()
    assert len(set(seen)) == len(seen) == 90 == len(acme.agents())


@pytest.mark.parametrize("how", ["agent", "principal"])
def test_nothing_is_permitted_after_the_end_returned(acme, tmp_path, how):
    guard = libagentid.Guard.open_directory(tmp_path / "acme", any_audience=True)
    with start(acme) as agent, agent.spawn("a", same_scope=True) as child:
        ended, ready, late, denied = threading.Event(), threading.Barrier(9), [], []
        chain, proofs = child.chain, [[child.prove(*CALL) for _ in range(300)] for _ in range(4)]

        def here(number):
            ready.wait()
            while not denied or len(denied) < 200:
                was = ended.is_set()
                try:
                    permitted = child.check(*CALL).permitted
                except libagentid.StateError:
                    permitted = False
                if permitted and was:
                    late.append(number)
                if not permitted:
                    denied.append(number)

        def there(number):
            ready.wait()
            for proof in proofs[number]:
                was = ended.is_set()
                if guard.check(*CALL, chain=chain, proof=proof) and was:
                    late.append(number)

        threads = [threading.Thread(target=work, args=(n,)) for n in range(4) for work in (here, there)]
        for thread in threads:
            thread.start()
        ready.wait()
        acme.deprovision(agent) if how == "agent" else acme.deprovision_principal(ALICE)
        ended.set()
        for thread in threads:
            thread.join()
        assert late == [] and denied


@pytest.mark.parametrize("who", [ALICE, OWNER])
def test_nobody_starts_agents_for_whom_left(acme, who):
    assert acme.deprovision_principal(who, "left") == 0
    key = json.loads(libagentid.generate_key())
    public = json.dumps({name: key[name] for name in ("kty", "crv", "x")})
    for refused in (lambda: start(acme), lambda: acme.issue("researcher", public, principal=ALICE, task="t", scope=SCOPE)):
        with pytest.raises(libagentid.StateError, match="revoked") as left:
            refused()
        assert left.value.name == "authority_revoked"
    assert acme.agents() == []
    if who == OWNER:
        acme.put_profile("researcher", owner="team:audit@acme.example", ceiling=SCOPE)
        start(acme).end()


def test_withdrawn_profile_starts_nothing(acme):
    assert acme.withdraw_profile("researcher") == 0
    with pytest.raises(libagentid.StateError, match="revoked"):
        start(acme)
    with pytest.raises(libagentid.NotFound):
        acme.withdraw_profile("nobody")


def test_review_that_is_overdue_stops_starts_until_someone_has_looked(acme, ahead):
    now = int(time.time())
    acme.certify_profile("researcher", now + 100)
    with start(acme, lifetime=300) as agent:
        ahead[0] = 101
        with pytest.raises(libagentid.StateError) as overdue:
            start(acme)
        assert overdue.value.name == "review_overdue"
        assert agent.authorize(*CALL)
        with pytest.raises(libagentid.Error, match="past"):
            acme.certify_profile("researcher", now + 100)
        with pytest.raises(libagentid.NotFound):
            acme.certify_profile("nobody")
        acme.certify_profile("researcher", now + 200)
        start(acme).end()
        ahead[0] = 201
        with pytest.raises(libagentid.StateError):
            start(acme)
        acme.certify_profile("researcher")
        start(acme).end()


def test_a_profile_that_is_put_again_keeps_its_review_date(acme):
    def put(**options):
        acme.put_profile("kept", owner=OWNER, ceiling=SCOPE, **options)
        return next(profile for profile in acme.profiles() if profile["name"] == "kept")["review_by"]

    date = int(time.time()) + 3600
    assert put() is None and put(review_by=date) == date and put() == date and put(max_depth=1) == date
    assert put(review_by=date + 1) == date + 1
    acme.certify_profile("kept", None)
    assert put() is None


def test_a_profile_that_is_stricter_than_five_minutes_shortens_what_nobody_stated(acme):
    acme.put_profile("brief", owner=OWNER, ceiling=SCOPE, max_lifetime=60)
    with start(acme, profile="brief") as agent:
        claims = libagentid.decode_chain(agent.chain)["links"][0]["claims"]
        assert claims["exp"] - claims["iat"] == 60
    with pytest.raises(libagentid.Error) as refused:
        start(acme, profile="brief", lifetime=300)
    assert refused.value.name == "lifetime"


def test_a_revocation_says_whether_there_is_such_a_thing(acme):
    with start(acme) as agent:
        unknown = {"agent": agent.id + "0", "key": "A" * 43, "principal": "user:alise@acme.example", "grant": "x"}
        for which, name in unknown.items():
            assert acme.revoke(**{which: name}) is False
        assert agent.check(*CALL).permitted
        for which, name in {"agent": "researcher", "key": "k", "principal": "alice", "profile": "a b"}.items():
            with pytest.raises(libagentid.Error) as refused:
                acme.revoke(**{which: name})
            assert refused.value.name == "revocation" and "named by" in str(refused.value)
        for none_or_two in ({}, {"agent": agent, "key": "A" * 43}):
            with pytest.raises(TypeError, match="name one of"):
                acme.revoke(**none_or_two)
        assert acme.revoke(agent=agent) is True
        assert not agent.check(*CALL).permitted


@pytest.mark.parametrize("named", [False, True], ids=["unnamed", "by another name"])
def test_what_was_delegated_to_its_key_ends_with_the_agent(acme, named):
    with start(acme) as above, start(acme, BOB) as helper, acme.guard(audience="files") as guard:
        chain = above.delegate(helper.public_key, same_scope=True, agent=f"{above.id}/some/body" if named else None)
        stolen = libagentid.Agent.open(helper.export_key(), chain)
        asked = [stolen.prove(*CALL, audience="files") for _ in range(3)]
        assert guard.check(*CALL, chain=chain, proof=asked[0]).permitted
        acme.suspend(helper)
        assert guard.check(*CALL, chain=chain, proof=asked[1]).reason == "suspended"
        acme.resume(helper)
        helper_id = helper.id
        helper.end()
        assert guard.check(*CALL, chain=chain, proof=asked[2]).reason == "authority_revoked"
        assert acme.verify_gone(helper_id).gone


def test_an_agent_that_has_ended_still_says_who_it_was(tmp_path):
    """As in Go and Swift: who looks after it names it by its object."""
    with open_authority(tmp_path / "acme") as acme:
        with start(acme) as left, start(acme) as ended, start(acme) as deprovisioned, start(acme) as parked:
            assert ended.end() and acme.deprovision(deprovisioned)
            parked.park(60)
        for agent in (left, ended, deprovisioned, parked):
            assert agent.id.startswith("spiffe://acme.example/agent/researcher/")
            assert agent.id in repr(agent)
            assert acme.verify_gone(agent).gone == (agent is not parked)
            with pytest.raises(libagentid.Error):
                agent.chain  # noqa: B018


def test_an_agent_that_others_ended_or_parked_says_who_it_was(tmp_path):
    with open_authority(tmp_path / "acme") as acme:
        with start(acme) as above:
            below = above.spawn("reader", same_scope=True)
        assert below.id.startswith(above.id + "/reader/")
        gone = start(acme)
        [record] = acme.agents(state="active")
        acme.deprovision(record.id)
        assert gone.id == record.id
        waiting = start(acme)
        held = waiting.spawn("reader", same_scope=True)
        waiting.park(60)
        assert held.id.startswith(waiting.id + "/reader/")
        acme.deprovision(held)
        with pytest.raises(libagentid.Error):
            held.chain  # noqa: B018


def test_an_agent_without_an_id_starts_none_below_it(acme):
    key = libagentid.generate_key()
    with start(acme) as agent:
        holder = json.dumps({name: value for name, value in json.loads(key).items() if name != "d"})
        nameless = libagentid.Agent.open(key, agent.delegate(holder, same_scope=True))
        with pytest.raises(libagentid.Error, match="names no agent") as refused:
            nameless.spawn("reader", same_scope=True)
        assert (refused.value.name, refused.value.where) == ("spiffe_id", "agent")
