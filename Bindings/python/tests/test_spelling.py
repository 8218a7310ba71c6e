"""Two spellings of one name that Unicode calls equivalent are two names, all the way through the C interface."""

import contextlib
import json

import libagentid
import pytest
from life import ALICE, CALL, OWNER, open_authority, start

PAIRS = [
    ("K", "\N{KELVIN SIGN}"),
    ("\N{LATIN SMALL LETTER E WITH ACUTE}", "e\N{COMBINING ACUTE ACCENT}"),
    ("\N{LATIN CAPITAL LETTER A WITH RING ABOVE}", "\N{ANGSTROM SIGN}"),
]
PAIRS += [(other, one) for one, other in PAIRS]
spelled = pytest.mark.parametrize(("one", "other"), PAIRS, ids=lambda name: "-".join(f"{ord(c):x}" for c in name))


class Vault:
    release_command: list[str] = []

    def __init__(self, name):
        self.name = name

    def acquire(self, request):
        return f"{self.name} opens {request['resource']}"

    def release(self, lease):
        pass


@pytest.fixture
def acme(tmp_path):
    with open_authority(tmp_path / "acme") as acme:
        yield acme


@spelled
def test_tool_and_argument_are_their_bytes(one, other):
    scope = libagentid.Scope(json.dumps({one: {one: {"constraint_type": "wildcard"}}}))
    assert scope.permits(one, {one: 1})
    assert not scope.permits(other, {one: 1})
    assert not scope.permits(one, {other: 1})


@spelled
def test_providers_are_two(acme, one, other):
    agent = start(acme)
    decision = agent.authorize(*CALL)
    acme.add_provider(one, Vault("first"))
    with pytest.raises(libagentid.NotFound):
        acme.acquire(decision, other, "r", 10)
    acme.add_provider(other, Vault("second"))
    for name, provider in [(one, "first"), (other, "second")]:
        with acme.acquire(decision, name, other, 10) as lease:
            assert lease.secret == f"{provider} opens {other}"


@spelled
def test_audience_is_its_bytes(acme, one, other):
    agent = start(acme)
    guard = acme.guard(audience=f"files-{one}")
    for audience, permitted in [(f"files-{one}", True), (f"files-{other}", False)]:
        proof = agent.prove(*CALL, audience=audience)
        assert guard.check(*CALL, chain=agent.chain, proof=proof).permitted == permitted


def test_what_is_registered_answers_to_no_other_name(acme):
    def kelvin(name):
        return name.replace("K", "\N{KELVIN SIGN}")

    profile, owner, principal = "K-worker", OWNER + "K", ALICE + "K"
    acme.put_profile(profile, owner=owner, ceiling="read_file(path under '/data')")
    agent = start(acme, principal=principal, profile=profile)
    with pytest.raises(libagentid.Error):
        start(acme, principal=principal, profile=kelvin(profile))
    for act in (acme.suspend, acme.deprovision):
        with pytest.raises(libagentid.Error):
            act(kelvin(agent.id))
    for kind, value in [("profile", kelvin(profile)), ("principal", kelvin(principal)), ("agent", kelvin(agent.id))]:
        with contextlib.suppress(libagentid.Error):
            acme.revoke(**{kind: value})
    assert agent.authorize(*CALL).permitted
    acme.revoke(principal=principal)
    assert not agent.check(*CALL).permitted
