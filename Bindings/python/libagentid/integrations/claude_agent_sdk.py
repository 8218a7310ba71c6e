"""Claude Agent SDK: hooks that decide each tool call of a session, and of the sub-agents that it starts.

    with acme.agent("researcher", principal=..., task=..., scope=...):
        async with ClaudeSDKClient(guard(options)) as client:
            await client.query("...")

Tools run in the CLI's process: those of the CLI are named as it names them (`Read(file_path under '/data')`, `mcp__files__read`).
Connect inside the block: the session acts as the agent that is current then.
"""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

from .._current import current_agent
from .._errors import Denied
from ..tools import Call, SubAgents, acting, authorize, broken, refusal
from ..tools._recent import Recent
from . import needs, wanted

VERSION = needs("claude-agent-sdk", "0.2.180", "claude-agent-sdk")

from claude_agent_sdk import HookMatcher, PermissionResultDeny  # noqa: E402  # pyright: ignore[reportAttributeAccessIssue]


def guard(options: Any) -> Any:
    """A copy of a session's options whose every tool call is decided as the current agent, and decided anew where a hook or
    `can_use_tool` gives it other arguments. (Hooks of the CLI's own settings files are not seen.)

    Sub-agents that the options define, with their tools, are sub-agents here; others are denied everything. A hook that fails
    blocks the call; a CLI that does not know of that refuses to connect.
    """
    wanted(options, "hooks", "ClaudeAgentOptions")
    decides = _Hooks({name: tuple(agent.tools or ()) for name, agent in (options.agents or {}).items()})
    hooks = {event: list(matchers) for event, matchers in (options.hooks or {}).items()}
    for event in ("PreToolUse", "PermissionRequest"):
        for index, matcher in enumerate(hooks.get(event, [])):
            hooks[event][index] = dataclasses.replace(matcher, hooks=[decides.after_hook(hook) for hook in matcher.hooks])
    for event, hook in decides.events().items():
        strict = {"on_failure": "block"} if event == "PreToolUse" else {}
        hooks.setdefault(event, []).append(HookMatcher(hooks=[hook], **strict))  # pyright: ignore[reportCallIssue]
    asks = options.can_use_tool and decides.after_asking(options.can_use_tool)
    return dataclasses.replace(options, hooks=hooks, can_use_tool=asks)


class _Hooks:
    def __init__(self, agents: dict[str, tuple[str, ...]]) -> None:
        self._agents, self._below = agents, SubAgents()
        self._calls: dict[str, tuple[str | None, Call]] = {}  # with the sub-agent of the session that makes it
        self._kinds: dict[str, str] = {}
        self._over = Recent[str, bool]()

    def events(self) -> dict[str, Any]:
        """The hooks. The CLI tells nobody of a tool that it does not run: by its settings and its mode, or after an interrupt.

        So what is left at the end of a batch of calls, of a turn, or before the next prompt has not run, or was interrupted.
        """
        ends = dict.fromkeys(("PostToolBatch", "Stop", "StopFailure", "SubagentStop", "UserPromptSubmit"), self.over)
        return {"PreToolUse": self.before, "PostToolUse": self.after, "PostToolUseFailure": self.failed, **ends}

    async def before(self, given: Any, tool_use_id: str | None, _: Any) -> dict[str, Any]:
        why = self._decide(given, given["tool_input"])
        return _denied(why) if why else {}

    def _decide(self, given: Any, arguments: Any) -> str:
        """Why a call may not be made; nothing where it may."""
        try:
            with acting(self._agent(given)):
                call = authorize(given["tool_name"], arguments)
        except Denied as denied:
            return refusal(denied)
        except Exception as error:
            return f"{broken(error)}. The tool has not run."
        if (use := given["tool_use_id"]) is None:
            call.done("begun")
            return ""
        if self._over.get(use):  # hooks run at once
            call.failed("it was not permitted")
            return ""
        if before := self._take(use):  # of other arguments, which do not run
            before.failed("its arguments were changed")
        self._calls[use] = given.get("agent_id"), call
        return ""

    def _take(self, use: str | None) -> Call | None:
        """The call of a use of a tool, which ends now."""
        found = None if use is None else self._calls.pop(use, None)
        return None if found is None else found[1]

    def after_hook(self, hook: Any) -> Any:
        """A hook of the user's, whose changes are decided."""

        async def changed(given: Any, tool_use_id: str | None, context: Any) -> Any:
            answer = await hook(given, tool_use_id, context)
            own: Any = (answer or {}).get("hookSpecificOutput") or {}
            said = own.get("permissionDecision") or (own.get("decision") or {}).get("behavior") or (answer or {}).get("decision")
            if said in ("deny", "block"):
                self._refused(given.get("tool_use_id") or tool_use_id)
                return answer
            if said == "defer":  # when the session is resumed, the CLI may run the call before it asks any hook
                self._refused(given.get("tool_use_id") or tool_use_id)
                return _denied("A guarded call is not deferred: it could run undecided later. Refuse it, and have it made again.")
            if "decision" in own:  # of a request for permission, which may not name its call
                own, given = own["decision"] or {}, {"tool_use_id": tool_use_id, **given}
            new = own.get("updatedInput")
            if new is None or new == given["tool_input"]:
                return answer
            if why := self._decide(given, new):
                if own.get("hookEventName") == "PreToolUse":
                    return _denied(why)
                return {
                    "hookSpecificOutput": {"hookEventName": "PermissionRequest", "decision": {"behavior": "deny", "message": why}}
                }
            return answer

        return changed

    def after_asking(self, asks: Any) -> Any:
        """The user's `can_use_tool`, whose changes are decided."""

        async def asked(name: str, arguments: dict[str, Any], context: Any) -> Any:
            before = copy.deepcopy(arguments)
            try:
                answer = await asks(name, arguments, context)
            except Exception:  # which the CLI takes for a no; where it is cancelled, a hook may have permitted the call
                self._refused(context.tool_use_id)
                raise
            new = getattr(answer, "updated_input", None)
            new = arguments if new is None else new
            if getattr(answer, "behavior", "") != "allow":
                self._refused(context.tool_use_id)
                return answer
            if new == before:
                return answer
            given: dict[str, Any] = {"tool_name": name, "tool_use_id": context.tool_use_id}
            if context.agent_id is not None:
                given |= {"agent_id": context.agent_id, "agent_type": self._kinds.get(context.agent_id)}
            why = self._decide(given, new)
            return PermissionResultDeny(message=why) if why else answer  # pyright: ignore[reportCallIssue]

        return asked

    def _refused(self, use: str | None) -> None:
        """Somebody else does not let the tool run."""
        if use is not None:
            self._over.put(use, True)
            if call := self._take(use):
                call.failed("it was not permitted")

    def _agent(self, given: Any) -> Any:
        """The session's agent; below it one for each sub-agent of the session."""
        if "agent_id" not in given:
            return current_agent()
        kind = self._kinds[given["agent_id"]] = given.get("agent_type") or "sub-agent"
        return self._below.agent(given["agent_id"], kind, self._agents.get(kind, ()))

    async def after(self, given: Any, tool_use_id: str | None, _: Any) -> dict[str, Any]:
        if call := self._take(given["tool_use_id"]):
            call.done()
        return {}

    async def failed(self, given: Any, tool_use_id: str | None, _: Any) -> dict[str, Any]:
        if call := self._take(given["tool_use_id"]):
            call.failed("the tool says so")
        return {}

    async def over(self, given: Any, tool_use_id: str | None, _: Any) -> dict[str, Any]:
        """The calls of a batch, or all of the session or of one of its sub-agents, have ended."""
        batch = given.get("tool_calls")
        if batch is None:
            ended = [use for use, (agent, _call) in list(self._calls.items()) if agent == given.get("agent_id")]
        else:
            ended = [each["tool_use_id"] for each in batch]
        for use in ended:
            if call := self._take(use):
                call.failed("it was interrupted, or did not run" if batch is None else "it did not run")
        return {}

    def __del__(self) -> None:
        for _agent, call in self._calls.values():
            call.failed("its session ended")


def _denied(reason: str) -> dict[str, Any]:
    said = {"hookEventName": "PreToolUse", "permissionDecision": "deny", "permissionDecisionReason": reason}
    return {"hookSpecificOutput": said}
