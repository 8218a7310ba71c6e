#!/usr/bin/env python3
"""Finds the cache lines that a permit writes and another thread's permit touches: two cores would pass each to and fro.

Runs shared_writes (an argument) under valgrind's lackey, which prints every load and store; the program decides for one agent,
then on another thread for another. Fails where an instruction writes, at every call of the one, a line of 64 bytes that the
other writes or reads. What is done now and then, as a look at the registry every 50 ms, is not that. To be run by hand: two
objects that malloc happens to put on one line are found as well.
"""
import collections
import re
import subprocess
import sys
import tempfile


def parts(program, *arguments):
    """What the program printed, and the lines of its trace between its marks."""
    with tempfile.NamedTemporaryFile() as kept, tempfile.NamedTemporaryFile("w+") as printed:
        # The marks are where they are known only when the program runs: it is without ASLR under valgrind, so twice alike.
        valgrind = ["valgrind", "--tool=lackey", "--basic-counts=no"]
        first = subprocess.run([*valgrind, program, *arguments], capture_output=True, text=True, check=True)
        calls, base, *marks = (int(word, 0) for word in first.stdout.split())
        begin, end = ("|".join(f"^ S {mark:08x},1" for mark in marks[half::2]) for half in (0, 1))
        traced = [*valgrind, "--trace-mem=yes", "--log-fd=9", program, *arguments]
        awk = f"/{begin}/{{on=1}} on{{print}} /{end}/{{on=0}}"
        command = '"$@" 9>&1 >/dev/null | awk "$0"'
        subprocess.run(["bash", "-c", command, awk, *traced], stdout=kept, check=True)
        kept.seek(0)
        return calls, base, marks, kept.read().decode().splitlines()


def accesses(calls, marks, trace):
    """By thread: lines that were touched, and for each line how often each instruction wrote it."""
    touched, written = [set(), set()], [collections.defaultdict(collections.Counter) for _ in range(2)]
    who, instruction = None, ""
    for access in trace:
        kind, address, size = access[:2], *access[3:].split(",")
        if kind == "I ":
            instruction = address.strip()
            continue
        start = int(address, 16)
        if start in marks:
            number = marks.index(start)
            who = number // 2 if number % 2 == 0 else None
        elif who is not None:
            for line in range(start >> 6, ((start + int(size) - 1) >> 6) + 1):
                touched[who].add(line)
                if kind != " L":
                    written[who][line][instruction] += 1
    return touched, written


def name(library, address):
    found = subprocess.run(["addr2line", "-f", "-C", "-e", library, hex(address)], capture_output=True, text=True).stdout
    return found.split("\n")[0]


def main():
    library, program, *arguments = sys.argv[1:]
    calls, base, marks, trace = parts(program, *arguments)
    touched, written = accesses(calls, marks, trace)
    assert all(touched), "nothing was traced"
    shared = collections.defaultdict(set)
    for who in (0, 1):
        for line in written[who].keys() & touched[1 - who]:
            shared[line] |= {pc for pc, count in written[who][line].items() if count >= calls and count % calls == 0}
    shared = {line: sorted(writers) for line, writers in shared.items() if writers}
    for line, writers in sorted(shared.items()):
        print(f"shared line {line << 6:#x}: " + ", ".join(f"{pc} {name(library, int(pc, 16) - base)}" for pc in writers))
    print(f"{len(trace) // calls // 2} accesses a call, {len(shared)} shared lines")
    return 1 if shared else 0


if __name__ == "__main__":
    sys.exit(main())
