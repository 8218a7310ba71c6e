"""A permitted request as the call that it is, from its permit until its answer is known."""

# pyright: reportPrivateUsage=false
from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from .._call import is_cancelled
from .._errors import Error

if TYPE_CHECKING:
    import libagentid

    from .._decision import Decision
    from ._call import Call

_log = logging.getLogger("libagentid.http")
EARLY = "closed early"
"""The outcome of a call whose caller went away before the answer had ended. It succeeded: to hang up gives nothing back."""


class Permit:
    """The permit under which a request reaches its handler. It ends once, as its answer says, unless the handler has ended it."""

    __slots__ = ("_is_ended", "call", "running")

    def __init__(self, call: Call, running: libagentid.Call) -> None:
        self.call, self.running = call, running
        self._is_ended = False

    @property
    def decision(self) -> Decision:
        """The decision, which permits."""
        return self.running.decision

    def answered(self, status: int) -> None:
        """The answer's status: one of an error ends the call, another says nothing before the answer has ended."""
        if status >= 400:
            self.failed(f"status {status}")

    def failed(self, how: str | BaseException) -> None:
        """The handler raised, or answered with an error. Of an exception only the type is recorded."""
        if is_cancelled():
            return self.left()
        return self._end(f"failed: {how if isinstance(how, str) else type(how).__name__}", None)

    def done(self) -> None:
        """The answer has ended."""
        self._end("", None)

    def left(self) -> None:
        """Nobody reads the answer to its end."""
        self._end("", EARLY)

    def _end(self, failure: str, outcome: str | None) -> None:
        if self._is_ended:
            return
        self._is_ended = True
        if self.running._is_closed:
            return  # the handler's own `with` block has ended it
        try:
            if outcome is None:
                self.running._leave(failure)
            else:
                self.running.commit(outcome)
        except Error as error:
            if error.name != "call_ended":  # by the handler; else the tool has run, and its answer is not withheld
                _log.exception("the outcome of a permitted call of %s could not be recorded", self.call.tool)
                self.running._told(failure or outcome or "succeeded")
