"""Runs of CrewAI's tools, each of which is decided: CrewAI has several for one call."""

from __future__ import annotations

import contextlib
import inspect
import json
from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from typing import Any

from .._errors import Denied
from ..tools import Call, SubAgents, acting, authorize, refusal
from ._held import Holds

_members = SubAgents()


class Turn:
    """A call that a hook has decided, and the runs of its tool, of which CrewAI makes several where one fails."""

    def __init__(self, context: Any) -> None:
        self.name: str = context.tool_name
        self.schema: Any = getattr(context.tool, "args_schema", None)
        member, task = context.agent, context.task
        own = [*(getattr(member, "tools", None) or ()), *(getattr(task, "tools", None) or ())]
        role = str(getattr(member, "role", "") or "member").strip()
        self.agent = _members.agent(role, role, sorted({_named(tool.name) for tool in own} | {self.name}))
        self.said: str | None = None
        self.runs = self.has_run = False
        self._first = self._decided(context.tool_input or {})
        self._given = self._parsed(context.tool_input or {})

    def _decided(self, given: dict[str, Any]) -> Call:
        try:
            with acting(self.agent):
                return authorize(self.name, _defaulted(given, self.schema))
        except Denied as denied:
            self.said = refusal(denied)
            raise

    def _parsed(self, given: Any) -> str:
        """The arguments that a tool makes of those that are given, to be compared."""
        with contextlib.suppress(Exception):
            given = self.schema.model_validate(given).model_dump()
        return json.dumps(given, sort_keys=True, default=repr)

    def call(self, given: Any) -> Call:
        """The call of the next run: the first one is decided, if nothing has changed its arguments, and each other one is now."""
        given = json.loads(given) if isinstance(given, str) else given
        if self._first.begin(self.name):
            if self._parsed(given) == self._given:
                return self._first
            self._first.failed("its arguments were changed")
        return self._decided(given)

    def end(self) -> None:
        """Ends a call whose tool has not run: its answer is kept from an earlier one, or another hook's."""
        self._first.failed("the tool has not run")


now: ContextVar[Turn | str | None] = ContextVar("agentid.crewai", default=None)


def _defaulted(given: dict[str, Any], schema: Any) -> dict[str, Any]:
    """The arguments, with the defaults of the tool's schema: what the tool will see. Defaults that are None are not given."""
    arguments, fields = dict(given), getattr(schema, "model_fields", {})
    for name, field in fields.items():
        if field.is_required() or field.default_factory is not None:
            continue
        if name not in arguments and field.default is not None:
            arguments[name] = field.default
        elif field.default is None and arguments.get(name) is None:
            arguments.pop(name, None)
    return arguments


def _named(name: str) -> str:
    from crewai.utilities.string_utils import sanitize_tool_name

    return sanitize_tool_name(name)


class _running:
    """One run of a tool within the turn of its call; nothing where that runs already, or where no hook has decided."""

    def __init__(self, name: str | None, given: Any) -> None:
        turn = now.get()
        is_this = isinstance(turn, Turn) and not turn.runs and (name is None or _named(name) == turn.name)
        self._turn, self._call = (turn, turn.call(given)) if isinstance(turn, Turn) and is_this else (None, None)

    def __enter__(self) -> Callable[[Any], Any]:
        if self._turn is None or self._call is None:
            return lambda result: result
        self._turn.runs = self._turn.has_run = True
        call = self._call.__enter__()
        return lambda result: call.answered(result, lambda result: type(result).__name__ == "ToolFailure")

    def __exit__(self, *error: Any) -> None:  # noqa: PYI036 - handed on as it is
        if self._turn is not None and self._call is not None:
            self._call.__exit__(*error)
            self._turn.runs = False
            now.set(self._turn)  # a tool that delegates has had turns of others


def _invoke(kind: Any) -> Any:
    def invoke(self: Any, input: Any, config: Any = None, **more: Any) -> Any:
        with _running(self.name, input) as says:
            return says(kind.invoke(self, input, config, **more))

    return invoke


def _ainvoke(kind: Any) -> Any:
    async def ainvoke(self: Any, input: Any, config: Any = None, **more: Any) -> Any:
        with _running(self.name, input) as says:
            return says(await kind.ainvoke(self, input, config, **more))

    return ainvoke


def _around_run(kind: Any) -> Any:
    def _run(self: Any, *args: Any, **given: Any) -> Any:
        with _running(self.name, given) as says:
            return says(kind._run(self, *args, **given))

    return _run


_hold_structured, _hold_own = Holds(invoke=_invoke, ainvoke=_ainvoke), Holds(_run=_around_run)


def hold(tool: Any) -> None:
    """Has the runs of a tool decided, also those of which CrewAI took hold before: where its code is called."""
    _hold_structured(tool)
    own: Any = getattr(tool, "_original_tool", None)
    function: Any = getattr(own, "func", None)
    if own is None or hasattr(function, "__agentid_held__"):
        return
    if function is None:
        _hold_own(own)
        return

    @wraps(function)
    def run(*args: Any, **given: Any) -> Any:
        with _running(own.name, given) as says:
            return says(function(*args, **given))

    @wraps(function)
    async def run_async(*args: Any, **given: Any) -> Any:
        with _running(own.name, given) as says:
            return says(await function(*args, **given))

    made: Any = run_async if inspect.iscoroutinefunction(function) else run
    made.__agentid_held__ = True
    own.func = made
