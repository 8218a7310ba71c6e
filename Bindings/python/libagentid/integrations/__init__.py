"""Guards for agent frameworks: glue over `libagentid.tools`. Each module needs its framework, and says so where that is missing.

docs/integrations.md has the table. No module is imported by another part of the package.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import Any


def needs(package: str, least: str, extra: str, module: str | None = None) -> str:
    """The version of a package that an integration needs; ImportError where it is missing or too old: nothing runs unguarded."""
    how, module = f"pip install 'libagentid[{extra}]'", module or f"libagentid.integrations.{extra.replace('-', '_')}"
    try:
        found = version(package)
    except PackageNotFoundError:
        raise ImportError(f"{module} needs {package} {least} or later, which is not installed: {how}") from None
    if _numbers(found) < _numbers(least):
        raise ImportError(f"{module} needs {package} {least} or later, and {found} is installed: {how}")
    return found


def wanted(given: object, member: str, what: str) -> None:
    """Raises TypeError for what has not the member that a guard goes in by."""
    if not hasattr(given, member):
        raise TypeError(f"what is guarded is {what}, not {type(given).__name__}")


def tools_of(given: object, members: tuple[str, ...], what: str) -> list[Any]:
    """The tools of a list; raises TypeError for what is not one, or has something else in it, by its position."""
    wanted(given, "__iter__", what)
    tools: list[Any] = [given] if isinstance(given, str) else list(given)  # pyright: ignore[reportArgumentType, reportUnknownArgumentType, reportUnknownVariableType]
    for index, tool in enumerate(tools):
        if not all(hasattr(tool, member) for member in members):
            raise TypeError(f"what is guarded is {what}; [{index}] is of the type {type(tool).__name__}")
    return tools


def named(name: object) -> None:
    """Raises TypeError for what cannot be the name of a sub-agent."""
    if name is not None and not (isinstance(name, str) and name):
        given = "an empty one" if name == "" else type(name).__name__
        raise TypeError(f"name is a text, the sub-agent's, not {given}: without it, calls are decided as the current agent")


def _numbers(text: str) -> tuple[int, ...]:
    """The leading numbers of a version; 1 is 1.0."""
    numbers: list[int] = []
    for part in text.split("."):
        digits = part[: len(part) - len(part.lstrip("0123456789"))]
        if not digits:
            break
        numbers.append(int(digits))
        if digits != part:
            break
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)
