"""The Swift server, built once and kept, and told by a test what to do."""

import json
import pathlib
import subprocess

HERE = pathlib.Path(__file__).parent
KEPT = HERE.parents[2] / ".build-integrations/spiffe_swift-server"
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, load_der_private_key
from libagentid.spiffe import SPIFFEID, X509SVID
from world import *


class Refused(Exception):
    """An error of the Swift server; `name` is its stable name."""

    def __init__(self, answer):
        super().__init__(f"{answer['error']}: {answer.get('message')}")
        self.name = answer["error"]


class Server:
    """A process with an authority, its issuer and its Workload API in Swift."""

    def __init__(self, program, *arguments):
        command = [str(each) for each in (program, *arguments)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            self.read()
        except BaseException:
            self.stop()
            raise

    def read(self):
        answer = json.loads(self.process.stdout.readline())
        if "error" in answer:
            raise Refused(answer)
        return answer

    def do(self, *words):
        print(*words, file=self.process.stdin, flush=True)
        return self.read()

    def start(self, *audiences):
        return self.do("start", *([",".join(audiences)] if audiences else []))

    def serve(self, agent):
        return self.do("serve", agent["agent"])["address"]

    def svid(self, agent, *lifetime):
        """The SVID that an agent gets, as Python has them."""
        made = self.do("svid", agent["agent"], *lifetime)
        pem = x509.load_pem_x509_certificates(made["pem"].encode())
        key = load_der_private_key(bytes(made["key"]), None)
        begins = int(pem[0].not_valid_before_utc.timestamp())
        ders = tuple(each.public_bytes(Encoding.DER) for each in pem)
        assert made["not_after"] == int(pem[0].not_valid_after_utc.timestamp()) and made["id"] == agent["id"]
        return X509SVID(SPIFFEID.parse(made["id"]), ders, key, begins, made["not_after"], agent["key"])

    def stop(self):
        self.process.stdin.close()
        return self.process.wait(30)


@pytest.fixture(scope="session")
def program():
    """The server, compiled; the first time takes some minutes."""
    command = ["swift", "build", "--package-path", HERE / "server", "--scratch-path", KEPT]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return KEPT / "debug/server"


@pytest.fixture
def run(program, domain, tmp_path):
    """Starts the server over the authority that Python has open too."""
    made = []

    def run(*, poll=50, lifetime=0, passphrase=None, directory="x509", sockets="agents"):
        arguments = [tmp_path / "acme", tmp_path / directory, tmp_path / sockets, poll, lifetime]
        made.append(Server(program, *arguments, *([] if passphrase is None else [passphrase])))
        return made[-1]

    yield run
    for server in made:
        if server.process.poll() is None:
            server.stop()


@pytest.fixture
def server(run):
    return run()


@pytest.fixture
def agent(server):
    return server.start()
