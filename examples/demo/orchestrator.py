"""The orchestrator of the second act, a process of its own, which is killed in the middle of its work.

    orchestrator.py AUTHORITY_DIRECTORY DATA_DIRECTORY CONNINFO

What it says is one JSON document a line: its sub-agents, which take up their keys elsewhere, then each decision.
"""

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

import libagentid
import psycopg
import screen
from libagentid.postgres import RoleProvider
from calls import call, connect

LEASE = 3
RESOURCES = {"revenue": ["SELECT ON TABLE public.revenue"]}


def say(**document: Any) -> None:
    print(json.dumps(document), flush=True)


def ask(agent: libagentid.Agent, table: str) -> tuple[libagentid.Decision, dict[str, Any]]:
    """Asks the guard in this process, which is as good as any other."""
    start = time.perf_counter()
    decision = agent.authorize("query", {"table": table})
    took = (time.perf_counter() - start) * 1e6
    return decision, {"who": screen.short(agent.id), "what": f"query {table}", "guard": took, "reason": "", "id": decision.id}


async def work(directory: Path, data: Path, conninfo: str) -> None:
    with libagentid.Authority.open(directory, must_exist=True, lease_duration=LEASE) as acme:
        acme.add_provider("books", RoleProvider(conninfo, RESOURCES))
        analyst = acme.agent(
            "analyst", principal="user:alice@acme.example", task="Q3 figures", intent="What did we earn in Q3?",
            scope="read_file(path under '/q3'); query(table in ['revenue']); send_mail(to in ['bob@acme.example'], body: *)",
        )  # fmt: skip
        reader = analyst.spawn("reader", scope="read_file(path under '/q3/public')")
        accountant = analyst.spawn("accountant", scope="query(table: *); send_mail(to: *, body: *)")
        say(
            agents=[(screen.short(agent.id), str(agent.scope)) for agent in (analyst, reader, accountant)], id=analyst.id,
            keys=[(agent.export_key(), agent.chain) for agent in (reader, accountant)],
        )  # fmt: skip
        async with connect(directory, data) as client:
            say(call=await call(client, analyst, "read_file", {"path": "/q3/plan.txt"}))

            decision, asked = ask(accountant, "revenue")
            lease = acme.acquire(decision, "books", "revenue", 60)
            with psycopg.connect(lease.secret) as session:
                total, role = session.execute("SELECT sum(amount), current_user FROM revenue").fetchone()
                say(call=asked | {"text": f"{total}, asked as {role[:16]}…, a role for 60 s"}, role=role)
                say(call=ask(accountant, "revenue")[1] | {"text": "a long query begins ..."})
                session.execute("SELECT sum(amount) FROM revenue, pg_sleep(600)")


if __name__ == "__main__":
    asyncio.run(work(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]))
