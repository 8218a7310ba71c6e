"""libagentid.tools: arguments as JSON: what a guard sees is what the tool gets, or the call is refused."""

import dataclasses
import datetime
import ipaddress
import pathlib
from collections import OrderedDict, defaultdict
from collections.abc import Mapping
from decimal import Decimal

import pytest
from libagentid import Authority
from libagentid._decision import arguments
from libagentid.tools import plain


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
    for wrong in ({1: 2}, {"a": object()}, b"\xff", pathlib.Path):
        with pytest.raises(TypeError):
            plain(wrong)
    assert plain({"when": datetime.timedelta(minutes=1), "on": datetime.date(2026, 1, 2)}) == {"when": 60, "on": "2026-01-02"}
    assert plain([b"/data", {"b", "a"}, frozenset([2, 1]), ipaddress.ip_address("::1")]) == ["/data", ["a", "b"], [1, 2], "::1"]


def test_a_model_is_what_it_holds_and_not_what_it_writes_of_itself():
    pydantic = pytest.importorskip("pydantic")

    class Place(pydantic.BaseModel):
        path: str = pydantic.Field(alias="where")
        mode: str | None = None

        @pydantic.field_serializer("path")
        def other(self, _):
            return "/data"

    class Places(pydantic.RootModel[list[Place]]):
        pass

    place = Place(where="/etc")
    assert plain(place) == {"path": "/etc", "mode": None} and plain(place, asked=True) == {"where": "/etc"}
    assert plain(Places([place]), asked=True) == [{"where": "/etc"}]


class _First(dict[str, list[str]]):
    """As frameworks keep a query: all values of a name, of which they show the first."""

    def items(self):
        return [(name, values[0]) for name, values in super().items()]


class _Many(Mapping[str, str]):
    def __init__(self, *pairs):
        self.pairs = pairs

    def __getitem__(self, name):
        return next(value for each, value in self.pairs if each == name)

    def __iter__(self):
        return (name for name, _ in self.pairs)

    def __len__(self):
        return len(self.pairs)

    def items(self):
        return list(self.pairs)


def test_a_mapping_that_reads_in_two_ways_is_refused():
    for value in (_First(path=["/data/a", "/etc"]), _First(path=["/data/a"]), _Many(("path", "/data/a"), ("path", "/etc"))):
        for made in (plain, arguments):
            with pytest.raises(TypeError):
                made(value)
    for same in (defaultdict(list, path="/data/a"), OrderedDict(path="/data/a"), {"path": "/data/a"}):
        assert plain({"x": same}) == {"x": {"path": "/data/a"}} and arguments(same) == b'{"path":"/data/a"}'
    assert plain(_Many(("path", "/data/a"))) == {"path": "/data/a"}


class _Two(str):
    def encode(self, *_):
        return b"/data/a"

    def __contains__(self, _):
        return False


def test_a_text_is_what_it_is_and_not_what_its_class_says(tmp_path: pathlib.Path):
    with Authority.open(tmp_path / "acme", trust_domain="acme.example") as acme:
        acme.put_profile("r", owner="team:x@acme.example", ceiling="read(path == '/data/a')")
        with acme.agent("r", principal="user:a@acme.example", task="t", scope="read(path == '/data/a')") as agent:
            for tool, path in ((_Two("/data/a"), "/data/a"), (_Two("read\0x"), "/data/a"), ("read", _Two("/etc"))):
                decision = agent.check(tool, {"path": path})
                assert not decision
                with pytest.raises(AttributeError):
                    decision.permitted = True
                assert not decision and not decision.permitted
