"""The fenced blocks of a page.

The info string is the language, and for what is not simply run one of
    not run: REASON     why this cannot run here
    from PATH           an excerpt: each line stands, in this order, in that file
    SCHEMA.json         after json: the document obeys docs/schemas/SCHEMA.json
A block of the language `output` is what the block before it printed. A comment `<!-- python` or `<!-- sh` holds a block that
readers need not see; `<!-- raises NAME -->` before a block of Python says how it ends. `<!-- run by PATH -->` says that a page's
blocks are run by the test at PATH.
"""
import dataclasses
import os
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^(?P<indent> *)(?P<fence>```+)(?P<info>.*)$")
HIDDEN = re.compile(r"^<!-- (python|sh)$")
RAISES = re.compile(r"^<!-- raises ([\w.]+) -->$")


@dataclasses.dataclass
class Block:
    page: pathlib.Path
    line: int            # of its first line of text
    language: str
    note: str            # what follows the language
    text: str
    raises: str = ""
    output: str | None = None

    @property
    def place(self):
        return f"{os.path.relpath(self.page, ROOT)}:{self.line}"


class Malformed(Exception):
    pass


def of(page):
    """All blocks of a page, with the output shown for each."""
    blocks, lines, raises = [], page.read_text().splitlines(), ""
    at = 0
    while at < len(lines):
        line = lines[at]
        at += 1
        if found := RAISES.match(line):
            raises = found[1]
        elif found := HIDDEN.match(line):
            end = lines.index("-->", at)
            blocks.append(Block(page, at + 1, found[1], "", "\n".join(lines[at:end]) + "\n"))
            at = end + 1
        elif found := FENCE.match(line):
            language, _, note = found["info"].strip().partition(" ")
            end = at
            while end < len(lines) and lines[end].strip() != found["fence"]:
                end += 1
            text = "".join(l.removeprefix(found["indent"]) + "\n" for l in lines[at:end])
            if end == len(lines) or not language:
                raise Malformed(f"{os.path.relpath(page, ROOT)}:{at}: a block has an end and a language")
            if language == "output":
                if not blocks or blocks[-1].output is not None:
                    raise Malformed(f"{os.path.relpath(page, ROOT)}:{at}: output of what?")
                blocks[-1].output = text
            else:
                blocks.append(Block(page, at + 1, language, note.strip(), text, raises))
            at, raises = end + 1, ""
    return blocks


def run_by(page):
    """The test that runs a page's blocks, where that is not this one."""
    found = re.search(r"^<!-- run by (\S+) -->$", page.read_text(), re.M)
    if found and not (ROOT / found[1]).exists():
        raise Malformed(f"{os.path.relpath(page, ROOT)}: there is no {found[1]}")
    return found[1] if found else ""


def prose(page):
    """A page's lines without what stands in blocks and comments, numbered from 1."""
    inside = ""
    for number, line in enumerate(page.read_text().splitlines(), 1):
        if inside:
            inside = "" if line.strip() == inside else inside
        elif found := FENCE.match(line):
            inside = found["fence"]
        elif HIDDEN.match(line):
            inside = "-->"
        else:
            yield number, line
