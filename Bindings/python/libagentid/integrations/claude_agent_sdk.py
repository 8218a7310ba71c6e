"""Claude Agent SDK: hooks that decide each tool call of a session, and of the sub-agents that it starts.

    with acme.agent("researcher", principal=..., task=..., scope=...):
        async with ClaudeSDKClient(guard(options)) as client:
            await client.query("...")

Tools run in the CLI's process: those of the CLI are named as it names them (`Read(file_path under '/data')`, `mcp__files__read`).
Connect inside the block: the session acts as the agent that is current then.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from .._current import current_agent
from .._errors import Denied
from ..tools import Call, SubAgents, acting, authorize, refusal
from . import needs, wanted

VERSION = needs("claude-agent-sdk", "0.2.180", "claude-agent-sdk")

from claude_agent_sdk import HookMatcher  # noqa: E402  # pyright: ignore[reportAttributeAccessIssue]


def guard(options: Any) -> Any:
    """A copy of a session's options whose every tool call is decided as the current agent.

    Sub-agents that the options define, with their tools, are sub-agents here; others are denied everything. A hook that fails
    blocks the call; a CLI that does not know of that refuses to connect.
    """
    wanted(options, "hooks", "ClaudeAgentOptions")
    hooks = {event: list(matchers) for event, matchers in (options.hooks or {}).items()}
    decides = _Hooks({name: tuple(agent.tools or ()) for name, agent in (options.agents or {}).items()})
    for event, hook in (("PreToolUse", decides.before), ("PostToolUse", decides.after), ("PostToolUseFailure", decides.failed)):
        strict = {"on_failure": "block"} if event == "PreToolUse" else {}
        hooks.setdefault(event, []).append(HookMatcher(hooks=[hook], **strict))  # pyright: ignore[reportCallIssue]
    return dataclasses.replace(options, hooks=hooks)


class _Hooks:
    def __init__(self, agents: dict[str, tuple[str, ...]]) -> None:
        self._agents, self._below, self._calls = agents, SubAgents(), dict[str, Call]()

    async def before(self, given: Any, tool_use_id: str | None, _: Any) -> dict[str, Any]:
        try:
            with acting(self._agent(given)):
                self._calls[given["tool_use_id"]] = authorize(given["tool_name"], given["tool_input"])
        except Denied as denied:
            return _denied(refusal(denied))
        except Exception as error:
            return _denied(f"The guard failed: {type(error).__name__}. The tool has not run.")
        return {}

    def _agent(self, given: Any) -> Any:
        """The session's agent; below it one for each sub-agent of the session."""
        if "agent_id" not in given:
            return current_agent()
        kind = given.get("agent_type") or "sub-agent"
        return self._below.agent(given["agent_id"], kind, self._agents.get(kind, ()))

    async def after(self, given: Any, tool_use_id: str | None, _: Any) -> dict[str, Any]:
        if call := self._calls.pop(given["tool_use_id"], None):
            call.done()
        return {}

    async def failed(self, given: Any, tool_use_id: str | None, _: Any) -> dict[str, Any]:
        if call := self._calls.pop(given["tool_use_id"], None):
            call.failed("the tool says so")
        return {}


def _denied(reason: str) -> dict[str, Any]:
    said = {"hookEventName": "PreToolUse", "permissionDecision": "deny", "permissionDecisionReason": reason}
    return {"hookSpecificOutput": said}
