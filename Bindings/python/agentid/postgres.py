"""A broker's provider for PostgreSQL: a role made for exactly one task, dropped when its agent is deprovisioned.

Needs `psycopg` 3. Run as a program it releases one lease, for a process that has no such provider:
`python -m agentid.postgres release CONNINFO`, the lease as JSON on stdin.
"""

from __future__ import annotations

import json
import secrets
import sys
from datetime import datetime, timedelta, timezone
from typing import Any, Mapping, Sequence

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo


class RoleProvider:
    """Makes roles over one administrator's connection. Safe to use from several threads: each call connects anew.

    `conninfo` belongs to a role with CREATEROLE that may grant what `resources` lists: for each resource an agent can ask
    for, the privileges it stands for, e.g. `{"reports": ["SELECT ON TABLE public.reports"]}`. They are the operator's
    own words and go into GRANT as they stand; nothing an agent says does.
    """

    def __init__(self, conninfo: str, resources: Mapping[str, Sequence[str]]) -> None:
        self._conninfo = conninfo
        self._resources = {name: tuple(privileges) for name, privileges in resources.items()}

    @property
    def release_command(self) -> list[str]:
        """What releases a lease after this process has died. The connection string stands in the process list: keep
        passwords out of it (a service file, `passfile`, or a peer connection)."""
        return [sys.executable, "-m", "agentid.postgres", "release", self._conninfo]

    def acquire(self, request: Mapping[str, Any]) -> str:
        """A connection string for a new role with the privileges of the resource."""
        privileges = self._resources.get(request["resource"])
        if privileges is None:
            raise KeyError(f"there is no resource {request['resource']!r}")
        role, password = _role(request["lease"]), secrets.token_urlsafe(32)
        until = datetime.now(timezone.utc) + timedelta(seconds=request["ttl"])
        with psycopg.connect(self._conninfo) as connection:
            _drop(connection, role)
            name = sql.Identifier(role)
            connection.execute(
                sql.SQL("CREATE ROLE {} LOGIN NOINHERIT CONNECTION LIMIT 8 PASSWORD {} VALID UNTIL {}").format(
                    name, sql.Literal(password), sql.Literal(until.isoformat())
                )
            )
            comment = json.dumps({name: request.get(name) for name in ("agent", "task", "principal")})
            connection.execute(sql.SQL("COMMENT ON ROLE {} IS {}").format(name, sql.Literal(comment)))
            for privilege in privileges:
                connection.execute(sql.SQL("GRANT {} TO {}").format(sql.SQL(privilege), name))  # type: ignore[arg-type]
        parameters = {k: v for k, v in conninfo_to_dict(self._conninfo).items() if k not in ("user", "password", "passfile")}
        return make_conninfo(**{**parameters, "user": role, "password": password})

    def release(self, lease: Mapping[str, Any]) -> None:
        """Ends the role's sessions and drops it; does nothing where it is gone."""
        release(self._conninfo, lease)


def release(conninfo: str, lease: Mapping[str, Any]) -> None:
    """Ends the sessions of a lease's role and drops it; does nothing where it is gone."""
    with psycopg.connect(conninfo) as connection:
        _drop(connection, _role(lease["lease"]))


def _role(lease: str) -> str:
    letters = lease.replace("-", "")
    if len(letters) != 32 or not all(c in "0123456789abcdef" for c in letters):
        raise ValueError("a lease's ID is a UUID")
    return "agentid_" + letters


def _drop(connection: psycopg.Connection[Any], role: str) -> None:
    name = sql.Identifier(role)
    if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchone() is None:
        return
    # No new session first, or one could begin between the two steps.
    connection.execute(sql.SQL("ALTER ROLE {} NOLOGIN").format(name))
    connection.commit()
    connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(name))
    connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", (role,))
    connection.execute(sql.SQL("DROP OWNED BY {}").format(name))
    connection.execute(sql.SQL("DROP ROLE {}").format(name))


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] != "release":
        sys.exit("usage: python -m agentid.postgres release CONNINFO  (the lease, JSON, on stdin)")
    release(sys.argv[2], json.load(sys.stdin))
