"""A clock that is wrong for a moment: what was told by it holds up nothing, and takes nothing away, once it is right."""

import contextlib
import ctypes
import json
import time

import libagentid
import libagentid._abi as abi
import pytest

DAY = 86_400


class Hand:
    """An authority in a directory, whose clock is off by some seconds at times."""

    def __init__(self, directory, off=0):
        self.off = off

        def tell(milliseconds, _):
            milliseconds[0] = int((time.time() + self.off) * 1000)
            return abi.CALLBACK_OK

        self.clock = abi.Clock(now=abi.NOW(tell))
        path = str(directory).encode()
        options = abi.AuthorityOptions(trust_domain=b"acme.example", clock=ctypes.pointer(self.clock))
        authority = libagentid.Authority.__new__(libagentid.Authority)
        self.acme = authority._own(abi.lib.agentid_authority_open, path, len(path), ctypes.byref(options))
        self.acme.put_profile("p", owner="team:x@acme.example", ceiling="read; pay(usd: *)")

    def start(self, **more):
        return self.acme.agent("p", principal="user:a@acme.example", task="t", scope="read; pay(usd: *)", **more)

    @contextlib.contextmanager
    def wrong(self, off):
        self.off = off
        try:
            yield
        finally:
            self.off = 0


@pytest.fixture
def hand(tmp_path):
    hand = Hand(tmp_path / "acme")
    with hand.acme:
        yield hand


class Vault:
    release_command = ()

    def __init__(self):
        self.released, self.fails = [], False

    def acquire(self, request):
        return "a secret"

    def release(self, lease):
        if self.fails:
            raise RuntimeError("the vault is away")
        self.released.append(lease)


def until(condition):
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.02)


@pytest.mark.parametrize("off", [DAY, -DAY, 700])
def test_a_hook_that_failed_under_it_is_tried_again_soon(hand, off):
    heard, fails = [], [False]

    def hear(event):
        heard.append(event)
        if fails[0]:
            raise RuntimeError("not now")

    hand.acme.add_hook("h", hear, events=["suspended", "resumed"], deadline=2)
    agent = hand.start()
    with hand.wrong(off):
        fails[0] = True
        hand.acme.suspend(agent.id, "a look")
        until(lambda: heard)
    fails[0], before = False, len(heard)
    until(lambda: len(heard) > before)
    hand.acme.resume(agent.id)
    until(lambda: len(heard) > before + 1)
    until(lambda: hand.acme.hooks()[0].pending == 0)


@pytest.mark.parametrize("off", [DAY, -DAY, 700])
def test_a_secret_whose_return_failed_under_it_is_returned_soon(hand, off):
    vault = Vault()
    hand.acme.add_provider("vault", vault)
    agent = hand.start()
    hand.acme.acquire(agent.authorize("read", {}), "vault", "row", 60)
    with hand.wrong(off):
        vault.fails = True
        agent.end("done")
    vault.fails = False
    until(lambda: hand.acme.reap() >= 0 and vault.released)


@pytest.mark.parametrize("off", [DAY, -DAY, 700])
def test_a_secret_in_use_is_not_returned_by_it_and_one_that_is_over_is(hand, off):
    vault = Vault()
    hand.acme.add_provider("vault", vault)
    agent = hand.start()
    decision = agent.authorize("read", {})
    hand.acme.acquire(decision, "vault", "long", 60)
    with hand.wrong(off):
        hand.acme.reap()
        time.sleep(0.2)
    assert vault.released == []
    hand.acme.acquire(decision, "vault", "short", 1)
    with hand.wrong(off):
        time.sleep(1.1)
        until(lambda: hand.acme.reap() >= 0 and vault.released)
    assert [lease["resource"] for lease in vault.released] == ["short"]


def test_a_request_for_approval_outlasts_it(hand):
    hand.acme.apply_policy(
        {
            "version": 1,
            "approvers": [{"name": "user:b@acme.example", "key": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}],
            "rules": [{"id": "money", "match": "pay", "approval": {"of": ["user:b@acme.example"], "within": "10m"}}],
        }
    )
    agent = hand.start()
    assert agent.check("pay", {"usd": "1"}).reason == "approval_required"
    [asked] = hand.acme.approvals()
    with hand.wrong(DAY):
        hand.acme.reap()
        hand.start()
    assert [request["id"] for request in hand.acme.approvals()] == [asked["id"]]


@pytest.mark.parametrize("off", [DAY, -DAY, -400])
def test_an_agent_that_started_under_it_goes_on_once_it_is_right(hand, off):
    with hand.wrong(off):
        try:
            agent = hand.start()
        except libagentid.Error:  # The clock went back: nobody starts.
            agent = None
    if agent is None:
        agent = hand.start()
    end = time.monotonic() + 60
    while not agent.check("read", {}).permitted:
        assert time.monotonic() < end, agent.check("read", {}).reason
        time.sleep(0.02)


@pytest.mark.parametrize("off", [DAY, -DAY, 700])
def test_a_process_that_began_under_it_goes_on_once_it_is_right(tmp_path, off):
    hand = Hand(tmp_path / "acme", off)
    with hand.acme:
        agent = hand.start()
        assert agent.check("read", {}).permitted
        hand.off = 0
        end = time.monotonic() + 60
        while not agent.check("read", {}).permitted:
            assert time.monotonic() < end, agent.check("read", {}).reason
            time.sleep(0.02)


def denials_until_permitted(agent, call=("read", {})):
    end = time.monotonic() + 60
    while not (decision := agent.check(*call)).permitted:
        assert time.monotonic() < end, decision.reason
        time.sleep(0.02)


@pytest.mark.parametrize("off", [DAY, -DAY, 90])
def test_what_a_call_reserved_comes_back_where_it_failed_under_it(hand, off):
    budget = {"unit": "usd", "limit": "10.00", "cost": {"argument": "usd"}, "for": "agent"}
    hand.acme.apply_policy({"version": 1, "rules": [{"id": "purse", "match": "pay", "budget": budget}]})
    agent = hand.start()
    call = agent.call("pay", {"usd": "6.00"}, within=60)
    with hand.wrong(off):
        call.abort()
    denials_until_permitted(agent)
    assert agent.check("pay", {"usd": "10.00"}).permitted


@pytest.mark.parametrize("off", [DAY, -DAY, 700])
def test_waiting_for_an_approval_goes_on_under_it(hand, off):
    key = libagentid.generate_key()
    approver = {"name": "user:b@acme.example", "key": json.loads(key)["x"]}
    asks = {"id": "money", "match": "pay", "approval": {"of": ["user:b@acme.example"], "within": "10m"}}
    hand.acme.apply_policy({"version": 1, "approvers": [approver], "rules": [asks]})
    agent = hand.start()
    request = agent.check("pay", {"usd": "1"}).approval
    hand.acme.on_approval(lambda asked: time.sleep(0.5) or True, by="user:b@acme.example", key=key)
    with hand.wrong(off):
        assert hand.acme.wait_for_approval(request, 20) == "approved"
    denials_until_permitted(agent, ("pay", {"usd": "1"}))


@pytest.mark.parametrize("off", [DAY, 4000 * DAY])
def test_an_agent_that_was_pruned_under_it_is_in_the_next_list_of_revocations(hand, off):
    with libagentid.Guard.open(audience="there") as there:
        there.add_bundle("acme.example", hand.acme.bundle())
        agent = hand.start(lifetime=3000)
        chain, proof = agent.present("read", {}, audience="there")
        agent.end("done")
        with hand.wrong(off):
            assert hand.acme.prune(ended_before=int(time.time()) + 60) == 1
        there.load_revocations(hand.acme.revocation_list())
        assert there.check("read", {}, chain=chain, proof=proof).reason == "authority_revoked"


@pytest.mark.parametrize("revoke_old", [True, False])
@pytest.mark.parametrize("off", [-DAY, -400 * DAY, DAY])
def test_an_agent_whose_key_was_replaced_under_it_goes_on_once_it_is_right(hand, off, revoke_old):
    agent = hand.start()
    with hand.wrong(off), contextlib.suppress(libagentid.Error):
        agent.rotate_key(revoke_old=revoke_old)
    denials_until_permitted(agent)


@pytest.mark.parametrize("off", [DAY // 3, -DAY // 3, 400 * DAY])
def test_a_program_with_a_wrong_clock_that_comes_first_begins_nobodys_day(tmp_path, off):
    hand = Hand(tmp_path / "acme", off)
    budget = {"unit": "usd", "limit": "10.00", "cost": {"argument": "usd"}, "per": "day", "for": "domain"}
    with hand.acme:
        hand.acme.apply_policy({"version": 1, "rules": [{"id": "purse", "match": "pay", "budget": budget}]})
        assert hand.start().check("pay", {"usd": "1.00"}).permitted
        with libagentid.Authority.open(tmp_path / "acme") as other:
            [purse] = other.budgets()["meters"]
            rest = DAY - time.time() % DAY
    assert abs(purse["resets_in_ms"] / 1000 - rest) < 600 or rest < 600
