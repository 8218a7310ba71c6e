"""The second act: an orchestrator's process is killed; what it held and started ends all the same, and one can see that."""

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

import libagentid
import psycopg
import screen
from calls import call
from commandline import CommandLine
from mcp import Client
from orchestrator import LEASE

REVENUE = "CREATE TABLE revenue (amount int); INSERT INTO revenue VALUES (40), (64); ALTER TABLE revenue OWNER TO clerk;"
CEILING = "read_file(path under '/q3'); query(table: *); send_mail(to in ['bob@acme.example'], body: *)"
READ = ("read_file", {"path": "/q3/public/report.txt"})
MAIL = ("send_mail", {"to": "bob@acme.example", "body": "104"})


async def play(folder: Path, client: Client, conninfo: str) -> None:
    control, told = CommandLine(folder), folder / "siem.log"
    control.ask(*"profile put analyst --authority acme --owner team:finance@acme.example --ceiling".split(), CEILING)
    print()
    screen.act("2  An orchestrator is killed", f"leases of {LEASE} s, renewed by its process; a role in PostgreSQL")
    control.show(*"hooks add siem --authority acme --on deprovisioned --".split(), "/bin/sh", "-c", 'cat >>"$0"', str(told))
    program = str(Path(__file__).with_name("orchestrator.py"))
    process = await asyncio.create_subprocess_exec(
        sys.executable, program, str(folder / "acme"), str(folder / "data"), conninfo.replace("user=postgres", "user=clerk"),
        stdout=asyncio.subprocess.PIPE, limit=1 << 20,
    )  # fmt: skip
    try:
        started = await _heard(process)
        with libagentid.Agent.open(*started["keys"][0]) as reader, libagentid.Agent.open(*started["keys"][1]) as accountant:
            screen.family(started["agents"])
            screen.decided((await _heard(process))["call"])
            screen.decided(await call(client, reader, *READ))
            first, second = await _heard(process), await _heard(process)
            screen.decided(first["call"])
            screen.decided(second["call"])
            await _busy(conninfo, first["role"])
            process.kill()
            await process.wait()
            denied = await _lapse(process.pid, client, reader, accountant, conninfo, first["role"])
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    _clean_up(control, conninfo, first["role"], told)
    _prove(control, folder, started["id"])
    screen.scene("The story of one decision: the reader's first denial")
    with libagentid.Authority.open(folder / "acme", must_exist=True) as acme:
        acme.integrate()
    control.show("audit", "show", denied, "--authority", "acme")
    control.show("audit", "verify", "--authority", "acme")


async def _heard(process: asyncio.subprocess.Process) -> dict[str, Any]:
    """The next that the orchestrator says."""
    heard = await asyncio.wait_for(process.stdout.readline(), 20)
    if not heard:
        raise RuntimeError("the orchestrator ended before it was killed")
    return json.loads(heard)


async def _busy(conninfo: str, role: str) -> None:
    """Waits until the database is at work for a role."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        for _ in range(200):
            question = "SELECT 1 FROM pg_stat_activity WHERE usename = %s AND state = 'active' AND query LIKE '%%pg_sleep%%'"
            if connection.execute(question, (role,)).fetchone():
                return
            await asyncio.sleep(0.05)
    raise RuntimeError("the long query did not begin")


def _role(conninfo: str, role: str) -> str:
    """The role as the database's superuser sees it."""
    with psycopg.connect(conninfo) as connection:
        (there,) = connection.execute("SELECT count(*) FROM pg_roles WHERE rolname = %s", (role,)).fetchone()
        (sessions,) = connection.execute("SELECT count(*) FROM pg_stat_activity WHERE usename = %s", (role,)).fetchone()
    return f"{'still there' if there else 'gone'}, {sessions} session{'' if sessions == 1 else 's'} open"


async def _lapse(
    number: int, client: Client, reader: libagentid.Agent, accountant: libagentid.Agent, conninfo: str, role: str
) -> str:
    """The ID of the decision that denied first."""
    killed = time.monotonic()
    screen.scene(f"kill -9 {number}, in the middle of its query; the sub-agents run on elsewhere until their leases lapse")
    left = _role(conninfo, role)
    screen.line(f"the role {role[:16]}… in PostgreSQL: {left}")
    screen.check(left == "still there, 1 session open", "the role went with the process")
    if not (early := await call(client, reader, *READ))["reason"]:
        screen.decided(early)
    while not (denied := await call(client, reader, *READ))["reason"] and time.monotonic() < killed + 2 * LEASE:
        await asyncio.sleep(0.05)
    denied["message"] += f", {time.monotonic() - killed:.1f} s after the kill"
    screen.decided(denied, expect="lease_lapsed")
    while not (last := await call(client, accountant, *MAIL))["reason"] and time.monotonic() < killed + 2 * LEASE:
        await asyncio.sleep(0.05)
    screen.decided(last, expect="lease_lapsed")
    return denied["id"]


def _clean_up(control: CommandLine, conninfo: str, role: str, told: Path) -> None:
    screen.scene("What is left is cleaned up, by a process that knows nothing of the dead one")
    control.show(*"reap --authority acme".split())
    left = _role(conninfo, role)
    screen.line(f"the role {role[:16]}… in PostgreSQL: {left}")
    screen.check(left == "gone, 0 sessions open", "the role is still there")
    events = [json.loads(line) for line in told.read_text().splitlines()]
    screen.line("the hook wrote: " + ", ".join(f"{event['event']} {screen.short(event['agent'])}" for event in events))
    screen.check(sorted(screen.short(event["agent"]) for event in events) == ["accountant", "analyst", "reader"], "not each end was told")
    control.show(*"agents --authority acme --profile analyst".split())


def _prove(control: CommandLine, folder: Path, orchestrator: str) -> None:
    name = "analyst/" + orchestrator.rsplit("-", 1)[-1]
    control.show("gone", name, "--authority", "acme")
    report = control.read("gone", name, "--authority", "acme")
    screen.check(report["gone"] and report["agents"] == 3, f"{name} is not gone")
    (folder / "bundle.json").write_text(control.ask("bundle", "--authority", "acme"))
    (folder / "tombstone").write_text(report["tombstone"])
    control.show(*"tombstone verify tombstone --bundle bundle.json --trust-domain acme.example".split())
