"""A broker's secrets against a real PostgreSQL: a role for one task, gone with its agent whatever happens."""

import json
import pathlib
import threading
import uuid

import libagentid
import pytest
from life import ALICE, CALL, OWNER, killed, left_out, open_authority, reaped, start, until

try:
    import psycopg
    from libagentid.postgres import RoleProvider
    from psycopg.conninfo import conninfo_to_dict, make_conninfo
except ImportError:
    left_out("psycopg is absent (pip install libagentid[postgres])")

RESOURCES = {
    "reports": ["SELECT ON TABLE public.reports"],
    "workshop": ["CREATE ON SCHEMA public"],
    "nowhere": ["SELECT ON TABLE public.reports", "SELECT ON TABLE public.nowhere"],
}
HOLD = f"""
from libagentid.postgres import RoleProvider
acme = open_authority(sys.argv[1], lease_duration=1)
acme.add_provider("books", RoleProvider(sys.argv[2], {RESOURCES!r}))
agent = start(acme)
print(json.dumps([agent.id, acme.acquire(agent.authorize(*CALL), "books", "reports", 60).secret]))
"""


class Books:
    """The database as its superuser sees it, and the provider as its clerk, who may not do everything."""

    def __init__(self, server):
        self._server = server
        self.conninfo = make_conninfo(server, user="clerk")
        self.provider = RoleProvider(self.conninfo, RESOURCES)

    def ask(self, question):
        with psycopg.connect(self._server) as connection:
            return connection.execute(question).fetchall()

    def let_clerk_in(self, allowed):
        with psycopg.connect(self._server) as connection:
            connection.execute("ALTER ROLE clerk " + ("LOGIN" if allowed else "NOLOGIN"))

    @property
    def roles(self):
        return [name for (name,) in self.ask("SELECT rolname FROM pg_roles WHERE rolname LIKE 'agentid_%'")]

    @property
    def log(self):
        return (pathlib.Path(conninfo_to_dict(self._server)["host"]) / "log").read_text()


@pytest.fixture
def books(server):
    books = Books(server)
    yield books
    books.let_clerk_in(True)
    assert books.roles == []


@pytest.fixture
def acme(books, tmp_path):
    with open_authority(tmp_path / "acme") as acme:
        acme.add_provider("books", books.provider)
        yield acme


def acquire(acme, agent, resource="reports", ttl=60):
    return acme.acquire(agent.authorize(*CALL), "books", resource, ttl)


def is_open(session):
    try:
        return session.execute("SELECT 1").fetchone() == (1,)
    except psycopg.OperationalError:
        return False


def test_role_opens_its_resource_and_nothing_else(acme, books):
    with start(acme) as agent, acquire(acme, agent) as lease:
        with psycopg.connect(lease.secret, autocommit=True) as session:
            assert session.execute("SELECT line FROM reports").fetchall() == [("Q3",)]
            for forbidden in (
                "SELECT * FROM salaries", "INSERT INTO reports VALUES ('x')", "UPDATE reports SET line = ''", "DROP TABLE reports",
                "CREATE ROLE other", "CREATE TABLE public.mine ()", "SET ROLE clerk",
                "ALTER ROLE CURRENT_USER VALID UNTIL 'infinity'",
            ):  # fmt: skip
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    session.execute(forbidden)
        ((until_now, left, limit, about),) = books.ask(
            "SELECT rolvaliduntil < now(), extract(epoch FROM rolvaliduntil - now()), rolconnlimit, shobj_description(oid, 'pg_authid')"
            " FROM pg_roles WHERE rolname LIKE 'agentid_%'"
        )
        assert not until_now and 0 < left <= 60 and limit == 8
        assert json.loads(about) == {"agent": agent.id, "task": "Q3 review", "principal": ALICE}
        secret = lease.secret
    assert books.roles == [] and acme.broker_leases() == []
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(secret)


def test_password_is_neither_stored_nor_logged_nor_sent(acme, books, tmp_path):
    events = []
    acme.add_hook("all", events.append)
    with start(acme) as agent:
        lease = acquire(acme, agent)
        password = conninfo_to_dict(lease.secret)["password"]
        psycopg.connect(lease.secret).close()
        assert password not in repr(acme.broker_leases()) + repr(lease)
        kept = [path.read_bytes() for path in (tmp_path / "acme").rglob("*") if path.is_file()]
        assert len(kept) > 2 and not any(password.encode() in file for file in kept)
        lease.release()
        with pytest.raises(ValueError, match="was returned"):
            print(lease.secret)
    acme.settle()
    assert events and password not in json.dumps(events)
    assert "CREATE ROLE" in books.log and password not in books.log


ENDS = {
    "end": lambda acme, agent: agent.end(),
    "with": lambda acme, agent: agent.__exit__(None, None, None),
    "deprovision": lambda acme, agent: agent.end("done"),
    "operator": lambda acme, agent: acme.deprovision(agent.id, "operator"),
    "principal": lambda acme, agent: acme.deprovision_principal(ALICE),
    "owner": lambda acme, agent: acme.deprovision_principal(OWNER),
    "profile": lambda acme, agent: acme.withdraw_profile("researcher"),
    "parent": lambda acme, agent: acme.deprovision(acme.agents(limit=1)[0]["id"]),
}


@pytest.mark.parametrize("end", ENDS)
def test_role_and_its_sessions_end_with_the_agent(acme, books, end):
    with start(acme) as parent, parent.spawn("reader", same_scope=True) as agent:
        lease = acquire(acme, agent)
        with psycopg.connect(lease.secret) as session, psycopg.connect(lease.secret) as other:
            session.execute("LOCK TABLE reports IN ACCESS SHARE MODE")
            assert is_open(session) and is_open(other)
            ENDS[end](acme, agent)
            assert books.roles == [] and acme.broker_leases() == []
            assert not is_open(session) and not is_open(other)


def test_role_ends_with_its_time_though_the_agent_goes_on(acme, books):
    with start(acme) as agent:
        with psycopg.connect(acquire(acme, agent, ttl=1).secret) as session:
            until(lambda: not acme.broker_leases())
            assert books.roles == [] and not is_open(session)
        assert agent.authorize(*CALL)


@pytest.mark.parametrize("by", ["provider", "command"])
def test_role_ends_after_its_runtime_was_killed(books, tmp_path, by):
    agent, secret = killed(HOLD, tmp_path / "acme", books.conninfo)
    with psycopg.connect(secret) as session, open_authority(tmp_path / "acme") as acme:
        assert is_open(session)
        if by == "provider":
            acme.add_provider("books", books.provider)
        assert reaped(acme, 1) == 1
        assert books.roles == [] and not is_open(session)
        assert acme.broker_leases() == [] and acme.verify_gone(agent).gone
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(secret)


def test_command_that_cannot_release_says_why_and_the_lease_stays(books, tmp_path):
    agent, secret = killed(HOLD, tmp_path / "acme", books.conninfo)
    books.let_clerk_in(False)
    with open_authority(tmp_path / "acme") as acme:
        reaped(acme, 1)
        (lease,) = acme.broker_leases()
        assert "not permitted to log in" in lease["error"] and lease["state"] == "releasing"
        assert acme.verify_gone(agent)["leases"] == [lease["id"]]
        books.let_clerk_in(True)
        acme.release(lease["id"])
        assert books.roles == [] and acme.verify_gone(agent).gone


def test_failed_grant_leaves_no_role(acme, books):
    with start(acme) as agent:
        with pytest.raises(libagentid.StateError, match="provider") as failed:
            acquire(acme, agent, "nowhere")
        assert isinstance(failed.value.__cause__, psycopg.errors.UndefinedTable)
        with pytest.raises(libagentid.StateError) as unknown:
            acquire(acme, agent, "reports; DROP TABLE reports")
        assert "there is no resource" in str(unknown.value.__cause__)
        assert books.roles == [] and acme.broker_leases() == []


def test_what_a_role_made_goes_with_it(acme, books):
    with start(acme) as agent, acquire(acme, agent, "workshop") as lease:
        with psycopg.connect(lease.secret) as session:
            session.execute("CREATE TABLE public.mine (); SELECT lo_create(0)")
        assert books.ask("SELECT count(*) FROM pg_class WHERE relname = 'mine'") == [(1,)]
    assert books.ask("SELECT count(*) FROM pg_class WHERE relname = 'mine'") == [(0,)]


def test_both_calls_bear_to_be_made_twice(books):
    request = {"lease": str(uuid.uuid4()), "agent": "a", "resource": "reports", "ttl": 60}
    first, second = books.provider.acquire(request), books.provider.acquire(request)
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(first)
    psycopg.connect(second).close()
    for _ in range(2):
        books.provider.release(request)
    books.provider.release({**request, "lease": str(uuid.uuid4())})
    with pytest.raises(ValueError, match="UUID"):
        books.provider.release({**request, "lease": "x"})


def test_connection_string_with_a_password_goes_into_no_command(books):
    assert RoleProvider(make_conninfo(books.conninfo, password="hunter2"), RESOURCES).release_command == []
    assert RoleProvider(books.conninfo, RESOURCES).release_command[1:4] == ["-m", "libagentid.postgres", "release"]


def test_eight_threads_acquire_and_release(acme, books):
    roles, failures = [], []

    def work():
        try:
            with start(acme) as agent:
                for _ in range(4):
                    with acquire(acme, agent) as lease, psycopg.connect(lease.secret) as session:
                        assert session.execute("SELECT line FROM reports").fetchall() == [("Q3",)]
                        roles.append(session.info.user)
                acquire(acme, agent)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == [] and len(set(roles)) == 32
    assert books.roles == [] and acme.broker_leases() == []
