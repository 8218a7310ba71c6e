"""What the library calls back: a signer elsewhere, a clock; kept as long as they are needed and no longer."""

import time

import agentid
import pytest
from agentid import _callbacks
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


class Elsewhere:
    def __init__(self):
        self.key = Ed25519PrivateKey.generate()
        self.sign = self.key.sign
        self.public_key = self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def start(acme):
    return acme.agent("researcher", principal="user:alice@acme.example", task="t", scope="read_file(path under '/data')")


def authority(directory=None, **options):
    acme = agentid.Authority.open(directory, trust_domain="acme.example", **options)
    acme.profile("researcher", owner="team:research@acme.example", ceiling="read_file(path under '/data')")
    return acme


def test_a_signer_elsewhere_keeps_every_private_key_out_of_the_directory(tmp_path):
    signer = Elsewhere()
    with authority(tmp_path / "acme", signer=signer) as acme, start(acme) as agent:
        assert agent.authorize("read_file", {"path": "/data/x"})
        assert not list((tmp_path / "acme/keys").glob("*.jwk"))
        signer.sign = lambda message: bytes(64)
        with pytest.raises(agentid.Error) as wrong:
            start(acme)
        assert wrong.value.name == "signer_mismatch"

        def fail(message):
            raise RuntimeError("unplugged")

        signer.sign = fail
        with pytest.raises(agentid.Error) as failed:
            start(acme)
        assert (failed.value.code, failed.value.name) == (13, "signer_failed")


def test_callbacks_are_let_go_with_the_authority():
    before = len(_callbacks._kept)
    with authority(signer=Elsewhere(), clock=time.time) as acme, start(acme):
        assert len(_callbacks._kept) == before + 2
    for _ in range(200):
        if len(_callbacks._kept) == before:
            break
        time.sleep(0.01)
    assert len(_callbacks._kept) == before


def test_a_clock_that_fails_denies():
    now = [time.time()]
    with authority(clock=lambda: now[0]) as acme, start(acme) as agent:
        assert agent.authorize("read_file", {"path": "/data/x"})
        now[0] += 400
        assert agent.check("read_file", {"path": "/data/x"}).reason == "expired"
        now[0] = None
        assert not agent.check("read_file", {"path": "/data/x"})
