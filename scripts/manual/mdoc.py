"""The mdoc language of manual pages, as much of it as these need (mdoc(7))."""
import os
import pathlib
import re
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]


def _date():
    """The day of the last commit, or of the files where there is no repository: the same sources give the same pages."""
    seconds = os.environ.get("SOURCE_DATE_EPOCH")
    if not seconds and (ROOT / ".git").exists():
        seconds = subprocess.run(["git", "-C", ROOT, "log", "-1", "--format=%ct"], capture_output=True, text=True).stdout
    day = time.gmtime(int(seconds or (ROOT / "Include/agentid.h").stat().st_mtime))
    return time.strftime("%B ", day) + f"{day.tm_mday}, {day.tm_year}"


DATE = _date()


class Link(str):
    """A page that is another page, of which it has the name."""


def escape(text):
    """Text of which no character has a meaning to the formatter."""
    text = text.replace("\\", "\\e").replace('"', "\\(dq").replace("'", "\\(aq").replace("`", "\\(ga")
    text = text.replace("^", "\\(ha").replace("~", "\\(ti")
    return "".join(c if c < "\x7f" else f"\\[u{ord(c):04X}]" for c in text)


def inline(text):
    """A piece of running text on lines of its own: code in backticks, functions and constants set as such."""
    words = re.split(r"(`[^`]*`|\bagentid_\w*\(\)|\bAGENTID_[A-Z0-9_]+\b)", " ".join(text.split()))
    set_words = [f"\\fB{escape(word.strip('`'))}\\fR" if i % 2 else escape(word) for i, word in enumerate(words)]
    # A sentence starts a line of its own: the formatter spaces it as its language does.
    lines = re.sub(r"(?<!e\.g)(?<!\bvs)([.;:]) (?=[A-Z\\])", r"\1\n", "".join(set_words)).split("\n")
    return "\n".join("\\&" + line if line.startswith((".", "\\(aq")) else line for line in lines)


def argument(text):
    """Text as one argument of a macro."""
    return f'"\\&{escape(text)}"'


def tagged(items):
    """A list of (line of macros, text)."""
    rows = [f".It {tag}\n{text}" for tag, text in items]
    return "\n".join([".Bl -tag -width Ds", *rows, ".El"])


def literal(text):
    """Code as it stands."""
    lines = [escape(line) for line in text.split("\n")]
    return "\n".join([".Bd -literal", *("\\&" + line if line.startswith(".") else line for line in lines), ".Ed"])


def summary(text):
    """The first sentence, as it stands behind a page's name."""
    first = re.split(r"(?<!e\.g)[.:;](?:\s|$)", " ".join(text.split()))[0]
    if re.match(r"[A-Z][a-z]*\b(?!ing key)", first) and not re.match(r"(AAT|ABI|JSON|SPIFFE|I)\b", first):
        first = first[0].lower() + first[1:]
    return escape(first.replace("`", ""))


def page(title, section, names, about, parts):
    """A whole page; `parts` are (heading, text), those without text left out."""
    listed = "\n".join(f".Nm {name}" + (" ," if i + 1 < len(names) else "") for i, name in enumerate(names))
    body = "\n".join(f".Sh {heading}\n{text}" for heading, text in parts if text)
    return f".Dd {DATE}\n.Dt {title.upper()} {section}\n.Os libagentid\n.Sh NAME\n{listed}\n.Nd {about}\n{body}\n"
