"""Fixtures of all tests: a PostgreSQL server of their own, the one of examples/demo, gone with them; the proxy of mcp_world."""

import pathlib
import sys

import pytest
from life import left_out

sys.path.append(str(pathlib.Path(__file__).resolve().parents[3] / "examples/demo"))
import database
from mcp_world import mcp_acme, mcp_directory, outcomes, pinned, proxied, proxy

__all__ = ["mcp_acme", "mcp_directory", "outcomes", "pinned", "proxied", "proxy", "server"]

TABLES = """
CREATE TABLE reports (line text); INSERT INTO reports VALUES ('Q3');
CREATE TABLE salaries (amount int);
ALTER TABLE reports OWNER TO clerk; ALTER TABLE salaries OWNER TO clerk;
"""


@pytest.fixture(scope="session")
def server():
    """The superuser's connection string."""
    if database.programs() is None:
        left_out("PostgreSQL is absent (scripts/prepare.sh test installs it)")
    with database.server(TABLES) as conninfo:
        yield conninfo
