"""Writes the tables of docs/agentdojo.md from what run.py and traces.py measured: `report.py RESULTS [TRACES]`."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

PAGE = Path(__file__).resolve().parents[2] / "docs/agentdojo.md"
TITLES = {
    "none": "nothing",
    "scope": "the profile's ceiling alone",
    "labels": "labels: after untrusted content no effects",
    "default": "the shipped default (`policy init`'s rules)",
    "asked": "after untrusted content each effect is asked",
    "tenuo": "tenuo 0.3.3: the same pins as its constraints",
    "for_task": "scope by `for_task`; what is outside is denied",
    "for_task_asked": "scope by `for_task`; after untrusted content what is outside is asked",
}
SUITES = ["workspace", "travel", "banking", "slack", "all"]


def row(title: str, one: dict[str, Any]) -> str:
    cells = [
        f"{one['utility']:.1f}", f"{one['attacked']:.1f}", f"{one['tool_attacks']:.1f} %", f"{one['all_attacks']:.1f} %",
        f"{one['own_denied']} of {one['own_calls']}", f"{one['injected_denied']} of {one['injected_calls']}",
        f"{one['asks']:.2f}", f"{one['questions']:.2f}", f"{one['asks_attacked']:.2f}",
    ]  # fmt: skip
    return f"| {title} | {' | '.join(cells)} |"


HEAD = (
    "| control | utility | under attack | attacks by tools that succeed | all attacks | own calls denied | injected calls denied | "
    "asks a task | questions a task | asks a task under attack |\n|---|---|---|---|---|---|---|---|---|---|"
)


def tables(results: dict[str, Any]) -> str:
    parts = [HEAD, *(row(TITLES[name], one["all"]) for name, one in results.items())]
    best = results["for_task_asked"]
    parts += [
        "",
        "By suite, the last of them:",
        "",
        HEAD.replace("control", "suite", 1),
        *(row(suite, best[suite]) for suite in SUITES),
    ]
    parts += ["", "What still fails there, each with its reason:", ""]
    parts += [f"* {line}" for line in merged(best["failures"])]
    return "\n".join(parts)


def merged(lines: list[str]) -> list[str]:
    """Failures of one task under several injections on one line."""
    found: dict[str, int] = {}
    for line in lines:
        times, what = line.split(" x ", 1)
        what = re.sub(r"; injection_task_\\d+$", "", what).replace(
            "all own calls were made", "the injection's permitted calls changed what the check looks at"
        )
        what = re.sub(r"; injection_task_\d+$", "", what)
        found[what] = found.get(what, 0) + int(times)
    return [f"{times} x {what}" for what, times in found.items()] or ["nothing"]


def traced(counts: dict[str, Any]) -> str:
    attacks, benign = counts["attack recorded"], counts["benign recorded"]
    lines = [
        "| control | attacks that still succeed | benign successes kept | asks an attacked run | asks a benign run |",
        "|---|---|---|---|---|",
    ]
    for name in ("none", "default", "for_task", "for_task_asked"):
        share = [
            f"{100 * counts.get(f'{name} attack', 0) / attacks:.1f} %",
            f"{100 * counts.get(f'{name} benign', 0) / benign:.1f} %",
        ]
        asks = [f"{counts.get(f'{name} {kind} asks', 0) / of:.2f}" for kind, of in (("attack", attacks), ("benign", benign))]
        lines.append(f"| {TITLES[name]} | {' | '.join(share + asks)} |")
    said = (
        f"{attacks} attacks that succeeded and {benign} benign successes, one recorded run of {counts['every']}."
        if counts["every"] > 1
        else (f"{attacks} attacks that succeeded and {benign} benign successes: every recorded run.")
    )
    return "\n".join([said, "", *lines])


def main() -> None:
    page = PAGE.read_text()
    written = {"replay": tables(json.loads(Path(sys.argv[1]).read_text()))}
    if len(sys.argv) > 2:
        written["traces"] = traced(json.loads(Path(sys.argv[2]).read_text()))
    for name, text in written.items():
        page = re.sub(
            rf"(<!-- {name} -->\n).*?(<!-- end -->)", lambda match, text=text: f"{match[1]}{text}\n{match[2]}", page, flags=re.S
        )
    PAGE.write_text(page)


main()
