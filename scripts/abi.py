#!/usr/bin/env python3
"""Compares what the headers and the library offer with what the last release did, or keeps it: abi.py check|update.

Swift's exports have no debug information that says what C sees of them. So each function that the headers declare is defined
once more in C, by a body that is never run, and abidw reads that library; the compiler holds it to the headers, and
`@c @implementation` holds Swift to them. abidw sees no constants: these have a list of their own.
"""
import argparse
import pathlib
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts/manual"))
import header  # noqa: E402

DUMP = ROOT / "abi/libagentid.so.0.abi"
CONSTANTS = ROOT / "abi/libagentid.so.0.constants"
SYMBOLS = ROOT / "debian/libagentid0.symbols"
FLAGS = ["-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter"]


def headers(include):
    return [header.read(path) for path in sorted(pathlib.Path(include).glob("agentid*.h"))]


def without_growth(include, directory):
    """The headers as they stand, without what structs that begin with struct_size have got at their end since the release."""
    known = {struct.get("name"): [m.get("name") for m in struct.iterfind("data-member/var-decl")]
             for struct in xml.etree.ElementTree.parse(DUMP).iter("class-decl")}

    def cut(match):
        names = known.get(match["name"], [])
        if names[:1] != ["struct_size"]:
            return match[0]
        members = re.sub(r"/\*.*?\*/", "", match["members"], flags=re.S).split(";")[:len(names)]
        return f"typedef struct {match['name']} {{{';'.join(members)};\n}} {match['name']};"

    for path in pathlib.Path(include).glob("agentid*.h"):
        text = re.sub(r"typedef struct (?P<name>\w+) \{(?P<members>.*?)\n\} \w+;", cut, path.read_text(), flags=re.S)
        (pathlib.Path(directory) / path.name).write_text(text)
    return directory


def includes(include):
    """Every header of ours."""
    return [f"#include <{path.name}>" for path in sorted(pathlib.Path(include).glob("agentid*.h"))]


def dump(include, directory):
    """What abidw says of the functions that the headers declare."""
    functions = [f for h in headers(include) for f in h.functions]
    source, library, result = (pathlib.Path(directory) / name for name in ("abi.c", "libagentid.so.0", "now.abi"))
    bodies = (f"{f.result} {f.name}({', '.join(f.parameters)}) {{ __builtin_trap(); }}" for f in functions)
    source.write_text("\n".join([*includes(include), *bodies, ""]))
    subprocess.run(["gcc", "-std=c11", "-g", "-shared", "-fPIC", *FLAGS, "-I", include, "-Wl,-soname,libagentid.so.0",
                    source, "-o", library], check=True)
    subprocess.run(["abidw", "--no-show-locs", "--no-comp-dir-path", "--no-corpus-path", "--no-architecture",
                    "--out-file", result, library], check=True)
    return result


def constants(include, directory):
    """The value of each constant that the headers define, as the compiler sees it."""
    text = "".join(path.read_text() for path in sorted(pathlib.Path(include).glob("agentid*.h")))
    names = re.findall(r"^#define (AGENTID_\w+) \d+$|^    (AGENTID_\w+) = ", text, flags=re.M)
    # A version is what changes with each release.
    names = sorted(name for pair in names for name in pair if name and not name.startswith("AGENTID_VERSION_"))
    source, program = (pathlib.Path(directory) / name for name in ("constants.c", "constants"))
    lines = (f'    printf("{name} %lld\\n", (long long){name});' for name in names)
    source.write_text("\n".join([*includes(include), "#include <stdio.h>", "int main(void) {", *lines, "}", ""]))
    subprocess.run(["gcc", *FLAGS, "-I", include, source, "-o", program], check=True)
    output = subprocess.run([program], check=True, capture_output=True, text=True).stdout
    return dict(line.split() for line in output.splitlines())


def check(include, library):
    """What was taken away or changed, a line each."""
    with tempfile.TemporaryDirectory() as directory:
        now_dump = dump(without_growth(include, directory), directory)
        # A member's name counts as well: two that changed places have the same types.
        compared = subprocess.run(["abidiff", "--no-added-syms", "--harmless", DUMP, now_dump], capture_output=True, text=True)
        now = constants(include, directory)
    if compared.returncode != 0:
        yield (compared.stdout + compared.stderr).strip()
    for line in CONSTANTS.read_text().splitlines():
        name, value = line.split()
        if now.get(name) != value:
            yield f"{name} was {value}, is {now.get(name, 'gone')}"
    symbols = subprocess.run(["nm", "-D", "--defined-only", library], check=True, capture_output=True, text=True).stdout
    exported = {line.split()[-1] for line in symbols.splitlines()}
    for name in exports(DUMP):
        if name not in exported:
            yield f"{name} is no more exported"


def update(include):
    with tempfile.TemporaryDirectory() as directory:
        DUMP.write_text(dump(include, directory).read_text())
        kept = constants(include, directory)
    CONSTANTS.write_text("".join(f"{name} {value}\n" for name, value in kept.items()))
    # A symbol keeps the version that it came with: what Debian's packages of programs then depend on.
    since = dict(re.findall(r"^ (\w+)@Base (\S+)$", SYMBOLS.read_text() if SYMBOLS.exists() else "", flags=re.M))
    version = subprocess.run([ROOT / "scripts/version.sh"], check=True, capture_output=True, text=True).stdout.strip()
    lines = [f" {name}@Base {since.get(name, version)}" for name in exports(DUMP)]
    SYMBOLS.write_text("\n".join(["libagentid.so.0 libagentid0 #MINVER#", "* Build-Depends-Package: libagentid-dev", *lines, ""]))


def exports(path):
    return sorted(re.findall(r"elf-symbol name='(\w+)'", path.read_text()))


def main():
    parser = argparse.ArgumentParser(description="Compares the C interface with the last release's.")
    parser.add_argument("what", choices=["check", "update"])
    parser.add_argument("--include", default=str(ROOT / "Include"), help="where the headers are")
    parser.add_argument("--library", default=str(ROOT / ".build/release/libagentid.so"))
    arguments = parser.parse_args()
    if arguments.what == "update":
        update(arguments.include)
        print("written:", *(path.relative_to(ROOT) for path in (DUMP, CONSTANTS, SYMBOLS)))
        return 0
    changes = list(check(arguments.include, arguments.library))
    print("\n".join(changes) or "abi: nothing was taken away or changed")
    return 1 if changes else 0


sys.exit(main())
