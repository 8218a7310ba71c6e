"""What the library calls back: a signer elsewhere, a clock; kept as long as they are needed and no longer."""

import logging
import os
import signal
import subprocess
import sys
import threading
import time

import libagentid
import pytest
from life import Elsewhere, open_authority, start, until


def test_a_signer_elsewhere_keeps_every_private_key_out_of_the_directory(tmp_path):
    signer = Elsewhere()
    with open_authority(tmp_path / "acme", signer=signer) as acme, start(acme) as agent:
        assert agent.authorize("read_file", {"path": "/data/x"})
        assert not list((tmp_path / "acme/keys").glob("*.jwk"))
        signer.sign = lambda message: bytes(64)
        with pytest.raises(libagentid.Error) as wrong:
            start(acme)
        assert wrong.value.name == "signer_mismatch"

        def fail(message):
            raise RuntimeError("unplugged")

        signer.sign = fail
        with pytest.raises(libagentid.Error) as failed:
            start(acme)
        assert (failed.value.code, failed.value.name) == (13, "signer_failed")


def test_a_clock_that_fails_denies():
    now = [time.time()]
    with open_authority(clock=lambda: now[0]) as acme, start(acme) as agent:
        assert agent.authorize("read_file", {"path": "/data/x"})
        now[0] += 400
        assert agent.check("read_file", {"path": "/data/x"}).reason == "expired"
        now[0] = None
        assert not agent.check("read_file", {"path": "/data/x"})


SUB_INTERPRETER = """
import libagentid, time
def start(acme):
    acme.put_profile("p", owner="team:x@acme.example", ceiling="read")
    return acme.agent("p", principal="user:a@acme.example", task="t", scope="read")
with libagentid.Authority.open(trust_domain="acme.example") as acme, start(acme) as agent:
    print(agent.check("read", {}).permitted)
    for add in (lambda: acme.add_hook("h", print), lambda: libagentid.Authority.open(trust_domain="a.example", clock=time.time)):
        try:
            add()
        except RuntimeError as error:
            print("main interpreter" in str(error))
keep = libagentid.Authority.open(trust_domain="acme.example")  # left open at its end
agent = start(keep)
print(flush=True)
"""


@pytest.mark.skipif(sys.version_info[:2] == (3, 12), reason="ctypes cannot be imported in a sub-interpreter")
def test_a_sub_interpreter_decides_and_is_refused_callbacks_which_it_cannot_run():
    script = """
import sys
try:
    import _interpreters
    within = _interpreters.create()
    assert not _interpreters.exec(within, sys.argv[1])
    _interpreters.destroy(within)
except ImportError:
    import _xxsubinterpreters
    within = _xxsubinterpreters.create()
    _xxsubinterpreters.run_string(within, sys.argv[1])
    _xxsubinterpreters.destroy(within)
"""
    done = subprocess.run(
        [sys.executable, "-c", script, SUB_INTERPRETER], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout.split()) == (0, ["True"] * 3), done.stderr


class SoftTimeLimit(BaseException):
    pass


armed = [False]


class Raising(logging.Handler):
    """A handler that fails: a program's own, or one whose disk is full."""

    def __init__(self, error):
        super().__init__()
        self.error, self.lines = error, 0

    def emit(self, record):
        self.lines += 1
        raise self.error


@pytest.mark.parametrize("error", [RuntimeError("the log"), SystemExit(0)])
def test_a_log_that_fails_makes_no_garbage_of_a_callback_that_failed(tmp_path, error):
    handler, runs, given_back = Raising(error), [], []

    def hook(event):
        runs.append(event)
        if len(runs) < 3:
            raise OSError("not yet")

    class Vault:
        release_command = ()

        def acquire(self, request):
            return "a secret"

        def release(self, lease):
            given_back.append(lease)
            if len(given_back) < 3:
                raise OSError("sealed")

    logging.getLogger("libagentid").addHandler(handler)
    try:
        with open_authority(tmp_path / "acme") as acme:
            acme.add_hook("h", hook, events=["created"])
            acme.add_provider("vault", Vault())
            with start(acme) as agent:
                lease = acme.acquire(agent.authorize("read_file", {"path": "/data/x"}), "vault", "db", 60)
                until(lambda: acme.deliveries() and acme.deliveries()[0].error)
                assert acme.deliveries()[0].error == "the callback returned 1"
                with pytest.raises(libagentid.StateError, match="release returned 1"):
                    lease.release()
                until(lambda: len(runs) == 3 and len(given_back) == 3 and not acme.broker_leases())
            assert handler.lines >= 4
    finally:
        logging.getLogger("libagentid").removeHandler(handler)


def limit(*_):
    if armed[0]:
        armed[0] = False
        raise SoftTimeLimit


def test_what_interrupts_a_callback_reaches_the_caller_and_nothing_is_permitted():
    interrupts = [False]

    def clock():
        if interrupts[0]:
            raise SoftTimeLimit
        return time.time()

    with open_authority(clock=clock) as acme, start(acme) as agent:
        interrupts[0] = True
        for call in (
            lambda: agent.check("read_file", {"path": "/data/x"}),
            lambda: agent.authorize("read_file", {"path": "/data/x"}),
            lambda: start(acme),
            lambda: acme.reap(),
        ):
            with pytest.raises(SoftTimeLimit):
                call()
        interrupts[0] = False
        assert agent.check("read_file", {"path": "/data/x"}), "the next call is not touched by it"


def test_a_clock_that_raises_is_the_cause_of_the_denial():
    fails = [False]

    def clock():
        if fails[0]:
            raise ValueError("no time")
        return time.time()

    with open_authority(clock=clock) as acme, start(acme) as agent:
        fails[0] = True
        assert agent.check("read_file", {"path": "/data/x"}).reason == "clock_failed"
        with pytest.raises(libagentid.Denied) as denied:
            agent.authorize("read_file", {"path": "/data/x"})
        assert denied.value.reason == "clock_failed" and isinstance(denied.value.__cause__, ValueError)
        fails[0] = False


def test_signals_at_any_moment_of_a_callback_make_no_garbage_of_its_result():
    with open_authority(clock=time.time) as acme, start(acme) as agent:
        stop = threading.Event()
        before = signal.signal(signal.SIGUSR1, limit)

        def send():
            while not stop.wait(0.001):
                os.kill(os.getpid(), signal.SIGUSR1)

        sender = threading.Thread(target=send, daemon=True)
        reasons, interrupted = set(), 0
        try:
            sender.start()
            while interrupted < 300:
                try:
                    armed[0] = True
                    while armed[0]:  # a finalizer may have swallowed it, as Python does
                        reasons.add(agent.check("read_file", {"path": "/data/x"}).reason)
                        acme.reap()
                except SoftTimeLimit:
                    pass
                interrupted += 1
        finally:
            armed[0] = False
            signal.signal(signal.SIGUSR1, signal.SIG_IGN)
            stop.set()
            sender.join()
            signal.signal(signal.SIGUSR1, before)
        assert reasons == {None}, "no garbage was taken for a time"
        assert [found.state for found in acme.agents()] == ["active"]


OUTLIVES = """
import atexit, sys, time
atexit.register(lambda: print(len(libagentid._callbacks._kept)))  # the first comes last
import libagentid

agents = []
for _ in range(2):
    acme = libagentid.Authority.open(sys.argv[1], trust_domain="acme.example", clock=lambda: time.time())
    acme.put_profile("p", owner="team:x@acme.example", ceiling="read(path: *)")
    for _ in range(2):
        agents.append(acme.agent("p", principal="user:a@acme.example", task="t", scope="read(path: *)"))
    acme.revoke(agent=agents[-1])
    guard = acme.guard(audience="g")
    admission = guard.admit(agents[-2].chain)
    if sys.argv[2] == "closed":
        acme.close(), guard.close()
"""


@pytest.mark.parametrize("which", ["open", "closed"])
def test_nothing_calls_back_into_an_interpreter_that_has_ended(tmp_path, which):
    run = [sys.executable, "-c", OUTLIVES, str(tmp_path / "acme"), which]
    done = subprocess.run(run, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "0\n", "")
