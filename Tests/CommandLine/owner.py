"""Root that looks after a user's directory: acts as that user, follows nothing that they planted, waits for nothing."""
import json
import os
import shutil
import subprocess
import tempfile

from harness import PROGRAM, check, ctl, run

USER = 65534


def theirs(program, *arguments, expect=0):
    """Runs the program as the user."""
    done = subprocess.run(["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", program, *arguments],
                          capture_output=True, env={"PATH": os.environ["PATH"], "HOME": "/"}, timeout=60)
    check(done.returncode == expect, f"the user's `{arguments[0]}`", done.stderr[-300:])
    return done.stdout.decode()


def place(work):
    """A directory of the user's in one of root's that others can enter, a program they can run, a live agent."""
    top = tempfile.mkdtemp(dir=work)
    os.chmod(work, 0o755)
    os.chmod(top, 0o755)
    program = shutil.copy(PROGRAM, f"{top}/agentidctl")
    os.chmod(program, 0o755)
    home = f"{top}/home"
    os.mkdir(home)
    os.chown(home, USER, USER)
    here = ["--authority", f"{home}/acme"]
    theirs(program, "init", *here, "acme.example")
    theirs(program, "profile", "put", *here, "p", "--owner", "team:x@acme.example", "--ceiling", "read")
    theirs(program, "agent", *here, "--profile", "p", "--principal", "user:a@acme.example", "--task", "t", "--scope",
           "read", "--out", f"{home}/agent")
    agents = json.loads(theirs(program, "agents", *here, "--json"))
    agent = (agents if isinstance(agents, list) else agents["agents"])[0]["id"]
    return top, program, here, agent


def acts(work):
    """All that root does in a user's directory, hooks included, is done as that user, with no way back."""
    if os.geteuid() != 0:
        return
    top, program, here, agent = place(work)
    home = f"{top}/home"
    script = (f"id -u > {home}/by; id -G >> {home}/by; grep NoNewPrivs /proc/self/status >> {home}/by; "
              f"grep CapPrm /proc/self/status >> {home}/by; env > {home}/environment")
    theirs(program, "hooks", "add", "h", *here, "--on", "suspended", "--", "/bin/sh", "-c", script)
    ctl("suspend", *here, agent, "--reason", "root says so", MY_SECRET="root's")
    if not os.path.exists(f"{home}/by"):
        ctl("reap", *here)
    with open(f"{home}/by", encoding="ascii") as file:
        lines = file.read().split("\n")
    check(lines[0] == str(USER), "the hook ran as the user", lines)
    check("0" not in lines[1].split(), "without root's groups", lines)
    check(lines[2].split()[-1] == "1" and int(lines[3].split()[-1], 16) == 0, "and could gain nothing", lines)
    with open(f"{home}/environment", encoding="utf-8") as file:
        environment = file.read()
    check("MY_SECRET" not in environment and "HOME=/root" not in environment, "nor saw root's variables", environment)
    for folder, _, names in os.walk(f"{home}/acme"):
        for name in names:
            check(os.lstat(f"{folder}/{name}").st_uid == USER, f"{name} is the user's")
    theirs(program, "resume", *here, agent)
    # A new one in a directory of theirs is theirs too.
    ctl("init", "--authority", f"{home}/second", "acme.example")
    check(os.stat(f"{home}/second/registry.db").st_uid == USER, "what root makes below it is theirs")
    ctl("doctor", *here)
    ctl("audit", "verify", *here)
    # Root's own files are not read for them, and nothing of root's is written.
    secret = f"{top}/passphrase"
    with open(secret, "w", encoding="ascii") as file:
        file.write("x")
    os.chmod(secret, 0o600)
    _, error = run("suspend", *here, agent, "--passphrase-file", secret, expect=1)
    check("Permission denied" in error, "files that root named are opened as the user", error)
    agents(top, program, home)
    # Through a link of theirs to an authority of root's.
    own = f"{top}/own"
    ctl("init", "--authority", own, "acme.example")
    os.symlink(own, f"{home}/link")
    os.lchown(f"{home}/link", USER, USER)
    run("agents", "--authority", f"{home}/link", expect=1)
    # Also where the name after the slash begins with a mark that joins the slash to one character.
    marked = f"{top}/\u0301own"
    ctl("init", "--authority", marked, "acme.example")
    os.symlink(top, f"{home}/up")
    os.lchown(f"{home}/up", USER, USER)
    run("agents", "--authority", f"{home}/up/\u0301own", expect=1)
    # Where others could swap what root opens.
    os.chmod(top, 0o777)
    _, error = run("agents", "--authority", own, expect=1)
    check("chmod go-w" in error, "a place that others can write is refused", error)
    os.chmod(top, 0o755)
    ctl("agents", "--authority", own)


def agents(top, program, home):
    """An agent's directory is its owner's as well: root that delegates or proves with it acts as them."""
    ctl("prove", "--agent", f"{home}/agent", "--tool", "read")
    ctl("delegate", "--agent", f"{home}/agent", "--name", "sub", "--same-scope", "--out", f"{home}/sub")
    for name in os.listdir(f"{home}/sub"):
        check(os.lstat(f"{home}/sub/{name}").st_uid == USER, f"{name} of a sub-agent is the user's")
    shutil.rmtree(f"{home}/sub")
    secret = f"{top}/secret"
    with open(secret, "w", encoding="ascii") as file:
        file.write("root's own")
    os.chmod(secret, 0o600)
    for name in ("key.jwk", "chain"):
        for plant in (lambda path: os.symlink(secret, path), lambda path: os.mkfifo(path, 0o600)):
            os.rename(f"{home}/agent/{name}", f"{home}/moved")
            plant(f"{home}/agent/{name}")
            os.lchown(f"{home}/agent/{name}", USER, USER)
            for command in (["prove", "--tool", "read"], ["delegate", "--name", "sub", "--same-scope", "--out", f"{home}/sub"]):
                _, error = run(*command, "--agent", f"{home}/agent", expect=1)
                check(name in error and "root's own" not in error, f"{name}: nothing is followed or waited for", error)
            os.remove(f"{home}/agent/{name}")
            os.rename(f"{home}/moved", f"{home}/agent/{name}")
    # An approver's key that root makes there is theirs, and is made nowhere else.
    ctl("approvals", "key", f"{home}/approver.jwk")
    check(os.lstat(f"{home}/approver.jwk").st_uid == USER, "an approver's key is the user's")
    os.mkdir(f"{top}/own-keys", 0o700)
    os.symlink(f"{top}/own-keys", f"{home}/keys")
    os.lchown(f"{home}/keys", USER, USER)
    run("approvals", "key", f"{home}/keys/approver.jwk", expect=1)
    check(os.listdir(f"{top}/own-keys") == [], "nothing is made through a link of the user's")
    passphrase = f"{top}/new"
    with open(passphrase, "w", encoding="ascii") as file:
        file.write("a passphrase")
    os.chmod(passphrase, 0o644)
    shutil.copytree(f"{home}/acme", f"{home}/sealed")
    subprocess.run(["chown", "-R", f"{USER}:{USER}", f"{home}/sealed"], check=True)
    ctl("keys", "seal", "--authority", f"{home}/sealed", "--passphrase-file", passphrase)
    for name in os.listdir(f"{home}/sealed/keys"):
        check(os.lstat(f"{home}/sealed/keys/{name}").st_uid == USER, f"sealed, {name} is the user's")


def planted(work):
    """Links and FIFOs in place of files are refused at once, and what they lead to stays as it is."""
    if os.geteuid() != 0:
        return
    top, _, here, agent = place(work)
    home, target = here[1], f"{top}/target"
    os.mkdir(target)
    precious = f"{target}/precious"
    with open(precious, "w", encoding="ascii") as file:
        file.write("root's own")
    key = next(name for name in os.listdir(f"{home}/keys") if name.endswith(".jwk") and name != "log.jwk")
    keep = f"{top}/kept"
    os.rename(home, keep)
    command = ["profile", "put", *here, "q", "--owner", "team:x@acme.example", "--ceiling", "read"]
    cases = [("registry.db-wal", command), ("registry.db-shm", command), ("registry.db", command), ("lock", command),
             ("sequence", command), ("keys", command), ("audit", command), (f"keys/{key}", command),
             ("keys/log.jwk", command), ("audit/lock", command), ("audit/checkpoint", ["audit", "verify", *here]),
             ("audit/sequence", command), ("replay", ["authorize", *here, "--any-audience", "--tool", "search", "--proof", os.devnull, f"{top}/home/agent"])]
    for name, arguments in cases:
        for plant in ("link", "fifo", "hard link"):
            shutil.rmtree(home, ignore_errors=True)
            subprocess.run(["cp", "-a", keep, home], check=True)
            path = f"{home}/{name}"
            is_directory = os.path.isdir(path)
            if plant != "fifo" and name == "replay" or plant == "hard link" and is_directory:
                continue
            if os.path.lexists(path):
                os.rename(path, f"{top}/moved")
            if plant == "link":
                os.symlink(target if is_directory else precious, path)
            elif plant == "fifo":
                os.mkfifo(path, 0o600)
            else:
                os.link(precious, path)
            os.lchown(path, USER, USER) if plant != "hard link" else None
            _, error = run(*arguments, expect=1)
            check(name.split("/")[-1] in error or "regular" in error, f"{name} as a {plant} is named", error)
            moved = f"{top}/moved"
            if os.path.lexists(moved):
                shutil.rmtree(moved) if os.path.isdir(moved) else os.remove(moved)
    with open(precious, encoding="ascii") as file:
        check(file.read() == "root's own", "what the links lead to stays as it was")
    check(os.listdir(target) == ["precious"], "and nothing is beside it")


def in_use(work):
    """`init` in a directory that holds other things changes nothing and says what it found."""
    for names in (["README"], [".git/HEAD"], ["a", "b", "c", "d"], ["keys/id_ed25519"]):
        place = tempfile.mkdtemp(dir=work)
        os.chmod(place, 0o755)
        for name in names:
            os.makedirs(os.path.dirname(f"{place}/{name}"), exist_ok=True)
            open(f"{place}/{name}", "w", encoding="ascii").close()
        before = sorted(os.walk(place))
        _, error = run("init", "--authority", place, "acme.example", expect=1)
        check("holds other things (" + names[0].split("/")[0] in error, "it says what is there", error)
        check(sorted(os.walk(place)) == before and os.stat(place).st_mode & 0o777 == 0o755, "nothing changed")
    empty = tempfile.mkdtemp(dir=work)
    os.chmod(empty, 0o755)
    ctl("init", "--authority", empty, "acme.example")
    check(os.stat(empty).st_mode & 0o777 == 0o700, "an empty directory becomes private")
