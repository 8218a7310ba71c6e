"""What the tests of the command line share: one run of the program, and what always holds of it."""
import json
import os
import pathlib
import pty
import select
import signal
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("AGENTIDCTL", str(ROOT / ".build/release/agentidctl"))
passed = failed = 0


def check(holds, what, detail=""):
    global passed, failed
    if holds:
        passed += 1
    else:
        failed += 1
        print(f"failed: {what} {detail}")


def end():
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


def run(*arguments, expect=0, stdin=b"", **environment):
    """Runs the program without a terminal; returns what it wrote to stdout and to stderr."""
    done = subprocess.run([PROGRAM, *arguments], input=stdin, capture_output=True,
                          env={**os.environ, **environment}, timeout=60)
    what = " ".join(a[:60] for a in arguments)
    check(done.returncode == expect or expect is None, f"exit {expect}", f"of `{what}`: {done.returncode} {done.stderr[-300:]!r}")
    check(b"\x1b" not in done.stdout + done.stderr, "no escape where it is not a terminal", what)
    check(b"\r" not in done.stdout + done.stderr, "no bar where it is not a terminal", what)
    if expect == 1:
        check(len(done.stderr.splitlines()) <= 1, "an error is one line", f"{what}: {done.stderr!r}")
    return done.stdout.decode(), done.stderr.decode()


def ctl(*arguments, json_out=False, **how):
    """As `run`; returns stdout, or the document it is."""
    out, _ = run(*arguments, **how)
    if not json_out:
        return out
    try:
        return json.loads(out)
    except ValueError:
        check(False, "--json prints JSON", f"{' '.join(a[:60] for a in arguments)}: {out[:200]!r}")
        return {}


def on_terminal(*arguments, **environment):
    """Runs the program with all its streams on a terminal; returns what the terminal was sent."""
    leader, follower = pty.openpty()
    # The other end stays open here: nothing that was written is lost when the program ends.
    process = subprocess.Popen([PROGRAM, *arguments], stdin=follower, stdout=follower, stderr=follower,
                               start_new_session=True, env={**os.environ, "TERM": "xterm", "NO_COLOR": "", **environment})
    shown = b""
    while True:
        is_over = process.poll() is not None
        if select.select([leader], [], [], 0.2)[0]:
            shown += os.read(leader, 65536)
        elif is_over:
            break
    os.close(leader)
    os.close(follower)
    check(process.returncode == 0, "exit 0 on a terminal", (arguments, process.returncode, shown[-300:]))
    return shown


def until(holds, what, seconds=20):
    """Waits until something holds, which is checked."""
    end = time.monotonic() + seconds
    while not holds() and time.monotonic() < end:
        time.sleep(0.05)
    check(holds(), what)


class Host:
    """A process that lives with agents: see host.py. Dies with the test at the latest."""

    def __init__(self, home, lease_duration):
        self.process = subprocess.Popen(
            [sys.executable, str(pathlib.Path(__file__).parent / "host.py"), home, str(lease_duration)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        ready, _, _ = select.select([self.process.stdout], [], [], 30)
        self.agents = json.loads(self.process.stdout.readline()) if ready else {}

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.kill()
