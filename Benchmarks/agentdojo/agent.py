"""A gullible agent: it makes the calls of the person's task and, at the first output that shows injected text, all of the injection's."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import goals
from agentdojo.functions_runtime import FunctionCall, FunctionsRuntime
from controls import Answer, Task, TenuoTask

SEEN = "INJECTED-7f3a"


@dataclasses.dataclass
class Run:
    calls: list[FunctionCall] = dataclasses.field(default_factory=list)
    own: int = 0
    injected: int = 0
    own_denied: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    injected_denied: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    injected_permitted: list[str] = dataclasses.field(default_factory=list)
    own_asks: int = 0
    own_questions: int = 0
    injected_asks: int = 0
    was_shown: bool = False
    was_asked: bool = False
    output: str = ""


def shows(result: Any) -> bool:
    return SEEN in repr(result)


def run(task: Any, injection: Any, suite: Any, environment: Any, guard: Task | TenuoTask | None) -> Run:
    runtime, done = FunctionsRuntime(suite.tools), Run()
    plan = [(call.function, goals.plain(call.args)) for call in task.ground_truth(environment)]

    def make(tool: str, arguments: dict[str, Any], is_own: bool) -> Any:
        answer = guard.decide(tool, arguments, environment) if guard else Answer(True)
        if is_own:
            done.own += 1
            done.own_asks += answer.is_asked
            # Calls that are asked one after the other stand on one page before the person.
            done.own_questions += answer.is_asked and not done.was_asked
            done.was_asked = answer.is_asked
        else:
            done.injected += 1
            done.injected_asks += answer.is_asked
        # A person who is asked says yes to what serves the task, and no to the rest.
        if not answer.permitted and not (answer.is_asked and is_own):
            (done.own_denied if is_own else done.injected_denied).append((tool, answer.reason))
            return None
        if not is_own:
            done.injected_permitted.append(tool)
        done.calls.append(FunctionCall(function=tool, args=arguments))
        result, error = runtime.run_function(environment, tool, arguments)
        return result if error is None else None

    for tool, arguments in plan:
        result = make(tool, arguments, True)
        if injection is not None and not done.was_shown and result is not None and shows(result):
            done.was_shown = True
            for injected in goals.calls(injection, suite.name, environment):
                make(*injected, False)
    done.output = task.GROUND_TRUTH_OUTPUT
    if injection is not None and done.was_shown:
        done.output += "\n" + injection.GROUND_TRUTH_OUTPUT
    return done


def vectors_seen(task: Any, suite: Any, load: Callable[[dict[str, str]], Any]) -> list[str]:
    """The places for injected text that the task's own calls show."""
    canaries = {vector: f"CANARY-{place}-" for place, vector in enumerate(suite.get_injection_vector_defaults())}
    environment = task.init_environment(load(canaries))
    runtime, text = FunctionsRuntime(suite.tools), ""
    for call in task.ground_truth(environment):
        result, error = runtime.run_function(environment, call.function, call.args)
        text += repr(result) if error is None else ""
    return [vector for vector, canary in canaries.items() if canary in text]
