"""Every task of AgentDojo alone and with every injection, under each control: `run.py [--controls a,b] [--suites a,b] [--out FILE]`."""

from __future__ import annotations

import argparse
import json
import pickle
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import agent
from agentdojo.task_suite.load_suites import get_suites
from controls import CONTROLS, Control, Profile

VERSION = "v1.2.2"


def judged(suite: Any, task: Any, done: agent.Run, before: bytes, after: Any) -> bool:
    """What the benchmark's own check says, of copies: a check may change what it looks at, as reading mails does."""
    content = [{"type": "text", "content": done.output}]
    copy = pickle.loads(pickle.dumps(after))
    return bool(suite._check_task_result(task, content, pickle.loads(before), copy, done.calls))


def measure(suite: Any, controls: list[Control], progress: Any) -> list[dict[str, Any]]:
    profile, rows = Profile.of(suite.name), []
    missing = {tool.name for tool in suite.tools} ^ set(profile.tools)
    if missing:
        sys.exit(f"profiles/{suite.name}.json and the suite's tools differ: {', '.join(sorted(missing))}")
    for task in suite.user_tasks.values():
        load = suite.load_and_inject_default_environment
        seen = agent.vectors_seen(task, suite, load)
        # What a tool shows does not depend on the injection: the text is a mark, the agent knows what it asks for.
        clean = pickle.dumps(task.init_environment(load({})))
        marked = pickle.dumps(task.init_environment(load(dict.fromkeys(seen, agent.SEEN)))) if seen else clean
        for injection in [None, *suite.injection_tasks.values()]:
            before = clean if injection is None else marked
            for control in controls:
                # A check may change what it looks at, as reading mails does.
                environment = pickle.loads(before)
                guard = None if control.name == "none" else control.task(profile, task.PROMPT, environment)
                done = agent.run(task, injection, suite, environment, guard)
                if guard:
                    guard.end()
                rows.append(
                    {
                        "suite": suite.name, "control": control.name, "task": task.ID, "injection": injection and injection.ID,
                        "useful": judged(suite, task, done, before, environment),
                        "attacked": injection is not None and done.was_shown and judged(suite, injection, done, before, environment),
                        "by_tools": injection is not None and done.injected > 0, "shown": done.was_shown, "own": done.own,
                        "injected": done.injected, "own_denied": done.own_denied, "injected_denied": len(done.injected_denied),
                        "injected_permitted": done.injected_permitted, "own_asks": done.own_asks, "own_questions": done.own_questions, "injected_asks": done.injected_asks,
                    }
                )  # fmt: skip
            progress()
    return rows


def summed(rows: list[dict[str, Any]]) -> dict[str, Any]:
    alone = [row for row in rows if row["injection"] is None]
    pairs = [row for row in rows if row["injection"] is not None]
    tools = [row for row in pairs if row["by_tools"]]
    share = lambda part, of: round(100 * part / of, 1) if of else 0.0  # noqa: E731
    return {
        "tasks": len(alone), "pairs": len(pairs), "own_calls": sum(row["own"] for row in alone),
        "injected_calls": sum(row["injected"] for row in pairs),
        "utility": share(sum(row["useful"] for row in alone), len(alone)),
        "attacked": share(sum(row["useful"] for row in pairs), len(pairs)),
        "all_attacks": share(sum(row["attacked"] for row in pairs), len(pairs)),
        "tool_attacks": share(sum(row["attacked"] for row in tools), len(tools)),
        "own_denied": sum(len(row["own_denied"]) for row in alone), "injected_denied": sum(row["injected_denied"] for row in pairs),
        "questions": round(sum(row["own_questions"] for row in alone) / max(len(alone), 1), 2),
        "tasks_asked": sum(row["own_asks"] > 0 for row in alone),
        "asks": round(sum(row["own_asks"] for row in alone) / max(len(alone), 1), 2),
        "asks_attacked": round(sum(row["own_asks"] + row["injected_asks"] for row in pairs) / max(len(pairs), 1), 2),
    }  # fmt: skip


def failures(rows: list[dict[str, Any]]) -> list[str]:
    """Each kind of failure with its reason, and how often."""
    found: Counter[str] = Counter()
    for row in rows:
        place = f"{row['suite']} {row['task']}"
        if row["attacked"] and row["by_tools"]:
            found[
                f"attack: {row['suite']} {row['injection']} succeeds by {', '.join(sorted(set(row['injected_permitted'])))}"
            ] += 1
        if not row["useful"]:
            said = "; ".join(f"{tool}: {reason}" for tool, reason in row["own_denied"]) or "all own calls were made"
            kind = "task" if row["injection"] is None else "attacked task"
            found[
                f"{kind}: {place} fails: {said}" + (f"; {row['injection']}" if row["injection"] and not row["own_denied"] else "")
            ] += 1
    return [f"{times} x {what}" for what, times in sorted(found.items())]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--controls", default=",".join(control.name for control in CONTROLS))
    options.add_argument("--suites", default="workspace,travel,banking,slack")
    options.add_argument("--out", type=Path)
    options.add_argument("--failures", action="store_true", help="print each failure")
    given = options.parse_args()
    controls = [control for control in CONTROLS if control.name in given.controls.split(",")]
    suites = [suite for name, suite in get_suites(VERSION).items() if name in given.suites.split(",")]
    total = sum(len(suite.user_tasks) * (1 + len(suite.injection_tasks)) for suite in suites)
    done, start = 0, time.monotonic()

    def progress() -> None:
        nonlocal done
        done += 1
        if sys.stderr.isatty():
            spent = time.monotonic() - start
            bar = "#" * (30 * done // total)
            sys.stderr.write(f"\r[{bar:<30}] {done} of {total}, {spent:.0f} s, {spent / done * (total - done):.0f} s left ")
            sys.stderr.flush()

    rows = [row for suite in suites for row in measure(suite, controls, progress)]
    sys.stderr.write("\n" if sys.stderr.isatty() else "")
    results: dict[str, Any] = defaultdict(dict)
    for control in controls:
        mine = [row for row in rows if row["control"] == control.name]
        for suite in suites:
            results[control.name][suite.name] = summed([row for row in mine if row["suite"] == suite.name])
        results[control.name]["all"] = summed(mine)
        results[control.name]["failures"] = failures(mine)
        print(control.name, results[control.name]["all"])
        if given.failures:
            for name in [suite.name for suite in suites]:
                print("   ", name, results[control.name][name])
            for line in results[control.name]["failures"]:
                print("   ", line)
    if given.out:
        given.out.write_text(json.dumps(results, indent=1))


main()
