"""libagentid.tools: arguments as JSON: what a guard sees is what the tool gets, or the call is refused."""

import dataclasses
import pathlib
from decimal import Decimal

import pytest
from libagentid.tools import defaulted, plain


def test_a_model_whose_json_is_not_what_the_tool_gets_is_refused():
    pydantic = pytest.importorskip("pydantic")

    class Inner(pydantic.BaseModel):
        model_config = {"extra": "allow"}
        size: float | None = 1.5
        many: list[float] = []

    class Hidden(pydantic.BaseModel):
        to: str = pydantic.Field("eve", exclude=True)

    class Secret(pydantic.BaseModel):
        word: pydantic.SecretStr

    class Outer(pydantic.BaseModel):
        inner: Inner = Inner()
        other: pydantic.BaseModel | None = None

    assert plain(Outer()) == {"inner": {"size": 1.5, "many": []}, "other": None}
    assert plain(Outer(inner=Inner(more=[{"a": 1}]))) == {"inner": {"size": 1.5, "many": [], "more": [{"a": 1}]}, "other": None}
    nan = float("nan")
    for value in [Inner(size=nan), Inner(many=[1, -float("inf")]), Inner(more={"a": [nan]}), Hidden(), Secret(word="x"),
                  Outer(inner=Inner(size=nan)), Outer(other=Hidden()), Outer(other=Secret(word="x")), [Hidden()]]:  # fmt: skip
        with pytest.raises(TypeError, match="not what a guard sees"):
            plain(value)


def test_values_are_what_json_has_for_them():
    @dataclasses.dataclass
    class Point:
        x: Decimal

    assert plain([Point(Decimal("1.50")), pathlib.Path("/a"), (1, True, None)]) == [{"x": "1.50"}, "/a", [1, True, None]]
    for wrong in ({1: 2}, {"a": {1}}, b"", pathlib.Path):
        with pytest.raises(TypeError):
            plain(wrong)
    schema = {"properties": {"a": {"default": 1}, "b": {"default": None}, "c": {}}}
    assert defaulted({"a": 2}, schema) == {"a": 2} and defaulted({}, schema) == {"a": 1} and defaulted({"x": 1}, None) == {"x": 1}
