"""Tables that say what the library does, held to it: examples of constraints, and the names of statuses, reasons and errors.

A table is known by its header. In docs/constraints.md:
    constraint | argument | answer     permitted, denied
    scope | arguments | answer         permitted, or the reason it is not, or the error's name
    parent | child | answer            below, or the reason it is not
    parent scope | child scope | answer
    one | other | both                 their intersection, or the error's name
    one scope | other scope | both
    constraint | error                 the error's name
In docs/errors.md the first column of `status` and `error` tables has every name that the sources have, and no other; in docs/reasons.md
that of `reason` tables.
"""
import json
import re

import blocks
import names

ROOT = blocks.ROOT
CODE = re.compile(r"`([^`]+)`")


def tables(page):
    """Each table's header, and its rows with the line each stands on."""
    header, rows = None, []
    for number, line in [*blocks.prose(page), (0, "")]:
        if not line.startswith("|"):
            if header:
                yield header, rows
            header, rows = None, []
            continue
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip()[1:-1])]
        if header is None:
            header = [cell.lower() for cell in cells]
        elif not all(re.fullmatch(r":?-+:?", cell) for cell in cells):
            rows.append((number, cells))


def code(cell):
    return CODE.fullmatch(cell)[1].replace("\\|", "|") if CODE.fullmatch(cell) else cell


def constraints():
    """What does not hold in docs/constraints.md, and the rows of each kind: their lines and answers."""
    import libagentid
    from libagentid._calling import call
    from libagentid._inputs import pair
    from libagentid._abi import lib

    page = ROOT / "docs/constraints.md"
    scope = lambda constraint: libagentid.Scope(f"tool(a: {constraint})")

    def permits(constraint, argument):
        return "permitted" if scope(constraint).permits("tool", {"a": json.loads(argument)}) else "denied"

    def decides(text, arguments):
        try:
            tool = libagentid.Scope(text)
            call(lib.agentid_scope_permits, tool._handle, *pair("t", "tool"), *pair(arguments, "arguments"))
            return "permitted"
        except libagentid.Denied as denied:
            return denied.reason
        except libagentid.ScopeError as error:
            return error.name

    def narrows(parent, child):
        return narrows_scope(f"tool(a: {parent})", f"tool(a: {child})")

    def narrows_scope(parent, child):
        parent, child = libagentid.Scope(parent), libagentid.Scope(child)
        try:
            call(lib.agentid_scope_subsumes, parent._handle, child._handle)
            return "below"
        except libagentid.Denied as denied:
            return denied.reason

    def both(one, other):
        return both_scopes(f"tool(a: {one})", f"tool(a: {other})").removeprefix("tool(a ").removesuffix(")")

    def both_scopes(one, other):
        try:
            return str(libagentid.Scope(one) & libagentid.Scope(other))
        except libagentid.ScopeError as error:
            return error.name

    def refused(constraint):
        try:
            scope(constraint)
            return "none"
        except libagentid.ScopeError as error:
            return error.name

    answers = {("constraint", "argument", "answer"): permits, ("parent", "child", "answer"): narrows,
               ("scope", "arguments", "answer"): decides, ("parent scope", "child scope", "answer"): narrows_scope,
               ("one", "other", "both"): both, ("one scope", "other scope", "both"): both_scopes,
               ("constraint", "error"): refused}
    wrong, seen = [], {}
    for header, rows in tables(page):
        function = answers.get(tuple(header[:3])) or answers.get(tuple(header[:2]))
        if not function:
            continue
        for number, cells in rows:
            *inputs, wanted = [code(cell) for cell in cells[:3 if len(header) > 2 else 2]]
            try:
                found = function(*inputs)
            except Exception as error:
                found = repr(error)
            if found != wanted:
                wrong.append(f"docs/constraints.md:{number}: {inputs}: {found}, and the page says {wanted}")
            seen.setdefault(function.__name__, []).append((number, wanted))
    return wrong, seen


def kinds(seen):
    """Every type of constraint has a section with an example permitted and denied, below and not."""
    source = (ROOT / "Sources/Scopes/ConstraintKind.swift").read_text()
    types = re.findall(r'case \.\w+: "(\w+)"', source)
    page, wrong = ROOT / "docs/constraints.md", []
    sections, now = {}, None
    for number, line in blocks.prose(page):
        if line.startswith("## "):
            now = line[3:].strip()
        sections[number] = now
    for kind in types:
        answers = {(name, wanted) for name, rows in seen.items() for number, wanted in rows if sections[number] == kind}
        for what in [("permits", "permitted"), ("permits", "denied"), ("narrows", "below")]:
            if what not in answers and (kind, what[1]) != ("wildcard", "denied"):
                wrong.append(f"docs/constraints.md: {kind} has no example that is {what[1]}")
        if not {wanted for name, wanted in answers if name == "narrows"} - {"below"} and kind != "wildcard":
            wrong.append(f"docs/constraints.md: {kind} has no example that is not below")
    return wrong


def listed():
    """The names that docs/errors.md and docs/reasons.md lack, and those that nothing in the sources answers."""
    wrong, rows = names.unexplained(), 0
    for page, what, known in [("docs/errors.md", "status", names.statuses()), ("docs/reasons.md", "reason", names.reasons()),
                              ("docs/errors.md", "error", names.errors())]:
        shown = [name for header, found in tables(ROOT / page) if header[0] == what for _, cells in found for name in CODE.findall(cells[0])]
        wrong += [f"{page}: the {what} {name} is missing" for name in sorted(known - set(shown))]
        wrong += [f"{page}: nothing answers the {what} {name}" for name in sorted(set(shown) - known)]
        wrong += [f"{page}: the {what} {name} stands there twice" for name in sorted(set(shown)) if shown.count(name) > 1]
        rows += len(shown)
    return wrong, rows


def evidence():
    """Tests that pages name and that are not there: in tables with a column `shown by`, names of tests and their files."""
    wrong, count = [], 0
    files = [file for folder in ("Tests", "Bindings", "examples") for file in (ROOT / folder).rglob("*")
             if file.suffix in {".swift", ".py", ".c", ".cc", ".go"} and "Docs" not in file.parts]
    text = "\n".join(file.read_text() for file in files)
    known = {file.name for file in files} | {str(file.relative_to(ROOT)) for file in files}
    for page in [ROOT / "SECURITY.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        for header, rows in tables(page):
            if "shown by" not in header:
                continue
            for number, cells in rows:
                count += 1
                for name in CODE.findall(cells[header.index("shown by")]):
                    last = name.split(".")[-1]
                    if not (name in known or f"/{name}" in " ".join(known) or re.search(rf"\b(func|def|class|struct|suite|enum) {last}\b", text)):
                        if not name.startswith("make ") and not (ROOT / name).exists():
                            wrong.append(f"{page.relative_to(ROOT)}:{number}: there is no test {name}")
    return wrong, count


def check():
    """How many rows hold, and what does not."""
    wrong, seen = constraints()
    more, count = listed()
    missing, shown = evidence()
    return sum(map(len, seen.values())) + count + shown, wrong + kinds(seen) + more + missing
