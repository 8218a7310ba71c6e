"""The Workload API that Swift serves, asked by the package spiffe, by gRPC without manners, and by libagentid's own client."""

import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import time

import grpc
import pytest
from ends import *
from ends import HEADER, closed, raw, status, unread
from libagentid.spiffe import Bundles
from libagentid.spiffe.workload import fetch_bundles, fetch_svid
from pki import bundle, der, root
from spiffe import WorkloadApiClient
from spiffe._proto import workload_pb2
from spiffe.workloadapi.errors import WorkloadApiError
from swift_server import *
from swift_server import Refused

SVID, BUNDLES = workload_pb2.X509SVIDRequest(), workload_pb2.X509BundlesRequest()


@pytest.fixture
def address(server, agent):
    return server.serve(agent)


def federate(server, made):
    server.do("federate", made.trust_domain, made.json().replace("\n", ""))


def test_the_package_spiffe_gets_the_agents_svid_and_bundles(server, agent, address, trusted):
    federate(server, bundle("corp.example", root()))
    with WorkloadApiClient(address) as client:
        context = client.fetch_x509_context(timeout=60)
        svid = context.default_svid
        assert str(svid.spiffe_id) == agent["id"]
        assert str(trusted.verify([der(each) for each in svid.cert_chain]).spiffe_id) == agent["id"]
        assert svid.private_key.public_key() == svid.leaf.public_key()
        names = {each.trust_domain.name for each in client.fetch_x509_bundles(timeout=60).bundles}
        assert names == {"acme.example", "corp.example"} == {e.trust_domain.name for e in context.x509_bundle_set.bundles}
        with pytest.raises(WorkloadApiError):
            client.fetch_jwt_svid({"x"}, timeout=60)
        with pytest.raises(WorkloadApiError):
            client.fetch_jwt_bundles(timeout=60)


def test_pythons_client_reads_swifts_server(agent, address, issuer):
    svid, bundles = fetch_svid(address), fetch_bundles(address, tokens=False)
    assert str(bundles.verify(svid.certificates).spiffe_id) == agent["id"]
    assert bundles.get("acme.example").authorities == issuer.bundle().authorities


def test_without_the_header_nobody_gets_anything(address):
    channel, stub, _ = raw(address)
    with channel:
        for metadata in (
            (),
            (("workload.spiffe.io", "false"),),
            (("workload.spiffe.io", ""),),
            (("workload.spiffe.io", "True"),),
            (("workload-spiffe-io", "true"),),
        ):
            for call, request in ((stub.FetchX509SVID, SVID), (stub.FetchX509Bundles, BUNDLES)):
                assert status(call, request, metadata=metadata, timeout=60) == "INVALID_ARGUMENT"
        assert status(stub.ValidateJWTSVID, workload_pb2.ValidateJWTSVIDRequest(), metadata=HEADER, timeout=60) == "UNIMPLEMENTED"


def test_the_directory_is_the_attestation(run, server, agent, address, tmp_path):
    other = server.serve(server.start())
    assert other != address and fetch_svid(other).spiffe_id != fetch_svid(address).spiffe_id
    sockets = tmp_path / "agents"
    assert {each.name for each in sockets.iterdir()} == {os.path.basename(each) for each in (address, other)}
    assert sockets.stat().st_mode & 0o777 == 0o700
    with pytest.raises(Refused, match="served"):
        server.serve(agent)
    (tmp_path / "open").mkdir(mode=0o755)
    (tmp_path / "link").symlink_to(sockets)
    for directory in ("open", "link"):
        with pytest.raises(Refused, match="chmod 700"):
            run(sockets=directory)
    deep = run(sockets="d" * 90)
    with pytest.raises(Refused, match="shorter"):
        deep.serve(deep.start())


def test_a_socket_that_is_served_is_not_taken_and_one_left_behind_is(server, agent, address):
    path = pathlib.Path(address.removeprefix("unix://"))
    server.do("stop", agent["agent"])
    server.do("stop", agent["agent"])
    assert not path.exists()
    with socket.socket(socket.AF_UNIX) as serving:
        serving.bind(str(path))
        serving.listen()
        with pytest.raises(Refused, match="another process"):
            server.serve(agent)
    assert fetch_svid(server.serve(agent)).spiffe_id
    server.do("stop", agent["agent"])
    path.write_text("not a socket")
    with pytest.raises(Refused, match="not a socket"):
        server.serve(agent)
    assert path.read_text() == "not a socket"


def test_calls_that_overlap_have_turns_and_none_takes_anothers_place(server, agent):
    """A call that stops an agent stops what was served before it, and a call that serves it gets a socket of its own."""
    for _ in range(10):
        done = server.do("overlap", agent["agent"])
        assert set(done["errors"]) <= {"served"}
        assert str(fetch_svid(done["address"]).spiffe_id) == agent["id"]
        server.do("stop", agent["agent"])
        assert not pathlib.Path(done["address"].removeprefix("unix://")).exists()


def test_a_process_that_was_killed_leaves_nothing_that_hinders_the_next(run, server, agent, address):
    server.process.kill()
    server.process.wait()
    assert pathlib.Path(address.removeprefix("unix://")).exists()
    again = run()
    assert fetch_svid(again.serve(again.start()))


def test_a_stream_brings_the_next_svid_and_ends_with_the_agent(run, domain):
    server = run(lifetime=4)
    agent = server.start()
    channel, stub, metadata = raw(server.serve(agent))
    with channel:
        stream = stub.FetchX509SVID(SVID, metadata=metadata, timeout=60)
        leaves = [next(stream).svids[0].x509_svid for _ in range(3)]
        assert len(set(leaves)) == 3
        server.do("rotate", agent["agent"])
        assert next(stream).svids[0].x509_svid not in leaves
        others = stub.FetchX509Bundles(BUNDLES, metadata=metadata, timeout=60)
        assert next(others).bundles
        domain.suspend(agent["id"])
        assert status(lambda: stream) == status(lambda: others) == "PERMISSION_DENIED"
        for call, request in ((stub.FetchX509SVID, SVID), (stub.FetchX509Bundles, BUNDLES)):
            assert status(call, request, metadata=metadata, timeout=60) == "PERMISSION_DENIED"
        domain.resume(agent["id"])
        stream = stub.FetchX509SVID(SVID, metadata=metadata, timeout=60)
        assert next(stream).svids
        begun = time.monotonic()
        domain.deprovision(agent["id"])
        assert status(lambda: stream) == "PERMISSION_DENIED" and time.monotonic() - begun < 50
        assert status(stub.FetchX509SVID, SVID, metadata=metadata, timeout=60) == "PERMISSION_DENIED"


@pytest.mark.parametrize("how", ["end", "let-go", "park"])
def test_an_agent_that_has_gone_is_not_served(server, agent, address, how):
    channel, stub, metadata = raw(address)
    with channel:
        stream = stub.FetchX509SVID(SVID, metadata=metadata, timeout=60)
        assert next(stream).svids
        server.do(how, agent["agent"])
        assert status(lambda: stream) == "PERMISSION_DENIED"
    with pytest.raises(Refused):
        server.serve(agent)


def test_a_rotated_authority_and_a_new_federation_reach_those_who_listen(server, agent, address, issuer):
    channel, stub, metadata = raw(address)
    with channel:
        stream = stub.FetchX509Bundles(BUNDLES, metadata=metadata, timeout=30)
        assert next(stream).bundles["spiffe://acme.example"] == issuer.bundle().der()
        issuer.publish_authority()
        assert next(stream).bundles["spiffe://acme.example"] == issuer.bundle().der()
        assert len(issuer.bundle().authorities) == 2
        corp = root()
        federate(server, bundle("corp.example", corp, sequence=2))
        assert next(stream).bundles["spiffe://corp.example"] == der(corp[0])
        with pytest.raises(Refused, match="went back"):
            federate(server, bundle("corp.example", root(), sequence=1))
        with pytest.raises(Refused, match="own_domain"):
            federate(server, issuer.bundle())


def test_one_who_opens_many_streams_is_held_to_eight(address):
    channel, stub, metadata = raw(address)
    with channel:
        streams = [stub.FetchX509SVID(SVID, metadata=metadata, timeout=30) for _ in range(8)]
        [next(each) for each in streams]
        more = stub.FetchX509SVID(SVID, metadata=metadata, timeout=60)
        assert status(lambda: more) == "RESOURCE_EXHAUSTED"
        [each.cancel() for each in streams]
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                assert next(stub.FetchX509SVID(SVID, metadata=metadata, timeout=60)).svids
                break
            except grpc.RpcError:
                time.sleep(0.05)
        else:
            pytest.fail("streams that were cancelled are still counted")


def test_one_who_connects_without_end_takes_no_more_than_a_share_of_descriptors(server, agent, address):
    other, path = server.serve(server.start()), address.removeprefix("unix://")
    with contextlib.ExitStack() as opened:
        idle = [opened.enter_context(socket.socket(socket.AF_UNIX)) for _ in range(100)]
        for each in idle:
            each.connect(path)
        assert closed(idle, 68) >= 68
        assert fetch_svid(other).spiffe_id
    assert str(fetch_svid(address).spiffe_id) == agent["id"]


def test_one_who_reads_nothing_holds_up_no_end(server, agent, address):
    """Nor does one who says nothing: the process that serves them, and may be the authority, stays as it is."""
    with contextlib.ExitStack() as opened:
        for each in (agent, server.start(), server.start()):
            path = server.serve(each).removeprefix("unix://") if each is not agent else address.removeprefix("unix://")
            for _ in range(3):
                opened.enter_context(unread(path))
                opened.enter_context(socket.socket(socket.AF_UNIX)).connect(path)
        server.do("stop", agent["agent"])
        assert fetch_svid(server.serve(agent)).spiffe_id
        server.do("close")
        assert server.stop() == 0


def test_what_is_not_grpc_or_too_much_ends_its_own_connection_only(server, agent, address):
    path = address.removeprefix("unix://")
    for sent in (b"GET / HTTP/1.1\r\n\r\n", b"\0" * 100_000, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 1000):
        with socket.socket(socket.AF_UNIX) as rude:
            rude.settimeout(10)
            rude.connect(path)
            try:
                rude.sendall(sent)
                while rude.recv(4096):
                    pass
            except OSError:
                pass
    channel = grpc.insecure_channel(address.replace("unix://", "unix:"))
    with channel:
        call = channel.unary_stream("/SpiffeWorkloadAPI/FetchX509SVID")
        assert status(call, b"x" * 100_000, metadata=HEADER, timeout=60) in ("CANCELLED", "INTERNAL", "RESOURCE_EXHAUSTED")
    assert str(fetch_svid(address).spiffe_id) == agent["id"]


def test_closing_ends_streams_and_takes_sockets_away(server, agent, address, tmp_path):
    channel, stub, metadata = raw(address)
    with channel:
        stream = stub.FetchX509SVID(SVID, metadata=metadata, timeout=30)
        assert next(stream).svids
        server.do("close")
        status(lambda: stream)
    assert not list((tmp_path / "agents").iterdir())
    with pytest.raises(Refused, match="closed"):
        server.serve(agent)
    assert server.stop() == 0


def test_many_agents_at_once(server, issuer):
    agents = [server.start() for _ in range(20)]
    addresses = [server.serve(agent) for agent in agents]
    trusted = Bundles([issuer.bundle()])
    for agent, address in zip(agents, addresses, strict=True):
        assert str(trusted.verify(fetch_svid(address).certificates).spiffe_id) == agent["id"]


def test_the_guides_program_ends(program, tmp_path):
    with subprocess.Popen(
        [program.parent / "example", tmp_path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as example:
        try:
            said, address = (example.stdout.readline().strip() for _ in range(2))
            svid = fetch_svid(address)
            assert said == f"{svid.spiffe_id} true"
            channel, stub, metadata = raw(address)
            with channel:
                stream = stub.FetchX509SVID(SVID, metadata=metadata, timeout=30)
                assert next(stream).svids
                example.send_signal(signal.SIGTERM)
                status(lambda: stream)
            assert example.wait(30) == 0
        finally:
            example.kill()
    assert not list((tmp_path / "sockets").iterdir())
