"""What scripts go by: the variable that names the directory, and errors as documents."""
import json
import os
import shutil
import subprocess

from harness import PROGRAM, check, ctl, run

USER = 65534


def place(work):
    """Two authorities, acme and other."""
    for name in ("acme", "other"):
        ctl("init", "--authority", f"{work}/{name}", f"{name}.example")
    return f"{work}/acme", f"{work}/other"


def place_of_agent(work):
    """As `place`, with an agent of acme that may read, in WORK/agent."""
    acme, other = place(work)
    ctl("profile", "put", "p", "--authority", acme, "--owner", "team:x@acme.example", "--ceiling", "read")
    ctl("agent", "--authority", acme, "--profile", "p", "--principal", "user:a@acme.example", "--task", "t", "--scope", "read", "--out", f"{work}/agent")
    return acme, other


def variable(work):
    """AGENTID_AUTHORITY names the directory for every command that needs one; the option wins."""
    acme, other = place(work)
    put = ["profile", "put", "p", "--owner", "team:x@acme.example", "--ceiling", "read"]
    ctl(*put, AGENTID_AUTHORITY=acme)
    ctl("agent", "--profile", "p", "--principal", "user:a@acme.example", "--task", "t", "--scope", "read", "--out", f"{work}/agent",
        AGENTID_AUTHORITY=acme)
    check(len(json.loads(ctl("agents", "--json", AGENTID_AUTHORITY=acme))) == 1, "agents of the variable's directory")
    check(ctl("profile", "list", "--authority", other, AGENTID_AUTHORITY=acme) == "", "the option wins")
    for command in (["audit", "tail"], ["doctor"], ["usage"], ["hooks", "list"], ["audit", "verify"], ["reap"],
                    ["verify", f"{work}/agent"]):
        ctl(*command, AGENTID_AUTHORITY=acme)
    found = json.loads(ctl("doctor", "--json", AGENTID_AUTHORITY=acme))
    check(any(finding["where"].startswith(acme) for finding in found["findings"]), "doctor looks at the variable's directory")
    ctl("keys", "seal", "--passphrase-file", "-", stdin=b"sealed", AGENTID_AUTHORITY=other)
    # A bundle says whom to trust, and the variable adds nobody to it.
    with open(f"{work}/bundle", "w", encoding="utf-8") as file:
        file.write(ctl("bundle", "--authority", other, "--passphrase-file", "-", stdin=b"sealed"))
    ctl("verify", f"{work}/agent", "--bundle", f"{work}/bundle", "--trust-domain", "other.example", expect=10,
        AGENTID_AUTHORITY=acme)
    check("NOT VERIFIED" in ctl("inspect", f"{work}/agent", AGENTID_AUTHORITY=acme), "inspect verifies only where it is told to")
    for unset in ({}, {"AGENTID_AUTHORITY": ""}):
        _, said = run("agents", expect=2, **unset)
        check("AGENTID_AUTHORITY" in said, "without either, the message names both", said)
        run("verify", f"{work}/agent", expect=2, **unset)
    ctl("agents", AGENTID_AUTHORITY=f"{work}/absent", expect=1)


def nothing(work):
    """A list with nothing in it says so on stderr, and is empty where a program reads it."""
    acme, _ = place(work)
    here = ["--authority", acme]
    for command, words in ((["profile", "list"], "no profile is kept"), (["hooks", "list"], "no hook is registered"),
                           (["hooks", "waiting"], "no delivery"), (["hooks", "dead"], "no delivery"), (["leases"], "no secret is held"),
                           (["agents"], "no agent matches"), (["approvals", "list"], "nothing waits"),
                           (["audit", "tail", "--agent", "nobody"], "no entry matches")):
        out, said = run(*command, *here)
        check(out == "" and words in said, f"{command} says that there is nothing", out + said)
        out, said = run(*command, *here, "--json")
        check(out.strip() in ("", "[]") and words not in said, f"{command} --json is empty", out + said)


def fails(*arguments, expect=1, **how):
    """The document of an error, which is all there is on stderr."""
    _, said = run(*arguments, "--json", expect=expect, **how)
    try:
        found = json.loads(said)
    except ValueError:
        check(False, "an error is one JSON object on stderr", f"{arguments}: {said!r}")
        return {}
    check(all(isinstance(found.get(name), str) and found[name] for name in ("code", "reason", "message"))
          and set(found) <= {"code", "reason", "message", "path", "rule", "remedy"}, "the shape of an error", found)
    return found


def named(work):
    """An error names what was wrong of what was given."""
    acme, _ = place(work)
    here = ["--authority", acme]
    ctl("profile", "put", "p", *here, "--owner", "team:x@acme.example", "--ceiling", "read")
    for number in range(3):
        ctl("agent", *here, "--profile", "p", "--principal", "user:a@acme.example", "--task", "t", "--scope", "read", "--out", f"{work}/{number}")
    ctl("audit", "checkpoint", *here, "--integrate")
    for command, expect, words in (
        (["audit", "consistency", "3", "1", *here], 1, "do not start with the first 3: 1 to 1 can be asked about"),
        (["audit", "consistency", "0", *here], 1, "do not start with the first 0: 1 to"),
        (["audit", "consistency", "1", "99", *here], 1, "99 is not among them"),
        (["audit", "export", "--format", "ocsf", "--from", "99", *here], 1, "--from: the audit log has"),
        (["audit", "export", "--format", "ocsf", "--to", "99", *here], 1, "--to: the audit log has"),
        (["audit", "archive", *here, "--to", f"{work}/kept", "--first", "1", "--before", "1d"], 2, "not both"),
        (["init", "--authority", f"{work}/no/such/acme", "acme.example"], 1, f"there is no {work}/no/such: make it first"),
        (["init", "--authority", "~/acme", "acme.example"], 1, "only a shell knows ~"),
        (["help", "nope"], 2, "agentidctl has no command 'nope'"),
        (["help", "audit", "nope"], 2, "agentidctl audit has no command 'nope'"),
        (["audit", "help", "tail"], 2, "agentidctl audit has no command 'help'"),
    ):
        _, said = run(*command, expect=expect)
        check(words in said, f"{command[:2]} names it", said)
    for command in (["help"], ["help", "audit"], ["help", "audit", "tail"], ["help", "--help"]):
        check("USAGE" in run(*command)[0], f"{command} helps")


def usage(work):
    """A wrong usage is followed by that of the command, whoever found it wrong."""
    acme, _ = place(work)
    for command, words in (
        (["profile", "add", "p"], "agentidctl profile <subcommand>"),
        (["agent", "--profile", "p"], "agentidctl agent "),
        (["authorize", "--authority", acme, "--tool", "t", "--proof", "-", "-"], "agentidctl authorize "),
        (["audit", "export", "--authority", acme, "--format", "jsonl", "--from", "2", "--to", "1"], "agentidctl audit export "),
        (["profile", "certify", "p", "--authority", acme, "--authority", acme], "agentidctl profile certify "),
        (["nonsense"], "agentidctl <subcommand>"),
    ):
        _, said = run(*command, expect=2)
        name = words.split(" <")[0].strip()
        check(f"Usage: {words}" in said and f"See '{name} --help'" in said, f"{command[:2]} shows its usage", said)


def contents(work):
    """The content of a file in the place of its name is not taken for one, and not repeated: it may be a key."""
    acme, _ = place(work)
    here = ["--authority", acme]
    key, passphrase = f"{work}/key.jwk", "correct horse\nbattery"
    ctl("approvals", "key", key)
    with open(key, encoding="utf-8") as file:
        jwk = file.read()
    token = "eyJhbGciOiJFZDI1NTE5In0." + "e" * 300
    for command in (["approvals", "approve", "x", *here, "--as", "user:a@acme.example", "--key", jwk], ["verify", *here, token],
                    ["verify", *here, token[:40]], ["issue", *here, "--profile", "p", "--principal", "user:a@acme.example", "--task", "t",
                                                    "--scope", "read", "--holder", jwk],
                    ["bundle", *here, "--passphrase-file", passphrase], ["policy", "check", '{"version": 1}']):
        _, said = run(*command, expect=1)
        check("name of a file" in said and not any(each in said for each in (jwk, token[:20], "horse")), f"{command[:2]} names no content", said)


def line_ends(work):
    """A file that ends its line as on Windows has the same text."""
    for name, ending in (("here", b"\n"), ("there", b"\r\n")):
        with open(f"{work}/{name}", "wb") as file:
            file.write(b"correct horse" + ending)
    sealed = ["--authority", f"{work}/sealed", "--passphrase-file"]
    ctl("init", *sealed, f"{work}/there", "sealed.example")
    ctl("bundle", *sealed, f"{work}/here")
    ctl("bundle", *sealed, "-", stdin=b"correct horse\r", expect=1)
    ctl("bundle", *sealed, "-", stdin=b"correct horse\n\r\n", expect=1)
    acme, _ = place_of_agent(work)
    proof = ctl("prove", "--agent", f"{work}/agent", "--tool", "read", "--audience", "files")
    with open(f"{work}/agent/chain", "r+b") as file:
        chain = file.read().rstrip(b"\n")
        file.seek(0)
        file.write(chain + b"\r\n")
    ctl("authorize", "--authority", acme, "--audience", "files", "--tool", "read", "--proof", "-", f"{work}/agent",
        stdin=proof.rstrip("\n").encode() + b"\r\n")


def documents(work):
    """With --json every command's error is one object of one shape."""
    acme, _ = place(work)
    here = ["--authority", acme]
    with open(f"{work}/policy", "w", encoding="utf-8") as file:
        file.write('{"version": 1, "rules": [{"id": "slow", "match": "read", "rate": {"calls": 0, "per": "1m"}}]}')
    cases = [
        (["agents", "--authority", f"{work}/absent"], 1, "not_found", "no_authority", None),
        (["agents"], 2, "usage", "usage", None),
        (["nonsense"], 2, "usage", "usage", None),
        (["approve", *here, "x"], 2, "usage", "usage", None),
        (["approvals", *here], 2, "usage", "usage", None),
        (["agents", *here, "--state", "dead\u202e"], 2, "usage", "usage", None),
        (["init", *here, "other.example"], 1, "state", "other_trust_domain", "options.trust_domain"),
        (["suspend", *here, "nobody"], 1, "failed", "failed", None),
        (["profile", "put", "p", *here, "--owner", "team:x@acme.example", "--ceiling", "read("], 1, "scope", "malformed_text", None),
        (["profile", "show", "p", *here], 1, "not_found", "profile", None),
        (["audit", "show", "99", *here], 1, None, "audit_index", None),
        (["verify", f"{work}/absent", *here], 1, "io", "file", f"{work}/absent"),
        (["delegate", "--agent", f"{work}/absent", "--name", "x", "--same-scope", "--out", f"{work}/x"], 1, "io", "file",
         f"{work}/absent/key.jwk"),
        (["policy", "apply", f"{work}/policy", *here], 1, "malformed", None, "rules[0].rate.calls"),
        (["tombstone", "verify", f"{work}/absent", "--bundle", f"{work}/absent", "--trust-domain", "acme.example"], 1, "io", "file",
         f"{work}/absent"),
        (["reap", *here, "--every", "1"], 2, "usage", "usage", None),
    ]
    for arguments, status, code, reason, path in cases:
        found = fails(*arguments, expect=status)
        for name, wanted in (("code", code), ("reason", reason), ("path", path)):
            check(wanted is None or found.get(name) == wanted, f"{arguments[:2]}: the {name} is {wanted}", found)
    found = fails("policy", "apply", f"{work}/policy", *here)
    check(found.get("rule") == "slow" and found.get("remedy"), "a policy's error names rule and remedy", found)
    # --json of what follows -- is not ours.
    _, said = run("agents", "--authority", f"{work}/absent", "--", "--json", expect=2)
    check(not said.startswith("{"), "an argument of a hook's command is no option", said)


def refused(work):
    """Whose a directory is, who asks and what to do is said, and never that nothing is there."""
    if os.geteuid() != 0:
        return
    acme, _ = place(work)
    os.chmod(work, 0o755)
    program = shutil.copy(PROGRAM, f"{work}/agentidctl")
    os.chmod(program, 0o755)
    for command in (["agents"], ["init", "acme.example"], ["audit", "tail"], ["doctor"], ["reap"],
                    ["verify", f"{acme}/chain"], ["revoke", "key", "A" * 43]):
        for flag in ([], ["--json"]):
            where = [command[0], "--authority", acme, *command[1:], *flag] if command[0] != "audit" else \
                [*command, "--authority", acme, *flag]
            done = subprocess.run(["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", program, *where],
                                  capture_output=True, env={"PATH": os.environ["PATH"], "HOME": "/"}, timeout=60, check=False)
            said = (done.stderr + done.stdout).decode()
            check(done.returncode == 1, f"{command[0]} is refused", said)
            check("belongs to user 0" in said and f"user {USER}" in said, f"{command[0]}: whose, and who asks", said)
            check("there is no authority" not in said, f"{command[0]}: what cannot be seen is not missing", said)
            if flag and command[0] != "doctor":
                found = json.loads(done.stderr)
                check(found["reason"] in ("permission_denied", "directory_owner") and found["code"] == "io", "its reason", found)


def malformed(work):
    """A word that is not UTF-8 is refused: with its bytes mended it would name another file, and another thing to revoke."""
    acme, _ = place(work)
    for word in map(os.fsdecode, (b"\xff", b"a\xc3", b"\xed\xa0\x80", b"\xc0\xaf", b"\xf4\x90\x80\x80")):
        for command in (["revoke", "--authority", acme, "grant", word], ["init", "--authority", f"{work}/{word}", "x.example"],
                        ["agents", "--authority", acme, "--principal", word],
                        ["hooks", "add", "h", "--authority", acme, "--", "/bin/true", word]):
            _, said = run(*command, expect=2)
            check("is not UTF-8" in said, f"{command[0]}: a word of other bytes is refused", repr(said))
        run("agents", expect=2, AGENTID_AUTHORITY=f"{work}/{word}")
    check(sorted(os.listdir(work)) == ["acme", "other"], "no file of another name was made", os.listdir(work))


def preloaded(work):
    """What a preloaded library does before the program begins takes no word from it."""
    source = f"{work}/early.c"
    with open(source, "w", encoding="ascii") as file:
        file.write('#include <stdlib.h>\n__attribute__((constructor)) static void early(void) { setenv("A_NEW_ONE", "x", 1); }\n')
    subprocess.run(["cc", "-shared", "-fPIC", source, "-o", f"{work}/early.so"], check=True)
    early = {"LD_PRELOAD": f"{work}/early.so"}
    acme, _ = place(work)
    check(ctl("--version", **early) == ctl("--version"), "the version is asked for")
    principal = "user:a@acme.example"
    ctl("revoke", "--authority", acme, "principal", principal, **early)
    shown = ctl("audit", "export", "--authority", acme, "--format", "jsonl")
    check(principal in shown, "what was to be revoked is", shown[-300:])
    run("revoke", "--authority", acme, "principal", "", expect=1, **early)
    run("no-such-command", expect=2, **early)
    words = ["scope", "check", "read(x: *)", "read", json.dumps({"x": "é " + "y" * 100_000})]
    check(ctl(*words, **early) == ctl(*words), "long and foreign words arrive whole")
