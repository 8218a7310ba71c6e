"""What asks a Workload API in the tests, and Go's end of a TLS connection."""

import os
import pathlib
import select
import shutil
import socket
import subprocess
import sys
import time

import grpc
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from spiffe._proto import workload_pb2_grpc

HERE = pathlib.Path(__file__).parent
HEADER = (("workload.spiffe.io", "true"),)


def raw(address, metadata=HEADER):
    """A client without any manners."""
    channel = grpc.insecure_channel(address.replace("unix://", "unix:"))
    return channel, workload_pb2_grpc.SpiffeWorkloadAPIStub(channel), metadata


def status(call, *given, **named):
    """The status that a call, or its stream, ends with."""
    with pytest.raises(grpc.RpcError) as raised:
        for _ in call(*given, **named):
            pass
    return raised.value.code().name


def closed(connections, count):
    """Waits until so many of some connections were closed by their server, a minute at most; how many were."""
    left, deadline = set(connections), time.monotonic() + 60
    while len(connections) - len(left) < count and time.monotonic() < deadline:
        for each in select.select(list(left), [], [], 1)[0]:
            try:
                if each.recv(4096):
                    continue  # how HTTP/2 begins
            except OSError:
                pass
            left.remove(each)
    return len(connections) - len(left)


def unread(path):
    """A client that asks twice over HTTP/2, and lets nothing be sent to it: its window is 0."""

    def frame(kind, flags, stream, data=b""):
        return len(data).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + data

    fields = {
        ":method": "POST", ":scheme": "http", ":path": "/SpiffeWorkloadAPI/FetchX509SVID", ":authority": "localhost",
        "te": "trailers", "content-type": "application/grpc", **dict(HEADER),
    }  # fmt: skip
    block = b"".join(bytes([0, len(name)]) + name.encode() + bytes([len(text)]) + text.encode() for name, text in fields.items())
    sent = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, b"\0\4" + bytes(4)) + frame(4, 1, 0)
    client = socket.socket(socket.AF_UNIX)
    client.connect(path)
    client.settimeout(60)
    client.sendall(sent + b"".join(frame(1, 4, each, block) + frame(0, 1, each, bytes(5)) for each in (1, 3)))
    kind, received = 0, client.makefile("rb")
    while kind != 1:  # the answer's headers, which are no matter of the window
        head = received.read(9)
        kind = head[3]
        received.read(int.from_bytes(head[:3], "big"))
    received.detach()
    return client


@pytest.fixture(scope="session")
def go(tmp_path_factory):
    """The Go program, compiled by the Go of this environment."""
    binary = tmp_path_factory.mktemp("go") / "peer"
    compiler = shutil.which("go", path=f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}")
    variables = {**os.environ, "GOTOOLCHAIN": "local", "GOPROXY": "off", "GOFLAGS": "-mod=mod", "CGO_ENABLED": "0"}
    variables["GOCACHE"] = os.environ.get("GOCACHE", str(pathlib.Path(sys.prefix) / "go-cache"))
    subprocess.run([compiler, "build", "-o", binary, "."], cwd=HERE / "peer", env=variables, check=True)
    return binary


@pytest.fixture
def files(tmp_path):
    """An SVID as the files that Go reads, with the bundle that it trusts."""

    def files(bundle, svid):
        (tmp_path / "bundle.pem").write_text(bundle.pem())
        (tmp_path / "svid.pem").write_text(svid.pem())
        key = svid.private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (tmp_path / "key.pem").write_bytes(key)
        return [tmp_path / name for name in ("bundle.pem", "svid.pem", "key.pem")]

    return files
