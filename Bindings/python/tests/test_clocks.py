"""Clocks and other callbacks that return what they must not: a TypeError that names them, and nothing is permitted."""

import datetime
import decimal
import fractions
import math
import os
import shutil
import subprocess
import sys
import threading
import time

import libagentid
import pytest
from life import CALL, open_authority, start

WRONG = [None, True, "1790000000", b"1", [1], {}, (1,), object(), datetime.datetime.now(), 1j, lambda: 1]
EXTREME = [math.nan, math.inf, -math.inf, -1, 0, 1e300, -1e300, 1 << 63, -(1 << 63), 1 << 200, -(1 << 200), 5e-324]


@pytest.fixture
def told():
    return [time.time()]


@pytest.fixture
def acme(told):
    with open_authority(clock=lambda: told[0]) as acme:
        yield acme


@pytest.mark.parametrize("wrong", WRONG, ids=lambda value: type(value).__name__)
def test_a_clock_of_another_type_is_named(acme, told, wrong):
    with start(acme) as agent:
        told[0] = wrong
        with pytest.raises(libagentid.Denied) as denied:
            agent.authorize(*CALL)
        assert denied.value.reason == "clock_failed"
        assert isinstance(denied.value.__cause__, TypeError)
        assert str(denied.value.__cause__) == f"clock returned {type(wrong).__name__}, not seconds since 1970 as a number"
        told[0] = time.time()
        assert agent.authorize(*CALL)


@pytest.mark.parametrize("extreme", EXTREME, ids=repr)
def test_no_number_of_a_clock_permits(acme, told, extreme):
    with start(acme) as agent:
        told[0] = extreme
        assert agent.check(*CALL).reason in ("clock_failed", "clock_invalid", "clock_went_back")
        with pytest.raises(libagentid.Error):
            start(acme)
        told[0] = time.time()
        assert agent.authorize(*CALL)


def test_numbers_of_every_kind_tell_the_time(acme, told):
    with start(acme) as agent:
        now = time.time()
        for number in (int(now), now, decimal.Decimal(now), fractions.Fraction(now)):
            told[0] = number
            assert agent.authorize(*CALL)


def test_the_authoritys_clock_reaches_its_guards():
    """An hour ahead: by the machine's clock its grants and proofs are of the future."""
    with open_authority(clock=lambda: time.time() + 3600) as acme, start(acme) as agent, acme.guard(audience="files") as guard:
        proof = agent.prove(*CALL, audience="files")
        assert guard.authorize(*CALL, chain=agent.chain, proof=proof)


def test_a_clock_that_hangs_denies_those_who_come_later():
    go_on = threading.Event()
    go_on.set()

    def clock():
        go_on.wait(30)
        return time.time()

    with open_authority(clock=clock) as acme, start(acme) as agent:
        assert agent.check(*CALL)
        go_on.clear()
        held = [threading.Thread(target=agent.check, args=CALL) for _ in range(2)]
        for thread in held:
            thread.start()
        time.sleep(1.5)
        begun = time.monotonic()
        for _ in range(20):
            assert agent.check(*CALL).reason == "clock_failed"
        acme.revoke(principal="user:bob@acme.example")
        assert time.monotonic() - begun < 20
        go_on.set()
        for thread in held:
            thread.join(10)
            assert not thread.is_alive()
        assert agent.check(*CALL)


# As a library that sets the time of one program may leave it (libfaketime, the monotonic clock being kept).
FORGETS = """
#include <errno.h>
#include <pthread.h>
#include <time.h>
int pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex, const struct timespec *end) {
    (void)condition, (void)mutex, (void)end;
    return ETIMEDOUT;
}
"""
STARTS = """
import sys
from life import CALL, open_authority, start
with open_authority(sys.argv[1]) as acme:
    agents = [start(acme) for _ in range(50)]
    print(sum(agent.check(*CALL).permitted for agent in agents))
"""


@pytest.mark.skipif(not shutil.which("cc"), reason="needs a C compiler")
def test_waits_go_by_the_steady_clock_whatever_is_preloaded(tmp_path):
    (tmp_path / "forgets.c").write_text(FORGETS)
    subprocess.run(["cc", "-shared", "-fPIC", tmp_path / "forgets.c", "-o", tmp_path / "forgets.so"], check=True)
    environment = {**os.environ, "LD_PRELOAD": str(tmp_path / "forgets.so"), "PYTHONPATH": os.pathsep.join(sys.path)}
    told = [sys.executable, "-c", STARTS, tmp_path / "acme"]
    done = subprocess.run(told, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.strip() == "50", done.stderr


class Vault:
    release_command = ()

    def __init__(self, secret):
        self.secret = secret

    def acquire(self, request):
        return self.secret

    def release(self, lease):
        pass


@pytest.mark.parametrize("wrong", [None, b"secret", 7, ["secret"], object()], ids=lambda value: type(value).__name__)
def test_a_secret_of_another_type_is_named(wrong):
    with open_authority() as acme, start(acme) as agent:
        acme.add_provider("vault", Vault(wrong))
        with pytest.raises(libagentid.StateError) as failed:
            acme.acquire(agent.authorize(*CALL), "vault", "door", 60)
        assert isinstance(failed.value.__cause__, TypeError)
        assert str(failed.value.__cause__) == f"provider.acquire returned {type(wrong).__name__}, not the secret as a str"


@pytest.mark.parametrize("wrong", [None, "x" * 64, 64, [0] * 64], ids=lambda value: type(value).__name__)
def test_a_signature_of_another_type_is_named(wrong):
    class Signer:
        public_key = bytes(32)

        def sign(self, message):
            return wrong

    class NoKey(Signer):
        public_key = 32

    with pytest.raises(TypeError, match="signer.public_key returned int, not 32 bytes"):
        libagentid.Authority.open(trust_domain="acme.example", signer=NoKey())
    with pytest.raises(libagentid.Error) as failed:
        with libagentid.Authority.open(trust_domain="acme.example", signer=Signer()) as acme:
            acme.put_profile("researcher", owner="team:research@acme.example", ceiling="read_file(path under '/data')")
            start(acme)
    if failed.value.__cause__ is not None:
        assert str(failed.value.__cause__) == f"signer.sign returned {type(wrong).__name__}, not 64 bytes"
