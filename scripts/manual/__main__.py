"""Writes the manual pages: manual DIRECTORY PROGRAM.

Section 1 is what the program says of itself, section 3 what Include/*.h says, sections 5 and 7 are in man/. DIRECTORY gets man1, man3,
man5 and man7.
"""
import json
import pathlib
import subprocess
import sys

import commands
import functions
import header
import mdoc

ROOT = pathlib.Path(__file__).resolve().parents[2]


def main(directory, program):
    help_text = subprocess.run([program, "--experimental-dump-help"], check=True, capture_output=True).stdout
    headers = header.read_all(ROOT / "Include")
    for section, pages in (("1", commands.pages(json.loads(help_text)["command"])), ("3", functions.pages(headers))):
        folder = pathlib.Path(directory) / f"man{section}"
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in pages.items():
            file = folder / f"{name}.{section}"
            if isinstance(text, mdoc.Link):
                file.unlink(missing_ok=True)
                file.symlink_to(f"{text}.{section}")
            else:
                file.write_text(text)
    for written in sorted((ROOT / "man").iterdir()):
        folder = pathlib.Path(directory) / f"man{written.suffix[1:]}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / written.name).write_text(written.read_text().replace("@DATE@", mdoc.DATE))


main(*sys.argv[1:])
