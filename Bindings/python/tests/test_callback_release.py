"""What the library calls back is kept as long as it is needed and no longer."""

import subprocess
import sys
import time

import libagentid
import pytest
from libagentid import _callbacks
from life import Elsewhere, open_authority, start, until


def test_callbacks_are_let_go_with_the_authority():
    before = set(_callbacks._kept)
    with open_authority(signer=Elsewhere(), clock=time.time) as acme, start(acme):
        kept = set(_callbacks._kept) - before
        assert len(kept) == 2
    until(lambda: not kept & set(_callbacks._kept))


PROVIDER = """
class Provider:
    release_command = ()

    def acquire(self, request):
        return "secret"

    def release(self, lease):
        pass
"""

DESTROYED = """
import faulthandler, gc, logging, time
import libagentid

faulthandler.dump_traceback_later(60, exit=True)


class Last:
    def __init__(self, words):
        self.words = words

    def __del__(self):
        self.words()


acme = libagentid.Authority.open(trust_domain="acme.example")
other, said = libagentid.Authority.open(trust_domain="other.example"), []


def again():
    if len(said) < 2:
        acme.add_provider("other", Provider())
    other.add_hook("other", lambda event: None)
    libagentid.log_to(logging.Logger("other"))
    libagentid.log_to(None)
    said.append(True)


def last(thing):
    thing.last = Last(again)
    return thing


acme.add_provider("files", last(Provider()))
acme.add_provider("files", Provider())
assert len(said) == 1

libagentid.log_to(last(logging.Logger("first")))
libagentid.log_to(None)
while len(said) < 2:
    time.sleep(0.01)
acme.add_provider("files", last(Provider()))
acme.close()
gc.collect()
while len(said) < 3:
    time.sleep(0.01)
print("done")
"""


def test_what_is_destroyed_with_a_callback_may_call_the_library():
    ran = subprocess.run([sys.executable, "-c", PROVIDER + DESTROYED], capture_output=True, text=True)
    assert ran.stdout == "done\n", ran.stderr


INTERRUPTED = """
import signal, time
import libagentid
from libagentid import _callbacks


def strike(*_):
    raise KeyboardInterrupt


signal.signal(signal.SIGALRM, strike)
caught = 0
for moment in range(40):
    acme = libagentid.Authority.open(trust_domain="acme.example")
    acme.add_provider("files", Provider())
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.00002 * (moment + 1))
        acme.close()
        time.sleep(2)
    except KeyboardInterrupt:
        caught += 1
    acme.close()
for _ in range(1000):
    if not _callbacks._kept:
        break
    time.sleep(0.01)
print(caught, len(_callbacks._kept))
"""


def test_an_interrupt_while_a_callback_is_let_go_of_reaches_the_program():
    ran = subprocess.run([sys.executable, "-c", PROVIDER + INTERRUPTED], capture_output=True, text=True)
    assert ran.stdout == "40 0\n", (ran.stdout, ran.stderr)


def test_what_is_refused_keeps_no_callback():
    before = set(_callbacks._kept)
    acme = open_authority()
    acme.close()
    provider = type("P", (), {"release_command": (), "acquire": print, "release": print})()
    for call in (
        lambda: open_authority(b"bytes", clock=time.time, signer=Elsewhere()),
        lambda: open_authority("\udc80", clock=time.time, signer=Elsewhere()),
        lambda: open_authority(clock=time.time, signer=Elsewhere(), lease_duration=1.5),
        lambda: open_authority(clock=time.time, signer=Elsewhere(), lease_duration=-1),
        lambda: acme.add_hook("h", print),
        lambda: acme.add_hook("\udc80", print),
        lambda: acme.add_hook(5, print),
        lambda: acme.add_provider("\udc80", provider),
        lambda: acme.add_provider("p", provider),
        lambda: acme.on_approval(print, by="\udc80", key="{}"),
    ):
        with pytest.raises((libagentid.Error, TypeError)):
            call()
    assert set(_callbacks._kept) <= before
