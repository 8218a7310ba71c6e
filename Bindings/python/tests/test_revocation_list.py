"""Signed lists of what was revoked, at guards that cannot read the registry."""

import asyncio

import libagentid
import pytest
from libagentid import aio
from life import CALL, open_authority, start


@pytest.fixture
def acme(tmp_path):
    with open_authority(tmp_path / "acme") as acme:
        yield acme


@pytest.fixture
def guard(acme):
    with libagentid.Guard.open(audience="files") as guard:
        guard.add_bundle("acme.example", acme.bundle())
        yield guard


def reason(guard, agent):
    return guard.check(*CALL, chain=agent.chain, proof=agent.prove(*CALL, audience="files")).reason


def refused(guard, revocations):
    with pytest.raises(libagentid.Error) as error:
        guard.load_revocations(revocations)
    return error.value.name


def test_a_list_reaches_a_guard_without_the_directory(acme, guard):
    with start(acme) as agent, start(acme) as other:
        first = acme.revocation_list()
        guard.load_revocations(first)
        assert reason(guard, agent) is None
        acme.revoke(agent=agent)
        assert reason(guard, agent) is None, "nobody told it"
        second = acme.revocation_list(lifetime=600)
        guard.load_revocations(second)
        assert reason(guard, agent) == "authority_revoked" and reason(guard, other) is None
        assert refused(guard, first) == "revocations_rolled_back"
        assert refused(guard, second[:-9]) == refused(guard, "") == "revocations"
        assert refused(guard, "x" * (9 << 20)) == "input_too_long"
        with libagentid.Guard.open(audience="files") as stranger:
            assert refused(stranger, second) == "revocations"
        with acme.guard(audience="files") as home:
            assert refused(home, second) == "own_domain"
        for lifetime in (-1, 31 * 86400):
            with pytest.raises(libagentid.Error):
                acme.revocation_list(lifetime=lifetime)


def test_another_authoritys_list_is_about_its_own(acme, guard, tmp_path):
    with libagentid.Authority.open(tmp_path / "partner", trust_domain="partner.example") as partner, start(acme) as agent:
        guard.add_bundle("partner.example", partner.bundle())
        partner.revoke(agent=agent.id)
        partner.revoke(principal="user:alice@acme.example")
        guard.load_revocations(partner.revocation_list())
        assert reason(guard, agent) is None


def test_an_expired_list_denies_unless_told_otherwise(acme, tmp_path):
    import time

    with start(acme) as agent:
        for keep in (False, True):
            with libagentid.Guard.open(audience="files") as guard:
                guard.add_bundle("acme.example", acme.bundle())
                guard.load_revocations(acme.revocation_list(lifetime=1), keep_after_expiry=keep)
                time.sleep(1.1)
                assert reason(guard, agent) == (None if keep else "revocation_view_stale")
                if not keep:
                    guard.load_revocations(acme.revocation_list())
                    assert reason(guard, agent) is None


def test_on_a_loop(tmp_path):
    async def main():
        async with aio.Authority.open(tmp_path / "acme", trust_domain="acme.example") as acme:
            async with aio.Guard.open(audience="files") as guard:
                guard.add_bundle("acme.example", await acme.bundle())
                guard.load_revocations(await acme.revocation_list())

    asyncio.run(main())
