"""Consent by elicitation: a client's user is asked about a call, and an approver's key that the server's operator gave signs."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from .._errors import Error

if TYPE_CHECKING:
    from .._authority import Authority
    from .._errors import Denied

log = logging.getLogger("libagentid.mcp")
LONGEST = 8000
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"approve": {"type": "boolean", "title": "Approve this one call", "default": False}},
    "required": ["approve"],
}
"""The form that a client shows."""


class Question(NamedTuple):
    """A question about one call, as a client shows it."""

    request: str
    """The ID of the request for approval."""
    message: str


class Elicitation:
    """Has calls that wait for an approval asked of the user of the client that made them. For `guard_server(..., elicit=)`.

    `authority`: whose requests they are, open in this process. `by`, `key`: an approver of the policy and their private key, a
    JWK, which the operator gives for this; the user's yes is signed with it. Only requests that name this approver are asked.
    `timeout`: the time in seconds that an answer is waited for, where the client keeps its call open meanwhile.

    The client is trusted to show the question to a person and to say what they said: whoever runs the client can say yes. An
    approval is over exactly one call, good once. Safe to use for several servers, from several threads.
    """

    def __init__(self, authority: Authority, *, by: str, key: str | bytes, timeout: float = 120) -> None:
        if not by or not key:
            raise ValueError("by and key name an approver of the policy: without them nobody's yes counts")
        self._authority, self._by, self._key, self.timeout = authority, by, key, timeout

    def question(self, denied: Denied) -> Question | None:
        """The question about a denied call; None where this denial, or this approver, is not to be asked about."""
        if denied.name != "approval_required" or not denied.approval:
            return None
        try:
            asked = self._authority.approval(denied.approval)
        except Error as error:
            log.warning("a request for approval could not be read: %s", error.name)
            return None
        if asked["state"] != "pending" or self._by not in asked["of"] or self._by in asked["approved_by"]:
            return None
        message = _message(dict(asked))
        if len(message) > LONGEST:  # nobody approves what they were not shown
            log.warning("the call of request %s is too long to be shown: approve it in another way", denied.approval)
            return None
        return Question(denied.approval, message)

    def settle(self, question: Question, answer: Mapping[str, Any] | None) -> str:
        """The state after an answer: approved, refused, or pending, which denies too.

        `answer`: an `ElicitResult` as JSON, or None. Only an accepted form that says `approve: true` approves.
        """
        action, content = (answer or {}).get("action"), (answer or {}).get("content")
        given = cast("Mapping[str, Any]", content).get("approve") if isinstance(content, Mapping) else None
        try:
            if action == "accept" and given is True:
                return "approved" if self._authority.approve(question.request, by=self._by, key=self._key) else "pending"
            if action == "decline" or (action == "accept" and given is False):
                self._authority.refuse(question.request, by=self._by)
                return "refused"
        except Error as error:
            log.warning("request %s was not decided by elicitation: %s", question.request, error)
        return "pending"


def _message(asked: Mapping[str, Any]) -> str:
    """Tool, arguments, agent, rule and request as the registry has them, one a line, in ASCII: no name makes another line."""
    call = asked["call"]
    said = {
        "Tool": call["tool"], "Arguments": asked["arguments"], "Agent": call["agent"], "On behalf of": asked["principal"],
        "Task": asked["task"], "Rule": call["rule"], "Why": asked["because"], "Request": asked["id"],
    }  # fmt: skip
    # Of whom another authority's agents act for, and on which task, there is its word alone.
    word = f" (as {json.dumps(call['issuer'])[1:-1]} says)" if call["issuer"] else ""
    whose = {"On behalf of": word, "Task": word}
    lines = [
        f"{name}: {json.dumps(value, sort_keys=True)}{whose.get(name, '')}" for name, value in said.items() if value is not None
    ]
    return "\n".join(["An agent asks to make one call, which needs your approval.", *lines])
