"""Real TLS connections: Python's ssl on both ends, and Go's crypto/tls on either; whoever is not verified is not spoken with."""

import asyncio
import contextlib
import itertools
import socket
import ssl
import subprocess
import sys
import threading

import libagentid
import pytest
from ends import *
from libagentid.spiffe import SPIFFEID, TLS, X509SVID, Bundles, Source
from pki import bundle, certificate, der, root
from world import *

AGENTS, REPORT = ("spiffe://acme.example/agent/reader/", "spiffe://corp.example/ns/prod/sa/report")


def svid_of(issued, name=REPORT):
    return lambda: X509SVID(SPIFFEID.parse(name), tuple(der(each[0]) for each in issued), issued[0][1], 0, 1 << 40)


@pytest.fixture
def corp():
    return root()


@pytest.fixture
def both(issuer, corp):
    """Two trust domains that federate."""
    return Bundles([issuer.bundle(), bundle("corp.example", corp)])


def connect(server, client):
    """Both ends of a connection: what each says of the other, or raises."""
    said = {}
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept():
            accepted, _ = listener.accept()
            accepted.settimeout(20)
            try:
                with accepted, server.wrap_socket(accepted, server_side=True) as connection:
                    connection.sendall(b"secret")
                    said["server"] = (str(connection.peer.spiffe_id), connection.recv(100))
            except OSError as error:
                said["server"] = error

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            with client.wrap_socket(socket.create_connection(listener.getsockname(), timeout=60)) as connection:
                read = connection.recv(100)
                if not read:
                    raise ConnectionResetError("the server closed")
                connection.sendall(b"hello")
                said["client"] = str(connection.peer.spiffe_id), read
        except OSError as error:
            said["client"] = error
        thread.join(30)
    return said


def test_two_domains_verify_each_other(source, both, corp, reader):
    server = TLS.server(source.svid, both, peers=["spiffe://corp.example/ns/prod/"])
    client = TLS.client(svid_of([certificate(corp, uris=[REPORT])]), both, peers=[reader.id])
    assert connect(server, client) == {"server": (REPORT, b"hello"), "client": (reader.id, b"secret")}


def test_intermediates_are_shown_and_verified(source, both, corp):
    middle = certificate(corp, ca=True, path_length=0, name="middle")
    client = TLS.client(svid_of([certificate(middle, uris=[REPORT]), middle]), both, peers=[AGENTS])
    server = TLS.server(source.svid, both, peers=[REPORT])
    assert connect(server, client)["server"] == (REPORT, b"hello")


IMPOSTORS = {
    "another domain's authority has signed it": lambda corp: [certificate(root("acme.example"), uris=[REPORT])],
    "nobody has": lambda corp: [certificate(uris=[REPORT])],
    "it has expired": lambda corp: [certificate(corp, uris=[REPORT], life=(-7200, -3600))],
    "it has two URIs": lambda corp: [certificate(corp, uris=[REPORT, "spiffe://corp.example/ns/prod/admin"])],
    "it is not among the peers": lambda corp: [certificate(corp, uris=["spiffe://corp.example/ns/production/x"])],
    "its ID is not one": lambda corp: [certificate(corp, uris=["spiffe://corp.example/ns/prod/%2e%2e"])],
    "it is an authority": lambda corp: [certificate(corp, uris=[REPORT], ca=True)],
}


@pytest.mark.parametrize("how", IMPOSTORS)
def test_an_impostor_is_spoken_with_at_neither_end(source, both, corp, how):
    impostor = svid_of(IMPOSTORS[how](corp))
    server = TLS.server(source.svid, both, peers=["spiffe://corp.example/ns/prod/"])
    said = connect(server, TLS.client(impostor, both, peers=[AGENTS]))
    assert isinstance(said["server"], ssl.SSLError) and isinstance(said["client"], OSError)
    said = connect(
        TLS.server(impostor, both, peers=[AGENTS]), TLS.client(source.svid, both, peers=["spiffe://corp.example/ns/prod/"])
    )
    assert isinstance(said["client"], ssl.SSLError)


def test_the_authority_of_one_domain_does_not_speak_for_the_other(source, both, corp):
    """OpenSSL trusts all authorities alike: that a domain speaks for itself alone is ours to see."""
    forged = svid_of([certificate(corp, uris=["spiffe://acme.example/agent/reader/x"])])
    said = connect(TLS.server(source.svid, both, peers=[AGENTS]), TLS.client(forged, both, peers=[AGENTS]))
    assert "the peer is refused" in str(said["server"]) and isinstance(said["client"], OSError)


def test_a_client_without_a_certificate_is_refused(source, both):
    plain = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    plain.check_hostname, plain.verify_mode = False, ssl.CERT_NONE
    said = connect(TLS.server(source.svid, both, peers=[AGENTS]), plain)
    assert isinstance(said["server"], ssl.SSLError) and isinstance(said["client"], Exception)


def test_an_agent_that_has_ended_makes_no_further_connection(source, both, corp, reader, domain):
    server = TLS.server(svid_of([certificate(corp, uris=[REPORT])]), both, peers=[AGENTS])
    client = TLS.client(source.svid, both, peers=[REPORT])
    assert connect(server, client)["server"][1] == b"hello"
    domain.suspend(reader)
    ours, theirs = socket.socketpair()
    with ours, theirs, pytest.raises(libagentid.Denied):
        client.wrap_socket(ours)


def test_each_handshake_shows_the_present_svid(issuer, reader, both, corp):
    source, seen = Source(issuer, reader, lifetime=60), []
    server = TLS.server(svid_of([certificate(corp, uris=[REPORT])]), both, peers=[AGENTS])
    server_verify, client = server.verify, TLS.client(source.svid, both, peers=[REPORT])
    server.verify = lambda chain: seen.append(chain[0]) or server_verify(chain)
    connect(server, client), connect(server, client)
    reader.rotate_key()
    connect(server, client)
    assert seen[0] == seen[1] != seen[2]


def test_nothing_is_read_before_the_peer_is_verified(source, both):
    context = TLS.server(source.svid, both, peers=[AGENTS])
    ours, theirs = socket.socketpair()
    with ours, theirs, pytest.raises(ValueError, match="before the peer"):
        context.wrap_socket(ours, server_side=True, do_handshake_on_connect=False)
    waiting = context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_side=True)
    for act in (lambda: waiting.read(10), lambda: waiting.write(b"x")):
        with pytest.raises(ssl.SSLError, match="do_handshake"):
            act()
    with pytest.raises(TypeError):
        TLS.client(source.svid, both, peers=REPORT)
    for pattern in ("spiffe://corp.example/ns/*", "*", "", "spiffe://corp.example//", "spiffe://CORP.example/"):
        with pytest.raises(ValueError):
            TLS.client(source.svid, both, peers=[pattern])


def test_asyncio_verifies_alike(source, both, corp, reader):
    good, forged = (certificate(each, uris=[REPORT]) for each in (corp, root("acme.example")))

    async def main():
        peers = []

        async def serve(reading, writing):
            peers.append(str(writing.get_extra_info("ssl_object").peer.spiffe_id))
            writing.write(b"secret")
            with contextlib.suppress(OSError):
                await writing.drain()
            writing.close()

        context = TLS.server(source.svid, both, peers=[REPORT])
        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
        port = server.sockets[0].getsockname()[1]
        for issued, wanted in ((good, b"secret"), (forged, None)):
            client = TLS.client(svid_of([issued]), both, peers=[reader.id])
            try:
                reading, writing = await asyncio.open_connection("127.0.0.1", port, ssl=client)
                read = await reading.read(100)
                writing.close()
            except OSError:
                read = b""
            assert read == (wanted or b"")
        server.close()
        assert peers == [REPORT]

    asyncio.run(asyncio.wait_for(main(), 30))


def test_go_serves_an_agent_and_python_asks(go, files, source, both, corp, reader, issuer):
    theirs = svid_of([certificate(corp, uris=[REPORT])])()
    for expected, is_served in ((reader.id, True), (AGENTS + "another", False)):
        command = [go, "server", *files(issuer.bundle(), theirs), expected]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            host, port = server.stdout.readline().strip().rsplit(":", 1)
            read = b""
            with contextlib.suppress(OSError), socket.create_connection((host, int(port)), timeout=60) as plain:
                with TLS.client(source.svid, both, peers=[REPORT]).wrap_socket(plain) as connection:
                    assert str(connection.peer.spiffe_id) == REPORT
                    connection.sendall(b"from python\n")
                    read = connection.recv(100)
            said = server.stdout.read()
        assert (read == b"from go\n") is is_served
        assert said == f"{reader.id} from python\n" if is_served else said.startswith("refused: the peer is")


def test_go_asks_as_an_agent_and_python_serves(go, files, source, both, corp, reader):
    mine, other = svid_of([certificate(corp, uris=[REPORT])]), root("corp.example")
    server = TLS.server(mine, both, peers=[AGENTS])
    for trusted, is_served in ((bundle("corp.example", corp), True), (bundle("corp.example", other), False)):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            host, port = listener.getsockname()
            command = [go, "client", *files(trusted, source.svid()), REPORT, f"{host}:{port}"]
            with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as client:
                accepted, _ = listener.accept()
                accepted.settimeout(20)
                with contextlib.suppress(OSError), accepted, server.wrap_socket(accepted, server_side=True) as connection:
                    assert str(connection.peer.spiffe_id) == reader.id
                    connection.sendall(b"from python\n")
                    connection.recv(100)
                said = client.stdout.read()
        assert said == f"{REPORT} from python\n" if is_served else said.startswith("refused:")


def test_an_svid_is_replaced_while_other_threads_shake_hands(corp):
    trusted = Bundles([bundle("corp.example", corp)])
    svids = [svid_of([certificate(corp, uris=[REPORT])]) for _ in range(2)]
    calls, said = itertools.count(), []
    server = TLS.server(lambda: svids[next(calls) % 2](), trusted, peers=[REPORT])

    def shake():
        client = TLS.client(svids[0], trusted, peers=[REPORT])
        for _ in range(60):
            up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
            try:
                left = [server.wrap_bio(up, down, server_side=True), client.wrap_bio(down, up)]
                while left:
                    left = [end for end in left if not is_done(end)]
            except OSError as error:
                said.append(error)

    threads = [threading.Thread(target=shake) for _ in range(4)]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for step in (threading.Thread.start, threading.Thread.join):
            for thread in threads:
                step(thread)
    finally:
        sys.setswitchinterval(before)
    assert not said


def is_done(end):
    with contextlib.suppress(ssl.SSLWantReadError):
        end.do_handshake()
    return end.peer is not None
