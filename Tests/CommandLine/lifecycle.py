"""The life of agents by commands: review, tree, suspension, deprovisioning, tombstones, reaping."""
import json
import pathlib
import signal
import sqlite3
import subprocess
import time

from harness import PROGRAM, Host, check, ctl, run, until

CEILING = "read_file(path under '/data'); search"


def authority(work):
    """A new authority with the profile `researcher`; the options that name it."""
    here = ["--authority", f"{work}/acme"]
    ctl("init", *here, "acme.example")
    ctl("profile", "put", "researcher", *here, "--owner", "team:research@acme.example", "--ceiling", CEILING)
    return here


def start(work, here, name, principal="user:alice@acme.example", profile="researcher", expect=0):
    """Starts an agent whose key is in a directory; its ID."""
    return ctl("agent", *here, "--profile", profile, "--principal", principal, "--task", name, "--scope", "search",
               "--out", f"{work}/{name}", expect=expect).strip()


def short(agent):
    """An agent's short name."""
    name, instance = agent.split("/")[-2:]
    return f"{name}/{instance[-12:]}"


def database(here):
    """The registry, to be damaged or looked into behind the library's back."""
    return sqlite3.connect(f"{here[1]}/registry.db")


def reviews(work):
    here = authority(work)
    put = ["profile", "put", "old", *here, "--ceiling", "search"]
    ctl(*put, expect=2)
    check("no owner, no agent" in run(*put, "--owner", "", expect=1)[1], "no owner, no agent")
    _, said = run(*put, "--owner", "team:x", "--review-by", "2020-06-30", expect=1)
    check("the review is in the past" in said, "no profile is put that starts nothing", said)
    due = str(int(time.time()) + 2)
    ctl(*put, "--owner", "team:x", "--review-by", due)
    time.sleep(max(0, int(due) - time.time()) + 0.1)
    _, said = run(*put, "--owner", "team:x", "--review-by", due)
    check("agentidctl profile certify old" in said, "an overdue review is said when it is put again", said)
    _, said = run("agent", *here, "--profile", "old", "--principal", "user:a", "--task", "t", "--scope", "search",
                  "--out", f"{work}/no", expect=1)
    check("review date" in said and "agentidctl profile certify old" in said, "past the review date no new agents", said)
    check("certify old" in run("profile", "show", "old", *here)[1], "profile show says so as well")
    check("certify old" in ctl("doctor", *here, expect=1), "and doctor")
    certify = ["profile", "certify", "old", *here]
    for wrong in (["--review-by", "2027-06-31"], ["--review-by", "soon"], ["--for", "0"], ["--for", "90h"], ["--for", "d"], [],
                  ["--for", "9", "--review-by", "2027-06-30"]):
        ctl(*certify, *wrong, expect=2)
    ctl(*certify, "--review-by", "2020-06-30", expect=1)
    ctl("profile", "certify", "nobody", *here, "--for", "9", expect=1)
    day = ctl(*certify, "--review-by", "2126-06-30", "--json", json_out=True)["review_by"]
    check(day == 4938451200 + 86400, "a day is over at its end", day)
    check(ctl(*certify, "--review-by", "2126-06-30T12:00:00Z", "--json", json_out=True)["review_by"] == 4938451200 + 43200, "a time")
    days = ctl(*certify, "--for", "90", "--json", json_out=True)["review_by"] - time.time()
    check(89 * 86400 < days <= 90 * 86400, "days", days)
    named = ctl(*certify, "--for", "90d", "--json", json_out=True)["review_by"] - time.time()
    check(abs(named - days) < 60, "days with their unit", named)
    put = ["profile", "put", "timed", *here, "--owner", "team:x", "--ceiling", "search"]
    for text, seconds in (("90s", 90), ("15m", 900), ("2h", 7200), ("1d", 86400), ("77", 77)):
        check(ctl(*put, "--max-lifetime", text, "--json", json_out=True)["max_lifetime"] == seconds, f"a length of time: {text}")
    for wrong in ("", "m", "1y", "-1m", "1.5h", "9999999999999d", "1m\u0301", "1 m"):
        ctl(*put, f"--max-lifetime={wrong}", expect=2)
    start(work, here, "again", profile="old")
    ctl("doctor", *here)
    _, said = run("profile", "withdraw", "old", *here, "--reason", "merged")
    check("ended: 1 agent" in said, "withdrawn with its agents", said)
    start(work, here, "more", profile="old", expect=1)
    check("withdrawn" in run(*certify, "--for", "9", expect=1)[1], "what is withdrawn is not certified")
    check(ctl("profile", "withdraw", "old", *here, "--json", json_out=True) == {"profile": "old", "ended": 0}, "withdrawn twice")


def tree(work):
    here = authority(work)
    check(ctl("agents", *here) == "" and ctl("agents", *here, "--json", json_out=True) == [], "no agents at first")
    with Host(here[1], 580) as host:
        ids = host.agents
        drawn = ctl("agents", *here)
        lines = drawn.splitlines()
        at = {name: next((i for i, line in enumerate(lines) if short(ids[name]) in line), -1)
              for name in ("root", "reader", "scanner", "stranger")}
        check(at["reader"] == at["root"] + 1 and at["scanner"] == at["root"] + 2, "each below who started it", drawn)
        check(lines[at["reader"]].startswith("└─ ") and lines[at["scanner"]].startswith("   └─ "), "drawn as a tree", drawn)
        for word in ("live", "9m left", "s ago", "user:alice@acme.example", "team:research@acme.example", "Q3 review"):
            check(word in lines[at["root"]], f"an agent's line says {word}", drawn)
        check(len(lines) == 5 and "\x07" not in drawn and "\u202e" not in drawn and "\u2028" not in drawn
              and "\\u{A}researcher/000000000000" in drawn, "a task cannot draw", repr(drawn))

        def chosen(*filters):
            return {agent["id"] for agent in ctl("agents", *here, *filters, "--json", json_out=True)}

        every = {ids[name] for name in at}
        check(chosen() == every and chosen("--live") == every, "all")
        check(chosen("--principal", "user:eve@acme.example") == {ids["stranger"]}, "by principal")
        check(chosen("--parent", ids["root"]) == {ids["reader"]} == chosen("--parent", short(ids["root"])), "by parent")
        check(chosen("--owner", "team:x") == set() == chosen("--profile", "x"), "by owner and profile")
        ctl("agents", *here, "--state", "x", expect=2)
        held = ctl("leases", *here, "--json", json_out=True)
        check([lease["id"] for lease in held] == [ids["lease"]], "the broker's lease", held)
        listed = ctl("leases", *here)
        check("db/reports from vault" in listed and short(ids["scanner"]) in listed and "secret" not in listed, "in words", listed)
        _, said = run("suspend", *here, short(ids["reader"]), "--reason", "odd calls")
        check(short(ids["reader"]) in said, "suspended by short name", said)
        until(lambda: ctl("leases", *here, "--json", json_out=True) == [], "the secret of what is below it is returned")
        check(chosen("--state", "suspended") == {ids["reader"]}, "by state")
        check(chosen("--state", "live") == chosen("--live") and chosen("--state", "denied") == {ids["scanner"]}
              and chosen("--state", "ended") == set() == chosen("--state", "parked"), "by the words that are shown")
        check(chosen("--live") == every - {ids["reader"], ids["scanner"]}, "suspended is not live, nor is what is below it")
        check("suspended" in ctl("agents", *here), "drawn as suspended")
        shown = ctl("resume", *here, ids["reader"].rsplit("-", 1)[1], "--json", json_out=True)
        check(shown == {"agent": ids["reader"], "state": "active"}, "resumed by the end of its ID", shown)
        check(chosen("--live") == every, "resumed")

        def park(sealed):
            with database(here) as db:
                db.execute("UPDATE leases SET sealed = ? WHERE agent = ?", (sealed, ids["reader"]))

        park(b"sealed")
        ctl("suspend", *here, ids["reader"])
        check(chosen("--state", "parked") == {ids["reader"]} == chosen("--state", "suspended"), "suspended while parked")
        shown = ctl("resume", *here, ids["reader"], "--json", json_out=True)
        check(shown == {"agent": ids["reader"], "state": "parked"}, "resumed, and parked still", shown)
        _, said = run("resume", *here, ids["reader"])
        check("stays parked" in said, "in words", said)
        check(chosen("--state", "parked") == {ids["reader"]} and chosen("--state", "suspended") == set(), "parked")
        park(None)


def siblings(work):
    here = authority(work)
    root = start(work, here, "root")
    below = {"a": root, "a1": "a", "a2": "a", "b": root, "b1": "b"}
    ids = {name: f"{root}/{name}/01a20b79-a7f8-792d-92ce-00000000000{i}" for i, name in enumerate(below)}
    with database(here) as db:
        for name, parent in below.items():
            db.execute("INSERT INTO agents (id, parent, profile, owner, principal, task, key, state, created) "
                       "VALUES (?, ?, 'researcher', 'team:x', 'user:x', 't', 'key', 'active', 1)",
                       (ids[name], ids.get(parent, parent)))
    drawn = [line.split("/")[0] for line in ctl("agents", *here).splitlines()[1:]]
    check(drawn == ["researcher", "├─ a", "│  ├─ a1", "│  └─ a2", "└─ b", "   └─ b1"], "siblings are drawn as siblings", drawn)


def ends(work):
    here = authority(work)
    agent = start(work, here, "agent")
    report = ctl("gone", *here, agent, "--json", expect=1, json_out=True)
    check(report["gone"] is False and report["live"] == [agent] and len(report["permitted"]) == 1, "alive", report)
    check("not gone" in ctl("gone", *here, agent, expect=1), "in words")
    token = ctl("deprovision", *here, agent, "--reason", "done\x1b[2J")
    report = ctl("gone", *here, short(agent), "--json", json_out=True)
    check(report["gone"] is True and report["reasons"] == {"authority_revoked": 1}, "gone", report)
    words = ctl("gone", *here, agent)
    check(words.startswith("gone: ") and "denied: 1, authority_revoked 1" in words, "gone in words", words)
    check("authority_revoked" in ctl("verify", *here, f"{work}/agent", expect=10), "its chain is denied")
    again = ctl("deprovision", *here, agent, "--json", json_out=True)
    check(again == {"agent": agent, "tombstone": token.strip()}, "ended twice is ended once", again)
    ctl("suspend", *here, agent, expect=1)
    ctl("resume", *here, agent, expect=1)
    stone, bundle = f"{work}/stone", f"{work}/bundle"
    pathlib.Path(stone).write_text(token)
    pathlib.Path(bundle).write_text(ctl("bundle", *here))
    verify = ["tombstone", "verify", "--bundle", bundle, "--trust-domain"]
    words = ctl(*verify, "acme.example", stone)
    check(words.startswith(f"verified: {agent} is gone") and "because: done\\u{1B}[2J" in words, "verified in words", words)
    claims = ctl(*verify, "acme.example", "-", "--json", stdin=token.encode(), json_out=True)["claims"]
    check(claims["sub"] == agent and claims["task"] == "agent", "verified claims", claims)
    ctl(*verify, "other.example", stone, expect=10)
    body = token.split(".")
    forged = ".".join([body[0], body[1][:-4] + "AAAA", body[2]])
    denied = ctl(*verify, "acme.example", "-", "--json", stdin=forged.encode(), expect=10, json_out=True)
    check(denied["verified"] is False and denied["reason"] == "invalid_signature", "a forged tombstone", denied)
    ctl(*verify, "acme.example", "-", stdin=b"\xff\x00" * 9, expect=10)
    ctl(*verify, "acme.example", f"{work}/absent", expect=1)
    ctl("tombstone", "verify", stone, "--bundle", stone, "--trust-domain", "acme.example", expect=1)
    ctl("tombstone", "verify", "-", "--bundle", "-", "--trust-domain", "acme.example", expect=2)


def many(work):
    here = authority(work)
    with Host(here[1], 600) as host:
        start(work, here, "other", principal="user:bob@acme.example")
        host.kill()
        _, said = run("deprovision", *here, "--principal", "user:alice@acme.example", "--reason", "left")
        check("ended: 3 agents" in said, "a principal leaves with all that acts for them", said)
        drawn = ctl("agents", *here)
        check(f"{short(host.agents['root'])} ended: left" in drawn and "spiffe://" not in drawn, "why, in short", drawn)
        start(work, here, "late", expect=1)
        _, said = run("reap", *here)
        check("1 secret not returned yet" in said, "what nobody here can return is said", said)
        gone = ctl("gone", *here, host.agents["root"], expect=1)
        check(f"secret not returned, lease: {host.agents['lease']}" in gone, "not gone while a secret is out", gone)
        shown = ctl("deprovision", *here, "--principal", "team:research@acme.example", "--json", json_out=True)
        check(shown == {"principal": "team:research@acme.example", "ended": 2}, "an owner leaves", shown)
        check(all(agent["tombstone"] for agent in ctl("agents", *here, "--json", json_out=True)), "each has its tombstone")


def watch(work):
    here = authority(work)
    ctl("hooks", "add", "note", *here, "--on", "lapsed", "deprovisioned", "--", "/bin/sh", "-c",
        f"echo $AGENTID_EVENT >> {work}/noted")
    with Host(here[1], 2) as host:
        host.kill()
        until(lambda: "lapsed" in ctl("agents", *here), "who is not renewed lapses")
        check(ctl("agents", *here, "--live", "--json", json_out=True) == [], "lapsed is not live")
        check("lease_lapsed" in json.dumps(ctl("gone", *here, host.agents["root"], "--json", expect=1, json_out=True)),
              "lapsed is denied before anybody reaps")
        check("ended 4 agents, signed 4 tombstones" in ctl("reap", *here), "reaped")
        noted = pathlib.Path(f"{work}/noted").read_text().split()
        # Two were started by the authority; what they started went with them.
        check(noted.count("lapsed") == 2 and noted.count("deprovisioned") == 4, "hooks ran before it exited", noted)
        check("nothing to do" in run("reap", *here)[1], "once")
    ended = ctl("agents", *here, "--json", json_out=True)
    check({agent["end_reason"] for agent in ended if not agent["parent"]} == {"its lease lapsed"}, "why", ended)
    for end in (signal.SIGINT, signal.SIGTERM):
        noted = len(pathlib.Path(f"{work}/noted").read_text().split())
        watcher = subprocess.Popen([PROGRAM, "reap", *here, "--watch", "--every", "1", "--json"],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        with Host(here[1], 2) as host:
            host.kill()
        until(lambda: ctl("agents", *here, "--live", "--state", "active", "--json", json_out=True) == []
              and ctl("agents", *here, "--state", "active", "--json", json_out=True) == [], "a watcher reaps")
        until(lambda: len(pathlib.Path(f"{work}/noted").read_text().split()) == noted + 6, "and runs hooks")
        watcher.send_signal(end)
        out, errors = watcher.communicate(timeout=30)
        rounds = [json.loads(line) for line in out.splitlines()]
        check(watcher.returncode == 0 and errors == b"", f"ends cleanly on {end.name}", (watcher.returncode, errors))
        check(sum(r["ended"] for r in rounds) == 4, "a line for each round that did something, and no other", rounds)
    ctl("reap", *here, "--every", "1", expect=2)
    ctl("reap", *here, "--watch", "--every", "0", expect=2)


def bad_input(work):
    here = authority(work)
    agent = start(work, here, "agent")
    for command in ("suspend", "resume", "deprovision", "gone"):
        ctl(command, *here, "spiffe://acme.example/agent/researcher/nobody", expect=1)
        ctl(command, *here, "x", expect=1)
        ctl(command, *here, "", expect=1)
        ctl(command, *here, "a/b/c/000000000000", expect=1)
        _, said = run(command, *here, "\x1b[2J\n\u202e000000", expect=1)
        check("\u202e" not in said, "a name in a message cannot draw", repr(said))
        ctl(command, *here, "000000000000", expect=1)
    ctl("deprovision", *here, expect=2)
    ctl("deprovision", *here, agent, "--principal", "user:x", expect=2)
    ctl("agents", "--authority", f"{work}/absent", expect=1)
    ctl("agents", *here, "--parent", "nobody", expect=1)
    with database(here) as db:
        # Two agents of one short name, and two that started each other.
        columns = "parent, profile, owner, principal, task, key, state, created"
        twins = [agent.replace("researcher", "auditor"), agent[:-36] + "0" * 24 + agent[-12:]]
        for i, twin in enumerate(twins):
            db.execute(f"INSERT INTO agents (id, {columns}) SELECT ?, ?, profile, owner, principal, task, key, state, created "
                       "FROM agents WHERE id = ?", (twin, twins[1 - i], agent))
    check("give more" in run("suspend", *here, short(agent), expect=1)[1], "one name for two agents is not a name")
    ctl("suspend", *here, short(twins[0]))
    check(len(ctl("agents", *here).splitlines()) == 4, "a circle of parents hides nobody")
