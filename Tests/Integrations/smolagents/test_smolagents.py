"""Guarded smolagents, with a scripted model: tools that a model calls, and code that a model writes. They have no asynchronous way."""

import contextlib
import threading

import libagentid
import pytest
from conftest import Broken, raising
from contract import *
from contract import BAD, GOOD, tools_of
from libagentid.integrations.smolagents import guard
from libagentid.tools import NotGuarded
from smolagents import CodeAgent, ToolCallingAgent, tool
from smolagents.models import ChatMessage, ChatMessageToolCall, ChatMessageToolCallFunction, Model


class Scripted(Model):
    def __init__(self, script, code=False):
        super().__init__(model_id="scripted")
        self.turns, self.read, self._number, self._code = iter(script), [], 0, code

    def generate(self, messages, **_):
        texts = [part["text"] for m in messages for part in m.content or [] if isinstance(part, dict) and "text" in part]
        self.read[:] = [text for text in texts if text.startswith(("Observation", "Error", "Call id"))]
        calls = next(self.turns, None) or [("final_answer", {"answer": "done"})]
        if self._code:
            code = "\n".join(
                f"print({name}({', '.join(f'{k}={v!r}' for k, v in arguments.items())}))" for name, arguments in calls
            )
            return ChatMessage(role="assistant", content=f"<code>\n{code}\n</code>")
        made = []
        for name, arguments in calls:
            self._number += 1
            function = ChatMessageToolCallFunction(name=name, arguments=arguments)
            made.append(ChatMessageToolCall(id=f"c{self._number}", type="function", function=function))
        return ChatMessage(role="assistant", content="", tool_calls=made)


@pytest.fixture(params=["calls", "code"])
def framework(ran, request):
    def framework(script, *, is_async=False, guarded=True):
        if request.param == "code":  # code stops at its first error: one call a turn
            script = [[call] for turn in script for call in turn]
            agent = CodeAgent(
                tools=[tool(each) for each in tools_of(ran)], model=Scripted(script, code=True), max_steps=9, verbosity_level=0
            )
        else:
            agent = ToolCallingAgent(
                tools=[tool(each) for each in tools_of(ran)], model=Scripted(script), max_steps=9, verbosity_level=0
            )
        (guard(agent) if guarded else agent).run("go")
        return agent.model.read

    framework.repeats = True
    return framework


def test_whatever_breaks_in_the_glue_the_tool_does_not_run(framework, agent, ran, monkeypatch):
    for part in ("authorize", "plain"):
        with monkeypatch.context() as patch, contextlib.suppress(Exception):
            patch.setattr(f"libagentid.integrations.smolagents.{part}", raising(Broken("hook")))
            framework([[GOOD]])
    assert ran == []


def test_a_managed_agent_is_a_narrower_agent(acme, ran):
    from libagentid.tools import acting

    scope = "read_file(path under '/data'); send_mail(to: *, body: *)"
    acme.put_profile("boss", owner="team:x@acme.example", ceiling=scope)
    agent = acme.agent("boss", principal="user:a@acme.example", task="T", scope=scope)
    read, mail, _ = [tool(each) for each in tools_of(ran)]
    script = [[GOOD], [("send_mail", {"to": "eve"})], [BAD]]
    reader = ToolCallingAgent(tools=[read], model=Scripted(script), name="reader", description="reads", verbosity_level=0)
    asks = Scripted([[("reader", {"task": "read"})]])
    boss = guard(ToolCallingAgent(tools=[mail], model=asks, managed_agents=[reader], verbosity_level=0))
    with acting(agent):
        boss.run("go")
    assert ran == ["/data/a"]
    [child] = acme.agents(parent=agent)
    assert "/reader/" in child.id
    agent.end()


def test_code_that_runs_elsewhere_is_an_error():
    agent = CodeAgent(tools=[], model=Scripted([]), verbosity_level=0)
    agent.executor_type = "docker"
    with pytest.raises(NotGuarded, match="elsewhere"):
        guard(agent)


@pytest.mark.parametrize("kind", [ToolCallingAgent, CodeAgent])
@pytest.mark.parametrize("what", ["tool", "agent"])
def test_what_is_added_after_the_guard_is_an_error_and_does_not_run(agent, ran, kind, what):
    script = [[("reader", {"task": "read"})]] if what == "agent" else [[GOOD]]
    made = guard(kind(tools=[], model=Scripted(script, code=kind is CodeAgent), max_steps=2, verbosity_level=0))
    read = tool(tools_of(ran)[0])
    reading = Scripted([[GOOD]])
    if what == "agent":
        made.managed_agents["reader"] = ToolCallingAgent(
            tools=[read], model=reading, name="reader", description="reads", verbosity_level=0
        )
    else:
        made.tools["read_file"] = read
    with pytest.raises(NotGuarded, match="after it was guarded"):
        made.run("go")
    assert ran == []


@pytest.mark.parametrize("code", [False, True])
def test_a_final_answer_of_ones_own_is_a_tool_like_others(agent, ran, code):
    def final_answer(answer: str) -> str:
        """Answers, and more.

        Args:
            answer: which
        """
        ran.append(answer)
        return answer

    kind = CodeAgent if code else ToolCallingAgent
    model = Scripted([[("final_answer", {"answer": "eve"})]], code=code)
    made = kind(tools=[tool(final_answer)], model=model, max_steps=2, verbosity_level=0)
    with contextlib.suppress(Exception):
        guard(made).run("go")
    assert ran == []


@pytest.mark.parametrize("codes", [(True, False), (False, True), (True, True)])
def test_an_agent_whose_code_or_that_of_one_it_manages_runs_is_a_narrower_one(start, acme, ran, codes):
    agent = start("read_file(path under '/data'); send_mail(to: *, body: *)")
    kinds = [CodeAgent if code else ToolCallingAgent for code in codes]
    read = tool(tools_of(ran)[0])  # both have it
    script = [[("read_file", {"path": "/data/b"})], [BAD]]
    reader = kinds[1](
        tools=[read], model=Scripted(script, code=codes[1]), name="reader", description="reads", verbosity_level=0, max_steps=3
    )
    asks = Scripted([[GOOD], [("reader", {"task": "read"})]], code=codes[0])
    guard(kinds[0](tools=[read], model=asks, managed_agents=[reader], verbosity_level=0, max_steps=3)).run("go")
    assert ran == ["/data/a", "/data/b"]
    assert ["/reader/" in child.id for child in acme.agents(parent=agent)] == [True]


def test_a_tool_of_several_agents_is_decided_as_the_one_that_calls_it(acme, ran):
    """Also while code of another one runs, and on the threads that smolagents runs it on."""
    inside, over, said = threading.Event(), threading.Event(), {}

    @tool
    def read_file(path: str) -> str:
        """Reads a file.

        Args:
            path: where
        """
        if path.endswith("/slow"):
            inside.set()
            over.wait(20)
        ran.append((path, libagentid.current_agent().id))
        return f"text of {path}"

    def run(name, path):
        model = Scripted([[("read_file", {"path": path})]], code=True)
        made = guard(CodeAgent(tools=[read_file], model=model, verbosity_level=0, max_steps=2))
        with acme.agent(
            "worker", principal=f"user:{name}@acme.example", task="T", scope=f"read_file(path under '/data/{name}')"
        ) as a:
            made.run("go")
            said[name] = str(model.read), a.id

    alice = threading.Thread(target=run, args=("alice", "/data/alice/slow"))
    alice.start()
    assert inside.wait(20)
    run("bob", "/data/alice/secret")
    over.set()
    alice.join(20)
    assert ran == [("/data/alice/slow", said["alice"][1])]
    assert 'must be under "/data/bob"' in said["bob"][0]
