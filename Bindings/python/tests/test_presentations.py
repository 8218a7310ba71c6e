"""Whom chains and proofs are for, nonces, and the object that carries both (AAT -02, 6c, 7d, 7h, 7.4)."""

import json

import libagentid
import pytest
from life import ALICE, open_authority, start

CALL = ("read_file", {"path": "/data/q3/a.csv"})


@pytest.fixture
def acme(tmp_path):
    with open_authority(tmp_path / "acme") as authority:
        yield authority


def test_a_presentation_is_one_object_and_good_once(acme):
    with start(acme) as agent, agent.spawn("reader", same_scope=True) as reader, acme.guard(audience="files") as guard:
        sent = reader.presentation(*CALL, audience="files")
        made = json.loads(sent)
        assert sorted(made) == ["aat_chain", "aat_pop"] and "~".join(made["aat_chain"]) == reader.chain
        assert guard.authorize(*CALL, presentation=sent)
        assert guard.check(*CALL, presentation=sent).reason == "replayed"
        for wrong in ["", "[]", "{}", sent[:-1], '{"aat_chain":["a~b"],"aat_pop":"p"}', "\ud800"]:
            assert guard.check(*CALL, presentation=wrong).reason == "presentation_malformed"
        with pytest.raises(libagentid.Denied):
            guard.authorize(*CALL, presentation="{}")


def test_a_guard_that_asks_for_a_nonce_takes_its_own_once(acme):
    with start(acme) as agent, acme.guard(audience="files", require_nonce=True) as guard:
        nonce = guard.nonce()
        assert guard.check(*CALL, presentation=agent.presentation(*CALL, audience="files")).reason == "nonce_required"
        forged = agent.presentation(*CALL, audience="files", nonce="A" * 43)
        assert guard.check(*CALL, presentation=forged).reason == "nonce_invalid"
        assert guard.authorize(*CALL, chain=agent.chain, proof=agent.prove(*CALL, audience="files", nonce=nonce))
        assert guard.check(*CALL, chain=agent.chain, proof=agent.prove(*CALL, audience="files", nonce=nonce)).reason == "replayed"
    with acme.guard(audience="files") as guard, pytest.raises(libagentid.StateError) as error:
        guard.nonce()
    assert error.value.name == "no_nonce"


def test_a_grant_for_some_guards_is_for_no_others(acme):
    with (
        start(acme, audiences=["files", "mail"]) as agent,
        acme.guard(audience="files", require_chain_aud=True) as files,
        acme.guard(audience="mail") as mail,
        acme.guard(audience="web") as web,
        agent.spawn("reader", same_scope=True, audiences=["files"]) as reader,
    ):
        for guard, name, whose, reason in [
            (files, "files", agent, None), (files, "files", reader, None), (mail, "mail", agent, None),
            (mail, "mail", reader, "chain_audience_mismatch"), (web, "web", agent, "chain_audience_mismatch"),
        ]:  # fmt: skip
            assert guard.check(*CALL, presentation=whose.presentation(*CALL, audience=name)).reason == reason
        with start(acme) as anybody:
            sent = anybody.presentation(*CALL, audience="files")
            assert files.check(*CALL, presentation=sent).reason == "chain_audience_missing"
        with pytest.raises(TypeError):
            agent.spawn("wrong", same_scope=True, audiences="files")


def test_what_cannot_be_granted_is_refused_by_the_name_that_oauth_has_for_it(acme):
    with pytest.raises(libagentid.ScopeError) as error:
        acme.agent("researcher", principal=ALICE, task="t", scope="read_file(path under '/etc')")
    assert error.value.name == "invalid_authorization_details" and error.value.where == "options.scope"


def test_a_call_says_once_whose_it_is(acme):
    with acme.guard(audience="files") as guard, start(acme) as agent:
        sent = agent.presentation(*CALL, audience="files")
        for given in (
            {},
            {"chain": agent.chain},
            {"proof": ""},
            {"presentation": sent, "agent": agent},
            {"chain": "", "proof": "", "agent": agent},
        ):
            for verb in (guard.authorize, guard.check):
                with pytest.raises(TypeError):
                    verb(*CALL, **given)
        assert guard.authorize(*CALL, presentation=sent)
        assert guard.check(*CALL, agent=agent)
        assert guard.check(*CALL, chain=None, proof=None).reason == "chain_empty"
