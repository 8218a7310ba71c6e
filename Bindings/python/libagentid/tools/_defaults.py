"""Defaults of arguments that a model left out, at any depth: decided like arguments, as far as it is known what they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias, cast
from urllib.parse import unquote
from weakref import WeakKeyDictionary

from ._values import NO_FORM, plain, readable

Place: TypeAlias = tuple[str | int, ...]
_Schema: TypeAlias = Mapping[str, Any]
_DEPTH, _STEPS = 64, 10_000
_KINDS: Mapping[str, tuple[type, ...]] = {
    "object": (dict,), "array": (list,), "string": (str,), "integer": (int, float), "number": (int, float), "boolean": (bool,),
    "null": (type(None),),
}  # fmt: skip
_OWN_CODE = ("default_factory", "'function-", "post_init", "custom_init")  # which may say something else each time
_factories: WeakKeyDictionary[type, bool] = WeakKeyDictionary()


class Defaulted(dict[str, Any]):
    """Arguments with their defaults."""

    unknown: tuple[Place, ...] = ()
    """The places of those of which nobody knows here what the tool will see."""


def defaulted(arguments: Mapping[str, Any], schema: Mapping[str, Any] | type[Any] | None) -> dict[str, Any]:
    """A model's arguments with the defaults, at any depth, that the tool's JSON Schema has for what was left out.

    `schema`: or the Pydantic model by which the tool reads its arguments: they are what that makes of them. As `guarded` has it:
    defaults that are null are not given. Hand on to `authorize` what is returned: it knows where a default is not known.
    """
    if isinstance(schema, type):
        return _of_model(arguments, schema)
    walk = _Walk(schema or {})
    return with_unknown(walk.value(dict(arguments), schema or {}, (), 0), walk.unknown)


def unseen(unknown: Iterable[Place], constraints: Mapping[str, Any]) -> Place | None:
    """The first place of some of which the constraints of a tool say what it may be."""
    for place in unknown:
        for name in [str(place[0])] if place else constraints:
            if _is_constrained(constraints.get(name), place[1:]):
                return place or (name,)
    return None


def _is_constrained(constraint: Any, place: Place) -> bool:
    about = _mapping(constraint)
    kind = str(about.get("constraint_type", "wildcard"))  # what is not named is the tool's own
    if kind == "wildcard":
        return False
    if kind in ("all", "any"):
        return any(_is_constrained(each, place) for each in _list(about.get("constraints")))
    if place and kind == "members":
        return _is_constrained(_mapping(about.get("members")).get(str(place[0])), place[1:])
    return not place or kind != "each" or _is_constrained(about.get("constraint"), place[1:])


def _of_model(arguments: Mapping[str, Any], model: Any) -> Defaulted:
    """The arguments that a model makes of others; twice where it makes some anew, to know which."""
    given, made = plain(arguments), list[Any]()
    try:
        made.append(readable(model.model_validate(plain(given)), asked=True))
        if _makes_anew(model):
            made.append(readable(model.model_validate(plain(given)), asked=True))
    except ValueError:  # the tool refuses them as well, unless it reads them otherwise each time
        return with_unknown({}, [()]) if made else Defaulted(given)
    if any(each is NO_FORM for each in made):
        return with_unknown({}, [()])
    if not isinstance(made[0], dict):
        return Defaulted(given)
    unknown: list[Place] = []
    return with_unknown(_same(made[0], made[-1], (), unknown), unknown)


def with_unknown(value: dict[str, Any], unknown: Iterable[Place] = ()) -> Defaulted:
    """Arguments that are `readable`, with the places of what has no form in JSON and of what else is unknown."""
    places = list(unknown)
    made = Defaulted(_without_gaps(value, (), places))
    made.unknown = tuple(places)
    return made


def _without_gaps(value: Any, place: Place, unknown: list[Place]) -> Any:
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        unknown.extend((*place, name) for name, each in members.items() if each is NO_FORM)
        return {name: _without_gaps(each, (*place, name), unknown) for name, each in members.items() if each is not NO_FORM}
    if isinstance(value, list):
        return [_without_gaps(each, (*place, index), unknown) for index, each in enumerate(cast("list[Any]", value))]
    if value is NO_FORM:  # an element, which keeps the others in their places
        unknown.append(place)
        return None
    return value


def _makes_anew(model: type[Any]) -> bool:
    found = _factories.get(model)
    if found is None:
        said = repr(cast("Any", model).__pydantic_core_schema__)
        found = _factories[model] = any(each in said for each in _OWN_CODE)
    return found


def _same(first: Any, second: Any, place: Place, unknown: list[Place]) -> Any:
    """The part of two values that is the same."""
    if isinstance(first, dict) and isinstance(second, dict):
        one, other = cast("dict[str, Any]", first), cast("dict[str, Any]", second)
        kept: dict[str, Any] = {}
        for name in {**one, **other}:
            if name not in one or name not in other or (one[name] != other[name] and not isinstance(one[name], dict | list)):
                unknown.append((*place, name))
            else:
                kept[name] = _same(one[name], other[name], (*place, name), unknown)
        return kept
    if isinstance(first, list) and isinstance(second, list):
        one_list, other_list = cast("list[Any]", first), cast("list[Any]", second)
        if len(one_list) == len(other_list):
            pairs = zip(one_list, other_list, strict=True)
            return [_same(one, other, (*place, index), unknown) for index, (one, other) in enumerate(pairs)]
    if first != second:
        unknown.append(place)
    return cast("Any", first)


class _Walk:
    """One way through a schema, along the arguments, of bounded depth and length."""

    def __init__(self, root: _Schema) -> None:
        self._root, self._left = root, _STEPS
        self.unknown: list[Place] = []

    def value(self, value: Any, schema: Any, place: Place, depth: int) -> Any:
        """A value with its defaults."""
        about, found = _mapping(schema), value
        if not about or not _is_container(value):
            return found
        self._left -= 1
        if self._left < 0 or depth > _DEPTH:
            self.unknown.append(place)
            return found
        if "$ref" in about:
            target = self._target(about["$ref"])
            if target is None:
                self.unknown.append(place)
            found = self.value(found, target, place, depth + 1)
        for each in _list(about.get("allOf")):
            found = self.value(found, each, place, depth + 1)
        for name in ("anyOf", "oneOf"):
            if name in about:
                found = self._branch(found, _list(about[name]), place, depth + 1)
        if type(found) is dict:
            return self._members(cast("dict[str, Any]", found), about, place, depth + 1)
        first, rest = _list(about.get("prefixItems")), about.get("items")
        if isinstance(rest, list):  # of older drafts
            first, rest = _list(about["items"]), about.get("additionalItems")
        return [
            self.value(each, first[index] if index < len(first) else rest, (*place, index), depth + 1)
            for index, each in enumerate(cast("list[Any]", found))
        ]

    def _members(self, value: dict[str, Any], schema: _Schema, place: Place, depth: int) -> dict[str, Any]:
        made, properties, required = dict(value), _mapping(schema.get("properties")), _list(schema.get("required"))
        for name, property in properties.items():
            at = (*place, name)
            if name in made:
                made[name] = self.value(made[name], property, at, depth)
                continue
            known, default = self._default(property)
            if known and default is not None:
                made[name] = self.value(readable(default), property, at, depth)
            elif not known and name not in required:
                self.unknown.append(at)
        if isinstance(other := schema.get("additionalProperties"), Mapping):
            for name in [name for name in made if name not in properties]:
                made[name] = self.value(made[name], other, (*place, name), depth)
        return made

    def _default(self, schema: Any) -> tuple[bool, Any]:
        """Whether a default is known, and the default."""
        for _ in range(_DEPTH):
            about = _mapping(schema)
            if "default" in about:
                return True, about["default"]
            if "$ref" not in about:
                break
            schema = self._target(about["$ref"])
        return False, None

    def _branch(self, value: Any, branches: list[Any], place: Place, depth: int) -> Any:
        """A value with the defaults of the branch that it is of, and as far as that is not clear with those of all."""
        made = [self.value(value, each, place, depth) for each in branches if self._fits(value, each)]
        found = made[0] if made else value
        for other in made[1:]:
            found = _same(found, other, place, self.unknown)
        return found

    def _fits(self, value: Any, schema: Any) -> bool:
        """Whether a value may be of a branch, as far as that is seen at once."""
        for _ in range(_DEPTH):
            if "$ref" not in _mapping(schema):
                break
            schema = self._target(schema["$ref"])
        about = _mapping(schema)
        if not _is_of(value, about):
            return False
        if not isinstance(value, dict):
            return schema is not False
        properties, members = _mapping(about.get("properties")), cast("dict[str, Any]", value)
        if about.get("additionalProperties") is False and not members.keys() <= properties.keys():
            return False
        return all(name in members for name in _list(about.get("required"))) and all(
            _is_of(each, _mapping(properties.get(name))) for name, each in members.items()
        )

    def _target(self, reference: Any) -> Any:
        """The part of the schema that a reference names; None for one that is elsewhere."""
        if not isinstance(reference, str) or not (reference == "#" or reference.startswith("#/")):
            return None
        found: Any = self._root
        for part in unquote(reference[2:]).split("/") if reference != "#" else ():
            name = part.replace("~1", "/").replace("~0", "~")
            if isinstance(found, list) and name.isdecimal() and int(name) < len(cast("list[Any]", found)):
                found = cast("list[Any]", found)[int(name)]
            else:
                found = _mapping(found).get(name)
        return found


def _is_of(value: Any, schema: _Schema) -> bool:
    """Whether a value has the type that a schema names, and is one of those that it lists, as far as it can be looked at."""
    if value is NO_FORM:
        return True
    if "const" in schema and value != schema["const"]:
        return False
    if "enum" in schema and value not in _list(schema["enum"]):
        return False
    kinds = schema.get("type")
    names = [kinds] if isinstance(kinds, str) else _list(kinds)
    return not names or any(isinstance(value, _KINDS.get(str(name), (object,))) for name in names)


def _is_container(value: Any) -> bool:
    return isinstance(value, dict | list)


def _mapping(value: Any) -> _Schema:
    return cast("_Schema", value) if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return list(cast("Sequence[Any]", value)) if isinstance(value, list | tuple) else []
