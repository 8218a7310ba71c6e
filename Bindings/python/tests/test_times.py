"""Lengths of time and points in time: numbers of seconds, timedelta, datetime."""

import time
from datetime import date, datetime, timedelta, timezone

import libagentid
import libagentid.tools
import pytest
from life import ALICE, CALL, SCOPE, open_authority, start

UTC = timezone.utc


def test_a_timedelta_is_as_many_seconds():
    with open_authority(lease_duration=timedelta(minutes=2)) as acme:
        acme.put_profile("p", owner="team:x@acme.example", ceiling=SCOPE, max_lifetime=timedelta(hours=2))
        assert acme.profiles()[0]["max_lifetime"] == 7200
        with start(acme, lifetime=timedelta(seconds=90.9)) as agent:
            assert 85 <= agent.expires - time.time() <= 90, "no longer than was said"
            assert agent.spawn("a", SCOPE, lifetime=timedelta(seconds=30)).expires - time.time() <= 30
        acme.guard(audience="g", proof_window=timedelta(seconds=20), max_view_age=timedelta(seconds=5)).close()
        acme.settle(timedelta(seconds=1))


def test_a_datetime_is_a_point_in_time_wherever_it_was_written():
    end = datetime.now(UTC) + timedelta(seconds=100)
    elsewhere = end.astimezone(timezone(timedelta(hours=-7)))
    with open_authority() as acme:
        with start(acme, until=end) as one, start(acme, until=elsewhere) as two:
            assert one.expires == two.expires == int(end.timestamp())
        acme.certify_profile("researcher", datetime(2126, 1, 1, tzinfo=UTC))
        assert acme.profiles()[0]["review_by"] == 4922899200
        assert acme.prune(ended_before=datetime(2000, 1, 1, tzinfo=UTC)) == 0


def test_a_datetime_without_a_zone_is_refused_and_says_why():
    naive = datetime(2126, 1, 1)
    with open_authority() as acme:
        for call in (
            lambda: start(acme, until=naive),
            lambda: acme.certify_profile("researcher", naive),
            lambda: acme.prune(ended_before=naive),
        ):
            with pytest.raises(ValueError, match="without a time zone"):
                call()
        with start(acme) as agent:
            with pytest.raises(ValueError, match="until is a datetime without a time zone"):
                agent.spawn("a", SCOPE, until=naive)


def test_a_length_is_no_point_and_a_point_no_length():
    with open_authority() as acme:
        with pytest.raises(TypeError, match="lifetime is a length of time"):
            start(acme, lifetime=datetime.now(UTC))
        with pytest.raises(TypeError, match="until is a point in time"):
            start(acme, until=timedelta(seconds=5))
        with pytest.raises(TypeError, match="ended_before"):
            acme.prune(ended_before=timedelta(seconds=5))
        with pytest.raises(TypeError, match="lifetime"):
            start(acme, lifetime=1.5)
        with pytest.raises(ValueError, match="cannot be 0"):
            start(acme, lifetime=timedelta(milliseconds=900))


def test_a_secret_is_held_for_a_timedelta():
    class Vault:
        release_command = ()

        def acquire(self, request):
            return str(request["ttl"])

        def release(self, lease):
            pass

    with open_authority() as acme, acme.agent("researcher", principal=ALICE, task="t", scope=libagentid.Scope(SCOPE)) as agent:
        acme.add_provider("vault", Vault())
        with acme.acquire(agent.authorize(*CALL), "vault", "door", timedelta(minutes=1)) as lease:
            assert lease.secret == "60"
        with pytest.raises(TypeError, match="ttl is a length"):
            acme.acquire(agent.authorize(*CALL), "vault", "door", datetime.now(UTC))


def test_an_option_of_another_type_is_named_with_what_it_takes():
    with open_authority() as acme:
        for options, said in (
            ({"max_lifetime": "5m"}, "max_lifetime is a whole number of seconds, or a timedelta, not str"),
            ({"max_lifetime": 1.5}, "max_lifetime is a whole number of seconds, or a timedelta, not float"),
            (
                {"review_by": date(2126, 1, 1)},
                "review_by is whole seconds since 1970, or a datetime with its time zone, not date",
            ),
            ({"review_by": "2126-01-01"}, "not str"),
            ({"ceiling": ["search"]}, "ceiling is a text, not list"),
            ({"owner": 7}, "owner is a text, not int"),
            ({"max_depth": "4"}, "max_depth is a whole number, not str"),
        ):
            with pytest.raises(TypeError) as refused:
                acme.put_profile("p", **{"owner": "team:x@acme.example", "ceiling": SCOPE, **options})
            assert said in str(refused.value)
        with pytest.raises(TypeError, match="seconds since 1970"):
            acme.prune(ended_before="2000-01-01")


def test_a_review_in_the_past_is_refused_unless_it_is_what_is_kept():
    given = {"owner": "team:x@acme.example", "ceiling": SCOPE}
    with open_authority() as acme:
        for past in (1, int(time.time()) - 1, datetime(2020, 1, 1, tzinfo=UTC)):
            with pytest.raises(libagentid.Error) as refused:
                acme.put_profile("p", **given, review_by=past)
            assert (refused.value.name, refused.value.where) == ("review_by", "options.review_by")
        soon = int(time.time()) + 2
        acme.put_profile("p", **given, review_by=soon)
        time.sleep(max(0, soon - time.time()) + 0.1)
        acme.put_profile("p", **given, review_by=soon)
        with pytest.raises(libagentid.StateError):
            start(acme, profile="p")


def test_a_truth_is_no_number():
    with open_authority() as acme, start(acme) as agent:
        for call in (
            lambda: start(acme, lifetime=True),
            lambda: start(acme, until=True),
            lambda: start(acme, max_depth=True),
            lambda: agent.spawn("a", SCOPE, lifetime=True),
            lambda: agent.park(True),
            lambda: agent.authorize(*CALL, wait=True),
            lambda: acme.settle(True),
            lambda: acme.prune(ended_before=True),
            lambda: acme.retry_delivery(True),
            lambda: acme.guard(audience="g", proof_window=True),
            lambda: acme.guard(audience="g", cache_entries=True),
        ):
            with pytest.raises(TypeError, match="not bool"):
                call()
        assert [one.state for one in acme.agents()] == ["active"]
        with pytest.raises(TypeError, match="timeout is a number of seconds"):
            acme.settle("5")


def test_what_has_no_id_is_named_and_a_wait_is_a_length_of_time():
    with open_authority() as acme, start(acme) as agent:
        for call in (acme.suspend, acme.deprovision, acme.unpark, lambda given: acme.revoke(agent=given or 7)):
            with pytest.raises(TypeError, match="agent is an ID, or an object that has one"):
                call(None)
        with pytest.raises(TypeError, match="wait is a number of seconds, or a timedelta, not str"):
            agent.authorize(*CALL, wait="5")
        with pytest.raises(TypeError, match="name="):
            libagentid.tools.guarded("read_file")


@pytest.mark.parametrize("length", [float("nan"), float("inf"), -float("inf"), 1e306, 1 << 70])
def test_a_wait_that_no_clock_can_measure_is_refused_by_name(length):
    with open_authority() as acme, start(acme) as agent:
        for name, wait in {
            "wait": lambda: agent.authorize(*CALL, wait=length),
            "timeout": lambda: acme.settle(length),
            "timeout of an approval": lambda: acme.wait_for_approval("r", length),
        }.items():
            with pytest.raises(OverflowError, match=f"^{name.split()[0]} is out of bounds: "):
                wait()
        assert agent.check(*CALL)
