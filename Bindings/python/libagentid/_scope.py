"""Scopes: parsed, compared and intersected by the library."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ._abi import lib
from ._errors import Denied, call, pair, take
from ._handles import Handle, owner


class Scope(Handle):
    """A scope, immutable. `a & b` is the intersection, `a <= b` says whether a is provably below b.

    Equal are those of one text form.
    """

    _owners = owner("agentid_scope_free")

    def __init__(self, text: str) -> None:  # pyright: ignore[reportMissingSuperCall]
        self._own(lib.agentid_scope_parse, *pair(text))

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
            call(lib.agentid_scope_permits, self._handle, *pair(tool), *pair(json.dumps(arguments)))
        except Denied:
            return False
        return True

    def __ge__(self, other: Scope) -> bool:
        try:
            call(lib.agentid_scope_subsumes, self._handle, other._handle)
        except Denied:
            return False
        return True

    def __le__(self, other: Scope) -> bool:
        return other >= self

    def __and__(self, other: Scope) -> Scope:
        return Scope.__new__(Scope)._own(lib.agentid_scope_meet, self._handle, other._handle)
