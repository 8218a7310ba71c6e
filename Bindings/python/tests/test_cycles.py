"""What a call leaves behind goes with the last reference: it never waits for the collector, nor keeps an agent's log open."""

import gc
import pathlib
from contextlib import contextmanager, suppress

import libagentid
import pytest
from life import ALICE, CALL, SCOPE, open_authority, start

OUTSIDE = ("read_file", {"path": "/etc/passwd"})


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    directory = tmp_path_factory.mktemp("cycles") / "acme"
    with open_authority(directory) as acme, acme.guard(audience="files") as guard, start(acme) as agent:
        acme.integrate()
        yield acme, guard, agent, directory


@contextmanager
def failing(*kinds):
    with suppress(*(kinds or (libagentid.Error,))):
        yield
        pytest.fail("it did not fail")


def check_denied(acme, guard, agent, directory):
    assert not agent.check(*OUTSIDE)
    assert not agent.check("a NUL \0", {})
    assert not agent.check("read_file", {"path": "\ud800"})
    assert not agent.check("read_file", {"path": float("nan")})


def authorize_denied(acme, guard, agent, directory):
    with failing(libagentid.Denied):
        agent.authorize(*OUTSIDE)


def guard_denied(acme, guard, agent, directory):
    assert not guard.check("read_file", {}, chain="no chain", proof="")
    with failing(libagentid.Denied):
        guard.authorize(*OUTSIDE, chain=agent.chain, proof=agent.prove(*OUTSIDE, audience="files"))


def call_permitted(acme, guard, agent, directory):
    with agent.call(*CALL):
        pass


def call_fails(acme, guard, agent, directory):
    with failing(KeyError), agent.call(*CALL):
        raise KeyError


def not_found(acme, guard, agent, directory):
    with failing(libagentid.NotFound):
        acme.agent("nobody", principal=ALICE, task="none", scope=SCOPE)


def malformed(acme, guard, agent, directory):
    with failing(libagentid.ScopeError):
        libagentid.Scope("read_file(")


def spawn_wider(acme, guard, agent, directory):
    with failing():
        agent.spawn("reader", scope="write_file")


def spawned(acme, guard, agent, directory):
    with agent.spawn("reader", same_scope=True) as child:
        assert child.check(*CALL)
        assert not child.check(*OUTSIDE)


def callback_fails(acme, guard, agent, directory):
    def clock():
        raise KeyError

    with failing(), libagentid.Authority.open(trust_domain="acme.example", clock=clock) as other:
        other.agent("nobody", principal=ALICE, task="none", scope=SCOPE)


def interrupted_verification(acme, guard, agent, directory):
    class Stop(BaseException):
        pass

    def progress(entries):
        raise Stop

    with failing(Stop), libagentid.Audit.open(directory) as audit:
        audit.verify(progress)


@pytest.mark.parametrize(
    "act",
    [
        check_denied,
        authorize_denied,
        guard_denied,
        call_permitted,
        call_fails,
        not_found,
        malformed,
        spawn_wider,
        spawned,
        callback_fails,
        interrupted_verification,
    ],
)
def test_no_call_leaves_a_cycle(world, act):
    act(*world)  # what is made once
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        act(*world)
        gc.collect()
        left = [thing for thing in gc.garbage if type(thing).__module__.startswith("libagentid") or "frame" in str(type(thing))]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
    assert not left


def test_a_log_closes_with_its_authority_though_calls_were_denied(tmp_path):
    def logs():
        return sum(path.read_text() == "agentid-audit\n" for path in pathlib.Path("/proc/self/task").glob("*/comm"))

    gc.collect()
    before = logs()
    gc.disable()
    try:
        with open_authority(tmp_path / "acme") as acme:
            assert not start(acme).check(*OUTSIDE)
        assert logs() == before
    finally:
        gc.enable()
