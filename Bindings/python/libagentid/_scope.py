"""Scopes: made of text or of values; parsed, compared and intersected by the library."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from ctypes import byref
from typing import Any, NamedTuple

from ._abi import Bytes, lib
from ._calling import call, take, text
from ._errors import Denied
from ._handles import Handle, owner
from ._inputs import counted, pair
from .scopes import Constraint, Value, token
from .types import TaskDocument


def worded(scope: Scope | str | None) -> str | None:
    """A scope as text."""
    return str(scope) if isinstance(scope, Scope) else scope


class Scope(Handle):
    """A scope, immutable. `a & b` is the intersection, `a <= b` says whether a is provably below b.

    Equal are those of one text form.
    """

    _owners = owner("agentid_scope_free")

    def __init__(self, text: str) -> None:  # pyright: ignore[reportMissingSuperCall]
        self._own(lib.agentid_scope_parse, *pair(text, "text"))

    def for_task(
        self,
        prompt: str,
        pins: Mapping[str, Any] | str,
        directory: Mapping[str, Mapping[str, Any]] | Callable[[str], Mapping[str, Mapping[str, Any]]] | None = None,
    ) -> TaskScope:
        """The part of this ceiling that a person's own words name; it is always below it. `scope, why = ceiling.for_task(...)`.

        `pins` says, by tool, which `arguments` reach something and of what kind, and which `words` ask for the tool:
        `{"send_email": {"arguments": {"recipients": "address:people[]"}, "words": ["send", "mail*"]}}`. `directory` has lists of
        names and what they stand for, `{"people": {"Bob": "bob@acme.example"}}`, or is called with the prompt and returns it.
        `prompt` is at most 64 KiB of the person's own words, and nobody else's. No model: the same words give the same scope.
        Raises `ScopeError` with the tool and the argument at fault.
        """
        names = directory(prompt) if callable(directory) else directory
        told = pins if isinstance(pins, str) else json.dumps(pins)
        known = b"" if names is None else json.dumps(names).encode()
        made, out = Scope.__new__(Scope), Bytes()

        def explained(*arguments: Any) -> int:
            *inputs, scope, error = arguments
            return lib.agentid_scope_for_task(*inputs, scope, byref(out), error)

        made._own(explained, self._handle, *pair(prompt, "prompt"), *pair(told, "pins"), *counted(known))
        return TaskScope(made, json.loads(text(out)))

    @classmethod
    def tool(cls, name: str, arguments: Mapping[str, Constraint | Value] | None = None, /, **named: Constraint | Value) -> Scope:
        """The scope of one tool, made of values: `Scope.tool("read_file", path=under("/data"), query=any_of("a", "b"))`.

        Each argument has a constraint of `libagentid.scopes`, or a plain value that it must equal. What is given cannot be read
        as anything but itself. `arguments` is for names that Python's keywords cannot have, such as `"*"`: `anything()` there
        permits arguments that are not named. A tool without any argument is open: it may be called with all. Raises `ScopeError`
        for what is not a scope, `TypeError` or `ValueError` for what is not JSON.
        """
        return cls.tools({name: {**(arguments or {}), **named}})

    @classmethod
    def tools(cls, tools: Mapping[str, Mapping[str, Constraint | Value]]) -> Scope:
        """The scope of several tools, made of values as `tool` does: `Scope.tools({"search": {"query": anything()}})`."""
        return cls(token(tools))

    def __repr__(self) -> str:
        try:
            return "<a closed Scope>" if self._is_closed else f"Scope({str(self)!r})"
        except Exception:  # made before a fork, or half made: what is shown in a traceback raises nothing
            return "<a Scope that is gone>"

    def __eq__(self, other: object) -> bool:
        return str(self) == str(other) if isinstance(other, Scope) else NotImplemented

    def __hash__(self) -> int:
        return hash(str(self))

    def __copy__(self) -> Scope:
        return self

    def __deepcopy__(self, _: Any) -> Scope:
        return self

    def __reduce__(self) -> Any:
        return Scope, (str(self),)

    @property
    def json(self) -> dict[str, Any]:
        """The JSON form, an AAT `tools` object."""
        return json.loads(take(lib.agentid_scope_json, self._handle))

    def __str__(self) -> str:
        return take(lib.agentid_scope_text, self._handle)

    def explain(self) -> str:
        """The scope in words."""
        return take(lib.agentid_scope_explain, self._handle)

    def permits(self, tool: str, arguments: Mapping[str, Any]) -> bool:
        """Whether a call is permitted."""
        try:
            call(lib.agentid_scope_permits, self._handle, *pair(tool, "tool"), *pair(json.dumps(arguments), "arguments"))
        except Denied:
            return False
        return True

    def __ge__(self, other: Scope) -> bool:
        if not isinstance(other, Scope):  # pyright: ignore[reportUnnecessaryIsInstance]
            return NotImplemented
        try:
            call(lib.agentid_scope_subsumes, self._handle, other._handle)
        except Denied:
            return False
        return True

    def __le__(self, other: Scope) -> bool:
        return other >= self if isinstance(other, Scope) else NotImplemented  # pyright: ignore[reportUnnecessaryIsInstance]

    def __and__(self, other: Scope) -> Scope:
        if not isinstance(other, Scope):  # pyright: ignore[reportUnnecessaryIsInstance]
            return NotImplemented
        return Scope.__new__(Scope)._own(lib.agentid_scope_meet, self._handle, other._handle)


class TaskScope(NamedTuple):
    """A scope for one task, and what it was pinned to."""

    scope: Scope
    document: TaskDocument
    """Which argument was pinned to which values, and why: docs/schemas/task-scope.json."""
