"""Guarded sessions of the Claude Agent SDK: the SDK is real, a stand-in for its CLI speaks the control protocol and runs the tools."""

import asyncio
import contextlib
import gc
import json

import pytest
from claude_agent_sdk import (
    AgentDefinition,
    ClaudeAgentOptions,
    ClaudeSDKClient,
    HookMatcher,
    PermissionResultAllow,
    PermissionResultDeny,
    Transport,
)
from conftest import Broken, raising
from contract import *
from contract import BAD, GOOD, tools_of
from libagentid.integrations.claude_agent_sdk import _Hooks, guard

RESULT = {"type": "result", "subtype": "success", "duration_ms": 1, "duration_api_ms": 1, "is_error": False, "num_turns": 1,
          "session_id": "s", "result": "done", "total_cost_usd": 0.0, "usage": {}}  # fmt: skip


class StandIn(Transport):
    """What the CLI does with hooks: a denial, an error where a failure blocks, or an answer that it does not know, block."""

    honors, asks = True, False
    denies, interrupts = (), ()  # tools: what its settings forbid, and what somebody interrupts

    def __init__(self, script, tools, more=None):
        self.script, self.tools, self.more, self.read = script, {t.__name__: t for t in tools}, more or {}, []
        self.out, self.hooks, self.waiting, self.number, self.tasks = asyncio.Queue(), {}, {}, 0, []

    async def connect(self): ...
    async def end_input(self): ...
    def is_ready(self):
        return True

    async def close(self):
        await self.out.put(None)

    async def read_messages(self):
        while (message := await self.out.get()) is not None:
            yield message

    async def write(self, data):
        message = json.loads(data)
        if message["type"] == "control_request":
            request = message["request"]
            if request["subtype"] == "initialize":
                self.hooks = request["hooks"] or {}
            said = {
                "subtype": "success",
                "request_id": message["request_id"],
                "response": {"hooks_applied": True, "hook_on_failure_supported": self.honors},
            }
            await self.out.put({"type": "control_response", "response": said})
        elif message["type"] == "control_response":
            self.waiting.pop(message["response"]["request_id"]).set_result(message["response"])
        else:
            self.tasks.append(asyncio.create_task(self.turns()))

    async def ask(self, event, given, use=None):
        new, deferred = given.get("tool_input"), None
        for matcher in self.hooks.get(event, []):
            for callback in matcher["hookCallbackIds"]:
                self.number += 1
                number = f"h{self.number}"
                self.waiting[number] = answer = asyncio.get_running_loop().create_future()
                request = {"subtype": "hook_callback", "callback_id": callback, "input": {**given, "hook_event_name": event}}
                request["tool_use_id"] = given.get("tool_use_id") or use
                await self.out.put({"type": "control_request", "request_id": number, "request": request})
                said = await answer
                if said["subtype"] != "success":
                    return "the hook failed" if matcher.get("onFailure") == "block" else None
                own = (said.get("response") or {}).get("hookSpecificOutput") or {}
                if own.get("permissionDecision") == "deny":
                    return own["permissionDecisionReason"]
                if (decision := own.get("decision") or {}).get("behavior") == "deny":
                    return decision["message"]
                if own.get("permissionDecision") == "defer":
                    deferred = "deferred"  # the other hooks run as well
                if said["response"].get("decision") == "block":
                    return said["response"]["reason"]
                new = {**own, **decision}.get("updatedInput") or new
        if "tool_input" in given:
            given["tool_input"] = new  # each hook has read what the model asked for
        return deferred

    async def permitted(self, given):
        """What the CLI asks where its rules do not say: hooks first, then the host."""
        asked = {name: value for name, value in given.items() if name != "tool_use_id"}
        if refused := await self.ask("PermissionRequest", asked, given["tool_use_id"]):
            return refused
        given["tool_input"] = asked["tool_input"]
        if not self.asks:
            return None
        self.number += 1
        number = f"p{self.number}"
        self.waiting[number] = answer = asyncio.get_running_loop().create_future()
        request = {"subtype": "can_use_tool", "tool_name": given["tool_name"], "input": dict(given["tool_input"])}
        request |= {"tool_use_id": given["tool_use_id"], "agent_id": given.get("agent_id")}
        await self.out.put({"type": "control_request", "request_id": number, "request": request})
        said = await answer
        if said["subtype"] != "success":
            return "the request for permission failed"
        said = said["response"]
        if said["behavior"] == "deny":
            return said["message"]
        given["tool_input"] = said["updatedInput"]
        return None

    async def call(self, name, arguments):
        self.number += 1
        given = {
            "session_id": "s",
            "tool_name": name,
            "tool_input": dict(arguments),
            "tool_use_id": f"t{self.number}",
            **self.more,
        }
        self.batch.append({"tool_use_id": given["tool_use_id"]})
        if refused := await self.ask("PreToolUse", given) or await self.permitted(given):
            return refused
        if name in self.denies:
            return "denied by your settings"
        if name in self.interrupts:
            raise InterruptedError
        try:
            answer = self.tools[name](**given["tool_input"])
        except Exception as error:
            await self.ask("PostToolUseFailure", given)
            return str(error)
        await self.ask("PostToolUse", {**given, "tool_response": answer})
        return answer

    async def turns(self):
        await self.ask("UserPromptSubmit", {"prompt": "go"})
        with contextlib.suppress(InterruptedError):
            for turn in self.script:
                self.batch = []
                self.read += await asyncio.gather(*[self.call(*each) for each in turn])
                await self.ask("PostToolBatch", {"tool_calls": self.batch, **self.more})
            await self.ask("SubagentStop" if self.more else "Stop", dict(self.more))
        await self.out.put(RESULT)


def run(options, script, tools, more=None, prompts=1, **does):
    async def main():
        cli = StandIn(script, tools, more)
        cli.asks = options.can_use_tool is not None
        vars(cli).update(does)
        async with ClaudeSDKClient(options, transport=cli) as client:
            for _ in range(prompts):
                await client.query("go")
                async for _message in client.receive_response():
                    pass
        return cli.read

    return asyncio.run(asyncio.wait_for(main(), 30))


@pytest.fixture
def framework(ran):
    def framework(script, *, is_async=False, guarded=True):
        options = ClaudeAgentOptions()
        return run(guard(options) if guarded else options, script, tools_of(ran))

    return framework


# The CLI fills in its tools' defaults itself: here what the model says is all there is.
del test_a_default_that_the_model_leaves_out_is_decided_too  # noqa: F821


def test_whatever_breaks_in_the_hook_the_tool_does_not_run(framework, agent, ran, monkeypatch):
    for part in ("authorize", "current_agent", "acting", "refusal", "_denied"):
        with monkeypatch.context() as patch, contextlib.suppress(Exception):
            patch.setattr(f"libagentid.integrations.claude_agent_sdk.{part}", raising(Broken("hook")))
            framework([[BAD if part in ("refusal", "_denied") else GOOD]])
    with monkeypatch.context() as patch, contextlib.suppress(Exception):
        patch.setattr(_Hooks, "before", raising(Broken("hook")))
        framework([[GOOD]])
    assert ran == []


def test_a_sub_agent_of_the_session_is_a_narrower_agent(start, acme, ran):
    agent = start("read_file(path under '/data'); send_mail(to: *, body: *)")
    options = guard(ClaudeAgentOptions(agents={"reader": AgentDefinition(description="d", prompt="p", tools=["read_file"])}))
    mail = ("send_mail", {"to": "eve", "body": ""})
    run(options, [[GOOD], [mail], [BAD]], tools_of(ran), {"agent_id": "a1", "agent_type": "reader"})
    assert ran == ["/data/a"]
    assert ["/reader/" in child.id for child in acme.agents(parent=agent)] == [True]
    run(options, [[GOOD]], tools_of(ran), {"agent_id": "a2", "agent_type": "unknown"})
    assert ran == ["/data/a"]


def test_a_cli_that_knows_nothing_of_hooks_that_block_is_refused(framework, agent, ran, monkeypatch):
    from claude_agent_sdk import CLIConnectionError

    monkeypatch.setattr(StandIn, "honors", False)
    with pytest.raises(CLIConnectionError):
        framework([[GOOD]])
    assert ran == []


def hooked(event, path):
    """Options whose hook, or `can_use_tool`, gives each call another path; None: the same."""

    async def hook(given, tool_use_id, context):
        new = {"path": path} if path else dict(given["tool_input"])
        if event == "PreToolUse":
            return {"hookSpecificOutput": {"hookEventName": event, "permissionDecision": "allow", "updatedInput": new}}
        return {"hookSpecificOutput": {"hookEventName": event, "decision": {"behavior": "allow", "updatedInput": new}}}

    async def asks(name, arguments, context):
        return PermissionResultAllow(updated_input={"path": path} if path else None)

    if event == "can_use_tool":
        return ClaudeAgentOptions(can_use_tool=asks)
    return ClaudeAgentOptions(hooks={event: [HookMatcher(hooks=[hook])]})


EVENTS = ["PreToolUse", "PermissionRequest", "can_use_tool"]


@pytest.mark.parametrize("event", EVENTS)
def test_other_arguments_that_a_hook_gives_a_call_are_decided(agent, ran, outcomes, event):
    run(hooked(event, "/etc/passwd"), [[GOOD]], tools_of(ran))
    assert ran == ["/etc/passwd"]  # unguarded
    [said] = run(guard(hooked(event, "/etc/passwd")), [[GOOD]], tools_of(ran))
    assert "Denied: path of read_file" in said and ran == ["/etc/passwd"]
    assert run(guard(hooked(event, "/data/other")), [[GOOD]], tools_of(ran)) == ["text of /data/other"]
    assert run(guard(hooked(event, None)), [[GOOD]], tools_of(ran)) == ["text of /data/a"]
    assert ran == ["/etc/passwd", "/data/other", "/data/a"]


def test_arguments_that_are_changed_in_place_while_asking_are_decided(agent, ran):
    async def asks(name, arguments, context):
        arguments["path"] = "/etc/passwd"
        return PermissionResultAllow()

    [said] = run(guard(ClaudeAgentOptions(can_use_tool=asks)), [[GOOD]], tools_of(ran))
    assert "Denied: path of read_file" in said and ran == []


def test_a_no_stays_a_no(agent, ran):
    async def asks(name, arguments, context):
        return PermissionResultDeny(message="not today")

    assert run(guard(ClaudeAgentOptions(can_use_tool=asks)), [[GOOD]], tools_of(ran)) == ["not today"] and ran == []


def test_the_other_arguments_of_a_sub_agent_are_decided_as_that(start, acme, ran):
    start("read_file(path under '/data'); boom")
    defined = {"reader": AgentDefinition(description="reads", prompt="read", tools=["send_mail"])}
    options = hooked("can_use_tool", "/data/other")
    options.agents = defined
    [said] = run(guard(options), [[GOOD]], tools_of(ran), {"agent_id": "a1", "agent_type": "reader"})
    assert "Denied" in said and ran == []


WHO = ["PreToolUse", "PreToolUse, later", "PreToolUse, as of old", "PermissionRequest", "can_use_tool", "can_use_tool raises"]


@pytest.mark.parametrize("who", WHO)
def test_a_call_that_somebody_else_refuses_is_not_left_open(agent, ran, outcomes, left_open, who, monkeypatch):
    monkeypatch.setattr(_Hooks, "over", passes)
    monkeypatch.setattr(_Hooks, "__del__", lambda self: None)

    async def hook(given, tool_use_id, context):
        if who == "PreToolUse, as of old":
            return {"decision": "block", "reason": "not today"}
        if who == "PermissionRequest":
            return {"hookSpecificOutput": {"hookEventName": who, "decision": {"behavior": "deny", "message": "not today"}}}
        said = {"hookEventName": "PreToolUse", "permissionDecision": "deny", "permissionDecisionReason": "not today"}
        return {"hookSpecificOutput": said}

    async def asks(name, arguments, context):
        if who == "can_use_tool raises":
            raise ValueError("not today")
        return PermissionResultDeny(message="not today")

    options = ClaudeAgentOptions(can_use_tool=asks) if "can_use_tool" in who else ClaudeAgentOptions()
    if "can_use_tool" not in who:
        options.hooks = {who.split(",")[0]: [HookMatcher(hooks=[hook])]}
    options = guard(options)
    if who == "PreToolUse, later":
        options.hooks["PreToolUse"].reverse()
    [said] = run(options, [[GOOD]], tools_of(ran))
    assert said in ("not today", "the request for permission failed") and ran == []
    assert left_open(agent) == [] and set(outcomes(agent)) <= {"failed: it was not permitted"}


async def passes(*_):
    return {}


SUB = {"agent_id": "a1", "agent_type": "reader"}


@pytest.mark.parametrize("more", [{}, SUB], ids=["session", "sub-agent"])
def test_a_tool_that_the_settings_forbid_has_not_run_and_costs_nothing(start, acme, ran, outcomes, left_open, more):
    agent = start("read_file(path under '/data'); boom; send_mail(to: *, body: *)")
    defined = {"reader": AgentDefinition(description="d", prompt="p", tools=["read_file", "boom"])}
    options = guard(ClaudeAgentOptions(agents=defined))
    said = run(options, [[GOOD, ("boom", {})], [GOOD]], tools_of(ran), more, denies=["boom"])
    assert "denied by your settings" in said and ran == ["/data/a"] * 2
    assert left_open(agent) == [] and sorted(outcomes(agent)) == ["failed: it did not run", "succeeded", "succeeded"]


@pytest.mark.parametrize("then", ["the next prompt", "the end of the session"])
def test_a_call_that_is_interrupted_is_not_left_open(agent, ran, outcomes, left_open, then):
    prompts = 2 if then == "the next prompt" else 1
    run(guard(ClaudeAgentOptions()), iter([[GOOD]]), tools_of(ran), prompts=prompts, interrupts=["read_file"])
    gc.collect()
    said = "it was interrupted, or did not run" if prompts == 2 else "its session ended"
    assert left_open(agent) == [] and outcomes(agent) == [f"failed: {said}"]


def test_the_next_prompt_ends_no_call_of_a_sub_agent(start, ran, outcomes, left_open):
    agent = start()
    hooks = _Hooks({"reader": ("read_file",)})
    given = {"tool_name": "read_file", "tool_input": GOOD[1], "tool_use_id": "t1", **SUB}
    asyncio.run(hooks.before(given, "t1", None))
    asyncio.run(hooks.over({"hook_event_name": "UserPromptSubmit"}, None, None))
    assert left_open(agent) == ["read_file"]
    asyncio.run(hooks.after(given, "t1", None))
    assert outcomes(agent) == ["succeeded"]


@pytest.mark.parametrize("order", [1, -1], ids=["before the guard", "after it"])
def test_a_call_that_a_hook_defers_is_refused(agent, ran, outcomes, left_open, order):
    """The CLI may run a deferred call when the session is resumed, before it asks any hook."""

    async def hook(given, tool_use_id, context):
        return {"hookSpecificOutput": {"hookEventName": "PreToolUse", "permissionDecision": "defer"}}

    options = guard(ClaudeAgentOptions(hooks={"PreToolUse": [HookMatcher(hooks=[hook, hook])]}))
    options.hooks["PreToolUse"] = options.hooks["PreToolUse"][::order]
    [said] = run(options, [[GOOD]], tools_of(ran))
    assert "is not deferred" in said and ran == [] and left_open(agent) == []
    assert set(outcomes(agent)) <= {"failed: it was not permitted"}
