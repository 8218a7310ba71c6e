#!/usr/bin/env python3
"""Writes a page for each public class of the Python package, from its docstrings: docs-python.py [--check]

They go to docs/python, with an index. `--check` writes nothing and fails where a page is not what it would write. Reads the
sources alone: nothing is imported.
"""

from __future__ import annotations

import ast
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
PACKAGE, PAGES = ROOT / "Bindings/python/libagentid", ROOT / "docs/python"
MODULES = ["", "aio", "documents", "scopes", "types", "tools", "http", "http.asgi", "http.wsgi", "http.fastapi", "http.httpx", "http.requests",
           "grpc", "metrics", "postgres", "oauth", "files", "spiffe", "spiffe.workload"]  # fmt: skip
MADE = "<!-- made by scripts/docs-python.py from the docstrings: do not edit -->\n"
Class = ast.ClassDef
Function = ast.FunctionDef | ast.AsyncFunctionDef


class Module:
    """A module's source: what it defines, and where what it imports comes from."""

    def __init__(self, path: pathlib.Path) -> None:
        self.path, self.tree = path, ast.parse(path.read_text())
        self.defined: dict[str, ast.stmt] = {}
        self.imported: dict[str, tuple[pathlib.Path, str]] = {}
        for node in self.tree.body:
            if isinstance(node, Class | Function):
                self.defined[node.name] = node
            elif isinstance(node, ast.AnnAssign | ast.Assign):
                for target in [node.target] if isinstance(node, ast.AnnAssign) else node.targets:
                    if isinstance(target, ast.Name):
                        self.defined[target.id] = node
            elif isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    self.imported[alias.asname or alias.name] = (self._from(node, alias.name), alias.name)
            elif isinstance(node, ast.Import):
                for alias in node.names:
                    if alias.name.startswith("libagentid.") and alias.asname:
                        self.imported[alias.asname] = (PACKAGE / (alias.name.split(".", 1)[1].replace(".", "/") + ".py"), "")

    def _from(self, node: ast.ImportFrom, name: str) -> pathlib.Path:
        if node.level:
            base = self.path.parent
            for _ in range(node.level - 1):
                base = base.parent
        else:
            base = PACKAGE.parent
        where = base.joinpath(*(node.module or "").split(".")) if node.module else base
        return where / "__init__.py" if (where / "__init__.py").is_file() else where.with_suffix(".py")

    def public(self) -> list[str]:
        """The names in `__all__`; without it those defined here that do not begin with an underscore."""
        for node in self.tree.body:
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "__all__":
                return sorted(ast.literal_eval(node.value), key=str.lower)
        return sorted((n for n, d in self.defined.items() if not n.startswith("_") and isinstance(d, Class | Function)), key=str.lower)

    def find(self, name: str) -> tuple[Module, ast.stmt] | None:
        """Where a name is defined, through imports; None outside of the package."""
        if name in self.defined:
            return self, self.defined[name]
        if name in self.imported:
            path, original = self.imported[name]
            if path.is_file() and path != self.path:
                return load(path).find(original)
        return None


_loaded: dict[pathlib.Path, Module] = {}


def load(path: pathlib.Path) -> Module:
    if path not in _loaded:
        _loaded[path] = Module(path)
    return _loaded[path]


def parameters(function: Function, *, is_method: bool) -> str:
    given = function.args
    is_static = any(isinstance(d, ast.Name) and d.id == "staticmethod" for d in function.decorator_list)
    names, shown = [*given.posonlyargs, *given.args], []
    defaults: list[ast.expr | None] = [*[None] * (len(names) - len(given.defaults)), *given.defaults]
    for index, (argument, default) in enumerate(zip(names, defaults, strict=True)):
        if not (index == 0 and is_method and not is_static):
            shown.append(one(argument, default))
        if given.posonlyargs and index == len(given.posonlyargs) - 1 and shown:
            shown.append("/")
    if given.vararg:
        shown.append("*" + one(given.vararg, None))
    elif given.kwonlyargs:
        shown.append("*")
    shown += [one(argument, default) for argument, default in zip(given.kwonlyargs, given.kw_defaults, strict=True)]
    if given.kwarg:
        shown.append("**" + one(given.kwarg, None))
    return ", ".join(shown)


def one(argument: ast.arg, default: ast.expr | None) -> str:
    kind = f": {ast.unparse(argument.annotation)}" if argument.annotation else ""
    if default is None:
        return argument.arg + kind
    shown = "..." if isinstance(default, ast.Name) and default.id.startswith("_") else ast.unparse(default)
    return f"{argument.arg}{kind}{' = ' if kind else '='}{shown}"


def paragraphs(text: str | None, indent: str = "") -> str:
    """A docstring as Markdown: what is indented in it is code."""
    if not text:
        return ""
    lines, code = [], False
    for line in text.splitlines():
        if line.startswith("    ") and not code:
            lines += ["```text"]
            code = True
        elif code and line and not line.startswith("    "):
            while lines[-1] == "":
                lines.pop()
            lines += ["```", ""]
            code = False
        lines.append(line.removeprefix("    ") if code else line)
    if code:
        lines.append("```")
    return "\n".join(indent + line if line else line for line in lines)


def docstring(node: ast.AST) -> str | None:
    return ast.get_docstring(node) if isinstance(node, Class | Function | ast.Module) else None


def signature(name: str, function: Function, *, is_method: bool) -> str:
    returned = f" -> {ast.unparse(function.returns)}" if function.returns else ""
    is_coroutine = isinstance(function, ast.AsyncFunctionDef)
    return f"{'await ' if is_coroutine else ''}{name}({parameters(function, is_method=is_method)}){returned}"


def is_overload(function: Function) -> bool:
    return any(isinstance(d, ast.Name) and d.id == "overload" for d in function.decorator_list)


def members(module: Module, kind: Class, seen: set[str]) -> list[tuple[str, str]]:
    """A class's own members and those of its bases in this package: heading and text, by name."""
    found: list[tuple[str, str]] = []
    body = kind.body
    for index, node in enumerate(body):
        follows = body[index + 1] if index + 1 < len(body) else None
        said = follows.value.value if isinstance(follows, ast.Expr) and isinstance(follows.value, ast.Constant) and isinstance(follows.value.value, str) else ""
        if isinstance(node, Function):
            if node.name.startswith("_") or node.name in seen or is_overload(node):
                continue
            seen.add(node.name)
            decorators = [ast.unparse(d) for d in node.decorator_list]
            if "property" in decorators:
                found.append((node.name, f"{node.name}: {ast.unparse(node.returns)}\n{docstring(node) or ''}" if node.returns else node.name))
            else:
                made_by = "classmethod " if "classmethod" in decorators else ""
                found.append((node.name, f"{made_by}{signature(node.name, node, is_method=True)}\n{docstring(node) or ''}"))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and not node.target.id.startswith("_"):
            if node.target.id not in seen:
                seen.add(node.target.id)
                found.append((node.target.id, f"{node.target.id}: {ast.unparse(node.annotation)}\n{' '.join(said.split())}"))
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and isinstance(node.value, ast.Call):
            name, maker = node.targets[0].id, ast.unparse(node.value.func)
            wrapped = node.value.args[0] if node.value.args else None
            if maker == "staticmethod" and isinstance(wrapped, ast.Call):
                maker, wrapped = ast.unparse(wrapped.func), wrapped.args[0]
            if name.startswith("_") or name in seen or maker not in ("waits", "starts", "starting") or wrapped is None:
                continue
            seen.add(name)
            function = method(module, ast.unparse(wrapped))
            if function:
                how = "await " if maker == "waits" else "await or async with "
                found.append((name, f"{how}{signature(name, function, is_method=True)}\n{docstring(function) or ''}"))
    for base in kind.bases:
        place = module.find(ast.unparse(base).split(".")[-1]) if "." not in ast.unparse(base) else resolve(module, ast.unparse(base))
        if place and isinstance(place[1], Class):
            found += members(place[0], place[1], seen)
    return found


def resolve(module: Module, dotted: str) -> tuple[Module, ast.stmt] | None:
    """What a dotted name of an imported module of the package is."""
    first, _, rest = dotted.partition(".")
    if first in module.imported and module.imported[first][0].is_file():
        return load(module.imported[first][0]).find(rest.split(".")[0])
    return module.find(first)


def method(module: Module, dotted: str) -> Function | None:
    """The function behind `_authority.Authority.agent`."""
    place = resolve(module, dotted)
    if place is None or not isinstance(place[1], Class):
        return place[1] if place and isinstance(place[1], Function) else None
    name = dotted.split(".")[-1]
    todo = [place]
    while todo:
        where, kind = todo.pop(0)
        assert isinstance(kind, Class)
        for node in kind.body:
            if isinstance(node, Function) and node.name == name and not is_overload(node):
                return node
        for base in kind.bases:
            above = resolve(where, ast.unparse(base)) if "." in ast.unparse(base) else where.find(ast.unparse(base))
            if above and isinstance(above[1], Class):
                todo.append(above)
    return None


def page(dotted: str, name: str, module: Module, kind: Class) -> str:
    text = [MADE, f"# {dotted}.{name}", "", paragraphs(docstring(kind)), ""]
    bases = [b for b in (ast.unparse(base).split(".")[-1] for base in kind.bases) if not b.startswith("_")]
    if bases and (bases != ["Handle"]) and bases[0] in ("Error", "Exception", "TypedDict", "NamedTuple", "Protocol", "Document"):
        text += [f"A subclass of `{bases[0]}`.", ""]
    init = next((node for node in kind.body if isinstance(node, Function) and node.name == "__init__"), None)
    if init is not None and "Document" not in bases and "Closing" not in bases and "*_" not in parameters(init, is_method=True):
        text += ["```text", f"{name}({parameters(init, is_method=True)})", "```", ""]
    for member, said in sorted(members(module, kind, set()), key=lambda found: found[0].lower()):
        shown, _, about = said.partition("\n")
        text += [f"## {member}", "", "```text", wrapped(shown), "```", "", paragraphs(about), ""]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(text)).rstrip() + "\n"


def wrapped(shown: str) -> str:
    """A signature, one parameter a line where it is long."""
    if len(shown) <= 110 or "(" not in shown:
        return shown
    name, _, rest = shown.partition("(")
    inside, parts, depth, start = rest, [], 0, 0
    end = len(rest)
    for index, letter in enumerate(rest):
        depth += letter in "([{"
        depth -= letter in ")]}"
        if depth < 0:
            end = index
            break
        if letter == "," and depth == 0:
            parts.append(inside[start:index].strip())
            start = index + 1
    parts.append(inside[start:end].strip())
    return "\n".join([f"{name}(", *(f"    {part}," for part in parts), f"){rest[end + 1 :]}"])


def made() -> dict[str, str]:
    pages: dict[str, str] = {}
    index = [MADE, "# Python, class by class", "", "The [guide](../guides/python.md) is where to begin. These pages are made from the docstrings.", ""]
    for name in MODULES:
        path = PACKAGE / name.replace(".", "/")
        path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        if not path.is_file():
            continue
        module, dotted = load(path), f"libagentid.{name}".rstrip(".")
        first = (docstring(module.tree) or "").split("\n\n")[0].replace("\n", " ")
        index += [f"## {dotted}", "", first, ""]
        functions: list[str] = []
        for public in module.public():
            place = module.find(public)
            if place is None or place[0].path.suffix != ".py":
                continue
            where, node = place
            if isinstance(node, Class):
                about = (docstring(node) or "").split("\n")[0]
                file = f"{dotted}.{public}.md"
                pages[file] = page(dotted, public, where, node)
                index.append(f"* [{public}]({file}): {about}")
            elif isinstance(node, Function):
                functions += [f"`{signature(public, node, is_method=False)}`", "", paragraphs(docstring(node)), ""]
        index += ["", *functions]
    pages["README.md"] = re.sub(r"\n{3,}", "\n\n", "\n".join(index)).rstrip() + "\n"
    return pages


def main() -> None:
    pages = made()
    there = {path.name: path.read_text() for path in PAGES.glob("*.md")}
    if sys.argv[1:] == ["--check"]:
        if wrong := sorted(name for name in pages.keys() | there.keys() if pages.get(name) != there.get(name)):
            sys.exit(f"docs/python: {', '.join(wrong)} is not what the docstrings say: run scripts/docs-python.py")
        return
    PAGES.mkdir(exist_ok=True)
    for name in there.keys() - pages.keys():
        (PAGES / name).unlink()
    for name, text in pages.items():
        (PAGES / name).write_text(text)
    print(f"{len(pages)} pages in docs/python")


main()
