"""What asks a Workload API in the tests, and Go's end of a TLS connection."""

import os
import pathlib
import shutil
import subprocess
import sys

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
