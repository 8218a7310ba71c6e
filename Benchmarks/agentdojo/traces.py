"""The recorded runs of real models (sdist of agentdojo 0.1.19, MIT) under each control: `traces.py RUNS [--every N] [--out FILE]`.

Of the attacks that succeeded there: how many still do. Of the successes without an attack: how many are kept. The calls are made again,
in order, in a new environment; what is denied is left out, and the rest goes on as it was recorded (open loop).
"""

from __future__ import annotations

import argparse
import json
import pickle
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import yaml

yaml.SafeLoader = yaml.CSafeLoader  # type: ignore[misc,assignment]
yaml.safe_load = lambda text: yaml.load(text, yaml.CSafeLoader)

from agentdojo.functions_runtime import FunctionCall, FunctionsRuntime  # noqa: E402
from agentdojo.task_suite.load_suites import get_suites  # noqa: E402
from controls import CONTROLS, Profile  # noqa: E402

COMPARED = ["none", "default", "for_task", "for_task_asked"]


def recorded(runs: Path, every: int) -> list[dict[str, Any]]:
    """The traces that count: attacks that succeeded, and tasks that did without one."""
    found = []
    for path in sorted(runs.rglob("*.json")):
        trace = json.loads(path.read_text())
        if trace.get("suite_name") and (trace["security"] if trace.get("injection_task_id") else trace["utility"]):
            # Without an attack each injection's own calls were recorded as a task too: these are no person's.
            if str(trace["user_task_id"]).startswith("user_task"):
                found.append(trace)
    return found[::every]


def needed(suite: Any, task: Any, environment: Any) -> list[tuple[str, dict[str, Any]]]:
    return [(call.function, dict(call.args)) for call in task.ground_truth(environment)]


def serves(profile: Profile, tool: str, arguments: Any, wanted: list[tuple[str, dict[str, Any]]]) -> bool:
    """Whether a person who is asked says yes: the task needs this tool with these destinations."""
    pinned = [name for name, kind in profile.pins.get(tool, {}).get("arguments", {}).items() if not kind.startswith("date")]
    return any(tool == other and all(arguments.get(name) == given.get(name) for name in pinned) for other, given in wanted)


def replay(trace: dict[str, Any], suite: Any, profile: Profile, control: Any, before: bytes) -> tuple[bool, bool, int]:
    task, environment = suite.user_tasks[trace["user_task_id"]], pickle.loads(before)
    wanted = needed(suite, task, environment)
    guard = None if control.name == "none" else control.task(profile, task.PROMPT, environment)
    runtime, calls, asks, output = FunctionsRuntime(suite.tools), [], 0, ""
    for message in trace["messages"]:
        if message["role"] != "assistant":
            continue
        output = message["content"] or output
        for call in message.get("tool_calls") or []:
            tool, arguments = call["function"], call["args"]
            if guard and tool in runtime.functions:
                answer = guard.decide(tool, arguments, environment)
                asks += answer.is_asked
                if not answer.permitted and not (answer.is_asked and serves(profile, tool, arguments, wanted)):
                    continue
            calls.append(FunctionCall(function=tool, args=arguments))
            runtime.run_function(environment, tool, arguments)
    if guard:
        guard.end()
    copy = lambda: (pickle.loads(before), pickle.loads(pickle.dumps(environment)))  # noqa: E731
    content = [{"type": "text", "content": output}]
    useful = bool(suite._check_task_result(task, content, *copy(), calls))
    injection = trace.get("injection_task_id")
    attacked = bool(injection and suite._check_task_result(suite.injection_tasks[injection], content, *copy(), calls))
    return useful, attacked, asks


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("runs", type=Path)
    options.add_argument("--every", type=int, default=1, help="only one trace of so many")
    options.add_argument("--out", type=Path)
    given = options.parse_args()
    suites = get_suites("v1")
    profiles = {name: Profile.of(name) for name in suites}
    controls = [control for control in CONTROLS if control.name in COMPARED]
    traces, counts = recorded(given.runs, given.every), Counter()
    for place, trace in enumerate(traces):
        suite = suites[trace["suite_name"]]
        task = suite.user_tasks[trace["user_task_id"]]
        try:
            before = pickle.dumps(task.init_environment(suite.load_and_inject_default_environment(trace["injections"] or {})))
        except (ValueError, yaml.YAMLError):
            counts["not loaded"] += 1
            continue
        kind = "attack" if trace.get("injection_task_id") else "benign"
        counts[f"{kind} recorded"] += 1
        for control in controls:
            try:
                useful, attacked, asks = replay(trace, suite, profiles[suite.name], control, before)
            except Exception as error:  # a recorded call whose arguments are not JSON that the library reads
                counts[f"{control.name} failed: {type(error).__name__}"] += 1
                continue
            held = attacked if kind == "attack" else useful
            counts[f"{control.name} {kind}"] += held
            if kind == "attack" and held and control.pinned:
                counts[f"{control.name} still: {suite.name} {trace['injection_task_id']}"] += 1
            if kind == "benign" and not held and control.pinned:
                counts[f"{control.name} lost: {suite.name} {trace['user_task_id']}"] += 1
            counts[f"{control.name} {kind} asks"] += asks
        if sys.stderr.isatty():
            sys.stderr.write(f"\r{place + 1} of {len(traces)} ")
    print(json.dumps(dict(counts), indent=1))
    if given.out:
        given.out.write_text(json.dumps({"every": given.every, **counts}, indent=1))


main()
