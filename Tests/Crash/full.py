#!/usr/bin/env python3
"""Runs a worker on a disk that fills up, under a limit to the size of files, and in a directory that cannot be written.

Shows that each refusal is an error that says why, that what was answered before is there, that nothing is half-written,
and that work goes on when there is room. Arguments: how many sizes of each kind (24). CRASH_SEED repeats a run's sizes.
"""

import json
import os
import pickle
import random
import re
import shutil
import subprocess
import sys
import tempfile

from answers import Answers, Check
from workplace import WORKER, Report, new_directory, seed, small_disk

NAMES = {"disk_full", "file", "read_only", "audit_unavailable", "permission_denied"}
REASONS = re.compile("disk is full|No space left|File too large|[Pp]ermission denied|Read-only file system|cannot be written")
NOBODY = 65534
CTL = os.environ.get("AGENTIDCTL") or os.path.join(os.path.dirname(os.environ["AGENTID_LIBRARY"]), "agentidctl")
CHECK = """
import json, os, pickle, sys
sys.path.insert(0, os.getcwd())
from answers import Check
directory, audit, owner, settle = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4] == "1"
answers = pickle.load(sys.stdin.buffer)
os.setgroups([])
os.setresgid(owner, owner, owner)
os.setresuid(owner, owner, owner)
print(json.dumps(Check(directory, answers, audit).run(settle=settle)))
"""


def work_until_refused(directory, answers, chance, audit, *options):
    """Runs a worker that goes on after some errors; its exit status."""
    with tempfile.TemporaryFile() as said:
        command = [*WORKER, directory, "--errors", "5", "--steps", "150", "--audit", audit, *options]
        command += ["--seed", str(chance.getrandbits(32))]
        status = subprocess.run(command, stdout=said, timeout=120).returncode
        said.seek(0)
        for line in said.read().split(b"\n")[:-1]:
            answers.take(line)
    return status


def refused(answers, status):
    """Faults of how it was refused: it must be, by errors that say what is wrong, not by dying."""
    faults = [] if status == 0 else [f"the worker died: {status}"]
    if not answers.errors:
        faults.append("nothing was refused")
    for error in answers.errors:
        if error["error"] == "registry_in_doubt":  # the disk failed in the sync of a commit
            continue
        if error["error"] not in NAMES or not REASONS.search(error["text"]):
            faults.append(f"an error that does not say why: {error}")
    return faults


def holds(directory, answers, audit, settle=False):
    """Faults of what is there, found as the directory's owner: the library lets nobody else in, root neither."""
    owner = os.stat(directory).st_uid
    if owner == os.geteuid():
        return Check(directory, answers, audit).run(settle=settle)
    # A process of its own, which had nothing of the library's before.
    done = subprocess.run(
        [sys.executable, "-c", CHECK, directory, audit, str(owner), str(int(settle))],
        input=pickle.dumps(answers), cwd=os.path.dirname(os.path.abspath(__file__)), stdout=subprocess.PIPE, timeout=120,
    )
    return json.loads(done.stdout or b'["the check died"]')


def takes_up_again(directory, answers, chance, audit, *options):
    """Faults after there is room: what was answered holds, and a worker has no error."""
    faults = holds(directory, answers, audit) if os.path.exists(directory) else []
    answers.errors.clear()
    with tempfile.TemporaryFile() as said:
        command = [*WORKER, directory, "--steps", "3", "--audit", audit, *options]
        command += ["--seed", str(chance.getrandbits(32))]
        status = subprocess.run(command, stdout=said, timeout=120).returncode
        said.seek(0)
        for line in said.read().split(b"\n")[:-1]:
            answers.take(line)
    if status or answers.errors:
        faults.append(f"it does not go on: {status} {answers.errors[:2]}")
    return faults + holds(directory, answers, audit, settle=True)


def limited_files(chance, report):
    """No file grows beyond a size: in its first making, or in the middle of work."""
    size = int(2 ** chance.uniform(10, 21))
    audit = chance.choice(("none", "batch", "always"))  # a segment of the log has 16 MiB: with a log nothing begins
    with new_directory() as work:
        answers = Answers()
        status = work_until_refused(f"{work}/acme", answers, chance, audit, "--file-size", str(size))
        report.check(f"{audit}, files of at most {size} bytes: refused", refused(answers, status))
        report.check(f"{audit}, files of at most {size} bytes: goes on", takes_up_again(f"{work}/acme", answers, chance, audit))


def full_disk(chance, report):
    """A small disk that something else fills up as well; what is removed makes room."""
    audit = chance.choice(("none", "batch", "always"))
    size = 12 << 10 if audit == "none" else 160 << 10
    left = int(2 ** chance.uniform(3, 12.6))
    if audit != "none" and chance.random() < 0.7:
        left = chance.randrange(30 << 10, 37 << 10)  # room for the log's segments, or nearly, and not for much more
    with new_directory() as work, small_disk(work, size) as place:
        if place is None:
            return False
        filler, answers = f"{place}/filler", Answers()
        with open(filler, "wb") as file:
            os.posix_fallocate(file.fileno(), 0, (size - left) << 10)
        status = work_until_refused(f"{place}/acme", answers, chance, audit)
        report.check(f"{audit}, a disk with {left} KiB: refused", refused(answers, status))
        os.unlink(filler)
        report.check(f"{audit}, a disk with {left} KiB: goes on", takes_up_again(f"{place}/acme", answers, chance, audit))
    return True


def unwritable(chance, report):
    """A directory that its user cannot write: it is not made, not changed, and read where it can be."""
    audit = "none"  # who checks may be root, and what root wrote in the log its owner could not
    user = NOBODY if os.geteuid() == 0 else None
    as_user = ["--user", str(user)] if user is not None else []
    with new_directory() as work:
        os.chmod(work, 0o755)
        home = f"{work}/home"
        os.mkdir(home, 0o700)
        if user is not None:
            os.chown(home, user, user)
        directory, answers = f"{home}/acme", Answers()
        os.chmod(home, 0o500)
        status = work_until_refused(directory, answers, chance, audit, *as_user)
        report.check("a directory that cannot be made: refused", refused(answers, status))
        os.chmod(home, 0o700)
        report.check("a directory that could not be made: goes on", takes_up_again(directory, answers, chance, audit, *as_user))
        before = holds(directory, answers, audit)
        files = [os.path.join(at, name) for at, _, names in os.walk(directory) for name in names]
        for path in files:
            os.chmod(path, 0o400)
        os.chmod(directory, 0o500)
        answers.errors.clear()
        status = work_until_refused(directory, answers, chance, audit, *as_user)
        report.check("a registry that cannot be written: refused", refused(answers, status))
        for path in files:
            os.chmod(path, 0o600)
        os.chmod(directory, 0o700)
        report.check("a registry that could not be written: goes on", before + takes_up_again(directory, answers, chance, audit, *as_user))


def read_only_disk(chance, report):
    """A disk that is mounted read-only while a registry lies on it."""
    with new_directory() as work, small_disk(work, 160 << 10) as place:
        if place is None:
            return False
        directory, answers = f"{place}/acme", Answers()
        faults = takes_up_again(directory, answers, chance, "batch")
        subprocess.run(["mount", "-o", "remount,ro", place], check=True)
        status = work_until_refused(directory, answers, chance, "batch")
        report.check("a disk that is read-only: refused", faults + refused(answers, status))
        subprocess.run(["mount", "-o", "remount,rw", place], check=True)
        report.check("a disk that was read-only: goes on", takes_up_again(directory, answers, chance, "batch"))
    return True


def failing_disk(chance, report):
    """A disk that becomes read-only after an error, as ext4 does, beneath a process that has a registry open: told as that."""
    with new_directory() as work:
        image, place = f"{work}/image", f"{work}/failing"
        os.mkdir(place)
        with open(image, "wb") as file:
            file.truncate(128 << 20)
        made = subprocess.run(["mkfs.ext4", "-q", image], stderr=subprocess.DEVNULL) if shutil.which("mkfs.ext4") else None
        if made is None or subprocess.run(["mount", "-o", "loop", image, place], stderr=subprocess.DEVNULL).returncode != 0:
            return False
        try:
            directory, audit, answers = f"{place}/acme", chance.choice(("none", "batch", "always")), Answers()
            work_until_refused(directory, answers, chance, audit, "--steps", "3")
            command = [*WORKER, directory, "--errors", "5", "--audit", audit, "--seed", str(chance.getrandbits(32))]
            with subprocess.Popen(command, stdout=subprocess.PIPE) as worker:
                for number, line in enumerate(worker.stdout):
                    if number == 20:
                        if subprocess.run(["mount", "-o", "remount,abort", place], stderr=subprocess.DEVNULL).returncode != 0:
                            worker.kill()
                            return False
                        answers.errors.clear()
                    answers.take(line.rstrip(b"\n"))
            # What was being synced at that very moment failed, and the disk was not read-only yet.
            while answers.errors and "I/O error" in answers.errors[0]["text"]:
                answers.errors.pop(0)
            named = {error["error"] for error in answers.errors} - {"registry_in_doubt"}
            looked = subprocess.run([CTL, "doctor", "--authority", directory], capture_output=True, text=True, timeout=60)
            faults = [] if "wrong  the disk can be written" in looked.stdout else [f"doctor: {looked.stdout}"]
            if not named or not named <= {"read_only", "audit_unavailable"}:
                faults.append(f"it is not told as what it is: {answers.errors}")
            report.check(f"{audit}: a disk that fails", faults + refused(answers, worker.returncode))
        finally:
            subprocess.run(["umount", "--lazy", place], check=True)
    return True


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 24
    chance, report = random.Random(seed()), Report()
    for _ in range(count):
        limited_files(chance, report)
    mounts = [full_disk(chance, report) for _ in range(count)] + [read_only_disk(chance, report), failing_disk(chance, report)]
    if not all(mounts):
        print("left out: a disk of its own cannot be mounted by this user")
    unwritable(chance, report)
    report.end()


main()
