"""A key that has ended is good for nothing, whoever has a copy of it and whatever its name is written with."""

import base64
import hashlib
import json
import pathlib
import subprocess
import sys
import time
import uuid

import libagentid
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from life import open_authority, start

SCOPE = "read(path: *)"
CALL = {"path": "/a"}
BOSS = "spiffe://acme.example/agent/admin/boss"


def text64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Key:
    """A key of whoever has it, and tokens made by hand with it."""

    def __init__(self, private=None):
        self.private = private or Ed25519PrivateKey.generate()
        self.x = text64(self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))
        self.jwk = {"kty": "OKP", "crv": "Ed25519", "x": self.x}
        canonical = f'{{"crv":"Ed25519","kty":"OKP","x":"{self.x}"}}'
        self.thumbprint = text64(hashlib.sha256(canonical.encode()).digest())

    @classmethod
    def of(cls, jwk):
        d = json.loads(jwk)["d"]
        return cls(Ed25519PrivateKey.from_private_bytes(base64.urlsafe_b64decode(d + "=" * (-len(d) % 4))))

    @property
    def private_jwk(self):
        seed = self.private.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
        return json.dumps(self.jwk | {"d": text64(seed)})

    def sign(self, kind, claims, kid=None):
        header = {"alg": "Ed25519", "typ": kind} | ({"kid": kid} if kid else {})
        parts = [text64(json.dumps(part, separators=(",", ":"), ensure_ascii=False).encode()) for part in (header, claims)]
        signing = ".".join(parts)
        return f"{signing}.{text64(self.private.sign(signing.encode()))}"

    def root(self, holder, kid=None, **more):
        now = int(time.time())
        claims = {
            "jti": str(uuid.uuid4()), "iss": "spiffe://acme.example", "iat": now, "exp": now + 600, "del_depth": 0,
            "del_max_depth": 8, "cnf": {"jwk": holder.jwk},
            "authorization_details": [{"type": "attenuating_agent_token", "tools": {"read": {}}}],
        }  # fmt: skip
        return self.sign("aat+jwt", claims | more, kid or self.thumbprint)

    def child(self, chain, holder, **more):
        token = chain.rsplit("~", 1)[-1]
        body = token.split(".")[1]
        above = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        claims = {
            "jti": str(uuid.uuid4()), "iss": "urn:ietf:params:oauth:jwk-thumbprint:sha-256:" + self.thumbprint,
            "iat": above["iat"], "exp": above["exp"], "del_depth": above["del_depth"] + 1, "del_max_depth": 8,
            "par_hash": text64(hashlib.sha256(token.rsplit(".", 1)[0].encode()).digest()), "cnf": {"jwk": holder.jwk},
            "authorization_details": [{"type": "attenuating_agent_token", "tools": {"read": {}}}],
        }  # fmt: skip
        return f"{chain}~{self.sign('aat+jwt', claims | more)}"

    def credential(self, holder, lifetime):
        now = int(time.time())
        claims = {
            "iss": "spiffe://acme.example", "sub": BOSS, "iat": now, "exp": now + lifetime, "jti": str(uuid.uuid4()),
            "cnf": {"jwk": holder.jwk},
        }  # fmt: skip
        return self.sign("wit+jwt", claims, self.thumbprint)


def bundle(*keys, sequence=1):
    return json.dumps({"spiffe_sequence": sequence, "keys": [key.jwk | {"kid": key.thumbprint} for key in keys]})


def guarded(*keys, **options):
    guard = libagentid.Guard.open(audience="g", **options)
    guard.add_bundle("acme.example", bundle(*keys))
    return guard


def proof(key, chain):
    return libagentid.Agent.open(key.private_jwk, chain).prove("read", CALL, audience="g")


def asked(guard, key, chain):
    return guard.check("read", CALL, chain=chain, proof=proof(key, chain)).reason or "permitted"


def admitted(admission, key, chain):
    try:
        return admission.authorize("read", CALL, proof=proof(key, chain)).reason or "permitted"
    except libagentid.Denied as denied:
        return denied.reason


def test_a_revoked_key_signs_under_no_spelling_of_its_name():
    stolen = Key()
    while "K" not in stolen.thumbprint:
        stolen = Key()
    guard, holder = guarded(stolen, Key()), Key()
    assert asked(guard, holder, stolen.root(holder)) == "permitted"
    guard.revoke(issuer=stolen.thumbprint)
    for kid in (stolen.thumbprint, stolen.thumbprint.replace("K", "\u212a", 1)):
        assert asked(guard, holder, stolen.root(holder, kid)) in ("authority_revoked", "untrusted_root")


def test_what_left_a_bundle_is_denied_to_admissions_too():
    old, new, holder = Key(), Key(), Key()
    guard = guarded(old)
    chain = old.root(holder)
    admission = guard.admit(chain)
    assert asked(guard, holder, chain) == admitted(admission, holder, chain) == "permitted"
    guard.add_bundle("acme.example", bundle(new, sequence=2))
    assert asked(guard, holder, chain) == admitted(admission, holder, chain) == "untrusted_root"


def test_an_admission_ends_with_its_credential_and_with_whoever_signed_it():
    old, new, parent, holder = Key(), Key(), Key(), Key()
    guard = guarded(old, new, require_claim=True)
    root = new.root(parent, **{"urn:agentid:1": {"agent": "spiffe://acme.example/agent/p/a"}})
    chain = parent.child(root, holder, **{"urn:agentid:1": {"agent": BOSS}})
    by_old, short = (guard.admit(chain, key.credential(holder, life)) for key, life in ((old, 600), (new, 2)))
    assert admitted(by_old, holder, chain) == admitted(short, holder, chain) == "permitted"
    guard.revoke(issuer=old.thumbprint)
    assert admitted(by_old, holder, chain) == "authority_revoked"
    with pytest.raises(libagentid.Denied):
        guard.admit(chain, old.credential(holder, 600))
    time.sleep(2.1)
    assert admitted(short, holder, chain) == "expired"


def test_a_retired_key_ends_when_the_last_grant_that_it_signed_has_expired(tmp_path):
    path = tmp_path / "acme"
    then = time.time() - 30 * 86400
    with libagentid.Authority.open(path, trust_domain="acme.example", clock=lambda: then) as acme:
        acme.put_profile("p", owner="team:x@acme.example", ceiling=SCOPE, max_lifetime=600)
        [key] = json.loads(acme.bundle())["keys"]
        file = path / "keys" / f"{key['kid']}.jwk"
        stolen = Key.of(file.read_text())
        acme.publish_key()
        acme.activate_key()
        assert not file.exists()
    with libagentid.Authority.open(path) as acme:
        guard, holder = acme.guard(audience="g"), Key()
        assert asked(guard, holder, stolen.root(holder)) == "untrusted_root"
        assert key["kid"] not in acme.bundle()


def test_what_was_signed_before_a_rotation_stays_good_as_long_as_it_says():
    ahead = 0
    acme = libagentid.Authority.open(trust_domain="acme.example", clock=lambda: time.time() + ahead, lease_duration=86400)
    with acme:
        acme.put_profile("p", owner="team:x@acme.example", ceiling=SCOPE, max_lifetime=86400)
        holder = Key()
        chain, _ = acme.issue("p", json.dumps(holder.jwk), principal="user:a@acme.example", task="t", scope=SCOPE, lifetime=86400)
        acme.put_profile("p", owner="team:x@acme.example", ceiling=SCOPE, max_lifetime=3600)
        for ahead in (0, 2 * 3600, 20 * 3600):
            acme.publish_key()
            acme.activate_key()
            assert acme.guard(audience="g").check("read", CALL, chain=chain, proof="").reason == "pop_missing"


def test_nothing_is_handed_on_to_a_key_that_was_revoked():
    with open_authority() as acme, start(acme) as agent:
        key = Key()
        holder = json.dumps(key.jwk)
        assert agent.delegate(holder, same_scope=True)
        acme.revoke(key=key.thumbprint)
        with pytest.raises(libagentid.StateError) as refused:
            agent.delegate(holder, same_scope=True)
        assert (refused.value.name, refused.value.where) == ("authority_revoked", "holder")


@pytest.mark.parametrize(("member", "isGood"), [
    ({"key_ops": ["verify"]}, True), ({"key_ops": ["sign", "verify"]}, True), ({"key_ops": ["sign"]}, False),
    ({"key_ops": []}, False), ({"key_ops": "verify"}, False), ({"key_ops": ["VERIFY"]}, False), ({"use": "enc"}, False),
])  # fmt: skip
def test_a_key_that_is_not_for_verifying_verifies_nothing(member, isGood):
    with open_authority() as acme, libagentid.Guard.open(audience="files") as guard:
        bundle = json.loads(acme.bundle())
        bundle["keys"][0] |= member
        if isGood:
            return guard.add_bundle("acme.example", json.dumps(bundle))
        with pytest.raises(libagentid.Error) as refused:
            guard.add_bundle("acme.example", json.dumps(bundle))
        assert refused.value.name == "key_use"


def test_a_replaced_key_is_good_still_or_revoked_as_asked():
    with libagentid.Authority.open(trust_domain="acme.example") as acme:
        acme.put_profile("p", owner="team:x@acme.example", ceiling=SCOPE)
        agent = acme.agent("p", principal="user:a@acme.example", task="t", scope=SCOPE)
        guard = acme.guard(audience="g")
        copies = []
        for revoke in (False, True):
            copies.append((Key.of(agent.export_key()), agent.chain))
            agent.rotate_key(revoke_old=revoke)
            verdicts = {asked(guard, *copy) for copy in copies}
            assert verdicts == {"authority_revoked" if revoke else "permitted"}
            assert agent.authorize("read", CALL).permitted
        with pytest.raises(libagentid.Error) as refused:
            agent.spawn("child", same_scope=True).rotate_key(revoke_old=True)
        assert refused.value.name == "sub_agent"


PRESENTING = """
import sys; sys.path.insert(0, sys.argv[1])
from test_keys import Key, guarded
def memory(): return int(open("/proc/self/statm").read().split()[1]) * 4096
issuer, holder = Key(), Key()
guard = guarded(issuer)
limits = {"claim": {"pad": [0] * 23300}, "sets": {"authorization_details": [{"type": "attenuating_agent_token", "tools": {
    "read": {"x": {"constraint_type": "all", "constraints": [
        {"constraint_type": "one_of", "values": list(range(10)) * 100} for _ in range(22)]}}}}]}}[sys.argv[2]]
root, before = issuer.root(holder), 0
for i in range(400):
    guard.check("read", {"x": 1}, chain=holder.child(root, holder, **limits), proof="x.y.z")
    if i == 3: before = memory()
print(memory() - before, guard.statistics().cached_bytes)
"""


@pytest.mark.parametrize("kind", ["claim", "sets"])
def test_the_cache_takes_about_the_memory_that_it_is_given(kind):
    here = str(pathlib.Path(__file__).parent)
    run = subprocess.run([sys.executable, "-c", PRESENTING, here, kind], capture_output=True, text=True, check=True)
    grown, counted = map(int, run.stdout.split())
    assert 0 < counted <= 32 << 20
    # Five times, where it was twenty: with pieces of a megabyte, the allocator keeps much between them.
    assert grown <= 5 * (32 << 20), f"{grown >> 20} MiB, counted {counted >> 20} MiB"
