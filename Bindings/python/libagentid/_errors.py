"""Exceptions: what the library's error object says, as attributes."""

from __future__ import annotations

from ctypes import c_void_p
from typing import TYPE_CHECKING, Any, cast

from ._abi import DENIED, E_NOT_FOUND, E_SCOPE, E_STATE, lib
from ._reasons import Category, Reason, category, http_status

if TYPE_CHECKING:
    from typing_extensions import Self

    from ._decision import Decision
    from .types import BudgetRest, DecisionDocument


class Error(Exception):
    """A call failed. Nothing was changed, unless the name's line in docs/errors.md says so.

    `code` is the status of agentid.h; `name` is stable, for programs; `message` is for people and never has the value of an
    argument; `where` names the parameter, option, JSON path or claim at fault, and may be empty; `link` is the link of the chain
    at fault, 0 for the root, or None. May be copied and pickled with all of it.
    """

    code: int
    name: str
    message: str
    where: str
    link: int | None

    def __init__(self, code: int, name: str, message: str, where: str, link: int | None) -> None:
        # A path that the message names is said once.
        is_named = "/" in where and where in message
        super().__init__(f"{message} ({where})" if where and not is_named else message)
        self.code, self.name, self.message, self.where, self.link = code, name, message, where, link

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, {str(self)!r})"

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _: Any) -> Self:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        # Across processes: what is made from its message alone could not be made again.
        return type(self), (self.code, self.name, self.message, self.where, self.link), self._kept()

    def _kept(self) -> dict[str, Any]:
        """The members that go along to another process: notes, and those that callers added."""
        return dict(self.__dict__)


class Denied(Error):
    """A rule said no: `reason` which, `link` where in the chain, `argument` on account of what."""

    decision: Decision | None = None
    """The `Decision`; None where nothing was decided, and in another process, where this was pickled to."""
    _document: DecisionDocument | None = None

    @property
    def reason(self) -> Reason:
        """Which rule. A newer library may have reasons that `Reason` does not list."""
        return cast("Reason", self.name)

    @property
    def argument(self) -> str | None:
        """The name of the argument at fault; None where none is."""
        return self.where.removeprefix("arguments.") if self.where.startswith("arguments.") else None

    @property
    def approval(self) -> str | None:
        """The request for approval that the call waits for, or was refused; None where there is none."""
        document = self.document
        return document.get("approval") if document else None

    @property
    def rule(self) -> str | None:
        """The rule of the policy that said no; None where none did."""
        document = self.document
        return document.get("rule") if document else None

    @property
    def retry_after(self) -> float | None:
        """In how many seconds the call could be permitted, where time alone stands against it; else None."""
        document = self.document
        milliseconds = document.get("retry_after") if document else None
        return milliseconds / 1000 if milliseconds else None

    @property
    def left(self) -> BudgetRest | None:
        """The rest of the budget that said no, e.g. `{"amount": "0.20", "unit": "usd"}`; None where none did."""
        document = self.document
        return document.get("left") if document else None

    @property
    def category(self) -> Category:
        """Says whether another call may do: `forbidden`, `unauthorized` or `undecided`."""
        return category(self.name)

    @property
    def http_status(self) -> int:
        """A server's answer: 403; 401 where another chain or proof may do; 428 where the whole chain is needed once; 503
        where the guard cannot decide now."""
        return http_status(self.name)

    @property
    def challenge(self) -> str | None:
        """The value of `WWW-Authenticate` that goes with the status; None where that is not 401."""
        from ._calling import take  # both raise what is defined here
        from ._inputs import pair

        return take(lib.agentid_reason_challenge, *pair(self.name, "name")) or None

    @property
    def document(self) -> DecisionDocument | None:
        """The decision's document (docs/schemas/decision.json), also in another process; None where nothing was decided."""
        return self._document if self.decision is None else self.decision.document

    def _kept(self) -> dict[str, Any]:
        kept = super()._kept()
        kept.pop("decision", None)
        try:
            kept["_document"] = self.document
        except (Error, ValueError):  # the decision was closed
            kept["_document"] = None
        return kept


class ScopeError(Error):
    """A scope is malformed, or an intersection is empty."""


class StateError(Error):
    """Not possible now: closed, expired, revoked, too deep."""


class NotFound(Error):
    """There is no such thing."""


_CLASSES = {DENIED: Denied, E_SCOPE: ScopeError, E_NOT_FOUND: NotFound, E_STATE: StateError}


def failure(error: c_void_p) -> Error:
    """The exception for an error object, which is freed."""
    code = lib.agentid_error_code(error)
    link = lib.agentid_error_link(error)
    try:
        texts = [f(error).decode() for f in (lib.agentid_error_name, lib.agentid_error_message, lib.agentid_error_where)]
    finally:
        lib.agentid_error_free(error)
    return _CLASSES.get(code, Error)(code, texts[0], texts[1], texts[2], None if link < 0 else link)
