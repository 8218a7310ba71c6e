"""Numbers at their ends: no clock's value and no option ends the process, each in one of its own."""

import subprocess
import sys

import libagentid
import libagentid.scopes
import life
import pytest

PRELUDE = """
import libagentid, ctypes, tempfile, time
import libagentid._abi as abi
said = [int(time.time() * 1000)]
def tell(milliseconds, _):
    milliseconds[0] = said[0]
    return abi.CALLBACK_OK
clock = abi.Clock(now=abi.NOW(tell))
def guard(**options):
    options = abi.GuardOptions(audience=b"g", clock=ctypes.pointer(clock), **options)
    return libagentid.Guard.__new__(libagentid.Guard)._own(abi.lib.agentid_guard_open, ctypes.byref(options))
def authority():
    options = abi.AuthorityOptions(trust_domain=b"acme.example", clock=ctypes.pointer(clock))
    acme = libagentid.Authority.__new__(libagentid.Authority)._own(abi.lib.agentid_authority_open, b"", 0, ctypes.byref(options))
    acme.put_profile("p", owner="team:x@acme.example", ceiling="read")
    return acme
def start(acme):
    return acme.agent("p", principal="user:a@acme.example", task="t", scope="read")
def name(call):
    try:
        return call().reason
    except libagentid.Error as error:
        return error.name
"""
ENDS = [2**63 - 1, -(2**63), -1, 0, 2**62, 2**53, 253_402_300_800_000]


def run(program):
    done = subprocess.run([sys.executable, "-c", PRELUDE + program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, (done.returncode, done.stderr[-500:])
    return done.stdout.split()


@pytest.mark.parametrize("end", ENDS)
def test_a_clock_at_any_end_denies_and_is_named(end):
    reasons = run(f"""
g = guard(); said[0] = {end}; print(g.check("t", {{}}, chain="a.b.c", proof="x").reason)
g = guard(max_view_age=1); print(g.check("t", {{}}, chain="a.b.c", proof="x").reason)
""")
    assert set(reasons) <= {"clock_invalid", "clock_failed"} and len(reasons) == 2


@pytest.mark.parametrize("end", ENDS)
def test_an_authority_under_such_a_clock_grants_nothing_and_still_ends_its_agents(end):
    said = run(f"""
acme = authority(); agent, other = start(acme), start(acme); said[0] = {end}
print(name(lambda: agent.check("read", {{}})), name(lambda: start(acme)), name(lambda: agent.spawn("x", same_scope=True)))
print(name(lambda: agent.rotate_key()), name(lambda: acme.reap()), len(acme.agents(state="deprovisioned")))
acme.deprovision(agent); acme.revoke(agent=other.id); said[0] = int(time.time() * 1000)
print(len(acme.agents(state="deprovisioned")), name(lambda: other.check("read", {{}})))
""")
    assert set(said[:5]) <= {"clock_invalid", "clock_failed"}
    assert said[5:] == ["0", "1", "authority_revoked"], "reaping ended nobody; what ends does not ask the clock"


def test_a_clock_that_was_wrong_once_denies_nothing_afterwards():
    said = run("""
acme = authority(); agent = start(acme); right = said[0]
for wrong in (4_102_444_800_000, right + 600_000, right - 600_000):
    said[0] = wrong; agent.check("read", {}); said[0] = right; print(name(lambda: agent.check("read", {})) or "permitted")
said[0] = right - 600_000; print(name(lambda: agent.check("read", {})))
""")
    assert said == ["permitted"] * 3 + ["clock_went_back"]


BEYOND = [2**63, -(2**63) - 1, 2**64, 2**64 + 5, -(2**64) + 5, 10**30]
INSTEAD = [None, 1.5, "5", True, b"5"]


@pytest.fixture(scope="module")
def numbered(tmp_path_factory):
    """Every call that takes a number by itself, not in a struct of options, by the number's name."""
    directory = tmp_path_factory.mktemp("numbers") / "acme"
    with life.open_authority(directory) as acme, life.start(acme) as agent:
        acme.add_provider("store", life.Store())
        acme.integrate()
        guard = acme.guard(audience="numbers")
        decided = agent.check(*life.CALL)
        with libagentid.Audit.open(directory) as audit, agent.call(*life.CALL) as made, guard:
            yield {
                "lifetime": lambda n: acme.revocation_list(lifetime=n),
                "seconds": lambda n: agent.park(n),
                "within": lambda n: agent.call(*life.CALL, within=n).abort(),
                "within of a permit": lambda n: agent.call_permitted(agent.check(*life.CALL), within=n).abort(),
                "within of a guard": lambda n: guard.call(*life.CALL, agent=agent, within=n).abort(),
                "within of more": lambda n: made.extend("usd", within=n),
                "review_by": lambda n: acme.certify_profile("researcher", n),
                "ended_before": lambda n: acme.prune(ended_before=n),
                "ttl": lambda n: acme.acquire(decided, "store", "r", n),
                "delivery": lambda n: acme.retry_delivery(n),
                "offset": lambda n: acme.limits(offset=n),
                "limit": lambda n: acme.budgets(limit=n),
                "an index": lambda n: next(iter(audit.entries(n))),
                "an index to prove": lambda n: audit.prove(n),
                "an index to compare": lambda n: audit.consistency(n),
            }


@pytest.mark.parametrize("beyond", BEYOND)
def test_a_number_beyond_64_bits_is_refused_by_its_name_and_never_cut(numbered, beyond):
    for name, call in numbered.items():
        if name.startswith("an index") and 0 <= beyond < 2**64:
            continue  # those have no sign
        with pytest.raises(OverflowError, match=name.split(" of ")[0].split(" to ")[0]):
            call(beyond)
            pytest.fail(f"{name}: {beyond} was taken")


@pytest.mark.parametrize("instead", INSTEAD)
def test_what_is_no_whole_number_is_a_type_error_that_names_it(numbered, instead):
    for name, call in numbered.items():
        may_be_left_out = name.startswith(("lifetime", "within", "review_by")) or name == "an index"
        if instead is None and may_be_left_out:
            continue
        with pytest.raises((TypeError, ValueError), match=name.split(" of ")[0].split(" to ")[0]):
            call(instead)
            pytest.fail(f"{name}: {instead!r} was taken")


@pytest.mark.parametrize("instead", ["false", "", "0", 0, 1, None, [], 0.5])
def test_what_is_neither_true_nor_false_is_refused_by_its_name(instead, tmp_path):
    """The text "false" counts as true in Python, and None as false."""
    with life.open_authority() as acme, life.start(acme) as agent:
        flags = {
            "any_audience": lambda: acme.guard(any_audience=instead),
            "require_claim": lambda: acme.guard(audience="g", require_claim=instead),
            "require_nonce": lambda: libagentid.Guard.open(audience="g", require_nonce=instead),
            "require_chain_aud": lambda: libagentid.Guard.open(audience="g", require_chain_aud=instead),
            "own_replay_memory": lambda: acme.guard(audience="g", own_replay_memory=instead),
            "must_exist": lambda: life.open_authority(tmp_path / "acme", must_exist=instead),
            "audit_strict": lambda: life.open_authority(audit_strict=instead),
            "audit_strict of a guard": lambda: libagentid.Guard.open_directory(tmp_path, audience="g", audit_strict=instead),
            "same_scope": lambda: agent.spawn("child", same_scope=instead),
            "isolated": lambda: life.start(acme, isolated=instead),
            "credential": lambda: acme.issue(
                "researcher", agent.public_key, principal=life.ALICE, task="t", scope=life.SCOPE, credential=instead
            ),
            "revoke_old": lambda: agent.rotate_key(revoke_old=instead),
            "dead": lambda: acme.deliveries(dead=instead),
            "keep_after_expiry": lambda: acme.guard(audience="g").load_revocations("", keep_after_expiry=instead),
            "others": lambda: libagentid.scopes.members(others=instead),
        }
        for name, call in flags.items():
            with pytest.raises(TypeError, match=name.split()[0]):
                call()
                pytest.fail(f"{name}: {instead!r} was taken")
