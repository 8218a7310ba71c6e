"""The life of a chain by commands: identities, grants, delegation, decisions, keys; scopes; bad input."""
import json
import os
import pathlib
import stat
import time

from harness import check, ctl, run


def life(work):
    home, agent, reader = f"{work}/acme", f"{work}/agent", f"{work}/reader"
    here = ["--authority", home]
    ctl("init", *here, "acme.example")
    check(ctl("init", *here, "acme.example", "--json", json_out=True)["trust_domain"] == "acme.example", "init again")
    ctl("init", *here, "other.example", expect=1)
    ctl("profile", "put", "researcher", *here, "--owner", "team:research@acme.example",
        "--ceiling", "read_file(path under '/data'); search(query: *)")
    check(ctl("profile", "list", *here, "--json", json_out=True)[0]["name"] == "researcher", "profile list")
    check("deepest delegation" in ctl("profile", "show", "researcher", *here), "profile show")
    task = ["--profile", "researcher", "--principal", "user:alice@acme.example", "--task", "Q3 review",
            "--scope", "read_file(path under '/data/q3'); search(query: *)"]
    made = ctl("agent", *here, *task, "--out", agent, "--json", json_out=True)
    check(made["agent"].startswith("spiffe://acme.example/agent/researcher/"), "an agent has an ID", made)
    check(stat.S_IMODE(os.stat(f"{agent}/key.jwk").st_mode) == 0o600, "the key is its owner's alone")
    said = run("agent", *here, *task, "--out", agent, expect=1)[1]
    check(f"{agent} exists: name a directory that does not" in said, "a directory that exists is not written to", said)
    check(len(ctl("agents", *here, "--json", json_out=True)) == 1, "and no agent is started")
    ctl("agent", *here, *task[:-1], "delete_all", "--out", f"{work}/no", expect=1)
    check(not os.path.exists(f"{work}/no"), "a refused agent leaves nothing")
    ctl("delegate", "--agent", agent, "--name", "reader", "--out", reader,
        "--scope", "read_file(path under '/data/q3/public')")
    ctl("delegate", "--agent", agent, "--name", "x", "--out", f"{work}/x", "--scope", "delete_all", expect=1)
    ctl("delegate", "--agent", agent, "--name", "x", expect=2)
    pocket = '[{"id": "pace", "match": "*", "rate": {"calls": 1, "per": "1d"}}]'
    limited = ctl("delegate", "--agent", agent, "--name", "y", "--out", f"{work}/y", "--same-scope", "--limits", pocket, "--json", json_out=True)
    left = json.loads(ctl("inspect", f"{work}/y", "--json"))["links"][-1]["claims"]["urn:agentid:1"]
    check('limit pace: match: *, rate: {"calls":1,"per":"1d"}' in ctl("inspect", f"{work}/y"), "inspect shows limits")
    check(left == {"agent": limited["agent"], "limits": json.loads(pocket)}, "a grant states its limits", left)
    said = run("delegate", "--agent", agent, "--name", "z", "--out", f"{work}/z", "--same-scope", "--limits", "[]", expect=1)[1]
    check("1 to 8 limits" in said and not os.path.exists(f"{work}/z"), "no limits are refused", said)
    drawn = ctl("inspect", reader)
    check("NOT VERIFIED" in drawn and "└─" in drawn and "took away: search" in drawn and "narrowed: read_file.path" in drawn,
          "inspect draws what each hop took away", drawn)
    check(ctl("inspect", reader, "--json", json_out=True)["verified"] is False, "inspect --json")
    check(ctl("verify", *here, reader, "--json", json_out=True)["verified"] is True, "verify")
    check(ctl("inspect", *here, reader).startswith("verified\n"), "inspect verifies where it is said whom to trust")
    check(ctl("inspect", *here, reader, "--json", json_out=True)["verified"] is True, "inspect --json verifies as well")
    forged = pathlib.Path(f"{work}/forged")
    forged.write_text(open(f"{reader}/chain").read().strip()[:-8] + "AAAAAAAA")
    check(ctl("inspect", *here, str(forged), expect=10).startswith("DENIED: invalid_signature"), "inspect denies a forged chain")
    denied = ctl("inspect", *here, str(forged), "--json", expect=10, json_out=True)
    check(denied["verified"] is False and denied["denial"]["link"] == 1, "and says where", denied.get("denial"))
    ctl("inspect", str(forged), "--json")
    for wrong in (["--html", "--json"], [*here, "--bundle", "x"], ["--bundle", "x"]):
        ctl("inspect", reader, *wrong, expect=2)
    inside, outside = '{"path":"/data/q3/public/a.csv"}', '{"path":"/data/q3/secret.csv"}'

    def authorize(arguments, expect, *more, chain=reader, agent=reader, tool="read_file"):
        proof = ctl("prove", "--agent", agent, "--tool", tool, "--arguments", arguments, "--audience", "files")
        return ctl("authorize", *here, "--audience", "files", "--tool", tool, "--arguments", arguments, "--proof", "-",
                   chain, *more, stdin=proof.encode(), expect=expect, json_out="--json" in more)

    check("permitted" in authorize(inside, 0), "a call inside")
    denied = authorize(outside, 10, "--json")
    check(denied["reason"] == "argument_constraint_violated" and denied["argument"] == "path", "a call outside", denied)
    check("secret" not in authorize(outside, 10), "no argument values in decisions")
    check(authorize(inside, 10, "--json", agent=agent)["reason"].startswith("pop_"), "another's proof")
    bundle = f"{work}/bundle.json"
    pathlib.Path(bundle).write_text(ctl("bundle", *here))
    ctl("verify", "--bundle", bundle, "--trust-domain", "acme.example", reader)
    ctl("verify", "--bundle", bundle, "--trust-domain", "other.example", reader, expect=10)
    listed, by_bundle = f"{work}/revocations", ["--bundle", bundle, "--trust-domain", "acme.example"]
    pathlib.Path(listed).write_text(ctl("revocations", *here, "--lifetime", "60"))
    ctl("verify", *by_bundle, "--revocations", listed, reader)
    ctl("verify", *here, "--revocations", listed, reader, expect=2)
    ctl("revocations", *here, "--lifetime", "0", expect=1)
    pathlib.Path(f"{work}/cut").write_text(pathlib.Path(listed).read_text()[:-20])
    ctl("verify", *by_bundle, "--revocations", f"{work}/cut", reader, expect=1)
    ctl("verify", reader, expect=2)
    jwk = {k: v for k, v in json.load(open(f"{reader}/key.jwk")).items() if k != "d"}
    chain = ctl("issue", *here, *task, "--holder", "-", "--json", stdin=json.dumps(jwk).encode(), json_out=True)["chain"]
    ctl("verify", *here, "-", stdin=chain.encode())
    longer = ctl("delegate", "--agent", agent, "--holder", "-", "--same-scope", stdin=json.dumps(jwk).encode())
    ctl("verify", *here, "-", stdin=longer.encode())
    private = open(f"{reader}/key.jwk", "rb").read()
    ctl("issue", *here, *task, "--holder", "-", stdin=private, expect=1)
    ctl("bundle", *here, "--publish")
    keys = json.loads(ctl("bundle", *here, "--activate"))["keys"]
    check(len(keys) == 2, "the old key stays in the bundle")
    ctl("verify", *here, reader)
    check(made["agent"] in run("revoke", *here, "agent", made["agent"].rsplit("-", 1)[1])[1], "by the end of its ID")
    check("authority_revoked" in ctl("verify", *here, reader, expect=10), "revoked with all below it")
    ctl("revoke", *here, "planet", "earth", expect=2)
    misuse(work, here)
    ctl("doctor", *here)
    check(ctl("doctor", *here, "--json", json_out=True)["healthy"] is True, "doctor")
    os.chmod(home, 0o755)
    check("chmod" in ctl("doctor", *here, expect=1), "doctor finds an open directory")
    os.chmod(home, 0o700)
    os.chmod(f"{agent}/key.jwk", 0o644)
    ctl("prove", "--agent", agent, "--tool", "x", expect=1)
    sealed = ["--authority", f"{work}/sealed", "--passphrase-file"]
    secret = f"{work}/secret"
    pathlib.Path(secret).write_text("correct horse\n")
    ctl("init", *sealed, secret, "sealed.example")
    ctl("bundle", *sealed, "-", stdin=b"correct horse")
    ctl("bundle", *sealed, "-", stdin=b"wrong", expect=1)
    ctl("bundle", *sealed[:2])
    plain = ["--authority", f"{work}/plain"]
    ctl("init", *plain, "plain.example")
    said = run("bundle", *plain, "--passphrase-file", secret, expect=1)[1]
    check("protects nothing" in said, "a passphrase for plain keys is refused", said)
    check(ctl("keys", "seal", *plain, "--passphrase-file", secret, "--json", json_out=True) == {"sealed": 2}, "keys are sealed")
    ctl("keys", "seal", *plain, "--passphrase-file", "-", stdin=b"wrong", expect=1)
    ctl("bundle", *plain, "--publish", expect=1)
    ctl("bundle", *plain, "--passphrase-file", secret)
    stopped_without_keys(work, plain, ["--passphrase-file", secret])


def stopped_without_keys(work, here, passphrase):
    """Who looks, or stops somebody, needs no passphrase: nothing is signed for that."""
    ctl("profile", "put", "p", *here, *passphrase, "--owner", "team:x", "--ceiling", "search")
    agents = [ctl("agent", *here, *passphrase, "--profile", "p", "--principal", "user:a@b.example", "--task", "t", "--scope", "search",
                  "--out", f"{work}/sealed-{n}", "--json", json_out=True)["agent"] for n in range(4)]
    call = ["--tool", "search", "--arguments", "{}"]

    def reason(n):
        proof = ctl("prove", "--agent", f"{work}/sealed-{n}", *call, "--audience", "tools")
        out, _ = run("authorize", *here, "--audience", "tools", *call, "--proof", "-", f"{work}/sealed-{n}", "--json", stdin=proof.encode(), expect=None)
        return json.loads(out)["reason"]

    for look in (["agents"], ["profile", "list"], ["limits"], ["budgets"], ["hooks", "list"], ["approvals", "list"], ["leases"], ["stats"], ["usage"]):
        ctl(*look, *here)
    for stop in (["suspend", agents[0]], ["revoke", "agent", agents[1]], ["deprovision", agents[2]]):
        # Its tombstone is signed by who reaps.
        _, said = run(stop[0], *here, *stop[1:], expect=None)
        check("passphrase" in said, "it is said when it comes into the log", said)
    check([reason(n) for n in range(4)] == ["suspended", "authority_revoked", "authority_revoked", None], "they are stopped",
          [reason(n) for n in range(4)])
    ctl("resume", *here, agents[0], expect=1)
    ctl("reap", *here, *passphrase)
    ctl("audit", "checkpoint", *here, "--integrate", *passphrase)
    events = [entry.get("event") for entry in map(json.loads, ctl("audit", "export", *here, "--format", "jsonl").splitlines())]
    check({"suspended", "revoked", "deprovisioning", "deprovisioned"} <= set(events), "all of it is in the log", events)


def misuse(work, here):
    """What is mistyped, or given twice, is not passed over."""
    out, said = run("revoke", *here, "principal", "user:alise@acme.example")
    check("warning" in said and "no such principal" in said and "revoked: principal" in said, "an unknown name is said to be one", said)
    check(ctl("revoke", *here, "agent", "spiffe://acme.example/agent/nobody", "--json", json_out=True)["known"] is False, "as JSON")
    out, said = run("revoke", *here, "profile", "researcher")
    check("warning" not in said, "and a known one is not", said)
    check("no agent 'researcher'" in run("revoke", *here, "agent", "researcher", expect=1)[1], "nor is an agent")
    for kind, value in [("key", "A" * 42), ("principal", "alice"), ("profile", "a b"), ("issuer", ""), ("grant", "")]:
        _, said = run("revoke", *here, kind, value, expect=1)
        check("is named by" in said, f"a {kind} is not called so", said)
    run("init", "--authority", "", "acme.example", expect=2)
    run("init", "--authority=", "acme.example", expect=2)
    run("doctor", "--authority", "", expect=2)
    put = ["profile", "put", "p", *here, "--ceiling", "search(query: *)", "--owner", "team:a@acme.example"]
    _, said = run(*put, "--owner", "team:b@acme.example", expect=2)
    check("--owner is given twice" in said, "of two owners neither is taken", said)
    run(*put, "--owner=team:b@acme.example", expect=2)
    run(*put, *here, expect=2)
    ctl(*put)
    check(ctl("profile", "show", "p", *here, "--json", json_out=True)["owner"] == "team:a@acme.example", "once is enough")
    # Behind -- are words of the hook's own command.
    ctl("hooks", "add", "h", *here, "--on", "lapsed", "--", "/bin/true", "--json", "--json", "--on", "--on")
    ctl("hooks", "remove", "h", *here)


def scopes(_):
    check(ctl("scope", "meet", "a(x >= 1)", "a(x <= 5)").strip() == "a(x all(>= 1 <= 5))", "meet")
    ctl("scope", "meet", "a(x == 1)", "a(x == 2)", expect=1)
    ctl("scope", "check", "a(x >= 1)", "a", '{"x":0}', expect=10)
    check(ctl("scope", "check", "a(x >= 1)", "a", '{"x":1}', "--json", json_out=True)["permitted"] is True, "check")
    check("must be" in ctl("scope", "explain", "a(x under '/data')"), "explain")
    ctl("scope", "explain", "a(x under", expect=1)


def bad_input(work):
    ctl(expect=0)
    ctl("nonsense", expect=2)
    ctl("inspect", expect=2)
    ctl("inspect", f"{work}/absent", expect=1)
    ctl("inspect", "-", stdin=os.urandom(1 << 20), expect=1)
    ctl("inspect", "-", stdin=b"a" * (2 << 20), expect=1)
    ctl("inspect", "-", stdin=b"." * 1000, expect=1)
    ctl("doctor", "--authority", f"{work}/absent", expect=1)
    ctl("bundle", "--authority", f"{work}/absent", expect=1)
    ctl("init", "--authority", f"{work}/new", "Not A Domain", expect=1)
    check(not os.path.exists(f"{work}/new"), "a refused authority leaves nothing")
    os.mkdir(f"{work}/broken", 0o700)
    pathlib.Path(f"{work}/broken/registry.db").write_bytes(b"no database" * 100)
    os.chmod(f"{work}/broken/registry.db", 0o600)
    ctl("bundle", "--authority", f"{work}/broken", expect=1)
    check('"deny"' in ctl("conform", stdin=b"{}\n"), "conform answers what is not a question")
    ctl("completion", "csh", expect=2)
    for shell in ("bash", "zsh", "fish"):
        check("agentidctl" in ctl("completion", shell), f"completion {shell}")


def expired(work):
    here, prove = ["--authority", f"{work}/acme"], ["prove", "--agent", f"{work}/short", "--tool", "a", "--audience", "x"]
    ctl("init", *here, "acme.example")
    ctl("profile", "put", "p", *here, "--owner", "team:x", "--ceiling", "a")
    ctl("agent", *here, "--profile", "p", "--principal", "user:x", "--task", "t", "--scope", "a", "--lifetime", "2", "--out", f"{work}/short")
    check(run(*prove)[1] == "", "a proof under a grant that is good needs no word")
    time.sleep(2)
    check("has expired" in run(*prove)[1], "one under a grant that is over is told, with what to do")


def hostile_names(work):
    home = ["--authority", f"{work}/hostile"]
    ctl("init", *home, "acme.example")
    ctl("profile", "put", "p", *home, "--owner", "team:x", "--ceiling", "a")
    ctl("agent", *home, "--profile", "p", "--principal", "user:x", "--scope", "a", "--out", f"{work}/evil",
        "--task", "x\x1b[2J\u202eevil\nverified")
    drawn = ctl("inspect", f"{work}/evil")
    check("\u202e" not in drawn and "\nverified" not in drawn, "names cannot draw", drawn)
