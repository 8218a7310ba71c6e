"""The Workload API over Unix sockets, both ends held to the package spiffe: who may ask gets SVIDs, as long as the agent acts."""

import contextlib
import json
import os
import pathlib
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import grpc
import libagentid
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from ends import HEADER, closed, raw, status, unread
from libagentid.spiffe import Bundles, Exchange, SVIDError, Workload
from libagentid.spiffe.workload import WorkloadAPI, fetch_bundles, fetch_svid, fetch_token
from pki import Tokens, bundle, certificate, der, encoded, root
from spiffe import WorkloadApiClient
from spiffe._proto import workload_pb2, workload_pb2_grpc
from spiffe.workloadapi.errors import FetchX509SvidError, WorkloadApiError
from world import *


@pytest.fixture
def sockets(tmp_path):
    path = tmp_path / "agents"
    path.mkdir(mode=0o700)
    return path


@pytest.fixture
def api(sockets, issuer):
    with WorkloadAPI(sockets, issuer, federated=Bundles([bundle("corp.example", root())]), poll=0.05) as api:
        yield api


def at_last(ask, refused):
    """What the server answers, once it has seen that those who were there before are gone."""
    deadline = time.monotonic() + 60
    while True:
        try:
            return ask()
        except refused:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def test_the_package_spiffe_gets_the_agents_svid_and_bundles(api, reader, trusted, issuer):
    with WorkloadApiClient(api.serve(reader)) as client:
        context = client.fetch_x509_context(timeout=60)
        svid = context.default_svid
        assert str(svid.spiffe_id) == reader.id
        assert str(trusted.verify([der(each) for each in svid.cert_chain]).spiffe_id) == reader.id
        assert svid.private_key.public_key() == svid.leaf.public_key()
        names = {each.trust_domain.name for each in client.fetch_x509_bundles(timeout=60).bundles}
        assert names == {"acme.example", "corp.example"} == {e.trust_domain.name for e in context.x509_bundle_set.bundles}
        with pytest.raises(WorkloadApiError):
            client.fetch_jwt_svid({"x"}, timeout=60)
        with pytest.raises(WorkloadApiError):
            client.fetch_jwt_bundles(timeout=60)


def test_our_client_reads_our_server(api, reader, issuer):
    address = api.serve(reader)
    svid, bundles = fetch_svid(address), fetch_bundles(address, tokens=False)
    assert str(bundles.verify(svid.certificates).spiffe_id) == reader.id
    assert bundles.get("acme.example").authorities == issuer.bundle().authorities


def test_without_the_header_nobody_gets_anything(api, reader):
    channel, stub, _ = raw(api.serve(reader))
    with channel:
        for metadata in (
            (),
            (("workload.spiffe.io", "false"),),
            (("workload.spiffe.io", ""),),
            (("workload-spiffe-io", "true"),),
        ):
            for call, request in (
                (stub.FetchX509SVID, workload_pb2.X509SVIDRequest()),
                (stub.FetchX509Bundles, workload_pb2.X509BundlesRequest()),
            ):
                assert status(call, request, metadata=metadata, timeout=60) == "INVALID_ARGUMENT"
        assert status(stub.ValidateJWTSVID, workload_pb2.ValidateJWTSVIDRequest(), metadata=HEADER, timeout=60) == "UNIMPLEMENTED"


def test_the_directory_is_the_attestation(api, reader, begin, issuer, sockets, tmp_path):
    first, second = api.serve(reader), api.serve(begin())
    assert first != second and fetch_svid(first).spiffe_id != fetch_svid(second).spiffe_id
    assert {each.name for each in sockets.iterdir()} == {os.path.basename(each) for each in (first, second)}
    assert sockets.stat().st_mode & 0o777 == 0o700
    with pytest.raises(ValueError, match="already"):
        api.serve(reader)
    open_to_all = tmp_path / "open"
    open_to_all.mkdir(mode=0o755)
    link = tmp_path / "link"
    link.symlink_to(sockets)
    for directory in (open_to_all, link):
        with pytest.raises(PermissionError, match="chmod 700"):
            WorkloadAPI(directory, issuer)
    deep = tmp_path / ("d" * 90)
    with WorkloadAPI(deep, issuer) as other, pytest.raises(ValueError, match="shorter"):
        other.serve(reader)


def test_a_socket_that_is_served_is_not_taken_and_one_left_behind_is(api, reader, issuer, sockets):
    address = api.serve(reader)
    with WorkloadAPI(sockets, issuer) as other, pytest.raises(FileExistsError):
        other.serve(reader)
    assert fetch_svid(address)
    api.stop(reader)
    api.stop(reader)
    path = address.removeprefix("unix://")
    left = socket.socket(socket.AF_UNIX)
    left.bind(path)
    left.close()
    assert fetch_svid(api.serve(reader))


def test_a_socket_that_is_anothers_by_now_stays_when_the_one_before_it_is_stopped(api, reader, sockets):
    path = pathlib.Path(api.serve(reader).removeprefix("unix://"))
    assert [each.name for each in sockets.iterdir()] == [path.name]
    path.rename(sockets / "away")
    with socket.socket(socket.AF_UNIX) as others:
        others.bind(str(path))
        others.listen()
        api.stop(reader)
        assert path.exists()
    (sockets / "away").unlink()


def test_calls_that_overlap_have_turns_and_none_takes_anothers_place(api, reader, begin):
    other = begin()

    def serve(number):
        who = (reader, other)[number % 2]
        if number % 3 == 0:
            return api.stop(who)
        with contextlib.suppress(ValueError):  # it is served already
            api.serve(who)

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(serve, range(48)))
    for each in (reader, other):
        api.stop(each)
        address = api.serve(each)
        assert str(fetch_svid(address).spiffe_id) == each.id
        api.stop(each)
        assert not pathlib.Path(address.removeprefix("unix://")).exists()


def test_a_stream_brings_the_next_svid_and_ends_with_the_agent(sockets, issuer, reader, domain):
    with WorkloadAPI(sockets, issuer, lifetime=4, poll=0.05) as api:
        channel, stub, metadata = raw(api.serve(reader))
        with channel:
            stream = stub.FetchX509SVID(workload_pb2.X509SVIDRequest(), metadata=metadata, timeout=60)
            leaves = [next(stream).svids[0].x509_svid for _ in range(3)]
            assert len(set(leaves)) == 3
            reader.rotate_key()
            assert next(stream).svids[0].x509_svid not in leaves
            domain.suspend(reader)
            assert status(lambda: stream) == "PERMISSION_DENIED"
            again = stub.FetchX509SVID(workload_pb2.X509SVIDRequest(), metadata=metadata, timeout=60)
            assert status(lambda: again) == "PERMISSION_DENIED"
            assert (
                status(stub.FetchX509Bundles, workload_pb2.X509BundlesRequest(), metadata=metadata, timeout=60)
                == "PERMISSION_DENIED"
            )
            domain.resume(reader)
            assert next(stub.FetchX509SVID(workload_pb2.X509SVIDRequest(), metadata=metadata, timeout=60)).svids
            reader.end()
            with pytest.raises(grpc.RpcError):
                next(stub.FetchX509SVID(workload_pb2.X509SVIDRequest(), metadata=metadata, timeout=60))


def test_an_agent_that_has_ended_is_not_served(api, reader):
    reader.end()
    with pytest.raises(libagentid.Error):
        api.serve(reader)


def test_a_rotated_authority_reaches_those_who_listen(api, reader, issuer):
    channel, stub, metadata = raw(api.serve(reader))
    with channel:
        stream = stub.FetchX509Bundles(workload_pb2.X509BundlesRequest(), metadata=metadata, timeout=30)
        assert next(stream).bundles["spiffe://acme.example"] == issuer.bundle().der()
        issuer.publish_authority()
        assert next(stream).bundles["spiffe://acme.example"] == issuer.bundle().der()
        assert len(issuer.bundle().authorities) == 2


def test_one_who_opens_many_streams_is_held_to_eight(api, reader):
    channel, stub, metadata = raw(api.serve(reader))
    with channel:
        streams = [stub.FetchX509SVID(workload_pb2.X509SVIDRequest(), metadata=metadata, timeout=30) for _ in range(8)]
        [next(each) for each in streams]
        more = stub.FetchX509SVID(workload_pb2.X509SVIDRequest(), metadata=metadata, timeout=60)
        assert status(lambda: more) == "RESOURCE_EXHAUSTED"
        [each.cancel() for each in streams]
        asked = workload_pb2.X509SVIDRequest()
        assert at_last(lambda: next(stub.FetchX509SVID(asked, metadata=metadata, timeout=60)), grpc.RpcError).svids


def test_one_who_connects_without_end_takes_no_more_than_a_share_of_descriptors(api, reader, begin):
    address, other = api.serve(reader), api.serve(begin())
    with contextlib.ExitStack() as opened:
        idle = [opened.enter_context(socket.socket(socket.AF_UNIX)) for _ in range(100)]
        for each in idle:
            each.connect(address.removeprefix("unix://"))
        assert closed(idle, 68) >= 68
        assert fetch_svid(other).spiffe_id
    assert str(at_last(lambda: fetch_svid(address), FetchX509SvidError).spiffe_id) == reader.id


def test_one_who_reads_nothing_holds_up_no_end(api, reader, begin):
    with contextlib.ExitStack() as opened:
        first, other = api.serve(reader), begin()
        for _ in range(3):
            opened.enter_context(unread(first.removeprefix("unix://")))
        reader.end()
        api.stop(reader)
        second = api.serve(other)
        assert fetch_svid(second).spiffe_id
        opened.enter_context(unread(second.removeprefix("unix://")))
        api.close()


class Spire(workload_pb2_grpc.SpiffeWorkloadAPIServicer):
    """A Workload API as a SPIRE agent has it, with JWT-SVIDs; which workload asks is said, not attested."""

    def __init__(self, workload):
        self.workload, self.root, self.tokens, self.seen = (workload, root(), Tokens(), [])
        self.other, self.life, self.other_key = root("other.example"), (-60, 3600), None

    def FetchX509SVID(self, request, context):
        leaf, key = certificate(self.root, uris=[self.workload], life=self.life)
        secret = (self.other_key or key).private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        svid = workload_pb2.X509SVID(spiffe_id=self.workload, x509_svid=der(leaf), x509_svid_key=secret, bundle=der(self.root[0]))
        yield workload_pb2.X509SVIDResponse(svids=[svid])

    def FetchX509Bundles(self, request, context):
        made = {"spiffe://corp.example": der(self.root[0]), "spiffe://other.example": der(self.other[0])}
        yield workload_pb2.X509BundlesResponse(bundles=made)

    def FetchJWTBundles(self, request, context):
        numbers = self.tokens.public.public_numbers()
        x, y = (encoded(each.to_bytes(32, "big")) for each in (numbers.x, numbers.y))
        key = {"kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": "k1", "use": "jwt-svid"}
        yield workload_pb2.JWTBundlesResponse(bundles={"spiffe://corp.example": json.dumps({"keys": [key]}).encode()})

    def FetchJWTSVID(self, request, context):
        self.seen.append(dict(context.invocation_metadata()).get("workload.spiffe.io"))
        token = self.tokens.sign(self.workload, request.audience, jti=None)
        return workload_pb2.JWTSVIDResponse(svids=[workload_pb2.JWTSVID(spiffe_id=self.workload, svid=token)])


@pytest.fixture
def spire(tmp_path):
    servicer, server = (Spire("spiffe://corp.example/ns/prod/sa/report"), grpc.server(ThreadPoolExecutor(4)))
    workload_pb2_grpc.add_SpiffeWorkloadAPIServicer_to_server(servicer, server)
    server.add_insecure_port(f"unix:{tmp_path}/spire.sock")
    server.start()
    yield servicer, f"unix://{tmp_path}/spire.sock"
    server.stop(0).wait()


def test_a_workload_exchanges_what_its_workload_api_gives_it(spire, domain):
    servicer, address = spire
    exchange = Exchange(domain, [Workload(servicer.workload, "reader")], bundles=fetch_bundles(address), audience="agents")
    agent = exchange.from_token(fetch_token("agents", address), task="Q3", scope="read_file(path under '/data/q3')")
    assert libagentid.decode_chain(agent.chain)["links"][0]["claims"]["urn:agentid:1"]["principal"] == servicer.workload
    agent.authorize("read_file", {"path": "/data/q3/a"})
    assert servicer.seen == ["true"]
    with pytest.raises(ValueError, match="audience"):
        exchange.from_token(fetch_token("others", address), task="Q3", scope="read_file(path under '/data/q3')")


def test_a_workloads_svid_is_verified_by_what_its_workload_api_trusts(spire, monkeypatch):
    servicer, address = spire
    monkeypatch.setenv("SPIFFE_ENDPOINT_SOCKET", address)
    bundles, svid = fetch_bundles(), fetch_svid()
    assert str(bundles.verify(svid.certificates).spiffe_id) == servicer.workload == str(svid.spiffe_id)
    assert sorted(each.trust_domain for each in bundles) == ["corp.example", "other.example"]


def test_a_workload_takes_no_svid_that_is_not_its_own(spire):
    servicer, address = spire
    assert str(fetch_svid(address).spiffe_id) == servicer.workload
    servicer.other_key = certificate(servicer.root, uris=[servicer.workload])[1]
    with pytest.raises(SVIDError, match="key"):
        fetch_svid(address)
    servicer.other_key = None
    for life in ((-7200, -3600), (3600, 7200)):
        servicer.life = life
        with pytest.raises(SVIDError, match="expired"):
            fetch_svid(address)


@pytest.mark.parametrize("module", ["libagentid.spiffe", "libagentid.spiffe.workload"])
def test_an_extra_that_is_missing_says_what_to_install(module):
    where = str(pathlib.Path(libagentid.__file__).parents[1])
    code = f"import sys; sys.path.insert(0, {where!r}); import {module}"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True)
    assert "pip install 'libagentid[spiffe]'" in done.stderr and "ImportError" in done.stderr
