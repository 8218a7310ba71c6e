"""X509-SVIDs and bundles by the standard: what is a valid one, and each way in which one is not."""

import base64
import contextlib
import functools
import json
import random
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier
from libagentid.spiffe import SPIFFEID, Bundle, Bundles, SVIDError
from pki import bundle, certificate, der, root, usage

ID = "spiffe://corp.example/ns/prod/sa/report"


@pytest.fixture(scope="module")
def corp():
    return root()


@pytest.fixture(scope="module")
def trusted(corp):
    return Bundles([bundle("corp.example", corp)])


def refused(bundles, *chain, at=None):
    with pytest.raises(SVIDError) as raised:
        bundles.verify([each if isinstance(each, bytes) else der(each[0]) for each in chain], at=at)
    return raised.value.rule


def test_what_the_standard_allows_is_valid(corp, trusted):
    for key in (None, ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 2048)):
        assert str(trusted.verify([der(certificate(corp, uris=[ID], key=key)[0])]).spiffe_id) == ID
    no_extended = certificate(corp, uris=[ID], extended=None)
    with_host = certificate(corp, uris=[ID], names=[x509.DNSName("report.corp.example")])
    for leaf in (no_extended, with_host):
        assert str(trusted.verify([der(leaf[0])]).spiffe_id) == ID


def test_intermediates_lead_to_the_bundle_and_what_follows_the_bundles_own_is_passed_over(corp, trusted):
    middle = certificate(corp, uris=["spiffe://corp.example"], ca=True, name="middle")
    low = certificate(middle, ca=True, path_length=0, name="low")
    leaf = certificate(low, uris=[ID])
    assert str(trusted.verify([der(each[0]) for each in (leaf, low, middle)]).spiffe_id) == ID
    assert str(trusted.verify([der(each[0]) for each in (leaf, low, middle, corp)]).spiffe_id) == ID
    assert refused(trusted, leaf, low) == "not_trusted"
    assert refused(trusted, leaf, middle, low) == "not_trusted"  # the order is the standard's
    assert refused(trusted, leaf) == "not_trusted"


@pytest.mark.parametrize(
    "uris",
    [[], [ID, ID], [ID, "https://corp.example/x"], [ID, "spiffe://corp.example/ns/prod/sa/admin"]],
    ids=["none", "twice", "another kind", "two"],
)
def test_a_leaf_has_exactly_one_uri(corp, trusted, uris):
    names = [] if uris else [x509.DNSName("corp.example")]
    assert refused(trusted, certificate(corp, uris=uris, names=names)) == "san_count"


BAD_IDS = {
    "no path": "spiffe://corp.example",
    "a slash alone": "spiffe://corp.example/",
    "a slash at the end": ID + "/",
    "an empty part": "spiffe://corp.example/ns//sa",
    "a part up": "spiffe://corp.example/ns/../admin",
    "a part here": "spiffe://corp.example/./admin",
    "a dot that is escaped": "spiffe://corp.example/ns/%2e%2e/admin",
    "any escape": "spiffe://corp.example/ns/%61dmin",
    "a wildcard": "spiffe://corp.example/ns/*",
    "a wildcard for the domain": "spiffe://*/ns/prod",
    "an upper-case domain": "spiffe://CORP.example/ns/prod",
    "an upper-case scheme": "SPIFFE://corp.example/ns/prod",
    "another scheme": "https://corp.example/ns/prod",
    "a user": "spiffe://admin@corp.example/ns/prod",
    "a port": "spiffe://corp.example:443/ns/prod",
    "a query": ID + "?admin",
    "a fragment": ID + "#admin",
    "a backslash": "spiffe://corp.example\\ns",
    "a NUL": ID + "\0",
    "a line's end": ID + "\n",
    "too long": "spiffe://corp.example/" + "a" * 2048,
    "a domain too long": "spiffe://" + "a" * 256 + "/x",
    "no domain": "spiffe:///x",
}


@pytest.mark.parametrize("name", BAD_IDS)
def test_a_leafs_uri_is_a_spiffe_id_of_a_workload(corp, trusted, name):
    assert refused(trusted, certificate(corp, uris=[BAD_IDS[name]])) == "spiffe_id"


def test_what_looks_alike_is_not_the_same():
    for text in (
        "spiffe://corp.example/\u212a",
        "spiffe://\u212aorp.example/x",
        "spiffe://corp.example/\u0430dmin",
        "spiffe://corp.example/\uff0f",
    ):
        with pytest.raises(SVIDError):
            SPIFFEID.parse(text)
    assert SPIFFEID.parse("spiffe://corp.example/K") != SPIFFEID.parse("spiffe://corp.example/k")


def test_bytes_that_are_no_ascii_in_a_name_are_refused(corp, trusted):
    good = der(certificate(corp, uris=["spiffe://corp.example/KKK"])[0])
    assert refused(trusted, good.replace(b"/KKK", b"/\xe2\x84\xaa")) in ("certificate", "spiffe_id")


def test_a_leaf_that_is_an_authority_or_may_sign_certificates_is_refused(corp, trusted):
    assert refused(trusted, certificate(corp, uris=[ID], ca=True)) == "leaf_is_ca"
    assert refused(trusted, certificate(corp, uris=[ID], ca=True, key_usage=usage(digital_signature=True))) == "leaf_is_ca"
    for said in (
        {"digital_signature": True, "key_cert_sign": True},
        {"digital_signature": True, "crl_sign": True},
        {"key_agreement": True},
    ):
        assert refused(trusted, certificate(corp, uris=[ID], key_usage=usage(**said))) == "key_usage"
    assert refused(trusted, certificate(corp, uris=[ID], bare=True)) == "key_usage"
    assert refused(trusted, certificate(corp, uris=[ID], extended=[ExtendedKeyUsageOID.SERVER_AUTH])) == "key_usage"
    assert refused(trusted, certificate(corp, uris=[ID], extended=[ExtendedKeyUsageOID.CODE_SIGNING])) == "key_usage"


def test_a_leaf_signs_no_other_leaf(corp, trusted):
    leaf = certificate(corp, uris=[ID])
    assert refused(trusted, certificate(leaf, uris=["spiffe://corp.example/admin"]), leaf) == "not_an_authority"


def test_every_certificate_of_the_chain_is_valid_now(corp, trusted):
    assert refused(trusted, certificate(corp, uris=[ID], life=(-3600, -1))) == "expired"
    assert refused(trusted, certificate(corp, uris=[ID], life=(60, 3600))) == "expired"
    old = certificate(corp, ca=True, life=(-3600, -1), name="old")
    assert refused(trusted, certificate(old, uris=[ID]), old) == "expired"
    leaf = certificate(corp, uris=[ID], life=(-60, 1 << 20))
    assert refused(trusted, leaf, at=time.time() + 7200) == "not_trusted"  # the bundle's own has expired


def test_a_domain_speaks_for_itself_alone(corp):
    other = root("other.example")
    both = Bundles([bundle("corp.example", corp), bundle("other.example", other)])
    assert (
        str(both.verify([der(certificate(other, uris=["spiffe://other.example/x"])[0])]).spiffe_id) == "spiffe://other.example/x"
    )
    assert refused(both, certificate(other, uris=[ID])) == "not_trusted"
    middle = certificate(other, ca=True, uris=["spiffe://corp.example"], name="middle")
    assert refused(both, certificate(middle, uris=[ID]), middle) == "not_trusted"
    assert refused(both, certificate(root("third.example"), uris=["spiffe://third.example/x"])) == "foreign_domain"
    foreign = certificate(corp, ca=True, uris=["spiffe://other.example"], name="foreign")
    assert refused(both, certificate(foreign, uris=[ID]), foreign) == "foreign_domain"
    both.remove("other.example")
    assert refused(both, certificate(other, uris=["spiffe://other.example/x"])) == "foreign_domain"


def test_the_same_name_is_not_the_same_key(corp, trusted):
    assert refused(trusted, certificate(root(), uris=[ID])) == "not_trusted"
    tampered = bytearray(der(certificate(corp, uris=[ID])[0]))
    tampered[-1] ^= 1
    assert refused(trusted, bytes(tampered)) == "not_trusted"


def test_the_length_of_a_path_and_the_names_that_an_authority_may_sign_hold(corp):
    short = root(path_length=0)
    trusted = Bundles([bundle("corp.example", short)])
    middle = certificate(short, ca=True, name="middle")
    assert refused(trusted, certificate(middle, uris=[ID]), middle) == "chain_too_long"

    def constrained(**said):
        extension = x509.NameConstraints(said.get("permitted"), said.get("excluded"))
        made = root(extensions=[(extension, True)])
        return Bundles([bundle("corp.example", made)]), made

    uri = x509.UniformResourceIdentifier
    for said in ({"permitted": [uri("other.example")]}, {"excluded": [uri("corp.example")]}, {"excluded": [uri(".example")]}):
        bundles, made = constrained(**said)
        assert refused(bundles, certificate(made, uris=[ID])) == "name_constraints"
    bundles, made = constrained(permitted=[uri("corp.example")])
    assert bundles.verify([der(certificate(made, uris=[ID])[0])])
    bundles, made = constrained(permitted=[uri("corp.example"), x509.DNSName("corp.example")])
    assert refused(bundles, certificate(made, uris=[ID], names=[x509.DNSName("evil.example")])) == "name_constraints"


def test_weak_keys_and_hashes_and_what_is_critical_and_unknown_are_refused(corp, trusted):
    assert refused(trusted, certificate(corp, uris=[ID], key=rsa.generate_private_key(65537, 1024))) == "weak_key"
    assert refused(trusted, certificate(corp, uris=[ID], key=ec.generate_private_key(ec.SECP256K1()))) == "weak_key"
    assert refused(trusted, certificate(corp, uris=[ID], key=dsa.generate_private_key(2048))) == "weak_key"
    strong = root(key=ec.generate_private_key(ec.SECP256R1()))
    weak = Bundles([bundle("corp.example", strong)])
    assert refused(weak, certificate(strong, uris=[ID], hash=hashes.SHA224())) == "not_trusted"
    unknown = x509.UnrecognizedExtension(ObjectIdentifier("1.2.3.4"), b"\5\0")
    assert refused(trusted, certificate(corp, uris=[ID], extensions=[(unknown, True)])) == "critical_extension"
    assert trusted.verify([der(certificate(corp, uris=[ID], extensions=[(unknown, False)])[0])])


def test_what_is_too_long_is_refused_before_it_is_read(corp, trusted):
    leaf = der(certificate(corp, uris=[ID])[0])
    assert refused(trusted, *[leaf] * 9) == "chain_too_long"
    assert refused(trusted) == "chain_too_long"
    assert refused(trusted, b"\x30" * 17_000) == "too_large"
    for broken in (b"", b"\x30\x80", leaf[:-1], leaf + b"\0", b"not a certificate"):
        assert refused(trusted, broken) == "certificate"


def jwks(*keys, **members):
    return json.dumps({"keys": list(keys), **members})


def x5c(made, **members):
    return {"kty": "OKP", "use": "x509-svid", "x5c": [base64.b64encode(der(made[0])).decode()], **members}


def test_a_bundle_is_read_as_the_standard_has_it(corp):
    made = Bundle.parse(
        "corp.example",
        jwks(x5c(corp), {"use": "wit-svid", "kty": "OKP"}, {"kty": "EC"}, spiffe_sequence=3, spiffe_refresh_hint=60),
    )
    assert (len(made.authorities), made.sequence, made.refresh_hint) == (1, 3, 60)
    again = Bundle.parse("corp.example", made.json())
    assert again == made and json.loads(made.json())["keys"][0]["use"] == "x509-svid"
    for key in (ec.generate_private_key(ec.SECP384R1()), rsa.generate_private_key(65537, 2048)):
        other = bundle("corp.example", root(key=key))
        assert Bundle.parse("corp.example", other.json()) == other


def test_a_bundle_that_is_not_valid_or_too_large_is_refused(corp):
    leaf, good = certificate(corp, uris=[ID]), x5c(corp)
    bad = {
        "not JSON": "{",
        "a list": "[]",
        "no keys": "{}",
        "a name twice": '{"keys": [], "keys": []}',
        "deep": '{"keys": ' + "[" * 100_000 + "]" * 100_000 + "}",
        "two certificates": jwks({**good, "x5c": good["x5c"] * 2}),
        "no certificate": jwks({**good, "x5c": []}),
        "x5c is text": jwks({**good, "x5c": good["x5c"][0]}),
        "base64url": jwks({**good, "x5c": [good["x5c"][0] + "_-"]}),
        "a leaf": jwks(x5c(leaf)),
        "another domain's": jwks(x5c(root("other.example"))),
        "many keys": jwks(*[good] * 65),
        "large": jwks(good, x=" " * (1 << 20)),
        "a large certificate": jwks({**good, "x5c": ["A" * 40_000]}),
        "a sequence of text": jwks(good, spiffe_sequence="1"),
        "a sequence below nought": jwks(good, spiffe_sequence=-1),
        "true for a sequence": jwks(good, spiffe_sequence=True),
        "NaN": jwks(good).replace("OKP", "OKP").replace('"keys"', '"x": NaN, "keys"'),
        "a key of tokens without kid": jwks({"use": "jwt-svid", "kty": "RSA"}),
        "a key off its curve": jwks({"use": "jwt-svid", "kid": "k", "kty": "EC", "crv": "P-256", "x": "AQ", "y": "AQ"}),
        "a small key": jwks({"use": "jwt-svid", "kid": "k", "kty": "RSA", "n": "AQAB", "e": "AQAB"}),
        "a shared secret": jwks({"use": "jwt-svid", "kid": "k", "kty": "oct", "k": "AQAB"}),
    }
    for name, document in bad.items():
        with pytest.raises(SVIDError):
            Bundle.parse("corp.example", document)
            pytest.fail(name)
    for domain in ("", "CORP.example", "corp.example/", "*", "a b", "\u212aorp.example", "corp.example\n"):
        with pytest.raises(SVIDError):
            Bundle.parse(domain, jwks())


def test_a_bundle_that_is_older_than_the_one_that_is_trusted_is_refused(corp):
    bundles = Bundles([bundle("corp.example", corp, sequence=5)])
    for sequence in (4, None):
        with pytest.raises(SVIDError, match="went back"):
            bundles.add(bundle("corp.example", root(), sequence=sequence))
    bundles.add(bundle("corp.example", root(), sequence=6))
    assert refused(bundles, certificate(corp, uris=[ID])) == "not_trusted"  # what was withdrawn signs no more


def test_whatever_bytes_a_peer_shows_it_is_refused_by_a_rule(corp, trusted):
    leaf = der(certificate(corp, uris=[ID])[0])
    name = corp[0].subject.public_bytes()
    text = name.rindex(b"root of")
    broken = {
        "a version that does not exist": leaf.replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x07"),
        "a name of no text": leaf.replace(name, name[: text - 2] + b"\x01" + name[text - 1 :]),
        "a name of bits": leaf.replace(name, name[: text - 2] + b"\x03" + name[text - 1 : text] + b"\0" + name[text + 1 :]),
        "a name that is not UTF-8": leaf.replace(name, name[:text] + b"\xff" + name[text + 1 :]),
    }
    for what, shown in broken.items():
        assert shown != leaf, what
        assert refused(trusted, shown) == "certificate", what
    seed = time.time_ns()
    chance = random.Random(seed)
    for _ in range(3000):
        shown = bytearray(leaf)
        for _ in range(chance.choice([1, 1, 2])):
            shown[chance.randrange(len(shown) - 65)] = chance.randrange(256)  # what is signed, and how
        if shown != leaf:
            assert refused(trusted, bytes(shown)), seed
        authority = bytearray(der(corp[0]))
        authority[chance.randrange(len(authority))] ^= 1 << chance.randrange(8)
        with contextlib.suppress(SVIDError):
            Bundle("corp.example", (bytes(authority),)).json()


def test_a_domain_of_many_authorities_with_one_name_costs_no_more(corp):
    key = functools.partial(ec.generate_private_key, ec.SECP384R1())
    many = Bundles([bundle("corp.example", *[root(key=key()) for _ in range(64)])])
    chain = [certificate(corp, ca=True, name="root of corp.example", key=key())]
    while len(chain) < 7:
        chain.insert(0, certificate(chain[0], ca=True, name="root of corp.example", key=key()))
    chain.insert(0, certificate(chain[0], uris=[ID], key=key()))
    before = time.thread_time()
    assert refused(many, *chain) == "too_costly"
    assert time.thread_time() - before < 0.05
    few = Bundles([bundle("corp.example", *[root(key=key()) for _ in range(7)], corp)])
    assert few.verify([der(certificate(corp, uris=[ID])[0])])  # after seven rotations within an authority's life
    with pytest.raises(SVIDError, match="32 bits"):
        numbers = rsa.generate_private_key(65537, 2048).public_key().public_numbers()
        Bundle("corp.example", (), {"k": rsa.RSAPublicNumbers((1 << 40) + 1, numbers.n).public_key()})
