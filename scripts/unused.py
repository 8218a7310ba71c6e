#!/usr/bin/env python3
"""Finds what Swift's runtime brings into libagentid.so that nothing reaches, and lists it in Sources/AgentIDC/unused.ld.

The runtime's functions are marked to be kept. Each is left out for a trial: the linker refuses what something still refers to, so
what remains out when it is content has no reference left. Names are shortened to beginnings that no function that stays has, and what
gains less than 150 bytes is not worth a line. Run it after a build for release, when the compiler is another; minutes.
"""
import collections
import pathlib
import re
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
SCRIPT = ROOT / "Sources/AgentIDC/unused.ld"
# Where the list stands: after the last line that is written by hand.
MARK = '            ".text.$sSYsSeRz*"'
LEAST = 150


def command():
    """How the library is linked, into a file of its own."""
    (ROOT / ".build/release/libagentid.so").unlink(missing_ok=True)
    flags = subprocess.run(["make", "-s", "release-flags"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()
    build = ["swift", "build", "-v", *flags, "--product", "agentid"]
    said = subprocess.run(build, cwd=ROOT, capture_output=True, text=True).stdout
    line = [line for line in said.splitlines() if 'ld.lld"' in line][-1]
    return re.sub(r"-o \S*libagentid\.so", "-o trial.so", line) + " --error-limit=0"


class Trial:
    def __init__(self, directory):
        self.directory, self.command, self.text = pathlib.Path(directory), command(), SCRIPT.read_text()
        head, rest = self.text.split(MARK, 1)
        self.head, self.tail = head + MARK, ")" + rest[rest.index("\n    }"):]

    def link(self, patterns):
        """Links without what these name. Returns the sections that something refers to all the same."""
        SCRIPT.write_text(self.head + "".join(f'\n            ".text.{one}"' for one in sorted(patterns)) + self.tail)
        done = subprocess.run(["bash", "-c", self.command], cwd=self.directory, capture_output=True, text=True)
        missed = {name.removeprefix(".text.") for name in re.findall(r"discarded section: (\S+)", done.stdout + done.stderr)}
        if done.returncode and not missed:
            raise SystemExit(done.stdout + done.stderr)
        return missed

    def functions(self):
        said = subprocess.run(["nm", "-S", "--defined-only", "trial.so"], cwd=self.directory, check=True, capture_output=True, text=True)
        found = (line.split() for line in said.stdout.splitlines())
        return {part[3]: int(part[1], 16) for part in found if len(part) == 4 and part[2] in "tTwW"}


def shortened(gone, kept):
    """Beginnings that only functions that are gone have, and what they take."""
    taken = {name[:end] for name in kept for end in range(1, len(name) + 1)}
    sizes = collections.Counter()
    for name, size in gone.items():
        end = next((end for end in range(3, len(name)) if name[:end] not in taken), len(name))
        sizes[name[:end]] += size
    return {start for start, size in sizes.items() if size >= LEAST}


def main():
    with tempfile.TemporaryDirectory() as directory:
        trial = Trial(directory)
        try:
            trial.link([])
            before = {name: size for name, size in trial.functions().items() if re.match(r"\$s[sS]", name)}
            names = set(before)
            while missed := trial.link(names):
                names -= missed
            kept = trial.functions()
            starts = shortened({name: size for name, size in before.items() if name not in kept}, kept)
            while missed := trial.link(f"{start}*" for start in starts):
                starts = {start for start in starts if not any(name.startswith(start) for name in missed)}
        except BaseException:
            SCRIPT.write_text(trial.text)
            raise
        print(f"{len(starts)} beginnings of names in {SCRIPT.relative_to(ROOT)}")


main()
