"""Whatever a client can send is a decision: denied, counted, recorded, and never an exception of the program's."""

import json

import libagentid
import pytest
from libagentid._decision import arguments
from life import open_authority, start

SCOPE = "search(q: *)"


@pytest.fixture
def world(tmp_path):
    with libagentid.Authority.open(tmp_path / "acme", trust_domain="acme.example") as acme:
        acme.put_profile("r", owner="team:x@acme.example", ceiling=SCOPE)
        agent = acme.agent("r", principal="user:a@acme.example", task="t", scope=SCOPE)
        with libagentid.Guard.open_directory(tmp_path / "acme", audience="files") as guard:
            yield acme, agent, guard, tmp_path / "acme"


def recorded(acme, path):
    """How many decisions the log tells of, one by one or in counts."""
    acme.integrate()
    entries = [e for e in libagentid.Audit.open(path).entries() if e.get("kind") in ("decision", "denials")]
    return sum(e.get("count", 1) for e in entries), entries


BODIES = {
    "infinity": b'{"q": 1e400}',
    "NaN": b'{"q": NaN}',
    "lone surrogate": b'{"q": "\\ud800"}',
    "lone surrogate in a name": b'{"\\ud800": 1}',
    "deep": b'{"q":' + b"[" * 900 + b"]" * 900 + b"}",
    "2^60": b'{"q": 1152921504606846976}',
    "20 digits": b'{"q": 12345678901234567890}',
    "NUL": b'{"q": "a\\u0000b"}',
    "list": b"[1]",
    "null": b"null",
    "text": b'"x"',
    "1.1 MB": json.dumps({"q": "x" * 1_100_000}).encode(),
    "many names": json.dumps({f"n{i}": 1 for i in range(5000)}).encode(),
}


@pytest.mark.parametrize("name", BODIES)
def test_arguments_of_any_kind_are_a_decision(world, name):
    acme, agent, guard, path = world
    arguments = json.loads(BODIES[name])
    proof = agent.prove("search", {"q": "x"}, audience="files")
    decisions = [guard.check("search", arguments, chain=agent.chain, proof=proof), agent.check("search", arguments)]
    denied = sum(not decision for decision in decisions)
    assert not decisions[0] and decisions[0].reason
    with pytest.raises(libagentid.Denied):
        guard.authorize("search", arguments, chain=agent.chain, proof=proof)
    assert sum(guard.statistics().denied.values()) == 2
    guard.close()
    count, entries = recorded(acme, path)
    assert count == 3 and sum(e["decision"] == "deny" for e in entries) == denied + 1


TEXTS = ["", "a\0b", "\ud800", "é", "x" * 300, "x" * 70_000, "x" * 1_100_000, "\x01" * 66_000]


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: f"{text[:3]!a}-{len(text)}")
def test_texts_of_any_kind_are_a_decision(world, text):
    acme, agent, guard, path = world
    proof = agent.prove("search", {"q": "x"}, audience="files")
    calls = [(text, proof, "search"), (agent.chain, text, "search"), (agent.chain, proof, text), (agent.chain + text, text, text)]
    decisions = [guard.check(tool, {"q": "x"}, chain=chain, proof=proof) for chain, proof, tool in calls[:3]] + [
        agent.check(text, {"q": "x"})
    ]
    assert not any(decisions)
    with pytest.raises(libagentid.Denied):
        guard.admit(text)
    with guard.admit(agent.chain) as admission, pytest.raises(libagentid.Denied):
        admission.authorize(text, {"q": "x"}, proof=text)
    assert guard.statistics().unrecorded == 0
    assert all(decision.id for decision in decisions)
    guard.close()
    count, entries = recorded(acme, path)
    assert count == 6
    assert {decision.id for decision in decisions} <= {entry["id"] for entry in entries}


def test_what_is_no_text_is_denied(world):
    _, agent, guard, _ = world
    for chain, proof, tool, reason in [
        (None, "", "search", "chain_empty"),
        (agent.chain, None, "search", "pop_missing"),
        (agent.chain, "", 7, "tool_not_authorized"),
        ([agent.chain], "", "search", "token_malformed"),
    ]:
        assert guard.check(tool, {"q": "x"}, chain=chain, proof=proof).reason == reason
    assert guard.check("search", {"q": "x"}, chain=agent.chain.encode(), proof=b"").reason == "pop_missing"


def test_what_no_client_can_send_is_the_programs_own_fault(world):
    _, agent, _, _ = world
    circle: dict = {}
    circle["q"] = circle
    with pytest.raises(ValueError, match="ircular"):
        agent.check("search", circle)
    with pytest.raises(TypeError):
        agent.check("search", {"q": object()})


def test_a_flood_of_strangers_is_counted_and_fills_nothing(world):
    acme, _, guard, path = world
    size = lambda: sum(f.stat().st_blocks * 512 for f in (path / "audit" / "tile").rglob("*") if f.is_file())  # noqa: E731
    acme.integrate()
    before, n = size(), 20_000
    for i in range(n):
        guard.check("pay" if i % 2 else "p" * 60_000, {"x": i}, chain="", proof="")
    guard.close()
    count, entries = recorded(acme, path)
    assert count == n and len(entries) < 40
    assert size() - before < 100_000


def test_a_reason_of_any_length_harms_nothing(world):
    acme, agent, guard, path = world
    for length in (1025, 66_000, 1_000_000):
        with pytest.raises(libagentid.Error, match="1024|1 MiB"):
            acme.deprovision(agent.id, "x" * length)
        with pytest.raises(libagentid.Error, match="1024|1 MiB"):
            acme.suspend(agent.id, "x" * length)
    assert agent.check("search", {"q": "x"})
    acme.suspend(agent.id, "\x01" * 1024)
    acme.integrate()
    assert libagentid.Audit.open(path).verify().sound


def test_a_value_that_is_not_json_is_named():
    with pytest.raises(TypeError, match="the argument 'body' is bytes"):
        arguments({"path": "/a", "body": b"x"})
    with pytest.raises(TypeError, match="the argument 'when' is dict, or has in it"):
        arguments({"when": {"at": {1, 2}}})
    circle = {}
    circle["self"] = circle
    with pytest.raises(ValueError, match="contains itself"):
        arguments(circle)


@pytest.mark.parametrize("number", [10**4299, 10**4999, -(10**4999)], ids=["written", "too long", "negative"])
@pytest.mark.parametrize("within", [lambda n: n, lambda n: [{"deep": (n,)}]], ids=["value", "nested"])
def test_an_integer_that_no_text_of_python_holds_is_denied_for_its_size_and_at_its_place(tmp_path, number, within):
    with open_authority(tmp_path / "acme") as acme, start(acme) as agent:
        said = agent.check("read_file", {"path": "/data/x", "n": within(number)}).explain()
    assert "arguments_malformed" in said and "no double-precision number is this large" in said and "at byte " in said
