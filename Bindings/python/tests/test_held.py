"""libagentid.integrations: a tool that is held stays what it is, and its class is not told."""

import abc
from typing import Generic, TypeVar

import pytest
from libagentid.integrations._held import Holds

told = []


class Registered(abc.ABC):
    def __init_subclass__(cls, *, kind, **more):
        super().__init_subclass__(**more)
        told.append((cls.__name__, kind))

    @abc.abstractmethod
    def name(self): ...

    def run(self):
        return "ran"


class Plain(Registered, kind="a"):
    def name(self):
        return "plain"


class Slots(Plain, kind="b"):
    __slots__ = ("x",)


class Typed(Plain, Generic[TypeVar("T")], kind="c"):
    pass


@pytest.mark.parametrize("kind", [Plain, Slots, Typed])
def test_a_tools_class_that_asks_its_subclasses_for_more_is_not_told_of_one(kind):
    before, tool = list(told), kind()
    Holds(run=lambda kind: lambda self: "held " + kind.run(self))(tool)
    assert tool.run() == "held ran" and isinstance(tool, kind) and told == before


def test_a_pydantic_tools_class_is_not_told_either():
    pydantic = pytest.importorskip("pydantic")

    class Model(pydantic.BaseModel):
        x: int = 1

        @classmethod
        def __pydantic_init_subclass__(cls, **_):
            told.append(cls)

        def run(self):
            return self.x

    before, tool = list(told), Model()
    Holds(run=lambda kind: lambda self: 1 + kind.run(self))(tool)
    assert tool.run() == 2 and tool.model_dump() == {"x": 1} and told == before
