"""Hooks by commands: added, run before a command exits, retried, dead, removed."""
import json
import pathlib
import time

from harness import check, ctl, run
from lifecycle import authority, start


def deliveries(work):
    here = authority(work)
    log = f"{work}/log"
    add = ["hooks", "add", *here]
    _, said = run(*add, "log", "--on", "created", "suspended", "--", "/bin/sh", "-c", f"cat >> {log}")
    check("2 events" in said, "added", said)
    agent = start(work, here, "agent")
    ctl("suspend", *here, agent, "--reason", "odd\x1b[2J")
    lines = [json.loads(line) for line in pathlib.Path(log).read_text().splitlines()]
    check([line["event"] for line in lines] == ["created", "suspended"], "run before the command exits, in order", lines)
    check(ctl("hooks", "waiting", *here, "--json", json_out=True) == [], "nothing waits")

    ctl(*add, "bad", "--on", "resumed", "--max-attempts", "1", "--", "/bin/sh", "-c", "printf 'no \\033[2Jdisk' >&2; exit 3")
    _, said = run("resume", *here, agent)
    check("waiting" not in said, "a dead delivery does not wait", said)
    dead = ctl("hooks", "dead", *here, "--json", json_out=True)
    check([(d["hook"], d["event"], d["attempts"], d["agent"]) for d in dead] == [("bad", "resumed", 1, agent)], "dead", dead)
    words = ctl("hooks", "dead", *here)
    check("disk" in words and "status 3" in words, "why, in words", words)
    check("1 dead" in ctl("hooks", "list", *here), "list counts them")
    listed = {hook["name"]: hook for hook in ctl("hooks", "list", *here, "--json", json_out=True)}
    check(listed["bad"]["dead"] == 1 and listed["log"]["events"] == ["created", "suspended"], "list", listed)
    check("wrong" in ctl("doctor", *here, expect=1), "doctor finds the dead")
    ctl(*add, "bad", "--on", "resumed", "--", "/bin/sh", "-c", f"touch {work}/mended")
    _, said = run("hooks", "retry", str(dead[0]["id"]), *here)
    check(pathlib.Path(f"{work}/mended").exists(), "mended and retried", said)
    ctl("hooks", "retry", str(dead[0]["id"]), *here, expect=1)
    ctl("doctor", *here)

    ctl(*add, "later", "--on", "suspended", "--", "/bin/sh", "-c", f"test -e {work}/open")
    _, said = run("suspend", *here, agent)
    check("hook later: 1 delivery still waiting" in said, "what still waits is said", said)
    waiting = ctl("hooks", "waiting", *here)
    check("later" in waiting and "attempt" in waiting, "and listed", waiting)
    pathlib.Path(f"{work}/open").touch()
    time.sleep(0.6)  # The pause after the first attempt is half a second at most.
    ran = ctl("hooks", "run", *here, "--json", json_out=True)
    check(ran == {"settled": True, "waiting": 0}, "run", ran)

    ctl(*add, "slow", "--on", "resumed", "--", "/bin/sleep", "30")
    _, said = run("resume", *here, agent)
    check("hook slow: 1 delivery still waiting" in said, "a slow hook is waited for ten seconds, and no more", said)
    ctl("hooks", "remove", "slow", *here)
    check(ctl("hooks", "waiting", *here, "--json", json_out=True) == [], "removed with what waited for it")


def bad_input(work):
    here = authority(work)
    add = ["hooks", "add", *here]
    ctl(*add, "x", expect=2)
    ctl(*add, "x", "/bin/true", expect=2)
    ctl(*add, "x", "--", "true", expect=2)
    ctl(*add, "x", "--on", "nonsense", "--", "/bin/true", expect=2)
    ctl(*add, "x", "--", "/bin/absent", expect=1)
    ctl(*add, "x\x1b[2J", "--", "/bin/true", expect=1)
    ctl(*add, "x", "--deadline", "0", "--", "/bin/true", expect=1)
    ctl("hooks", "remove", "x", *here, expect=1)
    said = run("hooks", "retry", "99", *here, expect=1)[1]
    check("agentidctl hooks dead" in said, "where the numbers are", said)
    ctl("hooks", "retry", "x", *here, expect=2)
    ctl("hooks", "run", *here, "--for", "0", expect=2)
    ctl("hooks", "run", *here, "--for", "25h", expect=2)
    check(ctl("hooks", "list", *here, "--json", json_out=True) == [], "bad input adds no hook")
    ctl(*add, "all", "--", "/bin/true")
    events = ctl("hooks", "list", *here, "--json", json_out=True)[0]["events"]
    check("lapsed" in events and "renewed" not in events, "on all but renewals", events)
