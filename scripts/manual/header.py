"""Reads what the C headers declare and say: functions, types, and the comment in front of each."""
import dataclasses
import pathlib
import re


@dataclasses.dataclass
class Comment:
    """`paragraphs` are texts, or lists of (term, text) where the comment has a table."""
    paragraphs: list
    arguments: list
    returns: str

    @property
    def first(self):
        return next((p for p in self.paragraphs if isinstance(p, str)), "")


@dataclasses.dataclass
class Function:
    """`include` is the header that a program includes for it."""
    name: str
    result: str
    parameters: list
    comment: Comment
    section: str
    include: str


@dataclasses.dataclass
class Type:
    """A type with its whole declaration; `members` are the constants or fields that have a comment behind them."""
    name: str
    declaration: str
    members: list
    comment: Comment
    section: str
    include: str

    @property
    def is_opaque(self):
        return not re.search(r"[{(]", self.declaration)


@dataclasses.dataclass
class Header:
    name: str
    about: Comment
    functions: list
    types: list


def read(path, include=None):
    """A header as it stands: the comment at its top, its functions and types in order. `include` is what a program includes."""
    path = pathlib.Path(path)
    return _Reader(path.name, include or path.name, path.read_text()).header


def read_all(directory):
    """agentid.h, those that it includes in its order, then the others by name."""
    main = pathlib.Path(directory) / "agentid.h"
    reached = re.findall(r'^#include "(.*)"$', main.read_text(), flags=re.M)
    others = sorted({path.name for path in main.parent.glob("agentid_*.h")} - set(reached))
    return [read(main), *(read(main.parent / name, main.name) for name in reached), *(read(main.parent / name) for name in others)]


class _Reader:
    def __init__(self, name, include, text):
        self.rest = text
        self.include = include
        self.section = ""
        self.comment = None
        self.header = Header(name, _comment(self._take_comment(), is_table_flush=True), [], [])
        while self.rest.strip():
            self.rest = self.rest.lstrip()
            self._step()

    def _take_comment(self):
        text, self.rest = self.rest[2:].split("*/", 1)
        return text

    def _step(self):
        if self.rest.startswith("/*"):
            text = self._take_comment()
            if re.match(r" -{10,}", text):
                self.section = text.strip(" -")
            else:
                self.comment = text
        elif self.rest.startswith("#"):
            _, self.rest = re.split(r"(?<!\\)\n", self.rest, maxsplit=1) if "\n" in self.rest else (self.rest, "")
            self.comment = None
        elif match := re.match(r'extern "C" \{|\}', self.rest):
            self.rest = self.rest[match.end():]
        else:
            self._declaration()

    def _declaration(self):
        # To the first semicolon that is in no braces; comments in there have none that would mislead.
        depth, code = 0, re.sub(r"/\*.*?\*/", lambda m: " " * len(m[0]), self.rest, flags=re.S)
        for end, character in enumerate(code):
            depth += {"{": 1, "}": -1}.get(character, 0)
            if character == ";" and depth == 0:
                break
        declaration, self.rest = self.rest[:end + 1], self.rest[end + 1:]
        comment = _comment(self.comment or "")
        if declaration.startswith("enum"):
            # The constants of the type that was declared just before.
            self.header.types[-1].declaration += "\n" + declaration
            self.header.types[-1].members = _members(declaration)
        elif declaration.startswith("typedef"):
            name = re.match(r"typedef \w+ \(\*(\w+)\)", declaration) or re.search(r"(\w+);$", declaration)
            self.header.types.append(Type(name[1], declaration, _members(declaration), comment, self.section, self.include))
        else:
            match = re.fullmatch(r"(.*?)(agentid_\w+)\((.*)\)( AGENTID_MUST_CHECK)?;", declaration, flags=re.S)
            parameters = [" ".join(p.split()) for p in match[3].split(",")]
            self.header.functions.append(Function(match[2], match[1].strip(), parameters, comment, self.section, self.include))
        self.comment = None


def _members(declaration):
    """The (name, comment) of each line in braces that has a comment behind it."""
    found = re.findall(r"^    [^;,/]*?(\w+)(?:\)\([^;]*\)| = \d+)?[;,]?\s*/\*(.*?)\*/", declaration, flags=re.S | re.M)
    return [(name, " ".join(text.split())) for name, text in found]


def _comment(text, is_table_flush=False):
    """Lays a comment's parts apart. A table has a term, two spaces or more, and a text that goes on further in."""
    lines = [re.sub(r"^ ?\* ?", "", line).rstrip() for line in text.strip().split("\n")]
    lines = re.sub(r" ?\b(Args|Returns):", r"\n\1:", "\n".join(lines)).split("\n")
    row = re.compile(r"(\w[\w()]*) {2,}(\S.*)" if is_table_flush else r" {2,}(\w+) {2,}(\S.*)")
    comment, part, target = Comment([], [], ""), "text", None
    for line in lines:
        if match := re.match(r"(Args|Returns):(.*)", line):
            part, line, target = match[1], match[2], None
            if not line.strip():
                continue
            if part == "Args":
                line = "  " + line.strip()
        if part == "Returns":
            comment.returns += " " + line.strip()
        elif not line.strip():
            target = None
        elif match := row.match(line) if part == "text" else re.match(r" {2,}(\w+) {2,}(\S.*)", line):
            if part == "text" and not (comment.paragraphs and isinstance(comment.paragraphs[-1], list)):
                comment.paragraphs.append([])
            target = comment.paragraphs[-1] if part == "text" else comment.arguments
            target.append((match[1], match[2]))
        elif isinstance(target, list) and line.startswith("  "):
            target[-1] = (target[-1][0], target[-1][1] + " " + line.strip())
        elif target == "paragraph":
            comment.paragraphs[-1] += " " + line.strip()
        else:
            comment.paragraphs.append(line.strip())
            target = "paragraph"
    comment.returns = comment.returns.strip()
    return comment
