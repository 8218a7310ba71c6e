"""The answer that a model reads after a denied call."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .._errors import Denied

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
