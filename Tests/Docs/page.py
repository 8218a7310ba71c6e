#!/usr/bin/env python3
"""Runs the blocks of one page in a temporary directory: PAGE. Prints a line of JSON for each failure, then the counts."""
import contextlib
import io
import json
import os
import pathlib
import re
import sys
import tempfile
import traceback

import blocks
import programs
import shell
import shown

ROOT = blocks.ROOT
CHECKED_ELSEWHERE = {"swift"}
GOES_ON = re.compile(r" --(watch|follow)\b")


class Failure(Exception):
    pass


class Page:
    def __init__(self, path, folder):
        self.path, self.folder, self.names = path, folder, shown.Names()
        self.namespace = {"__name__": "__main__"}
        self.shell = shell.Shell(folder, os.environ)
        self.counts = {"ran": 0, "left_out": 0, "elsewhere": 0, "text": 0}
        self.failures = []

    def run(self):
        elsewhere = blocks.run_by(self.path)
        for block in blocks.of(self.path):
            if elsewhere:
                self.counts["elsewhere"] += 1
            elif block.language == "text":
                self.counts["text"] += 1
            elif block.note.startswith("not run:") and len(block.note) > 10:
                self.counts["left_out"] += 1
            elif block.language in CHECKED_ELSEWHERE:
                self.counts["elsewhere"] += 1
            else:
                try:
                    self.block(block)
                    self.counts["ran"] += 1
                except Exception as error:
                    self.failures.append(f"{block.place}: {error}")
        self.shell.close()

    def block(self, block):
        if block.note.startswith("from "):
            return self.excerpt(block)
        if block.language == "json":
            return self.document(block)
        if block.note:
            raise Failure(f"there is no note `{block.note}`")
        match block.language:
            case "python": self.python(block)
            case "console" | "sh": self.commands(block)
            case "c" | "go": self.program(block)
            case other: raise Failure(f"blocks of {other} are not run here: say `not run: REASON`, or call it text")

    def compare(self, wanted, printed, what):
        if not self.names.matches(wanted, printed):
            raise Failure(f"{what} printed\n{printed.strip()}\n  and the page shows\n{wanted.strip()}")

    def python(self, block):
        printed = io.StringIO()
        raised = None
        try:
            # Where a line is at fault, the traceback names it as it stands on the page.
            code = compile("\n" * (block.line - 1) + self.names.replace(block.text), str(self.path), "exec")
            with contextlib.redirect_stdout(printed):
                exec(code, self.namespace)
        except BaseException as error:
            raised = error
        name = f"{type(raised).__module__.split('.')[0]}.{type(raised).__name__}".removeprefix("builtins.") if raised else ""
        if name != block.raises:
            at = "".join(traceback.format_exception(raised)) if raised else "nothing was raised"
            raise Failure(f"{block.raises or 'no exception'} was expected\n{at}")
        if block.output is not None:
            self.compare(block.output, printed.getvalue(), "the block")

    def commands(self, block):
        for command, wanted in shell.commands(block.text):
            command = self.names.replace(command)
            goes_on = (lambda printed: self.names.matches(wanted or "", printed)) if GOES_ON.search(command) else None
            printed, status = self.shell.run(command, goes_on, 30)
            if wanted is None:
                if status:
                    raise Failure(f"`{command}` ended with {status}: {printed}")
                continue
            self.compare(wanted, printed, f"`{command}`")
            if status and not wanted.strip():
                raise Failure(f"`{command}` ended with {status}, and the page shows nothing of it")
        if block.output is not None:
            raise Failure("what commands print stands in their own block")

    def program(self, block):
        if not programs.is_whole(block):
            raise Failure("no whole program: say `from PATH` where it is an excerpt")
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:  # what a page started may write a last line
            printed, status = getattr(programs, block.language)(block.text, pathlib.Path(folder))
        if status:
            raise Failure(f"the program ended with {status}: {printed}")
        if block.output is not None:
            self.compare(block.output, printed, "the program")

    def excerpt(self, block):
        path = ROOT / block.note.removeprefix("from ").strip()
        rest = iter(line.strip() for line in path.read_text().splitlines())
        for line in block.text.splitlines():
            line = line.strip()
            if line and line not in ("...", "…") and line not in rest:
                raise Failure(f"not, or not in this order, in {path.relative_to(ROOT)}: {line}")

    def document(self, block):
        try:
            document = json.loads(block.text)
        except ValueError as error:
            raise Failure(f"no JSON: {error}")
        if block.note:
            import jsonschema
            schema = json.loads((ROOT / "docs/schemas" / block.note).read_text())
            jsonschema.Draft202012Validator(schema).validate(document)


if __name__ == "__main__":
    path = pathlib.Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:  # what a page started may write a last line
        os.chdir(folder)
        page = Page(path, folder)
        try:
            page.run()
        except blocks.Malformed as error:
            page.failures.append(str(error))
    print(json.dumps({**page.counts, "failures": page.failures}))
