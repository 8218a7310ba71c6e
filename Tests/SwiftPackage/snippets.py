#!/usr/bin/env python3
"""Makes a function of each page: its blocks of Swift, and what stands in comments `<!-- swift ... -->`, in order.

snippets.py OUTPUT PAGE... - a block that starts with `// Package.swift` is left out; imports go to the top.
"""
import pathlib
import re
import sys

BLOCK = re.compile(r"^(?:```swift|<!-- swift)\n(.*?)^(?:```|-->)$", re.M | re.S)

imports, functions, names = {"import AgentIDAsync"}, [], []
for page in map(pathlib.Path, sys.argv[2:]):
    name = re.sub(r"\W", "_", page.stem)
    lines = [f'#sourceLocation(file: "{page.name}", line: 1)', f"@Sendable func {name}() async throws {{"]
    text = page.read_text()
    blocks = [match for match in BLOCK.finditer(text) if not match[1].startswith("// Package.swift")]
    if not blocks:
        continue
    for match in blocks:
        first = text.count("\n", 0, match.start(1)) + 1
        body = []
        for line in match[1].splitlines():
            if line.startswith("import "):
                imports.add(line)
                line = ""
            body.append(line)
        lines += [f'#sourceLocation(file: "{page.name}", line: {first})', *body]
    functions += [*lines, "}", "#sourceLocation()"]
    names.append(name)
if not names:
    sys.exit("no Swift in these pages")
calls = [f'try await {name}()\nprint("ran {name}")' for name in names]
pathlib.Path(sys.argv[1]).write_text("\n".join([*sorted(imports), *functions, *calls, ""]))
