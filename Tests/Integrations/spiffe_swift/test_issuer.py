"""X.509-SVIDs that Swift issues: what OpenSSL, Go's crypto/tls and Python make of them, from a directory that Python has open too."""

import contextlib
import json
import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID
from ends import *
from libagentid.spiffe import TLS, Bundle, Bundles, Issuer, Source, SVIDError, agent_key, holder_hash
from pki import bundle, certificate, der, openssl_verifies, root
from swift_server import *
from swift_server import Refused

REPORT = "spiffe://corp.example/ns/prod/sa/report"


def leaf(svid):
    return x509.load_der_x509_certificate(svid.certificates[0])


def value(certificate, kind):
    return certificate.extensions.get_extension_for_class(kind).value


def test_an_svid_says_who_the_agent_is_and_openssl_verifies_it(server, agent, trusted, issuer):
    svid = server.svid(agent)
    made = leaf(svid)
    assert [each.value for each in value(made, x509.SubjectAlternativeName)] == [agent["id"]]
    assert value(made, x509.BasicConstraints).ca is False
    assert set(value(made, x509.ExtendedKeyUsage)) == {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH}
    usage = made.extensions.get_extension_for_class(x509.KeyUsage)
    assert usage.critical and usage.value.digital_signature and not usage.value.key_cert_sign
    assert isinstance(made.public_key(), ed25519.Ed25519PublicKey) and svid.private_key.public_key() == made.public_key()
    assert agent_key(made) == holder_hash(agent["key"])
    assert str(trusted.verify(svid.certificates).spiffe_id) == agent["id"]
    for purpose in ("sslclient", "sslserver"):
        assert openssl_verifies(issuer.bundle().pem(), *svid.certificates, purpose=purpose)


def test_its_leaf_differs_from_pythons_in_nothing_but_what_is_its_own(server, agent, issuer, reader):
    """Both have the same extensions in the same order, each as critical, and the same names."""
    swift, python = leaf(server.svid(agent)), leaf(issuer.issue(reader))
    assert [(each.oid, each.critical) for each in swift.extensions] == [(each.oid, each.critical) for each in python.extensions]
    assert swift.issuer == python.issuer and swift.version == python.version
    assert swift.signature_algorithm_oid == python.signature_algorithm_oid
    assert [each.oid for each in swift.subject] == [each.oid for each in python.subject]
    assert value(swift, x509.AuthorityKeyIdentifier) == value(python, x509.AuthorityKeyIdentifier)
    assert value(swift, x509.KeyUsage) == value(python, x509.KeyUsage)


def test_the_authority_that_swift_makes_is_the_one_that_python_makes(run, domain, tmp_path):
    run(directory="swift")
    with Issuer.open(domain, tmp_path / "python", trust_domain="acme.example") as ours:
        python = x509.load_der_x509_certificate(ours.bundle().authorities[0])
    with Issuer.open(domain, tmp_path / "swift", trust_domain="acme.example") as theirs:
        swift = x509.load_der_x509_certificate(theirs.bundle().authorities[0])
    assert swift.subject == python.subject == swift.issuer
    assert [(each.oid, each.critical) for each in swift.extensions] == [(each.oid, each.critical) for each in python.extensions]
    for kind in (x509.BasicConstraints, x509.KeyUsage, x509.SubjectAlternativeName, x509.NameConstraints):
        assert value(swift, kind) == value(python, kind)
    path = tmp_path / "swift/x509.json"
    assert path.stat().st_mode & 0o777 == 0o600 and path.parent.stat().st_mode & 0o777 == 0o700


def test_it_ends_no_later_than_the_credential_and_the_issuer(server, agent):
    assert server.svid(agent).not_after <= agent["expires"]
    assert server.svid(agent, 10).not_after <= time.time() + 10
    assert server.svid(agent, 1 << 62).not_after <= agent["expires"]
    for lifetime in (0, -1):
        with pytest.raises(Refused, match="lifetime"):
            server.svid(agent, lifetime)


ENDS = {
    "it was ended by another process": lambda acme, server, agent: acme.deprovision(agent["id"]),
    "it ended": lambda acme, server, agent: server.do("end", agent["agent"]),
    "it was let go of": lambda acme, server, agent: server.do("let-go", agent["agent"]),
    "it is suspended": lambda acme, server, agent: acme.suspend(agent["id"]),
    "it is parked": lambda acme, server, agent: server.do("park", agent["agent"]),
    "it is revoked": lambda acme, server, agent: acme.revoke(agent=agent["id"]),
    "its principal left": lambda acme, server, agent: acme.deprovision_principal("user:alice@acme.example"),
    "its profile is withdrawn": lambda acme, server, agent: acme.withdraw_profile("reader"),
}


@pytest.mark.parametrize("how", ENDS)
def test_there_is_none_for_an_agent_that_does_not_act(server, agent, domain, how):
    server.svid(agent)
    ENDS[how](domain, server, agent)
    with pytest.raises(Refused):
        server.svid(agent)


def test_one_that_is_resumed_gets_one_again(server, agent, domain):
    domain.suspend(agent["id"])
    with pytest.raises(Refused) as refused:
        server.svid(agent)
    assert refused.value.name == "suspended"
    domain.resume(agent["id"])
    assert server.svid(agent)


def test_a_sub_agent_has_its_own_and_loses_it_with_its_parent(server, agent, domain, trusted):
    below = server.do("spawn", agent["agent"])
    assert str(trusted.verify(server.svid(below).certificates).spiffe_id) == below["id"]
    domain.revoke(agent=agent["id"])
    with pytest.raises(Refused):
        server.svid(below)


def test_grants_for_guards_by_name_are_for_the_issuer_where_they_name_it(server):
    with pytest.raises(Refused):
        server.svid(server.start("files"))
    assert server.svid(server.start("files", "spiffe://acme.example"))


def test_swift_and_python_rotate_one_authority(server, agent, issuer, domain, reader, tmp_path):
    before, old = issuer.bundle(), server.svid(agent)
    with pytest.raises(Refused, match="publish"):
        server.do("activate")
    server.do("publish")
    with pytest.raises(Refused, match="activate"):
        server.do("publish")
    both = issuer.bundle()
    assert len(both.authorities) == 2 and both.sequence == before.sequence + 1
    assert Bundles([before]).verify(server.svid(agent).certificates)  # those who have not seen it yet
    issuer.activate_authority()
    new, now = server.svid(agent), issuer.bundle()
    for svid in (old, new, issuer.issue(reader)):
        assert Bundles([now]).verify(svid.certificates)
    with pytest.raises(SVIDError, match="not_trusted"):
        Bundles([before]).verify(new.certificates)
    assert Bundle.parse("acme.example", server.do("bundle")["json"]) == now


@pytest.mark.parametrize("first", ["swift", "python"])
def test_a_passphrase_seals_the_key_for_both(run, domain, tmp_path, first, reader):
    def python(passphrase):
        return Issuer.open(domain, tmp_path / "sealed", trust_domain="acme.example", passphrase=passphrase)

    if first == "python":
        python("correct horse").close()
    server = run(directory="sealed", passphrase="correct horse")
    assert "BEGIN ENCRYPTED" in (tmp_path / "sealed/x509.json").read_text()
    with python("correct horse") as issuer:
        svid = server.svid(server.start())
        assert Bundles([issuer.bundle()]).verify(svid.certificates)
        server.do("publish")
        issuer.activate_authority()
        assert Bundles([issuer.bundle()]).verify(server.svid(server.start()).certificates)
    for wrong, name in ((None, "passphrase_missing"), ("battery staple", "passphrase_wrong")):
        with pytest.raises(Refused) as refused:
            run(directory="sealed", passphrase=wrong)
        assert refused.value.name == name
    run(directory="open")
    with pytest.raises(Refused, match="passphrase_unused"):
        run(directory="open", passphrase="correct horse")


def test_keys_of_other_kinds_that_python_keeps_sign_in_swift(run, domain, tmp_path, monkeypatch):
    from libagentid.spiffe import _store

    kept = _store.ed25519.Ed25519PrivateKey.generate
    monkeypatch.setattr(_store.ed25519.Ed25519PrivateKey, "generate", lambda: ec.generate_private_key(ec.SECP384R1()))
    with Issuer.open(domain, tmp_path / "p384", trust_domain="acme.example") as issuer:
        monkeypatch.setattr(_store.ed25519.Ed25519PrivateKey, "generate", kept)
        server = run(directory="p384")
        svid = server.svid(server.start())
        assert Bundles([issuer.bundle()]).verify(svid.certificates)
        assert openssl_verifies(issuer.bundle().pem(), *svid.certificates)
        assert Bundle.parse("acme.example", server.do("bundle")["json"]) == issuer.bundle()


def test_a_file_that_is_not_as_it_should_be_is_refused_and_stays(run, issuer, tmp_path):
    path = tmp_path / "x509/x509.json"
    good = path.read_text()
    other = json.loads(good)
    other["signers"][0]["certificate"] = (
        certificate(uris=["spiffe://acme.example/agent/x"])[0].public_bytes(Encoding.PEM).decode()
    )
    key = json.loads(good)
    key["signers"][0]["key"] = ed25519.Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    ).decode()  # fmt: skip
    wrongs = {
        "": "issuer_file",
        "[]": "issuer_file",
        good[:-20]: "issuer_file",
        good.replace('"active": 0', '"active": 1'): "issuer_file",
        good.replace('"active": 0', '"active": -1'): "issuer_file",
        good.replace("BEGIN CERTIFICATE", "BEGIN NOTHING"): "issuer_file",
        good.replace('"trust_domain": "acme.example"', '"trust_domain": "other.example"'): "other_trust_domain",
        json.dumps(other): "not_an_authority",
        json.dumps(key): "issuer_file",
    }
    for text, name in wrongs.items():
        path.write_text(text)
        with pytest.raises(Refused) as refused:
            run()
        assert refused.value.name == name and path.read_text() == text
    path.write_text(good)
    path.chmod(0o640)
    with pytest.raises(Refused, match="chmod 600"):
        run()


def test_bundles_of_other_domains_are_read_as_the_standard_has_them(server):
    corp = root()
    document = bundle("corp.example", corp, sequence=7).json().replace("\n", "")
    assert server.do("parse", "corp.example", document)["count"] == 1
    assert Bundle.parse("corp.example", server.do("parse", "corp.example", document)["json"]).authorities == (der(corp[0]),)
    leaf = json.loads(document)
    leaf["keys"][0]["x5c"] = json.loads(json.dumps(leaf))["keys"][0]["x5c"] * 2
    for wrong in ("{}", "[]", '{"keys": [1]}', '{"keys": [{"use": "x509-svid", "x5c": ["!"]}]}', json.dumps(leaf),
                  document.replace('"spiffe_sequence": 7', '"spiffe_sequence": -7')):  # fmt: skip
        with pytest.raises(Refused):
            server.do("parse", "corp.example", wrong)
    with pytest.raises(Refused, match="foreign_domain"):
        server.do("parse", "other.example", document)


def test_go_takes_an_agent_of_swift_at_both_ends(go, files, server, agent, issuer):
    corp = root("corp.example")
    bundles = Bundles([issuer.bundle(), bundle("corp.example", corp)])
    made, key = certificate(corp, uris=[REPORT])
    theirs = type(server.svid(agent))(None, (der(made),), key, 0, 1 << 40)
    for expected in (agent["id"], agent["id"] + "0"):
        command = [go, "server", *files(issuer.bundle(), theirs), expected]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as peer:
            host, port = peer.stdout.readline().strip().rsplit(":", 1)
            with contextlib.suppress(OSError), socket.create_connection((host, int(port)), timeout=60) as plain:
                context = TLS.client(lambda: server.svid(agent), bundles, peers=[REPORT])
                with context.wrap_socket(plain) as connection:
                    connection.sendall(b"from swift.\n")
                    connection.recv(100)
            said = peer.stdout.read()
        assert said == f"{agent['id']} from swift.\n" if expected == agent["id"] else said.startswith("refused: the peer is")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        host, port = listener.getsockname()
        command = [go, "client", *files(bundle("corp.example", corp), server.svid(agent)), REPORT, f"{host}:{port}"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as client:
            accepted, _ = listener.accept()
            accepted.settimeout(20)
            with (
                accepted,
                TLS.server(lambda: theirs, bundles, peers=[agent["id"]]).wrap_socket(accepted, server_side=True) as end,
            ):
                assert str(end.peer.spiffe_id) == agent["id"]
                end.sendall(b"from python\n")
                end.recv(100)
            assert client.stdout.read() == f"{REPORT} from python\n"


def test_python_and_swift_have_one_issuer_at_once(server, agent, issuer, reader):
    """Agents of two languages, and of one authority, on the two ends of a connection."""
    source, bundles = Source(issuer, reader), Bundles([issuer.bundle()])
    ours, theirs = socket.socketpair()
    with ours, theirs:
        server_end = TLS.server(source.svid, bundles, peers=[agent["id"]])
        client_end = TLS.client(lambda: server.svid(agent), bundles, peers=[reader.id])
        with ThreadPoolExecutor(1) as pool:
            accepted = pool.submit(server_end.wrap_socket, theirs, server_side=True)
            with client_end.wrap_socket(ours) as connection, accepted.result(20) as other:
                assert str(connection.peer.spiffe_id) == reader.id and str(other.peer.spiffe_id) == agent["id"]
