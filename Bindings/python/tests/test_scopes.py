"""Scopes made of values: what is given is never read as anything but itself."""

import json
import random
from decimal import Decimal

import libagentid
import pytest
from libagentid import Scope
from libagentid.scopes import (
    all_of,
    any_of,
    anything,
    at_least,
    at_most,
    between,
    cidr,
    contains,
    decimal,
    each,
    equals,
    less_than,
    like,
    members,
    more_than,
    none_of,
    number,
    one_of,
    optional,
    subset_of,
    under,
    uri,
)  # fmt: skip
from life import check

TEXTS = {
    "*": anything(),
    '== "x"': equals("x"),
    "== null": equals(None),
    ">= 1": at_least(1),
    "<= 1.5": at_most(1.5),
    "> 1": more_than(1),
    "< 1": less_than(1),
    ">= 1 <= 5": between(1, 5),
    "number": number(),
    'in ["a",1,true]': one_of("a", 1, True),
    'not in ["a"]': none_of("a"),
    'contains ["a"]': contains("a"),
    'subset of ["a","b"]': subset_of("a", "b"),
    'under "/data"': under("/data"),
    'like "*.csv"': like("*.csv"),
    'uri {"hosts":["*.acme.example"],"ports":[443],"schemes":["https"]}': uri(
        schemes=["https"], hosts=["*.acme.example"], ports=[443]
    ),
    'cidr ["10.0.0.0/8"]': cidr("10.0.0.0/8"),
    'decimal >= "0.01" <= "500"': decimal(least=Decimal("0.01"), most=500),
    'each(like "*@acme.example")': each(like("*@acme.example")),
    "members(amount <= 500, note?: *)": members(amount=at_most(500), note=optional(anything())),
    "members(a == 1, *: *)": members({"a": 1}, others=True),
    "all(>= 1, <= 5)": all_of(at_least(1), at_most(5)),
    'any(== 1, == "x")': any_of(1, "x"),
}
NASTY = [
    "'",
    '"',
    "\\",
    "(",
    ")",
    ",",
    ";",
    ":",
    "*",
    "?",
    "]",
    "}",
    "\n",
    "\0",
    "\u202e",
    "é",
    "e\u0301",
    "K",
    "a",
    " ",
    "== ",
    "/",
]


@pytest.mark.parametrize("text", TEXTS)
def test_each_constraint_is_that_of_its_text(text):
    made = Scope.tool("t", a=TEXTS[text])
    assert made == Scope(f"t(a: {text})") and made.json == Scope(f"t(a: {text})").json
    check("scope", made.json)
    assert Scope.tool("t", a=optional(TEXTS[text])) == Scope(f"t(a?: {text})")
    assert TEXTS[text] == TEXTS[text] and hash(TEXTS[text]) == hash(TEXTS[text]) and "Constraint(" in repr(TEXTS[text])


def test_every_type_has_a_builder():
    used = {json.dumps(c._token["constraint_type"]) for c in TEXTS.values()}
    known = json.loads((__import__("life").SCHEMAS / "scope.json").read_text())["$defs"]["constraint"]["oneOf"]
    types = {t for one in known for t in [one["properties"]["constraint_type"]] for t in t.get("enum", [t.get("const")])}
    assert {json.dumps(t) for t in types} <= used


def word(order):
    return "".join(order.choice(NASTY) for _ in range(order.randrange(1, 9)))


def test_no_value_and_no_name_is_read_as_anything_but_itself():
    order = random.Random(4)
    permitted = 0
    for _ in range(2000):
        tool, name, value, other = (word(order) for _ in range(4))
        if name == "*":
            continue
        try:
            scope = Scope.tool(tool, {name: value, "z": one_of(value, 7), "y": optional(any_of(value, none_of(other)))})
        except libagentid.ScopeError as error:  # a name that no tool may have
            assert "\0" in tool + name + value or any(c in tool + name for c in "\n\u202e"), error
            continue
        assert set(scope.json) == {tool} and set(scope.json[tool]) == {name, "z", "y"}
        assert scope.json[tool][name] == {"constraint_type": "exact", "value": value}
        assert Scope(str(scope)).json == scope.json
        assert scope.permits(tool, {name: value, "z": value}) and not scope.permits(tool, {name: value + "x", "z": value})
        assert not scope.permits(tool, {name: value, "z": value, "*": 1}) and not scope.permits(tool + "x", {name: value, "z": 7})
        permitted += 1
    assert permitted > 500


def test_several_tools_and_names_that_keywords_cannot_have():
    scope = Scope.tools({"read.file": {"max-bytes": at_most(9), "*": anything()}, "search": {"query": anything()}})
    assert scope == Scope("read.file(max-bytes <= 9, *: *); search(query: *)")
    assert scope.permits("read.file", {"max-bytes": 3, "else": 1}) and not scope.permits("search", {"query": 1, "else": 1})
    assert Scope.tool("open").permits("open", {"any": 1})
    assert repr(Scope.tool("t", a=1)) == "Scope('t(a == 1)')"


def test_what_is_no_constraint_is_refused():
    with pytest.raises(TypeError, match="can be optional"):
        all_of(optional(at_most(1)))
    with pytest.raises(TypeError, match="not a float"):
        decimal(most=0.1)
    with pytest.raises(TypeError, match="hosts is a list"):
        uri(hosts="a.example")
    with pytest.raises(TypeError):
        Scope.tool("t", a=b"x")
    with pytest.raises(TypeError, match="named by texts"):
        Scope.tools({"t": {1: 2}})
    with pytest.raises(ValueError):
        Scope.tool("t", a=at_most(float("nan")))
    for wrong in ({"a": under("data")}, {"a": one_of()}, {"a": "\ud800"}, {"*": at_most(1)}):
        with pytest.raises(libagentid.ScopeError):
            Scope.tool("t", wrong)


def test_a_scope_is_taken_wherever_a_text_is():
    ceiling, own = Scope.tool("read_file", path=under("/data")), Scope.tool("read_file", path=under("/data/q3"))
    with libagentid.Authority.open(trust_domain="acme.example") as acme:
        acme.put_profile("r", owner="team:r@acme.example", ceiling=ceiling)
        who = {"principal": "user:a@acme.example", "task": "t"}
        with acme.agent("r", scope=ceiling, entitlements=own, **who) as agent:
            assert agent.spawn("a", own).check("read_file", {"path": "/data/q3/x"})
            assert not agent.check("read_file", {"path": "/data/x"})
            key = json.loads(libagentid.generate_key())
            public = json.dumps({name: key[name] for name in ("kty", "crv", "x")})
            assert agent.delegate(public, own).count(".") > 2
            assert acme.issue("r", public, scope=own, **who)[0]
