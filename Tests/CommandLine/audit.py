"""The audit log by commands: shown, followed, proved, verified, exported; usage; what doctor finds of it."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys

from checkup import only, troubles
from harness import PROGRAM, ROOT, check, ctl, on_terminal, run, until
from lifecycle import authority, database, short

INSIDE, OUTSIDE = '{"path":"/data/q3/a.csv"}', '{"path":"/data/sesame.csv"}'
INTENT = "sum up\x1b[2J\u202eQ3\npermitted: delete_all()"


def recorded(work):
    """An authority with a log: an agent for which one call was permitted and two were denied. Its options, the agent's ID."""
    here = authority(work)
    agent = ctl("agent", *here, "--profile", "researcher", "--principal", "user:alice@acme.example", "--task", "Q3 review",
                "--intent", INTENT, "--scope", "read_file(path under '/data/q3')", "--out", f"{work}/agent").strip()
    call(work, here, "read_file", INSIDE, 0)
    call(work, here, "read_file", OUTSIDE, 10)
    call(work, here, "delete\x1b[2J\u202e", "{}", 10)
    return here, agent


def call(work, here, tool, arguments, expect):
    proof = ctl("prove", "--agent", f"{work}/agent", "--tool", tool, "--arguments", arguments, "--audience", "files")
    ctl("authorize", *here, "--audience", "files", "--tool", tool, "--arguments", arguments, "--proof", "-", f"{work}/agent",
        stdin=proof.encode(), expect=expect)


def integrate(here):
    return ctl("audit", "checkpoint", *here, "--integrate")


def tail(here, *options):
    return [json.loads(line) for line in ctl("audit", "tail", *here, "--json", *options).splitlines()]


def decisions(here):
    return [entry for entry in tail(here, "-n", "1000") if entry["entry"]["kind"] == "decision"]


def shown(work):
    here, agent = recorded(work)
    _, said = run("audit", "tail", *here)
    check("3 lines are not integrated yet" in said, "what waits is said", said)
    check(len(integrate(here).splitlines()) == 5, "a checkpoint is a signed note")
    check(os.listdir(f"{here[1]}/audit/segments") == [], "short-lived commands leave no segments behind")
    words, said = run("audit", "tail", *here)
    lines = words.splitlines()
    check(len(lines) == 5 and said == "", "a line each", words)
    check("\u202e" not in words and "delete\\u{1B}[2J\\u{202E}()" in words, "tools cannot draw", words)
    entries = tail(here)
    check([entry["index"] for entry in entries] == [0, 1, 2, 3, 4], "in their order", entries)
    check(tail(here, "-n", "2") == entries[3:] and tail(here, "-n", "0") == [], "the last of them")
    check(tail(here, "--denied") == entries[3:] and tail(here, "--denied", "-n", "1") == entries[4:], "denials")
    check(tail(here, "--tool", "read_file") == entries[2:4], "by tool")
    check(tail(here, "--principal", "user:alice@acme.example") == entries and tail(here, "--principal", "x") == [], "by principal")
    for name in (agent, short(agent), agent[-12:]):
        check(tail(here, "--agent", name) == entries, "by agent", name)
    check(tail(here, "--agent", "researcher/000000000000") == [], "by another agent")

    permit, denial = entries[2]["entry"], entries[3]["entry"]
    name = lines[2].split()[3]
    page = ctl("audit", "show", name, *here)
    for words in ("permitted: read_file(path)", permit["id"], "for:         user:alice@acme.example", "Q3 review", short(agent),
                  permit["chain"][0]["jti"], 'path must be under "/data/q3"', "as of its change", "outcome:     not reported",
                  "entry 2 of 5", "acme.example/audit+", "owned by team:research@acme.example", "by guard files"):
        check(words in page, f"a decision's page says {words!r}", page)
    check(len(page.splitlines()) <= 24 and all(len(line) <= 120 for line in page.splitlines()), "on one screen", page)
    check("\u202e" not in page and "\npermitted: delete_all" not in page and "\\u{A}permitted: delete_all" in page, "an intent cannot draw", page)
    page = ctl("audit", "show", "3", *here)
    for words in ("denied: read_file(path)", "argument_constraint_violated, grant 0 of the chain, argument path", "none: it was denied"):
        check(words in page, f"a denial's page says {words!r}", page)
    check("sesame" not in page and "sesame" not in ctl("audit", "export", *here, "--format", "jsonl"), "and no argument's value")
    for one in ("2", name, permit["id"], permit["id"][:5] + "-1"):
        found = ctl("audit", "show", one, *here, "--json", json_out=True)
        check(found["entry"] == permit and found["index"] == 2 and found["proof"]["index"] == 2, "by any of its names", one)
    check("these were the arguments" in ctl("audit", "show", "2", *here, "--arguments", '{ "path": "\\/data/q3/a.csv" }'), "these arguments")
    for other in ('{"path":"/data/q3/b.csv"}', "{}", "[1]"):
        found = ctl("audit", "show", "2", *here, "--arguments", other, "--json", expect=1, json_out=True)
        check(found["arguments_match"] is False, "not those", other)
    check("event" in ctl("audit", "show", "0", *here), "an event")
    check(b"\x1b[32mpermitted" in on_terminal("audit", "tail", *here), "colours on a terminal")
    check(b"\x1b" not in on_terminal("audit", "tail", *here, NO_COLOR="1"), "and none under NO_COLOR")


def followed(work):
    here, _ = recorded(work)
    integrate(here)
    with open(f"{work}/out", "wb") as out:
        process = subprocess.Popen([PROGRAM, "audit", "tail", *here, "-n", "1", "--follow", "--json"], stdout=out, stderr=out)
    seen = lambda: [json.loads(line)["index"] for line in pathlib.Path(f"{work}/out").read_text().splitlines()]
    until(lambda: seen() == [4], "begins with the last")
    call(work, here, "read_file", INSIDE, 0)
    integrate(here)
    until(lambda: seen() == [4, 5], "and goes on")
    process.send_signal(signal.SIGTERM)
    check(process.wait(20) == 0, "until it is told to end")
    with open(f"{work}/out", "wb") as out:
        process = subprocess.Popen([PROGRAM, "audit", "tail", *here, "-n", "1", "--follow", "--json"], stdout=out, stderr=out)
    until(lambda: seen() == [5], "again")
    checkpoint = pathlib.Path(f"{here[1]}/audit/checkpoint")
    checkpoint.write_bytes(checkpoint.read_bytes().replace(b"\n6\n", b"\n5\n"))
    check(process.wait(20) == 1, "a log that was tampered with is not followed")


def proved(work):
    here, _ = recorded(work)
    note = integrate(here)
    head = ctl("audit", "checkpoint", *here, "--json", json_out=True)
    check(head["size"] == 5 and head["checkpoint"] == note, "the head", head)
    proof = ctl("audit", "prove", "3", *here, json_out=True)
    check(proof["index"] == 3 and proof["size"] == 5 and proof["checkpoint"] == note, "a proof", proof)
    ctl("audit", "prove", "3", *here, "--out", f"{work}/proof")
    check(json.loads(pathlib.Path(f"{work}/proof").read_text()) == proof, "into a file")
    ctl("audit", "prove", "3", *here, "--out", f"{work}/proof", expect=1)
    ctl("audit", "prove", "5", *here, expect=1)
    ctl("audit", "prove", "-1", *here, expect=2)
    both = ctl("audit", "consistency", "2", *here, json_out=True)
    check((both["from"], both["to"], both["new_root"]) == (2, 5, head["root"]), "consistency", both)
    check(ctl("audit", "consistency", "2", "4", *here, json_out=True)["to"] == 4, "between two")
    for wrong in (("0",), ("6",), ("4", "2"), ("2", "9")):
        ctl("audit", "consistency", *wrong, *here, expect=1)

    verify = ["audit", "verify", *here]
    check("sound: 5 entries" in ctl(*verify), "sound")
    kept, audit = f"{work}/kept", pathlib.Path(here[1], "audit")
    shutil.copytree(audit, f"{work}/earlier")
    pathlib.Path(kept).write_text(note)
    call(work, here, "read_file", INSIDE, 0)
    check("not integrated yet: 1 line" in ctl(*verify), "what waits is not a finding")
    integrate(here)
    check(ctl(*verify, "--against", kept, "--key", head["key"], "--json", json_out=True)["sound"] is True, "against one kept")
    ctl(*verify, "--against", "-", stdin=note.encode())
    ctl(*verify, "--against", f"{work}/absent", expect=1)
    ctl(*verify, "--against", "-", stdin=note.replace("\n5\n", "\n4\n").encode(), expect=1)
    ctl(*verify, "--against", "-", stdin=os.urandom(1 << 17), expect=1)
    ctl(*verify, "--key", "x", expect=1)
    ctl(*verify, "--key", head["key"][:-4] + "AAA=", expect=1)
    bundle = next((audit / "tile/entries").rglob("6"))
    data = bundle.read_bytes()
    bundle.write_bytes(data.replace(b'"decision":"deny"', b'"decision":"Deny"', 1))
    report = ctl(*verify, "--json", expect=1, json_out=True)
    check([f["place"] for f in report["findings"]] == ["entry 3"], "a changed entry is found at its place", report)
    words = ctl(*verify, expect=1)
    check("wrong  entry 3: changed" in words and "1 finding; 5 entries of 6 as signed" in words, "in words", words)
    ctl("audit", "show", "3", *here, expect=1)
    ctl("audit", "tail", *here, expect=1)
    ctl("audit", "export", "--format", "jsonl", *here, expect=1)
    ctl("usage", *here, expect=1)
    bundle.write_bytes(data)
    check("sound" in ctl(*verify), "and mended")
    # The whole directory as it was: only a checkpoint kept elsewhere can tell.
    pathlib.Path(kept).write_text(ctl("audit", "checkpoint", *here))
    shutil.rmtree(audit)
    shutil.copytree(f"{work}/earlier", audit)
    check("sound: 5 entries" in ctl(*verify), "a log that was put back is sound")
    report = ctl(*verify, "--against", kept, "--json", expect=1, json_out=True)
    check([f["place"] for f in report["findings"]] == ["tail from entry 5"], "but not what it was", report)


def exported(work):
    here, agent = recorded(work)
    ctl("suspend", *here, agent, "--reason", "odd")
    integrate(here)
    export = ["audit", "export", *here, "--format"]
    lines = ctl(*export, "jsonl").splitlines()
    check([json.loads(line) for line in lines] == [entry["entry"] for entry in tail(here)], "as they are")
    check(ctl(*export, "jsonl", "--from", "2", "--to", "3").splitlines() == lines[2:4], "a part")
    check(ctl(*export, "jsonl", "--from", str(len(lines))).strip() == "", "nothing behind the last")
    for wrong in (["--from", str(len(lines) + 1)], ["--to", str(len(lines))]):
        ctl(*export, "jsonl", *wrong, expect=1)
    ctl(*export, "jsonl", "--from", "3", "--to", "2", expect=2)
    ctl(*export, "xml", expect=2)

    events = [json.loads(line) for line in ctl(*export, "ocsf").splitlines()]
    check(len(events) == len(lines), "an event each")
    for event, line in zip(events, lines):
        for name in ("activity_id", "category_uid", "class_uid", "severity_id", "time", "type_uid", "metadata"):
            check(name in event, f"OCSF: every event has {name}", event)
        check(event["type_uid"] == event["class_uid"] * 100 + event["activity_id"], "OCSF: type_uid", event)
        check(event["metadata"]["version"] == "1.3.0" and event["metadata"]["product"]["vendor_name"], "OCSF: metadata", event)
        check(event["raw_data"] == line, "OCSF: the entry itself")
        if event["class_uid"] == 6003:
            check(event["actor"]["user"]["uid"] == "user:alice@acme.example" and event["actor"]["app_uid"] == agent
                  and event["src_endpoint"]["uid"] == agent and event["api"]["operation"], "OCSF: API Activity", event)
        else:
            check(event["category_uid"] == 3 and event["user"]["uid"] == agent, "OCSF: an agent is a user", event)
    by_class = [(event["class_uid"], event["activity_id"]) for event in events]
    check(by_class[:5] == [(3001, 1), (3005, 1), (6003, 99), (6003, 99), (6003, 99)] and (3001, 5) in by_class, "OCSF: classes", by_class)
    check((events[2]["status_id"], events[2]["action_id"], events[3]["status_id"], events[3]["action_id"]) == (1, 1, 2, 2)
          and events[3]["status_code"] == "argument_constraint_violated", "OCSF: outcome", events[3])

    requests = [json.loads(line) for line in ctl(*export, "otel").splitlines()]
    check(len(requests) == 1 and list(requests[0]) == ["resourceLogs"], "OTLP: one request")
    scope = requests[0]["resourceLogs"][0]["scopeLogs"][0]
    records = scope["logRecords"]
    check(len(records) == len(lines) and scope["scope"]["name"] == "agentid.audit", "OTLP: a record each")
    for record, line in zip(records, lines):
        entry = json.loads(line)
        attributes = {a["key"]: a["value"] for a in record["attributes"]}
        check(record["timeUnixNano"] == str(entry["time_ms"]) + "000000", "OTLP: a time is a string of nanoseconds", record)
        check(all(len(value) == 1 and next(iter(value)) in ("stringValue", "intValue", "boolValue", "arrayValue")
                  for value in attributes.values()), "OTLP: values", attributes)
        check(attributes["agentid.kind"]["stringValue"] == entry["kind"], "OTLP: members", attributes)
    check([record["severityText"] for record in records[2:5]] == ["INFO", "WARN", "WARN"], "OTLP: severity")


def usage(work):
    here, agent = recorded(work)
    found = ctl("usage", *here, "--json", json_out=True)
    profile = found["profiles"][0]
    check((profile["permitted"], profile["denied"], profile["unused"]) == (1, 2, ["search"]), "used and unused", profile)
    check(profile["used"][0]["tool"] == "read_file" and profile["used"][0]["arguments"] == ["path"], "which tools", profile)
    check(profile["proposal_text"] == 'read_file(path all(under "/data/q3"))', "a smaller ceiling", profile)
    words, said = run("usage", *here, "--profile", "researcher")
    check("never used: search" in words and "would do:   read_file(path all(under \"/data/q3\"))" in words, "in words", words)
    check("Argument values are never in the audit log" in said, "and what nobody can know", said)
    ctl("profile", "put", "researcher", *here, "--owner", "team:research@acme.example", "--ceiling", profile["proposal_text"])
    check("the present ceiling is the smallest" in ctl("usage", *here), "and no smaller")
    ctl("profile", "put", "new", *here, "--owner", "team:x", "--ceiling", "a")
    check("nothing to propose" in ctl("usage", *here, "--profile", "new"), "nothing used, nothing proposed")
    for since, calls in (("1h", 1), ("2020-01-31", 1), ("2020-01-31T12:00:00Z", 1), ("0s", 0), ("1w", 1), ("1600000000", 1), ("2126-06-30", 0)):
        found = ctl("usage", *here, "--since", since, "--json", json_out=True)["profiles"]
        check({p["profile"]: p["permitted"] for p in found}["researcher"] == calls, f"since {since}", found)
    for since in ("soon", "1y", "-1d", "2027-06-31", "9999999999999d", "", "90", "5e9"):
        ctl("usage", *here, f"--since={since}", expect=2)
    ctl("usage", *here, "--profile", "nobody", expect=1)


def checked(work):
    here, agent = recorded(work)
    audit = f"{here[1]}/audit"
    check(troubles(here, expect=0) == {}, "a line that waits for a moment is not a finding")
    integrate(here)
    check(troubles(here, expect=0) == {} and "ok  audit log: every entry" in ctl("doctor", *here, "--full"), "all is well")
    for name, mode in [("audit", 0o755), ("audit/checkpoint", 0o644), ("audit/segments", 0o711), ("keys/digest", 0o640),
                       ("keys/log.jwk", 0o640), ("audit/key", 0o644)]:
        kept = os.stat(f"{here[1]}/{name}").st_mode & 0o777
        os.chmod(f"{here[1]}/{name}", mode)
        only(here, f"{name}: owner and mode", "chmod")
        os.chmod(f"{here[1]}/{name}", kept)
    torn = f"{audit}/segments/{'0' * 8}-0000-7000-8000-{'0' * 12}-00000001.torn"
    pathlib.Path(torn).touch(0o600)
    only(here, "torn segments", "audit.gap")
    os.remove(torn)
    key = pathlib.Path(f"{audit}/key").read_text()
    pathlib.Path(f"{audit}/key").write_text(key[:-8] + "AAAAAAA=")
    only(here, "audit log: checkpoint")
    pathlib.Path(f"{audit}/key").write_text(key)
    bundle = next(pathlib.Path(audit, "tile/entries").rglob("5"))
    data = bundle.read_bytes()
    bundle.write_bytes(data[:-1] + b"]")
    only(here, "audit log: its end")
    bundle.write_bytes(data)
    call(work, here, "read_file", INSIDE, 0)
    check(troubles(here, expect=0) == {}, "waiting is not behind")
    os.rename(f"{audit}/checkpoint", f"{work}/checkpoint")
    only(here, "audit log: checkpoint", "removed or never signed")
    os.rename(f"{work}/checkpoint", f"{audit}/checkpoint")
    segment = next(pathlib.Path(f"{audit}/segments").glob("*.seg"))
    segment.write_bytes(segment.read_bytes().replace(b'"decision":"permit"', b'"decision":"Permit"'))
    only(here, "audit log: its end", "segment")


LONG_AGO = """
import os, signal, sys, time
sys.path.insert(0, sys.argv[2] + "/Bindings/python")
os.environ.setdefault("AGENTID_LIBRARY", sys.argv[2] + "/.build/release/libagentid.so")
import libagentid
acme = libagentid.Authority.open(sys.argv[1], clock=lambda: time.time() - 3600)
agent = acme.agent("researcher", principal="user:a@a.example", task="t", scope="search")
acme.integrate()
agent.check("search", {})
os.kill(os.getpid(), signal.SIGKILL)
"""


def behind(work):
    here = authority(work)
    subprocess.run([sys.executable, "-c", LONG_AGO, here[1], str(ROOT)], timeout=60)
    found = troubles(here)["audit log: integration"]
    check("1 line of the log" in found["trouble"] and "ago" in found["trouble"] and "--integrate" in found["remedy"], "what waits for long is found", found)
    integrate(here)
    check(troubles(here, expect=0) == {}, "and integrated")


def bad_input(work):
    here, agent = recorded(work)
    integrate(here)
    for command in (["tail"], ["show", "0"], ["verify"], ["prove", "0"], ["consistency", "1"], ["checkpoint"], ["export", "--format", "ocsf"]):
        ctl("audit", *command, "--authority", f"{work}/absent", expect=1)
        ctl("audit", *command, expect=2)
    for name in ("99", "99999999999999999999999", "x", "abcd", "abc-1", "abcd-", "-", "f" * 49, "abcd-1\x1b[2J", "00\u202e00-1", "", "ffff-1" * 99):
        ctl("audit", "show", *here, "--", name, expect=1)
    ctl("audit", "show", "2", *here, "--arguments", "{", expect=1)
    ctl("audit", "show", "0", *here, "--arguments", "{}", expect=1)
    ctl("audit", "tail", *here, "-n", "-1", expect=2)
    ctl("audit", "checkpoint", *here, "--passphrase-file", "-", expect=2)
    ctl("audit", expect=0)
    ctl("doctor", "--full", expect=2)
    os.remove(f"{here[1]}/keys/digest")
    said = run("audit", "show", "2", *here, "--arguments", INSIDE, expect=1)[1]
    check("only the owner" in said, "without the key nobody compares arguments", said)
    sealed = ["--authority", f"{work}/sealed"]
    pathlib.Path(f"{work}/secret").write_text("correct horse\n")
    ctl("init", *sealed, "--passphrase-file", f"{work}/secret", "sealed.example")
    ctl("audit", "checkpoint", *sealed)
    ctl("audit", "checkpoint", *sealed, "--integrate", expect=1)
    ctl("audit", "checkpoint", *sealed, "--integrate", "--passphrase-file", "-", stdin=b"correct horse")


def queued(work):
    """Events wait in the registry while no process with the authority open writes the log: that is said wherever lines that wait are."""
    here, _ = recorded(work)
    ctl("audit", "checkpoint", *here, "--integrate")
    check("not integrated" not in ctl("audit", "verify", *here), "nothing waits")
    script = ("import os, sys\nsys.path.insert(0, sys.argv[2] + '/Bindings/python')\n"
              "os.environ.setdefault('AGENTID_LIBRARY', sys.argv[2] + '/.build/release/libagentid.so')\nimport libagentid\n"
              "with libagentid.Authority.open(sys.argv[1], audit='none') as a:\n"
              " for n in range(3): a.revoke(agent=f'spiffe://acme.example/agent/p/{n}')")
    subprocess.run([sys.executable, "-c", script, here[1], str(ROOT)], check=True)
    check("not integrated yet: 3 lines" in ctl("audit", "verify", *here), "verify says what waits", ctl("audit", "verify", *here))
    waits = ctl("stats", *here, "--json", json_out=True)["audit"]
    check(waits["waiting"] == 3 and waits["waiting_since_ms"], "stats too", waits)
    with database(here) as registry:
        registry.execute("UPDATE events SET line = CAST(json_set(CAST(line AS TEXT), '$.time_ms', 1700000000000) AS BLOB)")
    check("integration" in ctl("doctor", *here, expect=1), "doctor says that they wait for long")
    ctl("audit", "checkpoint", *here, "--integrate")
    check("not integrated" not in ctl("audit", "verify", *here), "integrated")
    check(ctl("stats", *here, "--json", json_out=True)["audit"]["waiting"] == 0, "nothing waits")


def archived(work):
    """Old entries are moved into an archive, which is read as a log; the log is sound without them."""
    here, agent = recorded(work)
    script = ("import os, sys\nsys.path.insert(0, sys.argv[2] + '/Bindings/python')\n"
              "os.environ.setdefault('AGENTID_LIBRARY', sys.argv[2] + '/.build/release/libagentid.so')\nimport libagentid\n"
              "with libagentid.Authority.open(sys.argv[1]) as a:\n"
              " for n in range(600): a.revoke(agent=f'spiffe://acme.example/agent/p/{n}')\n a.integrate()")
    subprocess.run([sys.executable, "-c", script, here[1], str(ROOT)], check=True)
    head = ctl("audit", "checkpoint", *here, "--json", json_out=True)
    shutil.copytree(f"{here[1]}/audit", f"{work}/copy")
    said = ctl("audit", "verify", "--authority", f"{work}/copy", "--key", head["key"])
    check(f"sound: {head['size']} entries" in said, "a copy of the log alone is verified by somebody else", said)
    shutil.rmtree(f"{work}/copy/tile")
    run("audit", "verify", "--authority", f"{work}/copy", "--key", head["key"], expect=1)
    archive = f"{work}/archive"
    run("audit", "archive", *here, "--to", archive, "--first", "100", expect=1)
    run("audit", "archive", *here, "--to", archive, "--before", "10d", expect=1)
    run("audit", "archive", *here, "--to", archive, expect=2)
    done = ctl("audit", "archive", *here, "--to", archive, "--before", "0s", "--json", json_out=True)
    check((done["from"], done["to"]) == (0, 512), "whole bundles, and not the last", done)
    there = ["--authority", archive]
    for place in (here, there):
        check("sound" in ctl("audit", "verify", *place), "both are sound")
        check("elsewhere, by their hashes" in ctl("audit", "verify", *place), "what is elsewhere is said")
    proof = ctl("audit", "prove", *there, "2", json_out=True)
    check(proof["index"] == 2 and proof["path"], "proofs come from the archive")
    check(short(agent) in ctl("audit", "show", *there, "0"), "entries are shown from the archive")
    _, said = run("audit", "show", *here, "0", expect=1)
    check("archive" in said, "and the log says where they are", said)
    output, said = run("audit", "export", *here, "--format", "jsonl")
    check(json.loads(output.splitlines()[0]) and "the first 512 entries are archived" in said, "the log exports what it has", said)
    output, said = run("audit", "export", *there, "--format", "jsonl")
    check(len(output.splitlines()) == 512 and "only entries 0 to 511" in said, "so does the archive, and says so", said)
    exported = output.splitlines()
    for place, asked in ((here, ("--from", "0")), (here, ("--to", "3")), (there, ("--to", "512")), (there, ("--from", "512"))):
        _, said = run("audit", "export", *place, "--format", "jsonl", *asked, expect=1)
        check("is not here" in said, f"no export leaves out what was asked for: {asked}", said)
    check(ctl("audit", "export", *there, "--format", "jsonl", "--from", "510", "--to", "511").splitlines() == exported[510:],
          "what is there is exported")
    index, decision = next((i, json.loads(line)["id"]) for i, line in enumerate(exported) if '"decision":"permit"' in line)
    found = ctl("usage", *here, "--json", json_out=True)
    check(found["archived"] == 512 and found["entries"] < 512 and found["profiles"][0]["permitted"] == 0,
          "what was archived is not taken for unused in silence", found)
    for command in (("usage", *here), ("stats", *here, "--decisions"), ("audit", "tail", *here, "-n", "1000")):
        _, said = run(*command)
        check("the first 512 entries are archived" in said, f"{command[0]} says so in words", said)
    for name in (decision, f"{decision[:12]}-{int(decision.split('-')[1], 16):x}"):
        _, said = run("audit", "show", *here, name, expect=1)
        check("among entries 512 to " in said, "what is not found may be in the archive", said)
    shown = ctl("audit", "show", *there, decision)
    check("not in the registry" in shown and "not reported among entries 0 to 511" in shown, "what an archive does not know", shown)
    _, said = run("audit", "show", *there, str(index), "--arguments", INSIDE, expect=1)
    check("--archive-of" in said, "an archive compares no arguments by itself", said)
    for arguments, expect in ((INSIDE, 0), (OUTSIDE, 1)):
        shown = ctl("audit", "show", *there, decision, "--arguments", arguments, "--archive-of", here[1], expect=expect)
        check("path must be under" in shown, "its authority knows the grant", shown)
    script = ("import os, sys\nsys.path.insert(0, sys.argv[2] + '/Bindings/python')\n"
              "os.environ.setdefault('AGENTID_LIBRARY', sys.argv[2] + '/.build/release/libagentid.so')\nimport libagentid\n"
              "for place in sys.argv[1], sys.argv[3]:\n"
              " log = libagentid.Audit.open(place)\n head = log.head()\n"
              " print(head.first, head.end < head.size, len(list(log.entries())) == head.end - head.first)")
    done = subprocess.run([sys.executable, "-c", script, here[1], str(ROOT), archive], check=True, capture_output=True, text=True)
    check(done.stdout.split() == ["512", "False", "True", "0", "True", "True"], "a program reads what is there", done.stdout)
    check(len(tail(there, "-n", "3")) == 3 and len(tail(here, "-n", "1000")) > 80, "each shows its latest")
    check(troubles(here, expect=0) == {}, "doctor finds nothing wrong")
    # A process whose clock was ahead dated its entries so; what came after shows how old they are.
    ahead = f"{work}/ahead"
    script = ("import os, sys, time\nsys.path.insert(0, sys.argv[2] + '/Bindings/python')\n"
              "os.environ.setdefault('AGENTID_LIBRARY', sys.argv[2] + '/.build/release/libagentid.so')\nimport libagentid\n"
              "for days in (0, 400, 0):\n"
              " with libagentid.Authority.open(sys.argv[1], trust_domain='acme.example', clock=lambda: time.time() + 86400 * days) as a:\n"
              "  for n in range(400): a.revoke(agent=f'spiffe://acme.example/agent/p/{days}-{n}')\n"
              "  a.integrate()\n"
              "with libagentid.Authority.open(sys.argv[1]) as a:\n"
              " for n in range(400): a.revoke(agent=f'spiffe://acme.example/agent/q/{n}')\n a.integrate()")
    subprocess.run([sys.executable, "-c", script, ahead, str(ROOT)], check=True)
    run("audit", "archive", "--authority", ahead, "--to", f"{work}/no", "--before", "1d", expect=1)
    done = ctl("audit", "archive", "--authority", ahead, "--to", f"{work}/old", "--before", "0s", "--json", json_out=True)
    check((done["from"], done["to"]) == (0, 1024), "a clock that was ahead keeps nothing from being archived", done)
