"""Lengths of time and points in time: numbers of seconds, timedelta, datetime."""

import time
from datetime import datetime, timedelta, timezone

import libagentid
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
