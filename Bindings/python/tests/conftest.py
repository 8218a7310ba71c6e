"""A PostgreSQL server of the tests' own: a temporary directory, one Unix socket, gone with the tests."""

import glob
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import tempfile

import pytest
from life import left_out, until

# Reached by whoever is let into the socket's directory; the roles that the broker makes need their password.
ACCESS = "local all postgres,clerk trust\nlocal all all scram-sha-256\n"
TABLES = """
CREATE ROLE clerk LOGIN CREATEROLE;
ALTER DATABASE postgres OWNER TO clerk;
CREATE TABLE reports (line text); INSERT INTO reports VALUES ('Q3');
CREATE TABLE salaries (amount int);
ALTER TABLE reports OWNER TO clerk; ALTER TABLE salaries OWNER TO clerk;
"""


def _programs() -> pathlib.Path:
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"), key=lambda path: int(path.split("/")[4]))
    program = found[-1] if found else shutil.which("initdb")
    if program is None:
        left_out("PostgreSQL is absent (scripts/prepare.sh test installs it)")
    return pathlib.Path(program).resolve().parent


@pytest.fixture(scope="session")
def server():
    """The superuser's connection string."""
    import psycopg

    programs, identity = _programs(), {}
    directory = pathlib.Path(tempfile.mkdtemp(prefix="agentid-pg-"))
    if os.getuid() == 0:
        # PostgreSQL does not run as root.
        user = pwd.getpwnam("postgres")
        os.chown(directory, user.pw_uid, user.pw_gid)
        identity = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    data = directory / "data"
    initdb = [programs / "initdb", "-D", data, "-U", "postgres", "-A", "reject", "-E", "UTF8", "--locale=C", "--no-sync"]
    subprocess.run(initdb, check=True, stdout=subprocess.DEVNULL, cwd="/", **identity)
    (data / "pg_hba.conf").write_text(ACCESS)
    settings = {
        "listen_addresses": "", "unix_socket_directories": directory, "fsync": "off", "log_statement": "all",
        "password_encryption": "scram-sha-256", "logging_collector": "off",
    }  # fmt: skip
    command = [programs / "postgres", "-D", data] + [f"--{name}={value}" for name, value in settings.items()]
    conninfo = f"host={directory} user=postgres dbname=postgres"

    def answers():
        assert running.poll() is None, log.read_text()
        try:
            return psycopg.connect(conninfo)
        except psycopg.OperationalError:
            return None

    log = directory / "log"
    with log.open("wb") as output:
        running = subprocess.Popen(command, stdout=output, stderr=output, cwd="/", **identity)
    try:
        with until(answers) as connection:
            connection.execute(TABLES)
        yield conninfo
    finally:
        running.send_signal(signal.SIGINT)
        running.wait()
        shutil.rmtree(directory)
