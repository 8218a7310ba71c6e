"""Chains of another trust domain, at a guard that follows ours: whatever they name, people read whose word it is."""
import json
import pathlib

from harness import check, ctl
from lifecycle import short

TASK = ["--profile", "researcher", "--principal", "user:alice@acme.example", "--task", "Q3 review", "--scope", "read_file(path under '/data')"]
ALICE = "user:alice@acme.example (as partner.example says)"


def domain(work, name):
    """An authority with a profile of the one name that both domains use, an agent, and its bundle."""
    here = ["--authority", f"{work}/{name}"]
    ctl("init", *here, f"{name}.example")
    ctl("profile", "put", "researcher", *here, "--owner", "team:research@acme.example", "--ceiling", "read_file(path under '/data')")
    agent = ctl("agent", *here, *TASK, "--out", f"{work}/{name}-agent").strip()
    pathlib.Path(f"{work}/{name}.json").write_text(ctl("bundle", *here))
    return here, agent, ["--bundle", f"{work}/{name}.json", "--trust-domain", f"{name}.example"]


def call(work, trust, name, arguments, *more, expect=0, **how):
    proof = ctl("prove", "--agent", f"{work}/{name}-agent", "--tool", "read_file", "--arguments", arguments, "--audience", "files")
    return ctl("authorize", *trust, "--audience", "files", "--tool", "read_file", "--arguments", arguments, "--proof", "-",
               f"{work}/{name}-agent", *more, stdin=proof.encode(), expect=expect, **how)


def foreign(work):
    here, ours, _ = domain(work, "acme")
    _, theirs, partner = domain(work, "partner")
    chain, trust = f"{work}/partner-agent", [*here, *partner]
    ctl("verify", *here, chain, expect=10)
    ctl("verify", *here, "--bundle", f"{work}/partner.json", "--trust-domain", "acme.example", chain, expect=1)

    check(ctl("verify", *trust, chain) == "verified, foreign: partner.example\n", "verify says whose chain it is")
    check(ctl("verify", *trust, f"{work}/acme-agent") == "verified\n", "and nothing of our own")
    issuer = ctl("verify", *trust, chain, "--json", json_out=True)["issuer"]
    check(issuer["domain"] == "partner.example" and issuer["foreign"] is True and len(issuer["key"]) == 43, "also as JSON", issuer)
    drawn = ctl("inspect", *trust, chain)
    for words in ("issuer: spiffe://partner.example, foreign here", f"principal: {ALICE}", "team:research@acme.example (as partner.example says)"):
        check(words in drawn, f"inspect says {words!r}", drawn)
    own = ctl("inspect", *trust, f"{work}/acme-agent")
    check("foreign" not in own and "says" not in own and "issuer: spiffe://acme.example" in own, "our own chain is not foreign", own)
    page = ctl("inspect", *trust, chain, "--html")
    check("It is foreign, of <bdi>partner.example</bdi>" in page and ALICE in page, "so does the page")
    check(f"partner.example/{short(theirs)}" in page, "where the agent's short name has its domain")
    check("It is foreign" not in ctl("inspect", *trust, f"{work}/acme-agent", "--html"), "the page of our own chain does not")

    call(work, trust, "acme", '{"path":"/data/a"}')
    said = call(work, trust, "partner", '{"path":"/data/a"}')
    check(f"for: {ALICE}" in said and "foreign: partner.example, key " in said, "a decision says so", said)
    decision = call(work, trust, "partner", '{"path":"/etc"}', "--json", expect=10, json_out=True)
    check(decision["issuer"] == issuer, "also as JSON", decision)
    ctl("audit", "checkpoint", *here, "--integrate")
    lines = ctl("audit", "tail", *here, "-n", "3").splitlines()
    check("foreign" not in lines[0] and short(ours) in lines[0], "a line of our own", lines)
    for line in lines[1:]:
        check(f"partner.example/{short(theirs)}" in line and ALICE in line and "foreign: partner.example" in line, "a foreign line", line)
    log = [json.loads(line) for line in ctl("audit", "tail", *here, "--json", "-n", "3").splitlines()]
    page = ctl("audit", "show", str(log[1]["index"]), *here)
    for words in ("foreign:     partner.example, whose key", f"for:         {ALICE}", "researcher (as partner.example says), owned by",
                  "a grant of partner.example: what it permits is not known here"):
        check(words in page, f"audit show says {words!r}", page)
    check("must be under" not in page, "and prints no grant that was not there", page)
    check(ctl("audit", "show", str(log[1]["index"]), *here, "--json", json_out=True)["foreign"] == "partner.example", "also as JSON")
    page = ctl("audit", "show", str(log[0]["index"]), *here)
    check("foreign" not in page and 'path must be under "/data"' in page, "our own grant is found by its hash", page)
    usage = ctl("usage", *here, "--json", json_out=True)
    check(usage["foreign"] == 2 and usage["profiles"][0]["permitted"] == 1 and usage["profiles"][0]["denied"] == 0,
          "foreign calls count for no profile of ours", usage)
    check("of chains of other domains: 2 decisions" in ctl("usage", *here), "and are told of")
    check(short(theirs) not in ctl("agents", *here), "nor is there an agent more")
    asked_about(work, here, trust)


def asked_about(work, here, trust):
    """Who approves calls is told whose word they read, too."""
    key = ctl("approvals", "key", f"{work}/cfo.jwk").strip()
    pathlib.Path(f"{work}/policy.json").write_text(json.dumps({
        "version": 1, "approvers": [{"name": "user:cfo", "key": key}],
        "rules": [{"id": "big", "match": "*", "approval": {"of": ["user:cfo"]}}],
    }))
    ctl("policy", "apply", *here, f"{work}/policy.json")
    for name, shown in (("partner", f"for: {ALICE}\n  task: Q3 review (as partner.example says)"), ("acme", "for: user:alice@acme.example\n  task: Q3 review\n")):
        request = call(work, trust, name, '{"path":"/data/a"}', "--json", expect=10, json_out=True)["approval"]
        said = ctl("approvals", "show", *here, request)
        check(shown in said, f"approvals show says {shown!r}", said)
    page = ctl("approvals", "list", *here, "--html")
    check(page.count("(as partner.example says)") == 2, "so does the page", page)
