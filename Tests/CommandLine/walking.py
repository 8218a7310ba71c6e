"""What holds of every command: `--json`, and an error with a name of its own."""
import json
import os
import pathlib

from harness import check, ctl, run
from lifecycle import authority, short, start


def leaves(command, path=()):
    """Every command that does something, with the names that lead to it."""
    below = [c for c in command.get("subcommands", []) if c["commandName"] != "help"]
    if not below:
        yield path, command
    for one in below:
        yield from leaves(one, (*path, one["commandName"]))


def options(_work):
    """Every command takes `--json`: scripts that pass it always are never refused."""
    program = json.loads(run("--experimental-dump-help")[0])["command"]
    found = list(leaves(program))
    check(len(found) > 40, "the program says which commands it has", len(found))
    for path, command in found:
        names = {name["name"] for argument in command["arguments"] for name in argument.get("names", [])}
        check("json" in names, "takes --json", " ".join(path))


def refused(*arguments, **how):
    return json.loads(run(*arguments, "--json", expect=1, **how)[1])


def names(work):
    """Nothing that the library has a name for is called `failed`."""
    here = authority(work)
    for asked in (["policy", "show", *here], ["policy", "explain", *here, "t"]):
        check(refused(*asked)["reason"] == "no_policy", "no policy in force", asked)
    long = pathlib.Path(f"{work}/long.json")
    long.write_bytes(b" " * (1 << 20) + b"{}")
    for file in (str(long), work, f"{work}/absent"):
        error = refused("policy", "apply", *here, file)
        check((error["reason"], error["path"]) == ("file", file), "a file that cannot be read, or is too long", error)
        check(refused("policy", "check", file)["reason"] == "file", "a file", file)
    key = pathlib.Path(f"{work}/key")
    key.write_text("not a key")
    approved = ["approvals", "approve", *here, "01", "--as", "user:a@acme.example", "--key", str(key)]
    check(refused(*approved)["reason"] == "jwk", "a key that is none", refused(*approved))
    made = ctl("approvals", "key", f"{work}/new", "--json", json_out=True)
    check(len(made["key"]) == 43 and made["file"] == f"{work}/new", "a key is made", made)
    pathlib.Path(f"{work}/policy.json").write_text('{"version": 1, "rules": []}')
    ctl("policy", "apply", *here, f"{work}/policy.json")
    check(ctl("policy", "show", *here, "--json", json_out=True) == {"version": 1, "rules": []}, "the policy")
    begun = ctl("policy", "init", "--tools", "a", "--json", json_out=True)
    check(begun["unclear"] == ["a"] and begun["policy"]["version"] == 1, "a policy to begin with", begun)


def disks(work):
    """A disk that is full or read-only is named so, whatever was to be written; the document is not at fault."""
    from denying import unshared
    policy = pathlib.Path(f"{work}/p2.json")
    policy.write_text('{"version": 2, "rules": []}')
    fill = f"mkdir -p {work}/full; mount -t tmpfs -o size=4m,mode=0700 tmpfs {work}/full; cp -a {work}/acme {work}/full/; " \
           f"cat /dev/zero > {work}/full/filler 2>/dev/null || true"
    here = authority(work)
    full = ["--authority", f"{work}/full/acme"]
    asked = (["reap"], ["policy", "apply", str(policy)], ["policy", "apply", "/dev/null"])
    with unshared(fill) as inside:
        for one in asked if inside else ():
            error = inside(*one, *full)
            check(error.get("reason") == "disk_full" and error.get("code") == "io", "a full disk is named", (one, error))
    home = here[1]
    with unshared(f"mount --bind {home} {home}; mount -o remount,bind,ro {home}") as inside:
        for one in asked if inside else ():
            error = inside(*one, *here)
            check(error.get("reason") == "read_only" and error.get("code") == "io", "a read-only disk is named", (one, error))
    if os.path.exists(f"{work}/full"):
        os.rmdir(f"{work}/full")


def reads(work):
    """What only reads works on a read-only disk, where what stops somebody says what keeps it from that."""
    from denying import metered, unshared
    here, _ = metered(work)
    home, agent, ended = here[1], f"{work}/agent", start(work, here, "ended")
    ctl("deprovision", short(ended), *here)
    ctl("audit", "checkpoint", *here, "--integrate")
    def left(meters):
        return meters.get("message") or [(meter["rule"], meter["subject"], meter["left"]) for meter in meters["meters"]]
    used = {kind: left(ctl(kind, *here, "--json", json_out=True)) for kind in ("limits", "budgets")}
    check(any(used.values()), "something was used", used)
    with unshared(f"mount --bind {home} {home}; mount -o remount,bind,ro {home}") as inside:
        if inside is None:
            return
        for one in (["agents"], ["gone", short(ended)], ["stats"], ["leases"], ["usage"], ["profile", "list"], ["profile", "show", "researcher"],
                    ["policy", "show"], ["policy", "explain", "search"], ["approvals", "list"], ["bundle"], ["hooks", "list"],
                    ["hooks", "waiting"], ["hooks", "dead"], ["audit", "verify"], ["audit", "checkpoint"], ["inspect", agent], ["verify", agent]):
            found = inside(*one, *here)
            check("message" not in found or "verified" in found, "what only reads works on a read-only disk", (one, found))
        try:
            check(False, "a list of revocations is signed", inside("revocations", *here))
        except ValueError:
            pass  # it is a token, and no JSON
        check(inside("gone", short(ended), *here)["gone"] is True, "an agent that is gone is found so there")
        check(len(inside("agents", *here)) == 2, "all agents are listed there")
        for kind in used:
            check(left(inside(kind, *here)) == used[kind], "what was used of rates and budgets is read there", kind)
        for one in (["revoke", "principal", "user:alice@acme.example"], ["suspend", ended], ["deprovision", ended], ["bundle", "--publish"]):
            found = inside(*one, *here)
            check(found.get("reason") == "read_only" and "read-only" in found["message"], "what changes something is not done", (one, found))
