"""Calls of tools whose results come later: the server has begun a task, and says afterwards how it went."""

# What is read here is JSON from elsewhere, of which no type is known.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..tools import Call

BEGUN = "begun"
_RESULT, _MOST = "tasks/result", 10_000


class Tasks:
    """The calls that go on, by the ID of their task. One of which nothing more is heard was `begun`, and costs."""

    def __init__(self) -> None:
        self._calls: dict[str, Call] = {}

    def begins(self, result: Any, call: Call) -> bool:
        """Whether the answer to a call of a tool is a task: the call ends with that."""
        task = result.get("task") if isinstance(result, dict) and not call.tool.startswith("tasks/") else None
        number = task.get("taskId") if isinstance(task, dict) else None
        if not isinstance(number, str):
            return False
        if len(self._calls) >= _MOST or number in self._calls:
            self._calls.pop(number if number in self._calls else next(iter(self._calls))).done(BEGUN)
        self._calls[number] = call
        self.tells(task)
        return True

    def tells(self, task: Any) -> None:
        """A task's state, as the server says it."""
        number, status = (task.get("taskId"), task.get("status")) if isinstance(task, dict) else (None, None)
        if not isinstance(number, str) or number not in self._calls:
            return
        if status == "completed":
            self._calls.pop(number).done()
        elif status == "failed":
            self._calls.pop(number).failed("the tool says so")
        elif status == "cancelled":
            self._calls.pop(number).done("cancelled by the client")  # it may have run, so it costs

    def answered(self, asked: Call, result: Any) -> None:
        """The answer to a request about a task: its state, or the result of its tool."""
        number = asked.arguments.get("taskId")
        if asked.tool != _RESULT:
            self.tells(result if isinstance(result, dict) and result.get("taskId") == number else None)
        elif isinstance(number, str) and number in self._calls and isinstance(result, dict):
            call = self._calls.pop(number)
            call.failed("the tool says so") if result.get("isError") else call.done()

    def close(self) -> None:
        """Records those that go on."""
        while self._calls:
            self._calls.popitem()[1].done(BEGUN)
