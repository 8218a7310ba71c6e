#!/usr/bin/env python3
"""Shows that the shim and the disk behind the power cuts see what they must: a small program, and what is left of it."""

import os
import random
import shutil
import subprocess
import sys

import disk
from workplace import Report, compiled_shim, new_directory, seed

PROGRAM = """
import ctypes, mmap, os, sys
os.chdir(sys.argv[1])
mark = ctypes.CDLL(None).crash_trace_mark
here = os.open(".", os.O_RDONLY)
mapped = os.open("mapped", os.O_RDWR | os.O_CREAT, 0o600)
os.posix_fallocate(mapped, 0, 8192)
pages = mmap.mmap(mapped, 8192)
pages[0:4] = b"aaaa"
os.fdatasync(mapped)
os.fsync(here)
written = os.open("new", os.O_WRONLY | os.O_CREAT, 0o600)
os.write(written, b"x" * 1024)
os.fsync(written)
mark(b"synced, but not the name of new")
pages[0:4], pages[4096:4100] = b"bbbb", b"cccc"
os.rename("new", "renamed")
os.pwrite(written, b"y" * 1024, 512)
mark(b"nothing of it synced")
pages.flush()
os.fsync(here)
mark(b"pages and names synced")
os.unlink("renamed")
os.ftruncate(mapped, 4096)
mark(b"end")
"""


def remainders(state, into, chance):
    """What 64 power cuts leave, as {name: bytes}; without `chance` it is always the same."""
    found = []
    for _ in range(64 if chance else 1):
        state.after_cut(into, chance)
        found.append({name: open(os.path.join(into, name), "rb").read() for name in os.listdir(into)})
        shutil.rmtree(into)
    return found


def main():
    chance, report = random.Random(seed()), Report()
    with new_directory() as work:
        root, trace, into = f"{work}/root", f"{work}/trace", f"{work}/cut"
        os.mkdir(root)
        environment = {
            **os.environ, "LD_PRELOAD": compiled_shim(work), "CRASH_TRACE_ROOT": root, "CRASH_TRACE_FILE": trace,
        }  # fmt: skip
        subprocess.run([sys.executable, "-c", PROGRAM, root], env=environment, check=True)
        state, at = disk.Disk(), {}
        for record in disk.read_trace(trace):
            state.apply(record) if record[0] != disk.MARK else None
            if record[0] == disk.MARK:
                at[record[4]] = (remainders(state, into, None)[0], remainders(state, into, chance))

    def holds(what, mark, condition):
        report.check(what, [] if condition(*at[mark]) else [at[mark][0]])

    pages = b"aaaa" + bytes(8188)
    first, second, third = b"synced, but not the name of new", b"nothing of it synced", b"pages and names synced"
    holds("a synced page is kept", first, lambda synced, _: synced == {"mapped": pages})
    holds("a name may be there without its sync", first, lambda _, some: {"new" in left for left in some} == {True, False})
    holds("no later page is kept for sure", second, lambda synced, _: synced == {"mapped": pages})
    holds("any sector may be there, each by itself", second, lambda _, some: len(
        {(left["mapped"][:4], left["mapped"][4096:4100]) for left in some}) == 4)  # fmt: skip
    holds("names come in order", second, lambda _, some: {tuple(sorted(left)) for left in some}
          == {("mapped",), ("mapped", "new"), ("mapped", "renamed")})  # fmt: skip
    holds("a file's sync is for its bytes then", second, lambda _, some: all(
        left["renamed"][:512] == b"x" * 512 for left in some if "renamed" in left))  # fmt: skip
    holds("a size may be lost, and the sectors beyond it", second, lambda _, some: {
        len(left["renamed"]) for left in some if "renamed" in left} == {1024, 1536})  # fmt: skip
    holds("msync keeps pages", third, lambda synced, _: synced["mapped"][:4] == b"bbbb" and synced["mapped"][4096:4100] == b"cccc")
    holds("a directory's sync keeps names", third, lambda synced, _: set(synced) == {"mapped", "renamed"})
    holds("what was removed may be there", b"end", lambda synced, some: "renamed" in synced and any(
        "renamed" not in left and len(left["mapped"]) == 4096 for left in some))  # fmt: skip
    report.end()


main()
