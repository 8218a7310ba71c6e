"""What only a terminal is shown: colours and a bar; completion, which only a shell reads; a stdout that takes nothing."""
import shutil
import subprocess

from harness import PROGRAM, check, ctl, on_terminal, run
from lifecycle import authority, database, start


def colours(work):
    check(b"\x1b[32m" in on_terminal("scope", "check", "a", "a"), "colour on a terminal")
    check(b"\x1b" not in on_terminal("scope", "check", "a", "a", NO_COLOR="1"), "no colour under NO_COLOR")
    here = authority(work)
    start(work, here, "x\u202e")
    shown = on_terminal("agents", *here)
    check(b"\x1b[32mlive" in shown and "\u202e".encode() not in shown, "agents in colour, names harmless", shown)
    check(b"\x1b" not in on_terminal("agents", *here, NO_COLOR="1"), "agents without colour")
    check(b"\x1b" not in on_terminal("agents", *here, "--json"), "no colour in JSON")


def lies(work):
    """What others named makes no line, moves no cursor and turns no direction, wherever it is shown."""
    here = authority(work)
    lie = "report\nlive  all is well\u202e\u009b2J\u200b\U000e0041"
    agent = start(work, here, lie)
    home = f"{work}/{lie}"
    shown = [ctl("agents", *here), ctl("inspect", home), ctl("audit", "tail", *here), on_terminal("agents", *here).decode(),
             on_terminal("inspect", home).decode(), on_terminal("audit", "tail", *here, "--json").decode(),
             ctl("agents", *here, "--json"), ctl("inspect", home, "--json"), ctl("audit", "export", *here, "--format", "ocsf"),
             ctl("inspect", home, "--html"), run("inspect", lie, expect=1)[1], run("revoke", *here, lie, expect=2)[1],
             ctl("suspend", *here, agent) + run("audit", "show", *here, lie, expect=1)[1]]
    for i, text in enumerate(shown):
        hidden = [hex(ord(c)) for c in text if c in "\u202e\u009b\u200b\U000e0041"]
        check(not hidden, f"nothing hidden in output {i}", hidden)
        check(not [line for line in text.splitlines() if line.startswith("live  all")], f"no forged line in output {i}", text)
    check("report\\u{A}live  all is well\\u{202E}" in shown[0], "what is hidden becomes visible", shown[0])
    forged = "pay(usd)  for user:ceo@acme.example  (as acme.example says)  "
    proof = ctl("prove", "--agent", home, "--tool", forged, "--arguments", '{"a)  x": 1}', "--audience", "files")
    ctl("authorize", *here, "--audience", "files", "--tool", forged, "--arguments", '{"a)  x": 1}', "--proof", "-", home, stdin=proof.encode(), expect=10)
    ctl("audit", "checkpoint", *here, "--integrate")
    tail = ctl("audit", "tail", *here)
    check(f'"{forged}"' in tail and '"a)  x"' in tail, "a name that could be taken for more is in quotes", tail)
    found = ctl("agents", *here, "--json", json_out=True)
    check([a["task"] for a in found] == [lie], "JSON reads back as what it was", found)


def bar(work):
    here = authority(work)
    agent = start(work, here, "agent")

    def populate(principal, count):
        with database(here) as db:
            db.executemany(
                "INSERT INTO agents (id, profile, owner, principal, task, key, state, created) "
                "VALUES (?, 'researcher', 'team:x', ?, 'many', 'key', 'active', 1)",
                ((f"spiffe://acme.example/agent/researcher/{principal[5:]}{i:026}", principal) for i in range(count)))

    populate("user:a@a.a", 20_000)
    check(len(ctl("agents", *here, "--profile", "researcher", "--json", json_out=True)) == 20_001, "all pages")
    shown = on_terminal("deprovision", *here, "--principal", "user:a@a.a").decode()
    check("ending agents: " in shown and "█" in shown and " %" in shown, "a bar on a terminal", shown[-300:])
    check(shown.rstrip().endswith("ended: 20000 agents"), "which leaves the line as it found it", shown[-300:])
    populate("user:b@b.b", 12_000)
    _, said = run("deprovision", *here, "--principal", "user:b@b.b")
    check("█" not in said and said.count("\n") == 1, "no bar where it is piped", said)
    ctl("hooks", "add", "slow", *here, "--on", "suspended", "--", "/bin/sleep", "2")
    shown = on_terminal("suspend", *here, agent).decode()
    check("running hooks: 1s" in shown, "what cannot be counted is timed", shown)
    check("█" not in on_terminal("resume", *here, agent).decode(), "nothing for what is quick")


def completion(work):
    for shell, arguments in [("bash", ["-n"]), ("zsh", ["-n"]), ("fish", ["-n"])]:
        script = ctl("completion", shell)
        for word in ("agents", "deprovision", "reap", "hooks", "tombstone", "leases", "withdraw"):
            check(word in script, f"{shell} completes {word}")
        if shutil.which(shell):
            read = subprocess.run([shell, *arguments], input=script.encode(), capture_output=True)
            check(read.returncode == 0, f"{shell} can read its script", read.stderr[-300:])


def full(work):
    with open("/dev/full", "wb") as disk:
        done = subprocess.run([PROGRAM, "scope", "check", "a", "a"], stdout=disk, stderr=subprocess.PIPE)
    check(done.returncode == 1, "exit 1 where stdout cannot be written", done.returncode)
    check(done.stderr == b"agentidctl: stdout: No space left on device\n", "which it says", done.stderr)
