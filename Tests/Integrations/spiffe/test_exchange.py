"""A workload that shows an SVID gets an agent as far as the rules say, and the log says whose it is."""

import json
import socket
import ssl
import threading
import time

import libagentid
import pytest
from libagentid.spiffe import SPIFFEID, TLS, X509SVID, Bundles, Exchange, Source, SVIDError, Workload, verify_token
from libagentid.spiffe._replay import Once
from libagentid.spiffe._token import JWTSVID
from pki import Tokens, bundle, certificate, der, encoded, root
from world import *
from world import SCOPE

ID = "spiffe://corp.example/ns/prod/sa/report"
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "ES512"]


@pytest.fixture(scope="module")
def corp():
    return root()


@pytest.fixture(scope="module")
def tokens():
    return Tokens()


@pytest.fixture
def bundles(corp, tokens):
    return Bundles([bundle("corp.example", corp, tokens={"k1": tokens.public})])


@pytest.fixture
def exchange(domain, bundles):
    made = Exchange(
        domain, [Workload(ID, "reader", scope="read_file(path under '/data/q3')")], bundles=bundles, audience="agents"
    )
    yield made
    made.close()


def rule_of(call, *given, **named):
    with pytest.raises(SVIDError) as raised:
        call(*given, **named)
    return raised.value.rule


def test_the_attested_identity_is_in_the_chain_and_the_log(exchange, tokens, domain, tmp_path):
    agent = exchange.from_token(tokens.sign(ID), task="Q3", scope=SCOPE)
    root_claims = libagentid.decode_chain(agent.chain)["links"][0]["claims"]["urn:agentid:1"]
    assert root_claims["principal"] == ID and root_claims["task"] == "Q3"
    agent.authorize("read_file", {"path": "/data/q3/a"})
    with pytest.raises(libagentid.Denied):  # cut to the rule's
        agent.authorize("read_file", {"path": "/data/salaries"})
    domain.integrate()
    with libagentid.Audit.open(tmp_path / "acme") as log:
        entries = [json.dumps(dict(each)) for each in log.entries()]
    assert any(ID in each and '"decision"' in each for each in entries)
    assert [each.id for each in domain.agents(principal=ID)] == [agent.id]


def test_what_is_mistaken_is_refused_before_a_token_comes(domain, issuer, bundles):
    with pytest.raises(libagentid.ScopeError):
        Workload(ID, "reader", scope="read_file(")
    with domain.agent("reader", principal="user:alice@acme.example", task="Q3", scope=SCOPE) as agent:
        with pytest.raises(TypeError, match="issuer is of the type Issuer, not Agent"):
            Source(agent, issuer)
        source = Source(issuer, agent)
        with pytest.raises(TypeError, match="such as a source's svid, not Source"):
            TLS.server(source, bundles, peers=[ID])
        with pytest.raises(TypeError, match="bundles is of the type Bundles, not Bundle"):
            TLS.client(source.svid, issuer.bundle(), peers=[ID])


def test_all_of_a_workloads_agents_end_by_its_identity(exchange, tokens, domain):
    agents = [exchange.from_token(tokens.sign(ID, jti=str(number)), task="Q3", scope=SCOPE) for number in range(3)]
    assert domain.deprovision_principal(ID, "the workload was compromised") == 3
    for agent in agents:
        with pytest.raises(libagentid.Error):
            agent.authorize("read_file", {"path": "/data/q3/a"})


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_every_algorithm_of_the_standard_is_verified(alg):
    tokens = Tokens(alg)
    bundles = Bundles([bundle("corp.example", tokens={"k1": tokens.public})])
    token = tokens.sign(ID)
    assert str(verify_token(token, bundles, audience="agents").spiffe_id) == ID
    head, body, signature = token.split(".")
    other = Tokens(alg).sign(ID).split(".")[2]
    assert rule_of(verify_token, f"{head}.{body}.{other}", bundles, audience="agents") == "not_trusted"
    swapped = {"RS256": "PS256", "PS256": "RS256"}.get(alg, "RS256" if alg.startswith("ES") else "ES256")
    forged = encoded(json.dumps({"alg": swapped, "kid": "k1"}).encode())
    assert rule_of(verify_token, f"{forged}.{body}.{signature}", bundles, audience="agents") in ("algorithm", "not_trusted")


BAD = {
    "no audience": ({"aud": None}, {}, "audience"),
    "another audience": ({"aud": ["other"]}, {}, "audience"),
    "an empty audience": ({"aud": []}, {}, "audience"),
    "a longer audience": ({"aud": ["agents.example"]}, {}, "audience"),
    "an audience that looks alike": ({"aud": ["\u0430gents"]}, {}, "audience"),
    "it has expired": ({"exp": int(time.time()) - 1}, {}, "expired"),
    "it has no end": ({"exp": None}, {}, "expired"),
    "its end is text": ({"exp": "4000000000"}, {}, "expired"),
    "its end is far": ({"exp": 1 << 40}, {}, "expired"),
    "its end is true": ({"exp": True}, {}, "expired"),
    "it begins later": ({"nbf": int(time.time()) + 600}, {}, "expired"),
    "no subject": ({"sub": None}, {}, "spiffe_id"),
    "a list for a subject": ({"sub": [ID]}, {}, "spiffe_id"),
    "a subject with an escape": ({"sub": "spiffe://corp.example/ns/%2e%2e"}, {}, "spiffe_id"),
    "a subject up": ({"sub": "spiffe://corp.example/ns/prod/../admin"}, {}, "spiffe_id"),
    "a subject in upper case": ({"sub": "spiffe://CORP.example/ns/prod/sa/report"}, {}, "spiffe_id"),
    "a subject that looks alike": ({"sub": "spiffe://corp.example/ns/prod/sa/\u212a"}, {}, "spiffe_id"),
    "a subject that is a domain": ({"sub": "spiffe://corp.example"}, {}, "spiffe_id"),
    "another domain": ({"sub": "spiffe://other.example/x"}, {}, "foreign_domain"),
    "no algorithm": ({}, {"alg": "none"}, "algorithm"),
    "EdDSA": ({}, {"alg": "EdDSA"}, "algorithm"),
    "a shared secret": ({}, {"alg": "HS256"}, "algorithm"),
    "no kid": ({}, {"kid": None}, "not_trusted"),
    "another kid": ({}, {"kid": "k2"}, "not_trusted"),
    "a list for a kid": ({}, {"kid": ["k1"]}, "not_trusted"),
    "a key in the header": ({}, {"jwk": {"kty": "EC"}}, "token"),
    "a critical header": ({}, {"crit": ["b64"], "b64": False}, "token"),
    "another type": ({}, {"typ": "at+jwt"}, "token"),
    "jti is a number": ({"jti": 7}, {}, "token"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_token_that_is_not_valid_for_this_is_refused(exchange, tokens, domain, name):
    claims, header, rule = BAD[name]
    token = tokens.sign(
        **{"workload": ID, **{"workload" if name == "sub" else name: value for name, value in claims.items()}}, header=header
    )
    assert rule_of(exchange.from_token, token, task="t", scope=SCOPE) == rule
    assert domain.agents() == []


def test_what_is_no_token_is_refused(exchange, tokens):
    head, body, signature = tokens.sign(ID).split(".")
    twice = encoded(b'{"alg":"ES256","kid":"k1","kid":"k1"}')
    last = chr(ord(signature[-1]) ^ 1) if signature[-1].isalpha() else "B"
    for token in (
        "", ".", "..", f"{head}.{body}", f"{head}.{body}.{signature}.", f"{head}.{body}.{signature}=", f" {head}.{body}.{signature}",
        f"{head}.{body}.", f"{head}.{body}.{signature[:-4]}", f"{head}.{body}.{signature[:-1]}{last}", f"{twice}.{body}.{signature}",
        f"{encoded(b'[]')}.{body}.{signature}", f"{head}.{encoded(b'{')}.{signature}", "a" * 20_000, f"{head}.{body}.{'A' * 9000}",
    ):  # fmt: skip
        rule_of(exchange.from_token, token, task="t", scope=SCOPE)


def test_a_token_is_exchanged_once_within_its_life(exchange, tokens, domain):
    token = tokens.sign(ID)
    exchange.from_token(token, task="t", scope=SCOPE)
    assert rule_of(exchange.from_token, token, task="t", scope=SCOPE) == "replayed"
    head, body, signature = token.split(".")
    again = tokens.signed(f"{head}.{body}")  # the same token with another valid signature: ECDSA has many
    assert again != token
    assert rule_of(exchange.from_token, again, task="t", scope=SCOPE) == "replayed"
    exchange.from_token(tokens.sign(ID, jti="a"), task="t", scope=SCOPE)
    assert rule_of(exchange.from_token, tokens.sign(ID, jti="a", lives=200), task="t", scope=SCOPE) == "replayed"
    assert len(domain.agents()) == 2


def test_of_many_threads_with_one_token_one_gets_an_agent(exchange, tokens, domain):
    token, refused = tokens.sign(ID), []

    def ask():
        try:
            exchange.from_token(token, task="t", scope=SCOPE)
        except SVIDError as error:
            refused.append(error.rule)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    [each.start() for each in threads], [each.join() for each in threads]
    assert refused == ["replayed"] * 7 and len(domain.agents()) == 1


def test_processes_share_what_was_exchanged_and_what_has_ended_is_forgotten(domain, bundles, tokens, tmp_path):
    now = time.time()
    rules = [Workload(ID, "reader")]
    one, two = (
        Exchange(domain, rules, bundles=bundles, audience="agents", replay=tmp_path / "used.db", clock=lambda: now)
        for _ in range(2)
    )
    token = tokens.sign(ID, lives=100)
    one.from_token(token, task="t", scope=SCOPE)
    assert rule_of(two.from_token, token, task="t", scope=SCOPE) == "replayed"
    now += 200
    assert rule_of(two.from_token, token, task="t", scope=SCOPE) == "expired"
    two.from_token(tokens.sign(ID, lives=600), task="t", scope=SCOPE)
    (held,) = two._once._kept.execute("SELECT count(*) FROM used").fetchone()
    assert held == 1


def test_a_workload_or_domain_with_many_tokens_takes_nobody_elses_room(tmp_path):
    once = Once(tmp_path / "used.db", most=20)

    def use(domain, workload, number, expires=100):
        name = SPIFFEID.parse(f"spiffe://{domain}/{workload}")
        once.use(JWTSVID(name, expires, None, f"{name} {number}".encode()), 0)

    for number in range(6):
        use("evil.example", "a", number)
    with pytest.raises(SVIDError, match=r"too_many.*evil.example/a"):
        use("evil.example", "a", 6)
    for workload in "bcde":
        use("evil.example", workload, 0)
    with pytest.raises(SVIDError, match=r"too_many.*evil.example"):
        use("evil.example", "f", 0)
    use("corp.example", "a", 0)
    with pytest.raises(SVIDError, match="replayed"):
        use("corp.example", "a", 0)
    for number in range(9):
        use(f"{number}.example", "a", 0, expires=200)
    with pytest.raises(SVIDError, match="too_many"):
        use("last.example", "a", 0)
    again = Once(tmp_path / "used.db", most=20)
    again.use(JWTSVID(SPIFFEID("evil.example", "/a"), 300, None, b"later"), 102)
    with pytest.raises(SVIDError, match="replayed"):
        again.use(JWTSVID(SPIFFEID("0.example", "/a"), 200, None, b"spiffe://0.example/a 0"), 102)


def test_a_token_that_no_rule_is_for_is_not_used_up(domain, bundles, tokens):
    exchange = Exchange(domain, [], bundles=bundles, audience="agents")
    for _ in range(2):
        assert rule_of(exchange.from_token, tokens.sign(ID), task="t", scope=SCOPE) == "not_mapped"


MATCHES = [
    ("spiffe://corp.example/ns/prod/", "spiffe://corp.example/ns/prod/sa", True),
    ("spiffe://corp.example/", "spiffe://corp.example/x", True),
    ("spiffe://corp.example/ns/prod/", "spiffe://corp.example/ns/prod", False),
    ("spiffe://corp.example/ns/prod/", "spiffe://corp.example/ns/production", False),
    ("spiffe://corp.example/ns/prod", "spiffe://corp.example/ns/prod/sa", False),
    ("spiffe://corp.example/ns/prod", "spiffe://corp.example/ns/prod2", False),
    ("spiffe://corp.example/ns/prod", "spiffe://corp.example/ns/PROD", False),
    ("spiffe://corp.example/", "spiffe://corp.example.evil/x", False),
    ("spiffe://corp.example/", "spiffe://corp.exampl/e/x", False),
]


@pytest.mark.parametrize(("pattern", "workload", "is_match"), MATCHES)
def test_a_rule_is_for_its_id_or_for_what_is_below_its_slash(domain, bundles, pattern, workload, is_match):
    exchange = Exchange(domain, [Workload(pattern, "reader")], bundles=bundles, audience="agents")
    try:
        assert exchange.rule(SPIFFEID.parse(workload)).workload == pattern and is_match
    except SVIDError:
        assert not is_match


def test_the_nearest_rule_holds_and_no_two_are_for_the_same(domain, bundles):
    rules = [Workload(each, "reader") for each in ("spiffe://corp.example/", ID, "spiffe://corp.example/ns/prod/")]
    exchange = Exchange(domain, rules, bundles=bundles, audience="agents")
    assert exchange.rule(SPIFFEID.parse(ID)).workload == ID
    assert exchange.rule(SPIFFEID.parse(ID + "/x")).workload == "spiffe://corp.example/ns/prod/"
    assert exchange.rule(SPIFFEID.parse("spiffe://corp.example/ns/dev")).workload == "spiffe://corp.example/"
    with pytest.raises(ValueError, match="two rules"):
        Exchange(domain, [*rules, rules[0]], bundles=bundles, audience="agents")
    for pattern in ("", "/", "spiffe://", "spiffe:///", "spiffe://corp.example", "spiffe://corp.example/*", "spiffe://corp.example/%2e/",
                    "spiffe://corp.example//", "spiffe://CORP.example/", "corp.example/"):  # fmt: skip
        with pytest.raises(SVIDError):
            Workload(pattern, "reader")
    with pytest.raises(ValueError, match="audience"):
        Exchange(domain, rules, bundles=bundles, audience="")


def test_a_rule_gives_no_more_than_the_profile_and_the_task(domain, bundles, tokens):
    exchange = Exchange(
        domain,
        [Workload(ID, "reader", scope="read_file(path: *); drop_table", labels=["outside"], lifetime=30)],
        bundles=bundles,
        audience="agents",
    )
    agent = exchange.from_token(tokens.sign(ID), task="t", scope="read_file(path: *)")
    assert "drop_table" not in str(agent.scope) and "/data" in str(agent.scope)
    assert agent.expires <= time.time() + 31
    claims = libagentid.decode_chain(agent.chain)["links"][0]["claims"]["urn:agentid:1"]
    assert claims["labels"] == ["outside"]
    with pytest.raises(libagentid.Error):  # nothing of what is asked for is granted
        exchange.from_token(tokens.sign(ID, jti="2"), task="t", scope="search(query: *)")


def test_a_revoked_workload_gets_no_further_agent_that_acts(exchange, tokens, domain):
    domain.revoke(principal=ID)
    with pytest.raises(libagentid.Error):
        exchange.from_token(tokens.sign(ID), task="t", scope=SCOPE).authorize("read_file", {"path": "/data/q3/a"})


def test_the_peer_of_a_connection_gets_an_agent(exchange, bundles, corp, issuer, source):
    both = Bundles([*bundles, issuer.bundle()])
    issued = certificate(corp, uris=[ID])
    theirs = TLS.client(
        lambda: X509SVID(SPIFFEID.parse(ID), (der(issued[0]),), issued[1], 0, 1 << 40), both, peers=["spiffe://acme.example/"]
    )
    mine, found = TLS.server(source.svid, both, peers=["spiffe://corp.example/"]), []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            with mine.wrap_socket(listener.accept()[0], server_side=True) as connection:
                found.append(exchange.from_peer(connection, task="Q3", scope=SCOPE))
                connection.sendall(found[0].id.encode())

        thread = threading.Thread(target=serve)
        thread.start()
        with theirs.wrap_socket(socket.create_connection(listener.getsockname())) as connection:
            assert connection.recv(500).decode() == found[0].id
        thread.join()
    claims = libagentid.decode_chain(found[0].chain)["links"][0]["claims"]["urn:agentid:1"]
    assert claims["principal"] == ID


def test_a_connection_without_a_verified_peer_gets_none(exchange):
    for connection in (
        object(),
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="x"),
    ):
        assert rule_of(exchange.from_peer, connection, task="t", scope=SCOPE) == "no_peer"


def test_a_certificate_is_verified_by_its_own_domains_bundle(exchange, corp):
    good = der(certificate(corp, uris=[ID])[0])
    assert exchange.from_certificates([good], task="t", scope=SCOPE)
    for issued in (
        certificate(root(), uris=[ID]),
        certificate(corp, uris=[ID, ID]),
        certificate(corp, uris=[ID], life=(-60, -1)),
    ):
        rule_of(exchange.from_certificates, [der(issued[0])], task="t", scope=SCOPE)
