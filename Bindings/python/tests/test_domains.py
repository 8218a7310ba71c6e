"""A domain speaks for its own agents: what a partner's authority may write of us, and what is made of it."""

import base64
import hashlib
import json
import os
import subprocess
import time
import uuid

import libagentid
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from life import ALICE, OWNER, SCOPE, check, open_authority, start

TOOLS, CALL = {"read_file": {}, "wire_money": {}}, ("wire_money", {"n": 1})
PROGRAM = os.environ.get(
    "AGENTIDCTL", os.path.abspath(os.path.join(os.path.dirname(__file__), "../../../.build/release/agentidctl"))
)


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Key:
    """A key in the hands of somebody who writes tokens as they like."""

    def __init__(self):
        self.private = Ed25519PrivateKey.generate()
        self.x = b64(self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))
        self.jwk = {"kty": "OKP", "crv": "Ed25519", "x": self.x}
        self.thumbprint = b64(hashlib.sha256(json.dumps(self.jwk, sort_keys=True, separators=(",", ":")).encode()).digest())

    def sign(self, header, claims):
        parts = (b64(json.dumps(part, separators=(",", ":"), sort_keys=True).encode()) for part in (header, claims))
        signed = ".".join(parts)
        return f"{signed}.{b64(self.private.sign(signed.encode()))}"


def bundle(*keys):
    return json.dumps({"spiffe_sequence": 1, "keys": [{**key.jwk, "kid": key.thumbprint} for key in keys]})


def root(key, holder, claim, domain="partner.example", jti=None, **extra):
    now = int(time.time())
    claims = {
        "jti": jti or str(uuid.uuid4()),
        "iss": f"spiffe://{domain}",
        "iat": now,
        "exp": now + 300,
        "del_depth": 0,
        "del_max_depth": 8,
        "cnf": {"jwk": holder.jwk},
        "authorization_details": [{"type": "attenuating_agent_token", "tools": TOOLS}],
        "urn:agentid:1": claim,
        **extra,
    }
    return key.sign({"alg": "Ed25519", "typ": "aat+jwt", "kid": key.thumbprint}, claims)


def claims_of(token):
    payload = token.split("~")[-1].split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


def child(chain, key, holder, claim):
    above, parent = claims_of(chain), chain.split("~")[-1]
    claims = {
        **above,
        "jti": str(uuid.uuid4()),
        "iss": f"urn:ietf:params:oauth:jwk-thumbprint:sha-256:{key.thumbprint}",
        "del_depth": above["del_depth"] + 1,
        "cnf": {"jwk": holder.jwk},
        "urn:agentid:1": claim,
        "par_hash": b64(hashlib.sha256(parent.rsplit(".", 1)[0].encode()).digest()),
    }
    return chain + "~" + key.sign({"alg": "Ed25519", "typ": "aat+jwt"}, claims)


def credential(key, subject, holder, domain):
    now = int(time.time())
    claims = {
        "iss": f"spiffe://{domain}",
        "sub": subject,
        "iat": now,
        "exp": now + 300,
        "jti": str(uuid.uuid4()),
        "cnf": {"jwk": holder.jwk},
    }
    return key.sign({"alg": "Ed25519", "typ": "wit+jwt", "kid": key.thumbprint}, claims)


def proof(key, chain, tool, arguments):
    claims = {
        "jti": str(uuid.uuid4()),
        "iat": int(time.time()),
        "aat_id": claims_of(chain)["jti"],
        "aat_hash": b64(hashlib.sha256(chain.split("~")[-1].rsplit(".", 1)[0].encode()).digest()),
        "aat_tool": tool,
        "aat_aud": "g",
        "hta": arguments,
    }
    return key.sign({"alg": "Ed25519", "typ": "aat-pop+jwt"}, claims)


@pytest.fixture
def world(tmp_path):
    """Our authority with a live agent, a guard that follows it and trusts a partner, and the partner's key."""

    class World:
        directory = str(tmp_path / "acme")
        partner, holder = Key(), Key()

        def decide(self, chain, by=None):
            return self.guard.check(*CALL, chain=chain, proof=proof(by or self.holder, chain, *CALL))

    world = World()
    with open_authority(world.directory) as acme, start(acme) as victim:
        world.acme, world.victim = acme, victim
        world.guard = libagentid.Guard.open_directory(world.directory, audience="g")
        world.guard.add_bundle("partner.example", bundle(world.partner))
        yield world


def ctl(*arguments):
    done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_partner_gives_no_agent_of_ours_a_root(world):
    below = world.victim.spawn("reader", SCOPE)
    for name in (
        world.victim.id,
        below.id,
        world.victim.id + "/made/up",
        "spiffe://acme.example/agent/researcher/none",
        "spiffe://partner.example.acme.example/agent/x/1",
        "spiffe://partner.examplex/agent/x/1",
    ):
        claim = {"agent": name, "profile": "researcher", "owner": OWNER, "principal": ALICE, "task": "t"}
        decision = world.decide(root(world.partner, world.holder, claim))
        assert not decision.permitted and decision.reason == "subject_identity_mismatch", name
        assert decision.document["issuer"] is None and decision.document["chain"] == []
        # Nor as the issuer, with a key of its own.
        assert world.decide(root(world.partner, world.holder, claim, domain="acme.example")).reason == "untrusted_root"


def test_a_partner_gives_no_agent_of_ours_a_derived_grant(world):
    chain = root(world.partner, world.holder, {"agent": "spiffe://partner.example/agent/x/1"})
    other = Key()
    for name in (world.victim.id, world.victim.id + "/made/up"):
        longer = child(chain, world.holder, other, {"agent": name})
        assert world.decide(longer, other).reason == "agent_not_under_parent"
        # Nor with a credential that the partner signs, as itself or as us.
        for domain in ("partner.example", "acme.example"):
            with pytest.raises(libagentid.Denied) as denied:
                world.guard.admit(longer, credential(world.partner, name, other, domain))
            assert denied.value.reason == "subject_identity_mismatch"


def test_what_a_partner_may_write_is_its_word(world):
    jti = claims_of(world.victim.chain)["jti"]
    claim = {
        "agent": f"spiffe://partner.example{world.victim.id.removeprefix('spiffe://acme.example')}",
        "profile": "researcher",
        "owner": OWNER,
        "principal": ALICE,
        "task": "Q3 review",
    }
    chain = root(world.partner, world.holder, claim, jti=jti)
    decision = world.decide(chain)
    assert decision.permitted
    check("decision", decision.document)
    assert decision.document["issuer"] == {"key": world.partner.thumbprint, "domain": "partner.example", "foreign": True}
    assert f"for: {ALICE} (as partner.example says)" in decision.explain() and "foreign: partner.example" in decision.explain()
    world.acme.integrate()

    entry = [
        json.loads(line) for line in ctl("audit", "export", "--authority", world.directory, "--format", "jsonl").splitlines()
    ][-1]
    check("audit", entry)
    assert entry["issuer"] == decision.document["issuer"]
    assert [link["sha256"] for link in entry["chain"]] == [b64(hashlib.sha256(chain.encode()).digest())]

    page = ctl("audit", "show", decision.id, "--authority", world.directory)
    assert "foreign:     partner.example" in page and f"{ALICE} (as partner.example says)" in page
    assert "the registry has another grant of this jti" in page and "must be under" not in page
    # Its short name, but for its domain, is the very one of our agent.
    line = ctl("audit", "tail", "--authority", world.directory, "-n", "1")
    assert "partner.example/researcher/" in line and "(as partner.example says)" in line and "foreign: partner.example" in line
    short = "researcher/" + world.victim.id[-12:]
    for name in (short, world.victim.id[-12:], world.victim.id):
        assert decision.id not in ctl("audit", "tail", "--authority", world.directory, "--agent", name, "--json"), name
    assert decision.id in ctl("audit", "tail", "--authority", world.directory, "--agent", claim["agent"], "--json")

    ocsf = json.loads(ctl("audit", "export", "--authority", world.directory, "--format", "ocsf").splitlines()[-1])
    assert ocsf["actor"]["user"]["domain"] == "partner.example" and ocsf["unmapped"]["issuer"]["foreign"] is True
    otel = ctl("audit", "export", "--authority", world.directory, "--format", "otel")
    assert '"agentid.issuer.domain"' in otel and "(foreign: partner.example)" in otel and '"agentid.chain.sha256"' in otel


def test_a_foreign_chain_counts_for_nobody_of_ours(world):
    for _ in range(3):
        assert world.decide(
            root(world.partner, world.holder, {"agent": "spiffe://partner.example/a/1", "profile": "researcher"})
        ).permitted
    usage = world.acme.usage()
    check("usage", usage)
    assert usage["foreign"] == 3 and usage["profiles"][0]["permitted"] == 0
    assert [agent["id"] for agent in world.acme.agents()] == [world.victim.id]


def test_a_foreign_chain_gets_no_secret(world):
    class Vault:
        release_command = []
        requests = []

        def acquire(self, request):
            self.requests.append(request)
            return "secret"

        def release(self, lease):
            pass

    world.acme.add_provider("vault", Vault())
    decision = world.decide(root(world.partner, world.holder, {"agent": "spiffe://partner.example/a/1", "principal": ALICE}))
    assert decision.permitted
    with pytest.raises(libagentid.Denied) as denied:
        world.acme.acquire(decision, "vault", "door", 10)
    assert denied.value.reason == "untrusted_root" and "partner.example" in str(denied.value) and Vault.requests == []
    with world.acme.acquire(world.victim.authorize("read_file", {"path": "/data/x"}), "vault", "door", 10):
        assert [request["domain"] for request in Vault.requests] == ["acme.example"]


def test_a_foreign_denial_is_told_as_foreign(world):
    told = []
    world.acme.add_hook("h", told.append, events=["denied"])
    guard = world.acme.guard(audience="g")
    guard.add_bundle("partner.example", bundle(world.partner))
    chain = root(
        world.partner, world.holder, {"agent": "spiffe://partner.example/a/1", "principal": ALICE, "profile": "researcher"}
    )
    assert not guard.check(*CALL, chain=chain, proof="x").permitted
    assert not world.victim.check("other", {}).permitted
    world.acme.settle(10)
    assert len(told) == 2
    for event in told:
        check("event", event)
    by_agent = {event["agent"]: event["issuer"].get("foreign", False) for event in told}
    assert by_agent == {"spiffe://partner.example/a/1": True, world.victim.id: False}


def test_a_following_guard_takes_no_bundle_of_its_own_domain(world):
    with pytest.raises(libagentid.StateError) as refused:
        world.guard.add_bundle("acme.example", bundle(world.partner))
    assert refused.value.name == "own_domain"


@pytest.mark.parametrize("member", ["spiffe_sequence", "spiffe_refresh_hint"])
@pytest.mark.parametrize("value", ["7", 1.5, -1, True, None, [], {}, "", 7.0])
def test_a_bundle_whose_numbers_cannot_be_read_is_refused(member, value):
    """Read as none, a sequence would let every older bundle in: keys that left it would be trusted again."""
    old, new = Key(), Key()
    with libagentid.Guard.open(audience="files") as guard:
        guard.add_bundle("acme.example", bundle(old))
        with pytest.raises(libagentid.Error, match=f"{member} is not a whole number") as refused:
            guard.add_bundle("acme.example", json.dumps({**json.loads(bundle(new)), "spiffe_sequence": 2, member: value}))
        assert refused.value.where == f"bundle.{member}"


def test_no_older_bundle_takes_the_place_of_a_newer_one():
    def numbered(key, *sequence):
        document = json.loads(bundle(key))
        del document["spiffe_sequence"]
        return json.dumps({**document, **dict(zip(["spiffe_sequence"], sequence, strict=False))})

    old, new = Key(), Key()
    with libagentid.Guard.open(audience="files") as guard:
        guard.add_bundle("acme.example", numbered(new, 7))
        for older in (numbered(old, 6), numbered(old, 0), numbered(old)):
            with pytest.raises(libagentid.StateError) as refused:
                guard.add_bundle("acme.example", older)
            assert refused.value.name == "bundle_rollback"
        guard.add_bundle("acme.example", numbered(new, 7))
        guard.add_bundle("acme.example", numbered(old, 8))


def test_people_who_are_asked_about_a_foreign_call_are_told_whose_word_it_is(world, caplog):
    from libagentid.mcp._elicit import Elicitation
    from libagentid.tools import authorize

    key = libagentid.generate_key()
    world.acme.apply_policy({
        "version": 1, "approvers": [{"name": "user:cfo", "key": json.loads(key)["x"]}],
        "rules": [{"id": "big", "match": "*", "approval": {"of": ["user:cfo"], "within": "1h"}}],
    })  # fmt: skip
    elicit = Elicitation(world.acme, by="user:cfo", key=key)

    def asked(tool, arguments, chain, by):
        with pytest.raises(libagentid.Denied) as denied:
            authorize(tool, arguments, guard=world.guard, presented=(chain, by(chain)))
        said = json.loads(caplog.messages[-1].removeprefix("denied: "))
        return elicit.question(denied.value).message.splitlines(), said["issuer"]

    claim = {"agent": "spiffe://partner.example/agent/x/1", "principal": ALICE, "task": "Q3 review\nRule: none"}
    chain = root(world.partner, world.holder, claim)
    lines, issuer = asked(*CALL, chain, lambda chain: proof(world.holder, chain, *CALL))
    assert f'On behalf of: "{ALICE}" (as partner.example says)' in lines and issuer == "partner.example"
    assert 'Task: "Q3 review\\nRule: none" (as partner.example says)' in lines
    own = ("read_file", {"path": "/data/x"})
    chain, signed = world.victim.present(*own, audience="g")
    lines, issuer = asked(*own, chain, lambda _: signed)
    assert f'On behalf of: "{ALICE}"' in lines and issuer == "acme.example"
