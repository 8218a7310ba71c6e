"""Tools whose classes and objects resist a guard: guarded, or an error that says so; run unguarded never."""

import dataclasses

import pydantic
import pytest
from contract import BAD, GOOD
from google.adk.agents import LlmAgent
from google.adk.tools import BaseTool
from google.genai import types
from libagentid.integrations.google_adk import Guarded
from test_google_adk import Scripted, run

RAN = []


class Reads(BaseTool):
    def __init__(self):
        super().__init__(name="read_file", description="Reads a file.")

    def _get_declaration(self):
        path = {"path": types.Schema(type="STRING")}
        return types.FunctionDeclaration(name="read_file", parameters=types.Schema(type="OBJECT", properties=path))

    async def run_async(self, *, args, tool_context):
        RAN.append(args["path"])
        return {"text": "x"}


class Refuses(Reads):
    def __setattr__(self, name, value):
        if name == "__class__":
            raise AttributeError(name)
        super().__setattr__(name, value)


class Frozen(Reads):
    def __init__(self):
        super().__init__()
        self.__dict__["made"] = True

    def __setattr__(self, name, value):
        if "made" in self.__dict__:
            raise dataclasses.FrozenInstanceError(name)
        super().__setattr__(name, value)


class Slotted(Reads):
    __slots__ = ("one",)


class Another(Reads):
    __class__ = property(lambda self: Reads)


class Model(pydantic.BaseModel, Reads):
    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)
    name: str = "read_file"
    description: str = "Reads a file."
    is_long_running: bool = False
    custom_metadata: dict | None = None

    def __init__(self):
        pydantic.BaseModel.__init__(self)


class Patched(Reads):
    """Its object was given another method, as by what counts or retries runs."""

    def __init__(self):
        super().__init__()
        own = self.run_async

        async def counted(**given):
            return await own(**given)

        self.run_async = counted


class Final(type(BaseTool)):
    def __new__(cls, name, bases, members):
        if any(type(each) is Final for each in bases):
            raise TypeError("final")
        return super().__new__(cls, name, bases, members)


class Sealed(Reads, metaclass=Final):
    pass


class Proxy(Reads):
    def __getattribute__(self, name):
        return (lambda **given: Reads.run_async(self, **given)) if name == "run_async" else super().__getattribute__(name)


@pytest.fixture
def calls(agent):
    RAN.clear()

    def calls(tool, *scripts):
        for script in scripts or ([[BAD], [GOOD]],):
            run(LlmAgent(name="worker", model=Scripted(model="s", script=[*script]), tools=[tool]), [Guarded()])
        return RAN

    return calls


@pytest.mark.parametrize("kind", [Reads, Refuses, Frozen, Slotted, Another, Model, Patched], ids=lambda kind: kind.__name__)
def test_a_tool_that_refuses_changes_is_guarded(calls, kind, agent, outcomes, left_open):
    assert calls(kind()) == ["/data/a"]
    assert outcomes(agent) == ["succeeded"] and left_open(agent) == []


@pytest.mark.parametrize("kind", [Sealed, Proxy], ids=lambda kind: kind.__name__)
def test_a_tool_that_cannot_be_guarded_is_an_error_and_does_not_run(calls, kind):
    with pytest.raises(RuntimeError, match=f"the tool read_file, a {kind.__name__}, has not run"):
        calls(kind())
    assert RAN == []


def test_a_tool_that_is_given_another_method_between_runs_stays_guarded(calls):
    tool = Reads()
    calls(tool, [[GOOD]])

    async def other(*, args, tool_context):
        RAN.append("other " + args["path"])

    tool.run_async = other
    assert calls(tool) == ["/data/a", "other /data/a"]
    del tool.run_async
    assert calls(tool) == ["/data/a", "other /data/a", "/data/a"]
