#!/usr/bin/env python3
"""Lets the machine sleep beneath a process that lives, as a suspended VM does: its leases and grants are renewed as soon as it wakes.

What had not lapsed when it woke goes on; what had is denied, and goes on where `resume_within` allows it.
"""

import contextlib
import os
import pathlib
import sqlite3
import struct
import subprocess
import sys
import time

from workplace import HERE, Report, new_directory

HOST = """
import libagentid, sys
path, within = sys.argv[1], int(sys.argv[2])
acme = libagentid.Authority.open(path, trust_domain="acme.example", lease_duration=600, resume_within=within or None)
acme.put_profile("p", owner="team:x@acme.example", ceiling="read")
agent = acme.agent("p", principal="user:a@acme.example", task="t", scope="read", lifetime=900)
print(flush=True)
for _ in sys.stdin:
    print(agent.check("read", {}).reason or "permit", flush=True)
"""


def main():
    report = Report()
    with new_directory() as work:
        shim, page = f"{work}/clock_shim.so", pathlib.Path(f"{work}/slept")
        flags = ["-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"]
        subprocess.run(["gcc", *flags, str(HERE / "clock_shim.c"), "-o", shim], check=True)
        page.write_bytes(bytes(8))
        environment = {**os.environ, "LD_PRELOAD": shim, "CRASH_SLEPT_FILE": str(page)}
        hosts = [
            subprocess.Popen(
                [sys.executable, "-c", HOST, f"{work}/{within}", str(within)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment,
            )
            for within in (0, 3600)
        ]  # fmt: skip

        def ask(host):
            host.stdin.write("\n")
            host.stdin.flush()
            return host.stdout.readline().strip()

        def wake(seconds):
            with page.open("r+b") as file:
                file.write(struct.pack("<q", seconds))

        def leases():
            """Until when each host's agent has its lease."""
            found = []
            for within in (0, 3600):
                with contextlib.closing(sqlite3.connect(f"{work}/{within}/registry.db")) as registry:
                    found += registry.execute("SELECT expires FROM leases").fetchone()
            return found

        try:
            for host in hosts:
                host.stdout.readline()
            # A minute is left of the leases then, and the next renewal would be a third of a lease away.
            (before, end) = (leases(), time.monotonic() + 50)
            wake(540)
            while not all(map(int.__gt__, leases(), before)) and time.monotonic() < end:
                time.sleep(0.2)
            wake(540 + 70)
            report.check("what had not lapsed goes on", [said for said in map(ask, hosts) if said != "permit"])
            wake(540 + 70 + 3000)
            # The other may go on by now.
            report.check("what lapsed in its sleep is denied", [said for said in [ask(hosts[0])] if said == "permit"])
            end = time.monotonic() + 15
            while ask(hosts[1]) != "permit" and time.monotonic() < end:
                time.sleep(0.2)
            said = [ask(host) for host in hosts]
            report.check("it goes on where that is allowed", [] if said[1] == "permit" else said)
            report.check("and nowhere else", [] if said[0] != "permit" else said)
        finally:
            for host in hosts:
                host.kill()
                host.communicate()
    report.end()


main()
