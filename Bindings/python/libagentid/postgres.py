"""A broker's provider for PostgreSQL 14 and later: a role made for exactly one task, dropped with its agent.

Needs `psycopg` 3 (`pip install libagentid[postgres]`). Run as a program it releases one lease, for a process that has no such
provider: `python -m libagentid.postgres release CONNINFO`, the lease as JSON on stdin.
"""

from __future__ import annotations

import json
import secrets
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from libagentid._release_command import main
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

# The server's address and how it proves itself; everything else of the connection is the administrator's own.
_ADDRESS = ("hostaddr", "sslmode", "sslrootcert", "sslcrl", "ssl_min_protocol_version", "channel_binding")
_LOCK = 0x6167656E746964  # "agentid"


class RoleProvider:
    """Makes roles over an administrator's connection. Safe to use from several threads: each call opens a connection.

    `conninfo` belongs to a role with CREATEROLE that owns what `resources` lists, or holds it with grant option: for each
    resource an agent can ask for, the privileges that it stands for, e.g. `{"reports": ["SELECT ON TABLE public.reports"]}`.
    They are the operator's own words and go into GRANT unchanged; nothing that an agent says does. A role made here has the
    privileges of PUBLIC too.
    """

    def __init__(self, conninfo: str, resources: Mapping[str, Sequence[str]]) -> None:
        self._conninfo = conninfo
        self._resources = {name: tuple(privileges) for name, privileges in resources.items()}

    @property
    def release_command(self) -> list[str]:
        """The command that releases a lease after this process has died: this Python, which has `libagentid[postgres]`.

        Empty if the connection string has a password, which would appear in the registry and in the process list: use
        a service file, `passfile` or a peer connection.
        """
        if conninfo_to_dict(self._conninfo).get("password"):
            return []
        return [sys.executable, "-m", "libagentid.postgres", "release", self._conninfo]

    def acquire(self, request: Mapping[str, Any]) -> str:
        """A connection string for a new role with the privileges of the resource."""
        privileges = self._resources.get(request["resource"])
        if privileges is None:
            raise LookupError(f"there is no resource {request['resource']!r}")
        role, password = _role(request["lease"]), secrets.token_urlsafe(32)
        with _administrator(self._conninfo) as connection:
            _drop(connection, role)
            # Only the password's verifier leaves this process: statements are logged and shown.
            verifier = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
            until = connection.execute("SELECT (now() + make_interval(secs => %s))::text", (request["ttl"],)).fetchone()
            name = sql.Identifier(role)
            connection.execute(
                sql.SQL("CREATE ROLE {} LOGIN NOINHERIT CONNECTION LIMIT 8 PASSWORD {} VALID UNTIL {}").format(
                    name, sql.Literal(verifier), sql.Literal(until[0] if until else None)
                )
            )
            about = json.dumps({key: request.get(key) for key in ("agent", "task", "principal")})
            connection.execute(sql.SQL("COMMENT ON ROLE {} IS {}").format(name, sql.Literal(about)))
            for privilege in privileges:
                connection.execute(sql.SQL("GRANT {} TO {}").format(sql.SQL(privilege), name))  # type: ignore[arg-type]
            there = connection.info
            address: dict[str, Any] = {key: value for key, value in there.get_parameters().items() if key in _ADDRESS}
            address.update(host=there.host, port=there.port, dbname=there.dbname)
        return make_conninfo(**address, user=role, password=password)

    def release(self, lease: Mapping[str, Any]) -> None:
        """Ends the role's sessions and drops it; does nothing if it is gone."""
        release(self._conninfo, lease)


def release(conninfo: str, lease: Mapping[str, Any]) -> None:
    """Ends the sessions of a lease's role and drops it; does nothing if it is gone."""
    role = _role(lease["lease"])
    with _administrator(conninfo) as connection:
        _drop(connection, role)


@contextmanager
def _administrator(conninfo: str) -> Generator[psycopg.Connection[Any], None, None]:
    """A connection that commits at the end; one at a time per database: PostgreSQL fails with `tuple concurrently updated`
    if two change the privileges of one table."""
    patience = conninfo_to_dict(conninfo).get("connect_timeout") or 10
    with psycopg.connect(conninfo, connect_timeout=patience) as connection:
        connection.execute("SET lock_timeout = '20s'; SET statement_timeout = '30s'")
        connection.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
        yield connection


def _role(lease: str) -> str:
    letters = lease.replace("-", "")
    if len(letters) != 32 or not all(c in "0123456789abcdef" for c in letters):
        raise ValueError("a lease's ID is a UUID")
    return "agentid_" + letters


def _drop(connection: psycopg.Connection[Any], role: str) -> None:
    if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchone() is None:
        return
    name = sql.Identifier(role)
    # No new session from here on: otherwise one could begin after the search for open ones.
    connection.execute(sql.SQL("ALTER ROLE {} NOLOGIN").format(name))
    # Only a member may end its sessions and drop its objects.
    connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(name))
    for _ in range(10):
        connection.commit()  # what is open is looked at once in a transaction
        ended = connection.execute("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = %s", (role,))
        if not ended.fetchall():
            break
    else:
        raise RuntimeError(f"sessions of {role} do not end")
    connection.execute(sql.SQL("DROP OWNED BY {}").format(name))
    connection.execute(sql.SQL("DROP ROLE {}").format(name))


if __name__ == "__main__":
    sys.exit(main("libagentid.postgres", "CONNINFO", release))
