"""A PostgreSQL server of one's own: a temporary directory, one Unix socket, no port, gone at the end."""

import glob
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

# Reached by whoever is let into the socket's directory; the roles that the broker makes need their password.
ACCESS = "local all postgres,clerk trust\nlocal all all scram-sha-256\n"
# Who makes the roles: no superuser.
CLERK = "CREATE ROLE clerk LOGIN CREATEROLE; ALTER DATABASE postgres OWNER TO clerk;"


def programs() -> Path | None:
    """Where the newest server's programs are."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"), key=lambda path: int(path.split("/")[4]))
    program = found[-1] if found else shutil.which("initdb")
    return Path(program).resolve().parent if program else None


@contextmanager
def server(tables: str) -> Iterator[str]:
    """The superuser's connection string. `tables`, SQL, is run once there is the role `clerk`."""
    import psycopg  # not needed by who only asks whether there are `programs`

    where, identity = programs(), {}
    if where is None:
        raise FileNotFoundError("PostgreSQL is absent (scripts/prepare.sh demo installs it)")
    directory = Path(tempfile.mkdtemp(prefix="agentid-pg-"))
    running = None
    try:
        if os.getuid() == 0:
            # PostgreSQL does not run as root.
            user = pwd.getpwnam("postgres")
            os.chown(directory, user.pw_uid, user.pw_gid)
            identity = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        data, log = directory / "data", directory / "log"
        initdb = [where / "initdb", "-D", data, "-U", "postgres", "-A", "reject", "-E", "UTF8", "--locale=C", "--no-sync"]
        subprocess.run(initdb, check=True, stdout=subprocess.DEVNULL, cwd="/", **identity)
        (data / "pg_hba.conf").write_text(ACCESS)
        settings = {
            "listen_addresses": "", "unix_socket_directories": directory, "fsync": "off", "log_statement": "all",
            "password_encryption": "scram-sha-256", "logging_collector": "off",
        }  # fmt: skip
        command = [where / "postgres", "-D", data] + [f"--{name}={value}" for name, value in settings.items()]
        with log.open("wb") as output:
            running = subprocess.Popen(command, stdout=output, stderr=output, cwd="/", **identity)
        conninfo, end = f"host={directory} user=postgres dbname=postgres", time.monotonic() + 30
        while True:
            try:
                connection = psycopg.connect(conninfo)
                break
            except psycopg.OperationalError:
                if running.poll() is not None or time.monotonic() > end:
                    raise RuntimeError(log.read_text()) from None
                time.sleep(0.05)
        with connection:
            connection.execute(CLERK + tables)
        yield conninfo
    finally:
        if running is not None:
            running.send_signal(signal.SIGINT)
            running.wait()
        shutil.rmtree(directory)
