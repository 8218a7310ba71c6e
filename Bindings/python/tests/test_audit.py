"""The audit log from Python: what is in it, that others can verify it, and that damage is found where it is."""

import base64
import importlib.util
import json
import pathlib
import random
import shutil

import libagentid
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from life import ALICE, CALL, SCOPE, check, killed, open_authority, process, start

OUTSIDE = ("read_file", {"path": "/etc/passwd"})


def _independent():
    """A verifier that shares nothing with the library: the standard library alone."""
    path = pathlib.Path(__file__).resolve().parents[3] / "Tests/TransparencyLogTests/verify.py"
    spec = importlib.util.spec_from_file_location("verify", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


verifier = _independent()
unpacked = base64.b64decode


@pytest.fixture
def acme(tmp_path):
    with open_authority(tmp_path / "acme") as acme:
        yield acme


def call(agent, count, seed):
    """So many decisions, some of each kind; how many were permitted."""
    order = random.Random(seed)
    return sum(agent.check(*order.choice([CALL, CALL, OUTSIDE, ("other", {})])).permitted for _ in range(count))


def log(tmp_path, **how):
    return libagentid.Audit.open(tmp_path / "acme", **how)


def test_every_entry_of_a_whole_life_holds_to_its_schema(tmp_path, acme):
    agent = acme.agent("researcher", principal=ALICE, task="Q3 review", intent="sum up Q3", scope=SCOPE)
    child = agent.spawn("reader", same_scope=True)
    permit, denial = child.authorize(*CALL), child.check(*OUTSIDE)
    child.check(odd := 'no "tool"\n\u2028\u2029\x85\x0b\x1e', {f"argument {n}": n for n in range(80)})
    with acme.guard(audience="files") as guard:
        guard.check("read_file", {}, chain="no chain", proof="")
        child.rotate_key()
        proof = child.prove(*CALL, audience="files")
        presented = guard.authorize(*CALL, chain=child.chain, proof=proof)
        again = guard.check(*CALL, chain=child.chain, proof=proof)
        guard.report(presented, "failed: not found")
    acme.suspend(child, "odd calls")
    child.check(*CALL)
    acme.resume(child)
    acme.revoke(key="A" * 43)
    acme.deprovision(agent, "done")
    start(acme).end()
    acme.deprovision_principal(ALICE, "left")
    acme.integrate()
    with log(tmp_path) as audit:
        entries = list(audit.entries())
        assert len(entries) == audit.head().size
        for entry in entries:
            check("audit", entry)
        assert {entry["kind"] for entry in entries} == {"decision", "outcome", "event"}
        events = {entry["event"] for entry in entries if entry["kind"] == "event"}
        assert events >= {"created", "granted", "delegated", "rotated", "suspended", "resumed", "revoked", "deprovisioned"}
        of_calls = [entry for entry in entries if entry["kind"] == "decision"]
        assert len({entry["id"] for entry in of_calls}) == len(of_calls) == 7
        for decision in (permit, denial, presented, again):
            found = audit.find(decision.id)
            assert found["entry"]["decision"] == ("permit" if decision else "deny")
            assert found["entry"].get("reason") == decision.reason
            assert entries[found["index"]] == found["entry"]
            assert found["outcome"] == ("failed: not found" if decision is presented else None)
            assert found["entry"]["intent"] == "sum up Q3" and found["entry"]["principal"] == ALICE
        assert odd in {entry["tool"] for entry in of_calls}
        assert list(audit.entries(len(entries) - 2)) == entries[-2:] and list(audit.entries(len(entries))) == []
        assert audit.verify() == {"sound": True, "size": len(entries), "archived": 0, "pending": 0, "findings": []}
        for wrong in (
            lambda: audit.find("nothing"),
            lambda: audit.prove(len(entries)),
            lambda: list(audit.entries(len(entries) + 1)),
        ):
            with pytest.raises(libagentid.NotFound):
                wrong()


def test_proofs_and_checkpoint_convince_an_independent_verifier(tmp_path, acme):
    call(start(acme), 300, 1)
    acme.integrate()
    with log(tmp_path) as audit:
        head = audit.head()
        note = head["checkpoint"].encode()
        size, root = verifier.open_checkpoint(note, head["key"])
        assert (size, root) == (head["size"], unpacked(head["root"])) and size > 300
        # And the signature by a third one.
        text, _, signature = note.rpartition(b"\n\n")
        key = Ed25519PublicKey.from_public_bytes(unpacked(head["key"].split("+", 2)[2])[1:])
        key.verify(unpacked(signature.split()[2])[4:], text + b"\n")
        canonical = [
            json.dumps(entry, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() for entry in audit.entries()
        ]
        for index in (0, 1, 255, 256, size - 1):
            proof = audit.prove(index)
            leaf, path = unpacked(proof["leaf"]), [unpacked(hash) for hash in proof["path"]]
            assert leaf == verifier.leaf(canonical[index]) and proof["checkpoint"] == head["checkpoint"]
            assert verifier.inclusion(index, size, leaf, path, root)
            assert not verifier.inclusion(index, size, verifier.leaf(b"{}"), path, root)
        for start_, end in ((1, 0), (255, 0), (256, 300), (size, 0), (7, 7)):
            proof = audit.consistency(start_, end)
            assert (proof["from"], proof["to"]) == (start_, end or size)
            old, new = unpacked(proof["old_root"]), unpacked(proof["new_root"])
            assert old == verifier.mth([verifier.leaf(line) for line in canonical[:start_]])
            assert verifier.consistency(proof["from"], proof["to"], old, new, [unpacked(hash) for hash in proof["path"]])
            assert end or new == root
    with pytest.raises(libagentid.Error):
        log(tmp_path, key=head["key"][:-8] + "AAAAAAA=")
    log(tmp_path, key=head["key"]).close()


def test_damage_is_found_where_it_is(tmp_path):
    with open_authority(tmp_path / "acme") as acme:
        call(start(acme), 290, 2)
    kept = tmp_path / "kept"
    shutil.copytree(tmp_path / "acme/audit", kept)
    with log(tmp_path) as audit:
        size = audit.head().size
    first = pathlib.Path("tile/entries/000")
    last = pathlib.Path(f"tile/entries/001.p/{size - 256}")

    def places(path, damage):
        shutil.rmtree(tmp_path / "acme/audit")
        shutil.copytree(kept, tmp_path / "acme/audit")
        file = tmp_path / "acme/audit" / path
        file.write_bytes(damage(file.read_bytes()))
        told = []
        with log(tmp_path) as audit:
            report = audit.verify(told.append)
            assert told and told == sorted(told) and told[-1] == size == report["size"]
            assert not report["sound"] and all(finding["message"] for finding in report["findings"])
            return [finding["place"] for finding in report["findings"]]

    def lines(bundle):
        found = []
        while bundle:
            length = 2 + int.from_bytes(bundle[:2], "big")
            found, bundle = [*found, bundle[:length]], bundle[length:]
        return found

    def flipped(bundle):
        at = sum(map(len, lines(bundle)[:100])) + 30
        return bundle[:at] + bytes([bundle[at] ^ 4]) + bundle[at + 1 :]

    assert places(first, flipped) == ["entry 100"]
    assert places(first, lambda bundle: b"".join(lines(bundle)[:77] + lines(bundle)[78:])) == ["entry 77"]
    assert places(last, lambda bundle: b"".join(lines(bundle)[:-3])) == [f"tail from entry {size - 3}"]
    assert places(last, lambda bundle: bundle[:-1])[0] == f"tail from entry {size - 1}"
    assert places("tile/0/000", lambda tile: tile[:-1] + bytes([tile[-1] ^ 1]))[0] == "tile/0/000"
    with log(tmp_path) as audit, pytest.raises(libagentid.Error):
        audit.prove(0)
    shutil.rmtree(tmp_path / "acme/audit")
    with pytest.raises(libagentid.NotFound):
        log(tmp_path)


# Files of at most 4 MiB: no room for a segment.
FULL_DISK = """
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4 << 20, 4 << 20))
"""


def test_strict_opens_nothing_that_it_could_not_write_down(tmp_path):
    open_authority(tmp_path / "acme").close()
    answer = killed(
        FULL_DISK
        + """
try:
    libagentid.Guard.open_directory(sys.argv[1], audience="files")
    print(json.dumps("opened"))
except libagentid.Error as error:
    print(json.dumps(error.name))
""",
        tmp_path / "acme",
    )
    assert answer == "audit_unavailable"


def test_relaxed_goes_on_and_counts_what_was_not_written_down(tmp_path):
    open_authority(tmp_path / "acme").close()
    permitted, unrecorded = killed(
        FULL_DISK
        + """
acme = libagentid.Authority.open(sys.argv[1], audit_strict=False)
agent = start(acme)
with acme.guard(audience="files", own_replay_memory=True) as guard:
    decision = guard.check(*CALL, chain=agent.chain, proof=agent.prove(*CALL, audience="files"))
    print(json.dumps([decision.permitted, guard.statistics().unrecorded]))
""",
        tmp_path / "acme",
    )
    assert permitted is True and unrecorded == 1


def test_without_a_log_nothing_is_written_and_nothing_can_be_read(tmp_path):
    with open_authority(tmp_path / "acme", audit="none") as acme:
        decision = start(acme).authorize(*CALL)
        assert decision.id is None
        for wrong in (acme.integrate, acme.usage):
            with pytest.raises(libagentid.Error):
                wrong()
    assert not (tmp_path / "acme/audit").exists()
    with pytest.raises(libagentid.NotFound):
        log(tmp_path)


GUARD = """
guard = libagentid.Guard.open_directory(sys.argv[1], audience="files", audit=sys.argv[2])
for line in sys.stdin:
    chain, proof = json.loads(line)
    print(json.dumps(guard.check(*CALL, chain=chain, proof=proof).id), flush=True)
"""


@pytest.mark.parametrize("sync", ["batch", "always"])
def test_what_a_guard_in_another_process_decided_is_in_the_log_after_integrate_even_if_it_is_killed(tmp_path, acme, sync):
    agent = start(acme)
    acme.integrate()
    with log(tmp_path) as audit:
        before = audit.head().size
    decided = []
    with process(GUARD, tmp_path / "acme", sync) as guard:
        for _ in range(20):
            guard.stdin.write(json.dumps([agent.chain, agent.prove(*CALL, audience="files")]) + "\n")
            guard.stdin.flush()
            decided.append(json.loads(guard.stdout.readline()))
        acme.integrate()
        with log(tmp_path) as audit:
            assert [entry["id"] for entry in audit.entries(before)] == decided
        guard.stdin.write(json.dumps([agent.chain, agent.prove(*CALL, audience="files")]) + "\n")
        guard.stdin.flush()
        decided.append(json.loads(guard.stdout.readline()))
    acme.integrate()
    with log(tmp_path) as audit:
        entries = list(audit.entries(before))
        assert [entry["id"] for entry in entries] == decided and all(entry["guard"] == "files" for entry in entries)
        assert audit.verify().sound


def test_authority_and_guard_write_before_they_answer_where_sync_is_always(tmp_path):
    with open_authority(tmp_path / "acme", audit="always") as acme:
        agent = start(acme)
        ids = [agent.authorize(*CALL).id for _ in range(10)]
        acme.integrate()
        with log(tmp_path) as audit:
            assert [entry["id"] for entry in audit.entries() if entry["kind"] == "decision"] == ids


def test_usage_says_what_was_granted_and_never_used(acme):
    acme.put_profile("clerk", owner="team:x", ceiling="read_file(path under '/data'); search(query: *); send_mail")
    q3 = acme.agent("clerk", principal=ALICE, task="t", scope="read_file(path under '/data/q3'); send_mail")
    q2 = acme.agent("clerk", principal=ALICE, task="t", scope="read_file(path under '/data/q2'); search(query: *)")
    q3.authorize("read_file", {"path": "/data/q3/a"})
    q2.authorize("read_file", {"path": "/data/q2/b"})
    q2.authorize("read_file", {"path": "/data/q2/b"})
    q2.check("read_file", {"path": "/data/q3/a"})
    report = acme.usage()
    check("usage", report)
    assert [profile["profile"] for profile in report["profiles"]] == ["clerk", "researcher"]
    (found,) = acme.usage("clerk")["profiles"]
    assert found == report["profiles"][0]
    assert (found["permitted"], found["denied"], found["denials"]) == (3, 1, {"argument_constraint_violated": 1})
    assert found["unused"] == ["search", "send_mail"]
    assert [(used["tool"], used["calls"], used["arguments"]) for used in found["used"]] == [("read_file", 3, ["path"])]
    proposal = libagentid.Scope(found["proposal_text"])
    assert proposal.json == found["proposal"]
    for path, permitted in (("/data/q2/b", True), ("/data/q3/a", True), ("/data/q1", False)):
        assert proposal.permits("read_file", {"path": path}) is permitted
    assert report["profiles"][1]["proposal"] is None
    acme.put_profile("clerk", owner="team:x", ceiling=found["proposal_text"])
    acme.agent("clerk", principal=ALICE, task="t", scope="read_file(path under '/data/q2')").authorize(
        "read_file", {"path": "/data/q2/b"}
    )
    with pytest.raises(libagentid.Error):
        acme.agent("clerk", principal=ALICE, task="t", scope="search(query: *)")
    with pytest.raises(libagentid.NotFound):
        acme.usage("nobody")


@pytest.mark.parametrize(
    "raised", [ValueError("full"), KeyboardInterrupt(), SystemExit(3)], ids=lambda error: type(error).__name__
)
def test_what_the_progress_of_verifying_raises_is_raised(tmp_path, acme, raised):
    with start(acme) as agent:
        call(agent, 20, "progress")
    acme.integrate()
    told = []

    def progress(entries):
        told.append(entries)
        raise raised

    with log(tmp_path) as audit:
        with pytest.raises(type(raised)) as caught:
            audit.verify(progress)
        assert caught.value is raised
        assert len(told) == 1, "not told again, and the rest was read"
        assert audit.verify().sound


def test_an_empty_key_is_no_key_that_a_log_was_checked_under(acme, tmp_path):
    acme.integrate()
    with pytest.raises(ValueError, match="key is empty"):
        libagentid.Audit.open(tmp_path / "acme", key="")
    assert libagentid.Audit.open(tmp_path / "acme", key=None).head().key
