"""libagentid.tools: a default that a model left out is decided like an argument, at any depth; one that nobody knows is not unseen."""

import itertools
import json

import libagentid
import pytest
from libagentid.tools import authorize, defaulted, refusal

OPTIONS = {"type": "object", "properties": {"mode": {"default": "rw"}, "note": {"default": None}}, "required": []}
SCHEMA = {
    "$defs": {"Options": OPTIONS},
    "properties": {
        "name": {"type": "string"},
        "opts": {"$ref": "#/$defs/Options"},
        "all": {"type": "array", "items": {"$ref": "#/$defs/Options"}},
        "two": {"prefixItems": [{"type": "string"}, {"$ref": "#/$defs/Options"}]},
        "maybe": {"anyOf": [{"$ref": "#/$defs/Options"}, {"type": "null"}], "default": None},
        "both": {"allOf": [{"$ref": "#/$defs/Options"}, {"properties": {"more": {"default": 1}}}], "default": None},
        "named": {"additionalProperties": {"$ref": "#/$defs/Options"}, "default": None},
        "deep": {"properties": {"opts": {"$ref": "#/$defs/Options", "default": {}}}, "default": None},
    },
    "required": ["name", "opts", "all", "two"],
}


def test_defaults_are_filled_in_at_any_depth():
    plain = {"properties": {"a": {"default": 1}, "b": {"default": None}}}
    assert defaulted({"a": 2}, plain) == {"a": 2} and defaulted({}, plain) == {"a": 1} and defaulted({"x": 1}, None) == {"x": 1}
    filled = {"mode": "rw"}
    for given, made in (
        ({"opts": {}}, {"opts": filled}),
        ({"opts": {"mode": "ro"}}, {"opts": {"mode": "ro"}}),
        ({"all": [{}, {"mode": "ro"}]}, {"all": [filled, {"mode": "ro"}]}),
        ({"two": ["a", {}]}, {"two": ["a", filled]}),
        ({"maybe": {}}, {"maybe": filled}),
        ({"maybe": None}, {"maybe": None}),
        ({"both": {}}, {"both": {**filled, "more": 1}}),
        ({"named": {"a": {}}}, {"named": {"a": filled}}),
        ({"deep": {}}, {"deep": {"opts": filled}}),
    ):
        found = defaulted(given, SCHEMA)
        assert found == made and found.unknown == (), given
    assert given == {"deep": {}}  # the tool's own are not written to


def branches(*each):
    return {"properties": {"of": {"anyOf": list(each)}}, "required": ["of"]}


def test_of_several_branches_the_one_that_fits_says_the_default():
    file = {"properties": {"kind": {"const": "file"}, "mode": {"default": "rw"}}, "required": ["kind"]}
    mail = {"properties": {"kind": {"const": "mail"}, "to": {"default": "all"}}, "required": ["kind"]}
    assert defaulted({"of": {"kind": "file"}}, branches(file, mail)) == {"of": {"kind": "file", "mode": "rw"}}
    same = defaulted({"of": {}}, branches(OPTIONS, {**OPTIONS, "title": "another"}))
    assert same == {"of": {"mode": "rw"}} and same.unknown == ()
    unclear = defaulted({"of": {}}, branches(OPTIONS, {"properties": {"mode": {"default": "ro"}}}))
    assert unclear == {"of": {}} and unclear.unknown == (("of", "mode"),)


def test_what_a_schema_does_not_say_is_unknown():
    without = {"properties": {"path": {"type": "string"}, "opts": {"properties": {"mode": {}}}}, "required": ["opts"]}
    assert defaulted({"opts": {}}, without).unknown == (("path",), ("opts", "mode"))
    assert defaulted({"path": "/", "opts": {"mode": 1}}, without).unknown == ()
    for elsewhere in ({"$ref": "https://example.com/schema"}, {"$ref": "#/nowhere"}):
        assert defaulted({"a": {}}, {"properties": {"a": elsewhere}}).unknown == (("a",),)
        assert defaulted({"a": "text"}, {"properties": {"a": elsewhere}}).unknown == ()


def test_a_schema_that_turns_in_a_circle_or_is_too_large_ends():
    circle = {"properties": {"a": {"$ref": "#/properties/a"}}}
    assert defaulted({"a": {}}, circle).unknown
    wide = {"properties": {"a": {"items": {"properties": {"b": {"default": 1}}}}}}
    assert defaulted({"a": [{}] * 20_000}, wide).unknown
    fork = {"$ref": "#", "anyOf": [{"$ref": "#"}, {"$ref": "#"}]}
    assert defaulted({"a": {}}, fork).unknown


SCOPE = "save(name?: *, path? under '/data', opts?: *); list(opts? members(mode? in ['ro'], *: *)); send(of: *)"


@pytest.fixture(scope="module")
def acme():
    with libagentid.Authority.open(trust_domain="acme.example") as opened:
        opened.put_profile("worker", owner="team:x@acme.example", ceiling=SCOPE)
        yield opened


@pytest.fixture
def agent(acme, request):
    agent = acme.agent("worker", principal="user:alice@acme.example", task="t", scope=SCOPE)
    agent.__enter__()
    request.addfinalizer(lambda: agent.__exit__(None, None, None))
    return agent


def test_an_unknown_default_is_denied_where_the_scope_says_what_it_may_be(agent):
    path, opts = {"properties": {"path": {}}}, {"properties": {"opts": {"properties": {"mode": {}, "more": {}}}}}
    for tool, given, schema, argument in (
        ("save", {}, path, "path"),
        ("list", {"opts": {}}, opts, "opts.mode"),
        ("list", {}, opts, "opts"),
    ):
        with pytest.raises(libagentid.Denied, match=f"{argument} of {tool} must be given") as denied:
            authorize(tool, defaulted(given, schema))
        assert (denied.value.reason, denied.value.argument) == ("argument_missing", argument)
        assert "has not run" in refusal(denied.value)
    for tool, given, schema in (
        ("save", {"path": "/data/a"}, path),
        ("save", {}, {"properties": {"name": {}, "opts": {}, "no_argument_of_the_scope": {}}}),
        ("list", {"opts": {"mode": "ro"}}, opts),
    ):
        with authorize(tool, defaulted(given, schema)) as call:
            assert call.arguments == given and type(call.arguments) is dict


def test_a_model_says_what_it_makes_of_arguments():
    pydantic = pytest.importorskip("pydantic")
    numbers = itertools.count()

    class Options(pydantic.BaseModel):
        mode: str = "rw"
        note: str | None = None
        tags: list[str] = pydantic.Field(default_factory=lambda: ["a"])

    class Arguments(pydantic.BaseModel):
        path: str = pydantic.Field(default_factory=lambda: "/etc")
        opts: Options = Options()
        number: int = pydantic.Field(default_factory=lambda: next(numbers))

        @pydantic.field_validator("path")
        def moved(cls, value):
            return value.replace("data", "etc")

    found = defaulted({}, Arguments)
    assert found == {"path": "/etc", "opts": {"mode": "rw", "tags": ["a"]}} and found.unknown == (("number",),)
    found = defaulted({"path": "/data/x", "number": "7", "opts": {"mode": "ro"}}, Arguments)
    assert found == {"path": "/etc/x", "number": 7, "opts": {"mode": "ro", "tags": ["a"]}} and found.unknown == ()
    assert defaulted({"opts": 3}, Arguments) == {"opts": 3}  # which the tool refuses
    schema = Arguments.model_json_schema()
    assert defaulted({"opts": {}}, json.loads(json.dumps(schema))).unknown == (("path",), ("opts", "tags"), ("number",))


def test_what_a_model_makes_that_has_no_form_in_json_is_unknown(agent):
    pydantic = pytest.importorskip("pydantic")

    class Options(pydantic.BaseModel):
        word: pydantic.SecretStr = pydantic.SecretStr("x")
        mode: str = "rw"

    class Arguments(pydantic.BaseModel):
        model_config = {"arbitrary_types_allowed": True}
        path: pydantic.SecretStr
        opts: Options = Options()
        left_out: str = pydantic.Field("eve", exclude=True)
        numbers: dict[int, dict[bool, str]] = {}
        most: float = float("inf")
        marker: object = object()
        many: list[float] = []
        raw: bytes = b"\xff"
        twice: dict[int | str, int] = {1: 1, "1": 2}

    found = defaulted({"path": "/data", "numbers": {"1": {"true": "a"}}, "many": [1.0, float("nan")]}, Arguments)
    seen = {"opts": {"mode": "rw"}, "left_out": "eve", "numbers": {"1": {"true": "a"}}, "many": [1.0, None]}
    assert found == seen
    assert set(found.unknown) == {("path",), ("opts", "word"), ("most",), ("marker",), ("raw",), ("many", 1), ("twice",)}
    with pytest.raises(libagentid.Denied) as denied:
        authorize("save", found)
    assert (denied.value.reason, denied.value.argument) == ("argument_missing", "path")

    class Permitted(pydantic.BaseModel):
        name: pydantic.SecretStr
        opts: Options = Options()

    with authorize("save", defaulted({"name": "n"}, Permitted)) as call:
        assert call.arguments == {"opts": {"mode": "rw"}}
    by_schema = defaulted({}, {"properties": {"name": {"default": {"a": [float("nan")], 1: object()}}}})
    assert by_schema == {"name": {"a": [None]}} and set(by_schema.unknown) == {("name", "a", 0), ("name", "1")}


def test_what_a_models_own_code_makes_anew_is_unknown():
    pydantic = pytest.importorskip("pydantic")
    numbers = itertools.count()

    class Stamped(pydantic.BaseModel):
        path: str
        at: int | None = None

        @pydantic.model_validator(mode="after")
        def stamp(self):
            self.at = next(numbers) if self.at is None else self.at
            return self

    class Counted(pydantic.BaseModel):
        path: str

        @pydantic.field_validator("path")
        def count(cls, value):
            return f"{value}{next(numbers)}"

    class Made(pydantic.BaseModel):
        path: str
        at: int | None = None

        def model_post_init(self, _):
            self.at = next(numbers)

    for model, known, unknown in ((Stamped, {"path": "a"}, "at"), (Counted, {}, "path"), (Made, {"path": "a"}, "at")):
        found = defaulted({"path": "a"}, model)
        assert found == known and found.unknown == ((unknown,),), model
    assert defaulted({"path": "a", "at": 3}, Stamped).unknown == ()

    class Moody(pydantic.BaseModel):
        path: str

        @pydantic.field_validator("path")
        def refuse(cls, value):
            if next(numbers) % 2:
                raise ValueError
            return value

    if next(numbers) % 2 == 0:
        next(numbers)
    assert defaulted({"path": "a"}, Moody).unknown == ((),)
