"""CrewAI: every tool call of every crew in this process is decided; each member of a crew is a narrower agent.

    guard_crews()
    with acme.agent("researcher", principal=..., task=..., scope=...):
        crew.kickoff()

CrewAI swallows whatever a hook raises but `HookAborted`, and runs the tool: here everything becomes one.
"""

from __future__ import annotations

from typing import Any

from .._errors import Denied
from ..tools import NotGuarded, broken, refusal
from . import needs
from ._crewai_runs import Turn, hold, now

VERSION = needs("crewai", "1.15.25", "crewai")

from crewai.hooks.dispatch import HookAborted, InterceptionPoint  # noqa: E402
from crewai.hooks.tool_hooks import (  # noqa: E402
    get_before_tool_call_hooks,
    register_after_tool_call_hook,
    register_before_tool_call_hook,
    unregister_before_tool_call_hook,
)

try:
    from crewai.hooks.dispatch import get_scoped_hooks as _scoped
except ImportError:  # versions that have none

    def _scoped(point: Any) -> list[Any]:
        return []


def guard_crews() -> None:
    """Has every tool call in this process decided from now on, below the current agent; outside of any, all are blocked.

    A member's agent may do what the current agent may do of the member's and its task's tools. Delegating work is a tool too:
    `delegate_work_to_coworker`, `ask_question_to_coworker`. A tool that CrewAI runs again, as it does where one fails, is decided
    again. Call it after other hooks were registered, once more if need be: while one comes after it, all calls are blocked.
    """
    if _before in get_before_tool_call_hooks():
        unregister_before_tool_call_hook(_before)
    else:
        register_after_tool_call_hook(_after)
    register_before_tool_call_hook(_before)


def _before(context: Any) -> None:
    try:
        now.set(None)
        if get_before_tool_call_hooks()[-1] is not _before:
            raise NotGuarded(
                "a hook was registered after the guard's, and could change what was decided: guard_crews() once more"
            )
        if context.tool is not None:
            hold(context.tool)
        elif _scoped(InterceptionPoint.PRE_TOOL_CALL):
            raise NotGuarded("a hook of scoped_hooks() comes after the guard's, and could change what was decided")
        try:
            now.set(Turn(context))
        except Denied as denied:
            now.set(refusal(denied))
            raise HookAborted(str(denied), source="libagentid") from denied
    except HookAborted:
        raise
    except BaseException as error:  # whatever else leaves this function would let the tool run
        raise HookAborted(broken(error), source="libagentid") from error


def _after(context: Any) -> str | None:
    turn = now.get()
    now.set(None)
    if not isinstance(turn, Turn):
        return turn
    turn.end()
    return None if turn.has_run else turn.said
