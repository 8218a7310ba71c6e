"""Guarded agents of Google's ADK, with a scripted model."""

import asyncio
import contextlib

import libagentid
import pytest
from conftest import Broken, raising
from contract import *
from contract import BAD, GOOD, tools_of
from google.adk.agents import LlmAgent
from google.adk.agents.live_request_queue import LiveRequestQueue
from google.adk.agents.run_config import RunConfig
from google.adk.models import BaseLlm, LlmResponse
from google.adk.models.base_llm_connection import BaseLlmConnection
from google.adk.plugins.base_plugin import BasePlugin
from google.adk.runners import InMemoryRunner
from google.adk.tools import AgentTool, FunctionTool, google_search
from google.adk.tools.base_toolset import BaseToolset
from google.adk.tools.tool_context import ToolContext
from google.genai import types
from libagentid.integrations.google_adk import Guarded
from libagentid.tools import NotGuarded, acting, current_call

SHOWN = []


class Scripted(BaseLlm):
    script: list
    read: list = []

    async def generate_content_async(self, llm_request, stream=False):
        SHOWN.append([d.name for tool in llm_request.config.tools or [] for d in tool.function_declarations])
        said = [p.function_response.response for c in llm_request.contents for p in c.parts or [] if p.function_response]
        self.read[:] = [str(each) for each in said]
        calls = self.script.pop(0) if self.script else None
        parts = [types.Part.from_function_call(name=n, args=a) for n, a in calls] if calls else [types.Part(text="done")]
        yield LlmResponse(content=types.Content(role="model", parts=parts))


def run(agent, plugins):
    async def main():
        runner = InMemoryRunner(agent, app_name="app", plugins=plugins)
        session = await runner.session_service.create_session(app_name="app", user_id="u")
        message = types.Content(role="user", parts=[types.Part(text="go")])
        async for _ in runner.run_async(user_id="u", session_id=session.id, new_message=message):
            pass

    asyncio.run(main())


@pytest.fixture
def framework(ran):
    SHOWN.clear()

    def framework(script, *, is_async=False, guarded=True, meddle=None):
        model = Scripted(model="scripted", script=list(script))
        tools = tools_of(ran)
        if is_async:

            async def read_file(path: str) -> str:
                """Reads a file."""
                return tools_of(ran)[0](path)

            tools[0] = read_file
        meddling = [Meddles(meddle)] if meddle else []
        run(LlmAgent(name="worker", model=model, tools=tools), [*meddling, Guarded()] if guarded else [])
        return model.read

    framework.meddles = ["other arguments", "another answer", "no error"]
    return framework


class Meddles(BasePlugin):
    """Its callbacks after a tool come before the guard's, and answer in their place."""

    async def before_tool_callback(self, *, tool, tool_args, tool_context):
        if self.name == "other arguments":
            tool_args["path"] = "/etc/passwd"

    async def after_tool_callback(self, *, tool, tool_args, tool_context, result):
        return {"error": "redacted"} if self.name == "another answer" else None

    async def on_tool_error_callback(self, *, tool, tool_args, tool_context, error):
        return {"result": "fine"}


def test_the_model_is_shown_the_tools_it_may_call_and_no_others(framework, agent):
    framework([[GOOD]])
    assert SHOWN == [["read_file", "boom"]] * 2


@pytest.mark.parametrize("hook", ["before_tool_callback", "before_model_callback", "_agent"])
def test_whatever_breaks_in_the_frameworks_hook_the_tool_does_not_run(framework, agent, ran, monkeypatch, hook):
    monkeypatch.setattr(Guarded, hook, raising(Broken("hook")))
    with contextlib.suppress(Exception):
        framework([[GOOD]])
    assert ran == []


def test_at_a_transfer_authority_narrows(start, acme, ran):
    agent = start("read_file(path under '/data'); send_mail(to: *, body: *)")
    read, mail, _ = tools_of(ran)
    inner = Scripted(model="inner", script=[[GOOD], [BAD]])
    reader = LlmAgent(name="reader", model=inner, tools=[read])
    outer = Scripted(model="outer", script=[[("transfer_to_agent", {"agent_name": "reader"})]])
    run(LlmAgent(name="triage", model=outer, tools=[mail], sub_agents=[reader]), [Guarded()])
    assert ran == ["/data/a"]
    assert ["/reader/" in child.id for child in acme.agents(parent=agent)] == [True]


def test_a_tool_that_runs_at_the_provider_is_an_error(agent, ran):
    model = Scripted(model="gemini-2.5-flash", script=[[GOOD]])
    with pytest.raises((NotGuarded, RuntimeError), match="nothing guards"):
        run(LlmAgent(name="worker", model=model, tools=[google_search]), [Guarded()])


def test_a_tool_of_ones_own_with_the_name_of_a_transfer_is_decided(agent, ran):
    def transfer_to_agent(agent_name: str) -> str:
        """Not the framework's."""
        ran.append(agent_name)
        return "sent"

    model = Scripted(model="scripted", script=[[("transfer_to_agent", {"agent_name": "eve"})]])
    run(LlmAgent(name="worker", model=model, tools=[transfer_to_agent]), [Guarded()])
    assert ran == []


def test_code_that_a_model_writes_and_the_agent_runs_is_an_error(agent, ran, tmp_path):
    from google.adk.code_executors import UnsafeLocalCodeExecutor

    class Writes(BaseLlm):
        async def generate_content_async(self, llm_request, stream=False):
            text = f"```python\nopen({str(tmp_path / 'x')!r}, 'w')\n```" if len(llm_request.contents) < 2 else "done"
            yield LlmResponse(content=types.Content(role="model", parts=[types.Part(text=text)]))

    with pytest.raises((NotGuarded, RuntimeError), match="code_executor"):
        run(LlmAgent(name="worker", model=Writes(model="writes"), code_executor=UnsafeLocalCodeExecutor()), [Guarded()])
    assert not list(tmp_path.iterdir())


def test_a_structured_answer_beside_tools_is_no_tool_that_is_denied(agent, ran):
    from pydantic import BaseModel

    class Answer(BaseModel):
        text: str

    model = Scripted(model="scripted", script=[[GOOD], [("set_model_response", {"text": "hi"})]])
    run(LlmAgent(name="worker", model=model, tools=tools_of(ran), output_schema=Answer), [Guarded()])
    assert model.script == []
    assert sorted(SHOWN[-1]) == ["boom", "read_file", "set_model_response"]
    assert not any("Denied" in each for each in model.read)


class Changes(BasePlugin):
    async def before_tool_callback(self, *, tool, tool_args, tool_context):
        tool_args["path"] = "/etc/passwd"


async def changes(tool, args, tool_context):
    args["path"] = "/etc/passwd"


@pytest.mark.parametrize("plugins, callback", [((Guarded(), Changes("later")), None), ((Guarded(),), changes)])
def test_a_call_that_is_changed_after_the_guards_hook_is_decided_as_it_was_changed(agent, ran, plugins, callback):
    model = Scripted(model="s", script=[[GOOD]])
    run(LlmAgent(name="worker", model=model, tools=tools_of(ran), before_tool_callback=callback), list(plugins))
    assert "Denied" in model.read[0] and ran == []


def test_what_is_changed_before_is_decided_and_the_same_tools_run_without_a_plugin(agent, ran):
    tools = [FunctionTool(each) for each in tools_of(ran)]
    model = Scripted(model="s", script=[[GOOD]])
    run(LlmAgent(name="worker", model=model, tools=tools), [Changes("earlier"), Guarded()])
    assert "Denied" in model.read[0] and ran == []
    run(LlmAgent(name="worker", model=Scripted(model="s", script=[[GOOD]]), tools=tools), [Guarded()])
    run(LlmAgent(name="worker", model=Scripted(model="s", script=[[GOOD]]), tools=tools), [Changes("unguarded")])
    assert ran == ["/data/a", "/etc/passwd"]


def test_an_agent_that_is_a_tool_is_a_narrower_one_below_whoever_calls_it(acme, ran):
    acme.put_profile(
        "tools", owner="team:x@acme.example", ceiling="read_file(path: *); send_mail(to: *, body: *); reader(request: *)"
    )
    read, mail, _ = tools_of(ran)

    def asks(name, agent):
        script = [[(agent.name, {"request": "x"})], [("send_mail", {"to": "bob", "body": ""})]]
        return LlmAgent(name=name, model=Scripted(model="s", script=script), tools=[AgentTool(agent), mail])

    reader = LlmAgent(
        name="reader", model=Scripted(model="s", script=[[GOOD], [("send_mail", {"to": "eve", "body": ""})]]), tools=[read]
    )
    scope = "read_file(path: *); send_mail(to: *, body: *); reader(request: *)"
    with acme.agent("tools", principal="user:alice@acme.example", task="t", scope=scope) as agent:
        run(asks("worker", reader), [Guarded()])
        [child] = acme.agents(parent=agent)
        assert "/reader/" in child.id and child.parent == agent.id
    assert ran == ["/data/a", "bob"]


def test_an_agent_that_is_a_tool_and_runs_without_the_plugin_is_an_error(acme, ran):
    acme.put_profile("tools", owner="team:x@acme.example", ceiling="reader(request: *)")
    reader = LlmAgent(name="reader", model=Scripted(model="s", script=[[GOOD]]), tools=tools_of(ran))
    worker = LlmAgent(
        name="worker",
        model=Scripted(model="s", script=[[("reader", {"request": "x"})]]),
        tools=[AgentTool(reader, include_plugins=False)],
    )
    with acme.agent("tools", principal="user:alice@acme.example", task="t", scope="reader(request: *)"):
        with pytest.raises((NotGuarded, RuntimeError), match="include_plugins=True"):
            run(worker, [Guarded()])
    assert ran == []


def test_runs_at_once_of_one_runner_each_have_their_own_tools(acme, ran, start):
    """A toolset that shows each run other tools: an agent below the first has those of its own run."""
    read, mail, _ = tools_of(ran)
    meet = {}

    class Given(BaseToolset):
        async def get_tools(self, readonly_context=None):
            return [FunctionTool(each) for each in ((read,) if readonly_context.user_id == "reads" else (mail,))]

        async def close(self):
            pass

    class Meets(BaseLlm):
        async def generate_content_async(self, llm_request, stream=False):
            if any(p.function_response for c in llm_request.contents for p in c.parts or []):
                part = types.Part(text="done")
            else:
                names = list(llm_request.tools_dict)
                meet.setdefault("event", asyncio.Event())
                meet["count"] = meet.get("count", 0) + 1
                if meet["count"] == 2:
                    meet["event"].set()
                await meet["event"].wait()
                part = types.Part.from_function_call(name=GOOD[0], args=GOOD[1])
                if "send_mail" in names:
                    part = types.Part.from_function_call(name="send_mail", args={"to": "bob", "body": ""})
            yield LlmResponse(content=types.Content(role="model", parts=[part]))

    async def main():
        helper = LlmAgent(name="helper", model=Meets(model="m"), tools=[Given()])
        outer = Scripted(model="outer", script=[[("transfer_to_agent", {"agent_name": "helper"})]] * 2)
        runner = InMemoryRunner(LlmAgent(name="triage", model=outer, sub_agents=[helper]), app_name="app", plugins=[Guarded()])

        async def one(user):
            session = await runner.session_service.create_session(app_name="app", user_id=user)
            message = types.Content(role="user", parts=[types.Part(text="go")])
            async for _ in runner.run_async(user_id=user, session_id=session.id, new_message=message):
                pass

        await asyncio.gather(one("reads"), one("mails"))

    start("read_file(path under '/data'); send_mail(to: *, body: *)")
    asyncio.run(main())
    assert sorted(ran) == ["/data/a", "bob"]


@pytest.mark.parametrize("name", [None, "", 5, Guarded])
def test_a_plugin_has_a_name_that_is_a_text(name):
    with pytest.raises(TypeError, match="the plugin's, a text"):
        Guarded(name)


class Live(Scripted):
    """A model that hears: each thing that is sent to it is answered by the next calls of its script."""

    @contextlib.asynccontextmanager
    async def connect(self, llm_request):
        sent = asyncio.Queue()

        class Connection(BaseLlmConnection):
            async def send_history(_, history): ...

            async def send_content(_, content, **_how):
                self.read.extend(str(p.function_response.response) for p in content.parts or [] if p.function_response)
                await sent.put(content)

            _send_content = send_content

            async def send_realtime(_, blob):
                await sent.put(blob)

            async def receive(_):
                await sent.get()
                calls = self.script.pop(0) if self.script else []
                for name, arguments in calls:
                    parts = [types.Part.from_function_call(name=name, args=arguments)]
                    yield LlmResponse(content=types.Content(role="model", parts=parts))
                yield LlmResponse(turn_complete=True)

            async def close(_): ...

        yield Connection()


def listen(worker, *, answers, heard):
    """A live run, until the model was told of so many answers."""

    async def main():
        runner = InMemoryRunner(worker, app_name="app", plugins=[Guarded()])
        session = await runner.session_service.create_session(app_name="app", user_id="u")
        queue = LiveRequestQueue()
        if isinstance(heard, types.Blob):
            queue.send_realtime(heard)
        else:
            queue.send_content(types.Content(role="user", parts=[types.Part(text=heard)]))
        events = runner.run_live(user_id="u", session_id=session.id, live_request_queue=queue, run_config=RunConfig())
        async with contextlib.aclosing(events):
            async for _ in events:
                if len(worker.model.read) >= answers:
                    break

    asyncio.run(asyncio.wait_for(main(), 60))


def test_in_a_live_run_calls_are_decided_as_in_others(agent, ran, outcomes):
    async def read_file(path: str):
        """Reads a file piece by piece."""
        ran.append(path)
        yield f"text of {path}"

    for tool, answers in ((tools_of(ran)[0], 2), (read_file, 3)):  # a generator's call is answered at once, and by each piece
        model = Live(model="live", script=[[BAD], [GOOD]], read=[])
        listen(LlmAgent(name="worker", model=model, tools=[tool]), answers=answers, heard="go")
        assert any("has not run" in each for each in model.read)
    assert ran == ["/data/a"] * 2
    assert "succeeded" in outcomes(agent)


@pytest.mark.parametrize("heard", ["go", types.Blob(data=b"go", mime_type="audio/pcm")])
def test_in_a_live_run_a_tool_that_runs_at_the_provider_is_an_error_before_the_model_hears_anything(agent, ran, heard):
    model = Live(model="gemini-live", script=[[GOOD]], read=[])
    with pytest.raises((NotGuarded, RuntimeError), match="nothing guards"):
        listen(LlmAgent(name="worker", model=model, tools=[google_search]), answers=1, heard=heard)
    assert len(model.script) == 1


class Redacts(BasePlugin):
    async def after_tool_callback(self, *, tool, tool_args, tool_context, result):
        return {"result": "redacted"}


def retries():
    from google.adk.plugins import ReflectAndRetryToolPlugin

    return ReflectAndRetryToolPlugin(max_retries=1, throw_exception_if_retry_exceeded=False)


@pytest.mark.parametrize(
    "plugins, fails, told",
    [
        (lambda: [Guarded()], True, ["failed: ValueError"]),
        (lambda: [retries(), Guarded()], True, ["failed: ValueError"]),
        (lambda: [Guarded(), retries()], True, ["failed: ValueError"]),
        (lambda: [Redacts("r"), Guarded()], False, ["succeeded"]),
        (lambda: [Guarded(), Redacts("r")], False, ["succeeded"]),
    ],
)
def test_the_outcome_is_the_tools_whatever_plugins_make_of_it(own_world, ran, plugins, fails, told):
    acme, agent, directory = own_world("pay(usd: *)")
    budget = {"unit": "usd", "limit": "10", "cost": {"argument": "usd"}, "for": "task"}
    acme.apply_policy({"version": 1, "rules": [{"id": "b", "match": "pay", "budget": budget}]})

    def pay(usd: str) -> dict:
        """Pays."""
        ran.append(current_call().tool)
        if fails:
            raise ValueError("the bank says no")
        return {"paid": usd}

    script = [[("pay", {"usd": "4"})]] * 2
    with acting(agent), contextlib.suppress(ValueError):
        run(LlmAgent(name="worker", model=Scripted(model="s", script=list(script)), tools=[pay]), plugins())
    assert agent.check("pay", {"usd": "10" if fails else "2"}) and not agent.check("pay", {"usd": "11"})
    assert outcomes_of(acme, directory) == told * len(ran) and set(ran) == {"pay"}


def outcomes_of(acme, directory):
    acme.integrate()
    with libagentid.Audit.open(directory) as log:
        return [entry["outcome"] for entry in log.entries() if entry["kind"] == "outcome"]


@pytest.mark.parametrize("asks", ["the tool", "ADK"])
def test_a_call_that_waits_for_a_confirmation_is_paused_and_costs_nothing(own_world, ran, asks):
    acme, agent, directory = own_world("pay(usd: *)")
    budget = {"unit": "usd", "limit": "10", "cost": {"argument": "usd"}, "for": "task"}
    acme.apply_policy({"version": 1, "rules": [{"id": "b", "match": "pay", "budget": budget}]})

    def pay(usd: str, tool_context: ToolContext) -> dict:
        """Pays."""
        if asks == "the tool" and not tool_context.tool_confirmation:
            tool_context.request_confirmation(hint="pay?")
            return {"status": "waits"}
        ran.append(usd)
        return {"paid": usd}

    tool = FunctionTool(pay, require_confirmation=asks == "ADK")
    with acting(agent):
        run(LlmAgent(name="worker", model=Scripted(model="s", script=[[("pay", {"usd": "10"})]]), tools=[tool]), [Guarded()])
    assert ran == [] and agent.check("pay", {"usd": "10"})
    assert set(outcomes_of(acme, directory)) <= {"paused"}
