"""What the demo shows: headings, one aligned line for each decision, and at the end whether all was as expected."""

import os
import re
import sys
from typing import Any

COLOUR = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
BOLD, DIM, RED, GREEN, CYAN = 1, 2, 31, 32, 36
_ID = re.compile(r"spiffe://[^\s,]+")
_unexpected: list[str] = []


def paint(code: int, text: str) -> str:
    return f"\033[{code}m{text}\033[0m" if COLOUR else text


def short(identity: str) -> str:
    """The last name of an agent's ID, without its instance's number."""
    return re.sub(r"/[0-9a-f]{8}-[0-9a-f-]{27}$", "", identity).rsplit("/", 1)[-1]


def plain(text: str) -> str:
    """A message with short names for IDs."""
    return _ID.sub(lambda identity: short(identity[0]), text)


def act(text: str, setting: str) -> None:
    print(paint(BOLD, text) + paint(DIM, f"  ({setting})"), flush=True)


def scene(text: str) -> None:
    print("\n" + paint(BOLD, text), flush=True)


def line(text: str) -> None:
    print("  " + text, flush=True)


def indented(text: str) -> None:
    for each in text.splitlines():
        line("  " + each)


def family(agents: list[tuple[str, str]]) -> None:
    """Who may do what: the first started the others."""
    for index, (name, scope) in enumerate(agents):
        branch = "" if index == 0 else "├─ " if index + 1 < len(agents) else "└─ "
        line(branch + paint(CYAN, name) + " " * (17 - len(branch + name)) + scope)


def decided(call: dict[str, Any], expect: str = "permit") -> None:
    """One decision: verdict, who, what, how long the guard took, and what came of it or why not."""
    reason = call["reason"]
    mark = paint(GREEN, "permit") if not reason else paint(RED, "deny  ")
    came = paint(DIM, call["text"]) if not reason else f"{paint(RED, reason)}: {plain(call['message'])}"
    line(f"{mark}  {call['who']:10}  {call['what']:35}  {call['guard']:5.0f} µs  {came}")
    check((reason or "permit") == expect, f"{call['what']}: {reason or 'permit'}, expected {expect}")


def check(holds: bool, otherwise: str) -> None:
    """Remembers what was not as expected."""
    if not holds:
        _unexpected.append(otherwise)
        line(paint(RED, "not as expected: ") + otherwise)


def verdict() -> int:
    """The last line, and the exit status."""
    print()
    if not _unexpected:
        print(paint(GREEN, "Everything was as expected."))
        return 0
    print(paint(RED, "Not as expected:"))
    indented("\n".join(_unexpected))
    return 1
