"""CrewAI: every tool call of every crew in this process is decided; each member of a crew is a narrower agent.

    guard_crews()
    with acme.agent("researcher", principal=..., task=..., scope=...):
        crew.kickoff()

CrewAI swallows whatever a hook raises but `HookAborted`, and runs the tool: here everything becomes one.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from .._errors import Denied
from ..tools import Call, NotGuarded, SubAgents, acting, authorize, broken, refusal
from . import needs

VERSION = needs("crewai", "1.10", "crewai")

from crewai.hooks.dispatch import HookAborted  # noqa: E402
from crewai.hooks.tool_hooks import (  # noqa: E402
    get_before_tool_call_hooks,
    register_after_tool_call_hook,
    register_before_tool_call_hook,
    unregister_before_tool_call_hook,
)

_members = SubAgents()
_last: ContextVar[Call | str | None] = ContextVar("agentid.crewai", default=None)


def guard_crews() -> None:
    """Has every tool call in this process decided from now on, below the current agent; outside of any, all are blocked.

    A member's agent may do what the current agent may do of the member's and its task's tools. Delegating work is a tool too:
    `delegate_work_to_coworker`, `ask_question_to_coworker`. Call it after other hooks were registered, once more if need
    be: while one comes after it, which could change what was decided, all calls are blocked.
    """
    if _before in get_before_tool_call_hooks():
        unregister_before_tool_call_hook(_before)
    else:
        register_after_tool_call_hook(_after)
    register_before_tool_call_hook(_before)


def _before(context: Any) -> None:
    try:
        _last.set(None)
        if get_before_tool_call_hooks()[-1] is not _before:
            raise NotGuarded(
                "a hook was registered after the guard's, and could change what was decided: guard_crews() once more"
            )
        try:
            _last.set(_decided(context))
        except Denied as denied:
            _last.set(refusal(denied))
            raise HookAborted(str(denied), source="libagentid") from denied
    except HookAborted:
        raise
    except BaseException as error:  # whatever else leaves this function would let the tool run
        raise HookAborted(broken(error), source="libagentid") from error


def _decided(context: Any) -> Call:
    member, task = context.agent, context.task
    own = [*(getattr(member, "tools", None) or ()), *(getattr(task, "tools", None) or ())]
    names = sorted({_named(tool.name) for tool in own} | {context.tool_name})
    role = str(getattr(member, "role", "") or "member").strip()
    with acting(_members.agent(role, role, names)):
        return authorize(context.tool_name, _defaulted(context))


def _defaulted(context: Any) -> dict[str, Any]:
    """The arguments, with the defaults of the tool's schema: what the tool will see."""
    given, schema = dict(context.tool_input or {}), getattr(context.tool, "args_schema", None)
    for name, field in getattr(schema, "model_fields", {}).items():
        if name not in given and not field.is_required() and field.default is not None and field.default_factory is None:
            given[name] = field.default
    return given


def _named(name: str) -> str:
    from crewai.utilities.string_utils import sanitize_tool_name

    return sanitize_tool_name(name)


def _after(context: Any) -> str | None:
    last = _last.get()
    _last.set(None)
    if isinstance(last, Call):
        last.done("answered")
    return last if isinstance(last, str) else None
