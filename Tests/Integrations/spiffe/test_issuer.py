"""X.509-SVIDs for agents: for those that act, no longer than their credential, by a key that is kept."""

import fcntl
import json
import os
import time

import libagentid
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID
from libagentid.spiffe import Bundle, Bundles, Issuer, Source, SVIDError, agent_key, holder_hash
from pki import openssl_verifies
from world import *
from world import SCOPE


def leaf(svid):
    return x509.load_der_x509_certificate(svid.certificates[0])


def value(certificate, kind):
    return certificate.extensions.get_extension_for_class(kind).value


def test_an_svid_says_who_the_agent_is_and_openssl_verifies_it(issuer, reader, trusted):
    svid = issuer.issue(reader)
    made = leaf(svid)
    assert [each.value for each in value(made, x509.SubjectAlternativeName)] == [reader.id]
    assert value(made, x509.BasicConstraints).ca is False
    assert set(value(made, x509.ExtendedKeyUsage)) == {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH}
    usage = made.extensions.get_extension_for_class(x509.KeyUsage)
    assert usage.critical and usage.value.digital_signature and not usage.value.key_cert_sign
    assert isinstance(made.public_key(), ed25519.Ed25519PublicKey) and svid.private_key.public_key() == made.public_key()
    assert str(trusted.verify(svid.certificates).spiffe_id) == reader.id
    for purpose in ("sslclient", "sslserver"):
        assert openssl_verifies(issuer.bundle().pem(), *svid.certificates, purpose=purpose)


def test_it_ends_no_later_than_the_credential_and_the_issuer(issuer, reader, domain, tmp_path):
    assert leaf(issuer.issue(reader)).not_valid_after_utc.timestamp() <= reader.expires
    assert issuer.issue(reader, lifetime=10).not_after <= time.time() + 10
    assert issuer.issue(reader, lifetime=1 << 30).not_after <= reader.expires
    with Issuer.open(domain, tmp_path / "short", trust_domain="acme.example", lifetime=20) as short:
        assert short.issue(reader).not_after <= time.time() + 20
    with Issuer.open(domain, tmp_path / "old", trust_domain="acme.example", lifetime=20, clock=lambda: time.time() - 60) as old:
        old._clock = time.time
        with pytest.raises(SVIDError, match="expired"):
            old.issue(reader)
        assert old.bundle().authorities == ()


ENDS = {
    "it has ended": lambda acme, agent: acme.deprovision(agent),
    "it ended itself": lambda acme, agent: agent.end("done"),
    "it is suspended": lambda acme, agent: acme.suspend(agent),
    "it is parked": lambda acme, agent: agent.park(60),
    "it is revoked": lambda acme, agent: acme.revoke(agent=agent),
    "its principal left": lambda acme, agent: acme.deprovision_principal("user:alice@acme.example"),
    "its profile is withdrawn": lambda acme, agent: acme.withdraw_profile("reader"),
}


@pytest.mark.parametrize("how", ENDS)
def test_there_is_none_for_an_agent_that_does_not_act(issuer, reader, source, domain, how):
    source.svid()
    ENDS[how](domain, reader)
    for ask in (lambda: issuer.issue(reader), source.svid):
        with pytest.raises(libagentid.Error):
            ask()


def test_one_that_is_resumed_gets_one_again(source, reader, domain):
    domain.suspend(reader)
    with pytest.raises(libagentid.Denied):
        source.svid()
    domain.resume(reader)
    assert source.svid()


def test_a_sub_agent_has_its_own_and_loses_it_with_its_parent(issuer, reader, domain, trusted):
    below = reader.spawn("helper", same_scope=True)
    svid = issuer.issue(below)
    assert str(trusted.verify(svid.certificates).spiffe_id) == below.id and svid.not_after <= below.expires
    domain.revoke(agent=reader)
    with pytest.raises(libagentid.Denied):
        issuer.issue(below)


def test_another_domains_agent_gets_none_here(issuer):
    with libagentid.Authority.open(trust_domain="other.example") as other:
        other.put_profile("reader", owner="x:y@other.example", ceiling=SCOPE)
        agent = other.agent("reader", principal="user:a@other.example", task="t", scope=SCOPE)
        with pytest.raises(libagentid.Denied, match="trust"):
            issuer.issue(agent)


def test_grants_for_guards_by_name_are_for_the_issuer_where_they_name_it(issuer, begin):
    with pytest.raises(libagentid.Denied):
        issuer.issue(begin(audiences=["files"]))
    assert issuer.issue(begin(audiences=["files", "spiffe://acme.example"]))


def test_it_is_rotated_at_half_of_its_life_and_after_the_agents_key(issuer, reader):
    now = time.time()
    source = Source(issuer, reader, lifetime=100, clock=lambda: now)
    first = source.svid()
    now += 45
    assert source.svid() is first
    now += 10
    second = source.svid()
    assert second is not first and second.private_key.public_key() != first.private_key.public_key()
    reader.rotate_key()
    assert source.svid() is not second


def test_one_of_a_clock_that_was_ahead_for_a_moment_is_replaced(issuer, reader):
    now = time.time()
    source = Source(issuer, reader, lifetime=100, clock=lambda: now)
    ahead = source.svid()
    now -= 3600  # the right time: it was issued an hour ahead
    assert source.svid() is not ahead


def test_it_names_the_key_that_the_agent_signs_with(issuer, reader):
    thumbprint = holder_hash(reader.public_key)
    assert agent_key(leaf(issuer.issue(reader))) == thumbprint
    reader.rotate_key()
    assert agent_key(leaf(issuer.issue(reader))) == holder_hash(reader.public_key) != thumbprint


def test_a_holder_may_keep_its_own_key(issuer, reader, trusted):
    key = ec.generate_private_key(ec.SECP256R1())
    svid = issuer.issue(reader, public_key=key.public_key())
    assert svid.private_key is None and trusted.verify(svid.certificates).leaf.public_key() == key.public_key()
    with pytest.raises(SVIDError, match="no_key"):
        svid.key_der()
    for weak in (rsa.generate_private_key(65537, 1024).public_key(), ec.generate_private_key(ec.SECP256K1()).public_key(), "x"):
        with pytest.raises(SVIDError, match="weak_key"):
            issuer.issue(reader, public_key=weak)


def test_the_key_is_the_owners_alone_and_is_found_again(domain, tmp_path, reader, issuer):
    path = tmp_path / "x509" / "x509.json"
    assert path.stat().st_mode & 0o777 == 0o600 and path.parent.stat().st_mode & 0o777 == 0o700
    with Issuer.open(domain, tmp_path / "x509", trust_domain="acme.example") as again:
        assert again.bundle() == issuer.bundle()
    with pytest.raises(SVIDError, match="foreign_domain"):
        Issuer.open(domain, tmp_path / "x509", trust_domain="other.example")
    path.chmod(0o640)
    with pytest.raises(PermissionError, match="chmod 600"):
        Issuer.open(domain, tmp_path / "x509", trust_domain="acme.example")


def test_a_passphrase_seals_the_key(domain, tmp_path):
    with Issuer.open(domain, tmp_path / "sealed", trust_domain="acme.example", passphrase="correct horse"):
        pass
    assert "BEGIN ENCRYPTED" in (tmp_path / "sealed" / "x509.json").read_text()
    with pytest.raises(ValueError, match="password"):
        Issuer.open(domain, tmp_path / "sealed", trust_domain="acme.example", passphrase="battery staple")
    with pytest.raises(SVIDError, match="is sealed: give its passphrase"):
        Issuer.open(domain, tmp_path / "sealed", trust_domain="acme.example")
    Issuer.open(domain, tmp_path / "open", trust_domain="acme.example").close()
    with pytest.raises(SVIDError, match="is not sealed: leave passphrase out"):
        Issuer.open(domain, tmp_path / "open", trust_domain="acme.example", passphrase="correct horse")


def test_the_key_is_not_the_authoritys(domain, issuer):
    signing = {key["x"] for key in json.loads(domain.bundle())["keys"]}
    assert not signing & {key["x"] for key in json.loads(issuer.bundle().json())["keys"]}


def test_a_key_that_is_kept_elsewhere_signs(domain, reader):
    for key in (ec.generate_private_key(ec.SECP384R1()), ed25519.Ed25519PrivateKey.generate()):
        made = Issuer.of_key(domain, key, trust_domain="acme.example")
        svid = made.issue(reader)
        assert Bundles([made.bundle()]).verify(svid.certificates)
        again = Issuer.of_key(domain, key, made.bundle().authorities[0], trust_domain="acme.example")
        assert again.bundle().authorities == made.bundle().authorities
        with pytest.raises(SVIDError, match="not_an_authority"):
            Issuer.of_key(domain, svid.private_key, svid.certificates[0], trust_domain="acme.example")


def test_authorities_rotate_without_a_gap_and_other_processes_follow(domain, issuer, reader, tmp_path):
    before, old = issuer.bundle(), issuer.issue(reader)
    with pytest.raises(SVIDError, match="publish"):
        issuer.activate_authority()
    issuer.publish_authority()
    with pytest.raises(SVIDError, match="activate"):
        issuer.publish_authority()
    both = issuer.bundle()
    assert len(both.authorities) == 2 and both.sequence > before.sequence
    assert Bundles([before]).verify(issuer.issue(reader).certificates)  # those who have not seen it yet
    with Issuer.open(domain, tmp_path / "x509", trust_domain="acme.example") as other:
        other.activate_authority()
    new = issuer.issue(reader)
    assert Bundles([issuer.bundle()]).verify(old.certificates) and Bundles([issuer.bundle()]).verify(new.certificates)
    with pytest.raises(SVIDError, match="not_trusted"):
        Bundles([before]).verify(new.certificates)
    assert issuer.bundle().sequence == before.sequence + 2


def test_a_rotation_is_not_lost_to_a_thread_that_read_the_file_before(domain, issuer, tmp_path):
    store = issuer._store
    read = store.read

    def overtaken():
        store.read = read
        found = read()
        issuer.activate_authority()  # another thread, before this one keeps what it has read
        return found

    with Issuer.open(domain, tmp_path / "x509", trust_domain="acme.example") as other:
        other.publish_authority()
    store.read = overtaken
    assert issuer.bundle().sequence == 2
    assert issuer.bundle().sequence == 3


def test_a_file_that_is_gone_and_a_lock_that_is_held_are_said(domain, issuer, tmp_path, monkeypatch):
    monkeypatch.setattr("libagentid.spiffe._store._PATIENCE", 0)
    with open(tmp_path / "x509" / "x509.lock") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(TimeoutError, match=r"another process has held .*x509\.lock"):
            issuer.publish_authority()
        assert issuer.bundle().sequence == 1  # reading waits for nobody
    (tmp_path / "x509" / "x509.json").unlink()
    for ask in (issuer.bundle, issuer.publish_authority):
        with pytest.raises(SVIDError, match="the issuer's file is gone"):
            ask()


def test_the_bundle_is_one_as_the_standard_has_it(domain, issuer):
    document = json.loads(issuer.bundle().json())
    assert Bundle.parse("acme.example", json.dumps(document)) == issuer.bundle()
    assert all(key["use"] == "x509-svid" and len(key["x5c"]) == 1 for key in document["keys"])
    assert document["spiffe_sequence"] == 1 and document["spiffe_refresh_hint"] > 0
    document["keys"] += json.loads(domain.bundle())["keys"]  # keys for other uses are passed over
    assert Bundle.parse("acme.example", json.dumps(document)).authorities == issuer.bundle().authorities


def test_a_child_of_a_fork_issues_nothing(issuer, reader):
    child = os.fork()
    if child == 0:
        try:
            issuer.issue(reader)
        except libagentid.Error:
            os._exit(7)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


def test_a_directory_that_others_can_write_or_whose_files_lead_elsewhere_is_refused(domain, tmp_path):
    open_to_all = tmp_path / "open"
    open_to_all.mkdir()
    open_to_all.chmod(0o777)
    with pytest.raises(PermissionError, match="chmod 700"):
        Issuer.open(domain, open_to_all, trust_domain="acme.example")
    for name in ("x509.lock", "x509.json"):
        planted = tmp_path / name.replace(".", "-")
        planted.mkdir(mode=0o700)
        (planted / name).symlink_to(tmp_path / "elsewhere")
        with pytest.raises(OSError, match="symbolic links"):
            Issuer.open(domain, planted, trust_domain="acme.example")
        assert not (tmp_path / "elsewhere").exists()
    if os.geteuid() == 0:  # root is not who owns it
        os.chown(planted, 65534, 65534)
        (planted / "x509.json").unlink()
        with pytest.raises(PermissionError, match="this user's own"):
            Issuer.open(domain, planted, trust_domain="acme.example")
