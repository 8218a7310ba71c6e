"""The library through its Python package: one life, its denials, its errors."""

import json
import os
import subprocess
import sys
import threading
from ctypes import byref, c_void_p
from functools import partial

import libagentid
import libagentid._abi as _abi
import pytest

INSIDE = {"path": "/data/q3/public/a.csv"}
OUTSIDE = {"path": "/data/q3/secret.csv"}


@pytest.fixture(params=["memory", "directory"])
def acme(request, tmp_path):
    directory = None if request.param == "memory" else tmp_path / "acme"
    with libagentid.Authority.open(directory, trust_domain="acme.example") as authority:
        authority.directory = directory
        authority.put_profile(
            "researcher", owner="team:research@acme.example", ceiling="read_file(path under '/data'); search(query: *)"
        )
        yield authority


def start(acme, scope="read_file(path under '/data/q3')", **options):
    return acme.agent("researcher", principal="user:alice@acme.example", task="Q3 review", scope=scope, **options)


def test_sub_agent_is_held_to_its_narrower_scope(acme):
    with start(acme) as agent, agent.spawn("reader", scope="read_file(path under '/data/q3/public')") as reader:
        assert reader.authorize("read_file", INSIDE).permitted
        with pytest.raises(libagentid.Denied) as denied:
            reader.authorize("read_file", OUTSIDE)
        assert denied.value.reason == "argument_constraint_violated"
        assert (denied.value.link, denied.value.argument) == (1, "path")
        assert "/data/q3/public" in str(denied.value) and "secret" not in str(denied.value)
        assert "user:alice@acme.example" in denied.value.decision.explain()


def test_guard_elsewhere_needs_chain_and_fresh_proof(acme):
    guard = libagentid.Guard.open(audience="files")
    guard.add_bundle("acme.example", acme.bundle())
    with start(acme) as agent, start(acme) as thief:
        proof = agent.prove("read_file", INSIDE, audience="files")
        assert guard.authorize("read_file", INSIDE, chain=agent.chain, proof=proof)
        assert guard.check("read_file", INSIDE, chain=agent.chain, proof=proof).reason == "replayed"
        stolen = thief.prove("read_file", INSIDE, audience="files")
        assert guard.check("read_file", INSIDE, chain=agent.chain, proof=stolen).reason == "pop_signature_invalid"
        assert guard.check("read_file", INSIDE, chain=agent.chain, proof="").reason == "pop_missing"
        assert guard.statistics().permitted == 1


def test_a_guard_has_a_name_or_says_that_it_needs_none(acme, tmp_path):
    with libagentid.Authority.open(tmp_path / "acme", trust_domain="acme.example"):
        for opening in (libagentid.Guard.open, acme.guard, lambda: libagentid.Guard.open_directory(tmp_path / "acme")):
            with pytest.raises(libagentid.Error) as refused:
                opening()
            assert refused.value.name == "audience_missing" and refused.value.where == "options.audience"
    with start(acme) as agent, acme.guard(any_audience=True) as guard:
        assert guard.authorize("read_file", INSIDE, chain=agent.chain, proof=agent.prove("read_file", INSIDE))


def test_guard_keeps_no_more_chains_than_it_was_told(acme):
    guard = acme.guard(audience="files", cache_entries=2)
    with start(acme) as agent, start(acme) as other:
        for _ in range(5):
            guard.admit(agent.delegate(other.public_key, same_scope=True)).close()
        assert 1 <= guard.statistics().cached_chains <= 2


def test_guard_takes_no_larger_chains_than_it_was_told(acme, tmp_path):
    with start(acme, max_depth=2) as agent, agent.spawn("a", same_scope=True) as child:

        def reason(**limits):
            with acme.guard(audience="files", **limits) as guard:
                proof = child.prove("read_file", INSIDE, audience="files")
                return guard.check("read_file", INSIDE, chain=child.chain, proof=proof).reason

        assert reason() is None
        assert reason(max_depth=2, max_token_size=65_536, max_chain_size=len(child.chain), cache_bytes=1 << 32) is None
        assert reason(max_depth=1) == "delegation_ceiling_invalid"
        assert reason(max_token_size=100) == "token_too_large"
        assert reason(max_chain_size=len(child.chain) - 1) == "chain_too_long"
        with acme.guard(audience="files", cache_bytes=1) as guard:
            guard.admit(child.chain).close()
            assert guard.statistics().cached_chains == 0


def test_guard_names_the_limit_that_is_out_of_range(acme, tmp_path):
    kept = tmp_path / "kept"
    libagentid.Authority.open(kept, trust_domain="acme.example").close()
    for make in (acme.guard, libagentid.Guard.open, partial(libagentid.Guard.open_directory, kept)):
        for name, beyond in {"cache_bytes": 2**33, "max_depth": 65, "max_token_size": 65_537, "max_chain_size": 262_145}.items():
            with pytest.raises(libagentid.Error) as refused:
                make(audience="files", **{name: beyond})
            assert refused.value.where == f"options.{name}"
            with pytest.raises(ValueError, match=name):
                make(audience="files", **{name: 0})


def test_delegation_to_a_foreign_key(acme):
    key = json.loads(libagentid.generate_key())
    public = json.dumps({name: key[name] for name in ("kty", "crv", "x")})
    with start(acme) as agent:
        chain = agent.delegate(public, "read_file(path under '/data/q3/public')")
        with libagentid.Agent.open(json.dumps(key), chain) as child, acme.guard(audience="files") as guard:
            proof = child.prove("read_file", INSIDE, audience="files")
            assert guard.authorize("read_file", INSIDE, chain=chain, proof=proof)
        with pytest.raises(libagentid.Error, match="private"):
            agent.delegate(json.dumps(key), same_scope=True)


def test_revoking_the_parent_stops_its_children(acme):
    with start(acme) as agent, agent.spawn("a", same_scope=True) as child:
        assert child.authorize("read_file", INSIDE)
        acme.revoke(agent=agent.id)
        assert child.check("read_file", INSIDE).reason == "authority_revoked"


def test_revocation_shows_at_the_next_call_of_another_process(tmp_path):
    script = """
import sys, libagentid
guard = libagentid.Guard.open_directory(sys.argv[1], any_audience=True)
for line in sys.stdin:
    chain, proof = line.split()
    print(guard.check("read_file", {"path": "/data/q3/public/a.csv"}, chain=chain, proof=proof).reason or "permitted", flush=True)
"""
    with libagentid.Authority.open(tmp_path / "acme", trust_domain="acme.example") as acme:
        acme.put_profile("researcher", owner="team:research@acme.example", ceiling="read_file(path under '/data')")
        with (
            start(acme) as agent,
            subprocess.Popen(
                [sys.executable, "-c", script, str(tmp_path / "acme")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            ) as server,
        ):

            def ask():
                server.stdin.write(f"{agent.chain} {agent.prove('read_file', INSIDE)}\n")
                server.stdin.flush()
                return server.stdout.readline().strip()

            assert ask() == "permitted"
            acme.revoke(principal="user:alice@acme.example")
            assert ask() == "authority_revoked"
            server.stdin.close()


def test_nothing_is_permitted_after_a_revocation_returned(acme):
    with start(acme) as agent:
        revoked, late = threading.Event(), []

        def work():
            for _ in range(2000):
                was_revoked = revoked.is_set()
                if agent.check("read_file", INSIDE) and was_revoked:
                    late.append(1)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        acme.revoke(agent=agent.id)
        revoked.set()
        for thread in threads:
            thread.join()
        assert not late


def test_state_survives_and_is_private(tmp_path):
    path = tmp_path / "acme"
    with libagentid.Authority.open(path, trust_domain="acme.example", passphrase="correct horse") as acme:
        acme.put_profile("researcher", owner="team:research@acme.example", ceiling="search(query: *)")
    for folder, _, files in os.walk(path):
        assert os.stat(folder).st_mode & 0o077 == 0
        for name in files:
            assert os.stat(os.path.join(folder, name)).st_mode & 0o077 == 0
    with pytest.raises(libagentid.Error, match="passphrase"):
        libagentid.Authority.open(path)
    with pytest.raises(libagentid.Error, match="passphrase"):
        libagentid.Authority.open(path, passphrase="wrong")
    with libagentid.Authority.open(path, passphrase="correct horse") as again:
        assert again.profiles()[0].name == "researcher"
    with pytest.raises(libagentid.StateError):
        libagentid.Authority.open(path, trust_domain="other.example", passphrase="correct horse")


def test_errors_name_the_input_and_the_rule(acme):
    with pytest.raises(libagentid.ScopeError) as error:
        start(acme, "read_file(path under '/etc')")
    assert error.value.where == "options.scope" and "read_file.path" in str(error.value)
    with pytest.raises(libagentid.ScopeError, match="byte"):
        libagentid.Scope("read_file(path below '/x')")
    with pytest.raises(libagentid.NotFound):
        acme.agent("nobody", principal="user:a@b", task="t", scope="search")
    with start(acme) as agent:
        agent.close()
        with pytest.raises(libagentid.Error) as closed:
            agent.authorize("read_file", INSIDE)
        assert closed.value.where == "agent"


def test_scopes_intersect():
    data, q3 = libagentid.Scope("r(p under '/data')"), libagentid.Scope("r(p under '/data/q3')")
    assert str(data & q3) == 'r(p all(under "/data/q3"))'
    assert q3 <= data and not data <= q3
    assert q3.permits("r", {"p": "/data/q3/x"}) and not q3.permits("r", {"p": "/data/q3/../x"})


def test_handles_do_not_pile_up(acme):
    with start(acme) as agent:
        for _ in range(20_000):
            agent.authorize("read_file", INSIDE)


def test_child_of_fork_holds_nothing(acme):
    with start(acme) as agent:
        pid = os.fork()
        if pid == 0:
            try:
                agent.authorize("read_file", INSIDE)
            except libagentid.Error as error:
                os._exit(0 if error.name == "forked" else 1)
            os._exit(2)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        assert agent.authorize("read_file", INSIDE)


def test_every_error_of_a_child_of_fork_is_the_same_one(acme):
    """Another thread may have held any lock when it forked: a child makes no error, and asks no table for one."""
    lib = _abi.lib
    with start(acme) as agent:
        before = c_void_p()
        assert lib.agentid_agent_authorize(None, b"", 0, b"", 0, None, byref(before)) == 3
        pid = os.fork()
        if pid == 0:
            errors = [c_void_p() for _ in range(3)]
            for error in errors:
                if lib.agentid_selftest(byref(error)) != 4:
                    os._exit(1)
            if len({error.value for error in errors}) != 1 or not errors[0].value:
                os._exit(2)
            for error in (errors[0], before):
                told = (lib.agentid_error_code(error), lib.agentid_error_name(error), lib.agentid_error_link(error))
                if told != (4, b"forked", -1) or b"fork before" not in lib.agentid_error_message(error):
                    os._exit(3)
                lib.agentid_error_free(error)
                lib.agentid_error_free(error)
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        assert lib.agentid_error_name(before) == b"handle"
        lib.agentid_error_free(before)
        assert agent.authorize("read_file", INSIDE)


def test_selftest():
    libagentid.selftest()


def test_what_is_handed_on_is_named(acme):
    with start(acme) as agent, start(acme) as other:
        for given in ({}, {"scope": "search", "same_scope": True}):
            for hand_on in (lambda **g: agent.spawn("a", **g), lambda **g: agent.delegate(other.public_key, **g)):
                with pytest.raises(libagentid.Error) as refused:
                    hand_on(**given)
                assert refused.value.name == "scope_missing" and refused.value.where == "options.scope"
        with agent.spawn("a", same_scope=True) as child:
            assert child.authorize("read_file", INSIDE)


def test_absent_is_none_and_no_number(acme):
    task = {"principal": "user:alice@acme.example", "task": "t", "scope": "read_file(path under '/data/q3')"}
    for given in ({"lifetime": 0}, {"until": 0}, {"max_depth": -1}):
        with pytest.raises(ValueError, match=next(iter(given))):
            acme.agent("researcher", **task, **given)
    with acme.agent("researcher", **task, max_depth=0) as agent, pytest.raises(libagentid.StateError):
        agent.spawn("a", same_scope=True)
