"""What the crash tests share: where they work, how the worker is started, how they report."""

import contextlib
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
WORKER = [sys.executable, str(HERE / "worker.py")]


def seed():
    """CRASH_SEED, or a new one, printed."""
    chosen = int(os.environ.get("CRASH_SEED") or random.randrange(1 << 32))
    print(f"{pathlib.Path(sys.argv[0]).stem}: CRASH_SEED={chosen}", flush=True)
    return chosen


@contextlib.contextmanager
def new_directory():
    """A directory to work in. In memory where that can be: more steps are killed in a second than on a disk."""
    base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # clean up then, too
    work = tempfile.mkdtemp(prefix="agentid-crash-", dir=base)
    try:
        yield os.path.realpath(work)
    finally:
        shutil.rmtree(work, ignore_errors=True)


@contextlib.contextmanager
def small_disk(work, kilobytes):
    """A file system of so many kilobytes; None where none can be mounted."""
    place = f"{work}/disk"
    os.makedirs(place, exist_ok=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k,mode=0700", "tmpfs", place], stderr=subprocess.DEVNULL
    )
    if mounted.returncode != 0:
        yield None
        return
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


def compiled_shim(work):
    """trace_shim.c and its other half, compiled."""
    shim = f"{work}/trace_shim.so"
    flags = ["-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-pthread"]
    sources = [str(HERE / name) for name in ("trace_shim.c", "trace_content.c")]
    subprocess.run(["gcc", *flags, *sources, "-o", shim, "-ldl"], check=True)
    return shim


class Report:
    """Counts checks, prints those that failed, and ends the program."""

    def __init__(self):
        self.passed = self.failed = 0
        self.notes = {}

    def check(self, what, faults):
        """One check: `faults` is empty where it holds."""
        if not faults:
            self.passed += 1
            return
        self.failed += 1
        print(f"failed: {what}: {len(faults)} faults")
        for fault in faults[:5]:
            print(f"    {str(fault)[:400]}", flush=True)

    def note(self, name, amount):
        self.notes[name] = self.notes.get(name, 0) + amount

    def end(self):
        if self.notes:
            print(", ".join(f"{amount} {name}" for name, amount in self.notes.items()))
        print(f"{self.passed} passed, {self.failed} failed", flush=True)
        sys.exit(1 if self.failed else 0)
