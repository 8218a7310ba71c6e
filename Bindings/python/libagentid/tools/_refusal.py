"""The answer that a model reads after a denied call."""

from __future__ import annotations

import logging
from contextlib import suppress

from .._errors import Denied, Error
from ._guarded import NotGuarded

_log = logging.getLogger("libagentid.tools")

_NEXT = {
    "forbidden": "Do not repeat this call as it is: use other arguments or another tool, or say that you may not do this.",
    "unauthorized": "Your authority for this task has ended or cannot be shown here. Stop, and say so.",
    "undecided": "It cannot be decided at present. The same call may be permitted later.",
}


# What is forbidden now and not for good.
_LATER = {
    "approval_required": "People have to approve it: go on with other work, and make the very same call again later.",
    "outside_hours": "The same call may be permitted at another time.",
    "rate_limited": "Go on with other work, and make the same call again after that time.",
}


def refusal(denied: Denied) -> str:
    """A denial as a tool's answer: that nothing was done, which rule said no, what to do next. No values, no stack."""
    decision = denied.decision.id if denied.decision is not None else ""
    at = f" [{denied.name}{', decision ' + decision if decision else ''}]"
    return f"Denied: {denied.message}{at}. The tool has not run. {_LATER.get(denied.name) or _NEXT[denied.category]}"


def broken(error: BaseException, what: str = "the guard failed") -> str:
    """The text that a model reads of a call that ended without an answer; the operator's log has all of it. No values: of errors
    that are not this library's it has the type alone."""
    with suppress(Exception):
        _log.error("%s; the call has no answer", what, exc_info=error)
    own = isinstance(error, Error | NotGuarded) or type(error) is LookupError
    return f"{what}: {type(error).__name__}" + (f": {error}" if own else "")
