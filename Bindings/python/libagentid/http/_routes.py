"""Routes as tools: values of the path, the query and the body are the arguments of one call."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from functools import partial
from json.encoder import encode_basestring_ascii
from typing import NamedTuple, cast
from urllib.parse import parse_qsl

from ._call import Call, Calls, Refusal, Request, json_body, request_call

_QUERY_FIELDS = 100
_SPACE = b" \t\r\n"
_CONTROLS = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")
_VALUES = {"": "([^/]+)", "int": "(0|-?[1-9][0-9]*)"}
"""The values of one part of a path, by their kind."""
_REST = "(/?(?:[^/]+/)*[^/]*)"
"""All that is left: no part in its middle is empty, which some frameworks leave out."""
_BODILESS = ("GET", "HEAD", "DELETE", "OPTIONS", "TRACE", "WEBSOCKET")
"""The methods whose arguments are in path and query alone."""


class Routes:
    """The tool of each route: `Routes({"GET /users/{id}": "get_user", "GET /health": None})`.

    A route is a method and a path. `{name}` is one part of it; `{name:int}` one that is a whole number in its one spelling, `5`
    and neither `05` nor `+5`, where the application converts it; `{name:path}`, at the end, all that is left. Those and the
    fields of the query are arguments, as texts; of other methods than GET, HEAD, DELETE, OPTIONS, TRACE and WEBSOCKET the members
    of the body, a JSON object, are, and of the query only the fields that the route names: `POST /read?path&limit`. An argument
    that is elsewhere is refused: the handler would not look for it there. None exempts a route from the guard; any route that is
    not named is refused. Routes that a path could be taken for at once are refused when this is made: which of them the
    application would take is not known here. Raises `ValueError`. Immutable, and the same for servers and clients.
    """

    def __init__(self, tools: Mapping[str, str | None]) -> None:
        self._routes = [_Route(route, tool) for route, tool in tools.items()]
        for index, route in enumerate(self._routes):
            for other in self._routes[:index]:
                if route.meets(other):
                    raise ValueError(f"{other.text} and {route.text} are routes of the same paths: it must be one")
        self._fixed = {route.where: Found(route, {}) for route in self._routes if not route.names}
        self._open = [(route.method, route.pattern.fullmatch, route) for route in self._routes if route.names]

    def __repr__(self) -> str:
        return f"Routes({ {route.text: route.tool for route in self._routes}!r})"

    def __call__(self, request: Request) -> Call | None:
        """The call that a request makes; None if it is exempt. Raises `Refusal`."""
        try:
            path = request.path.decode()
        except UnicodeDecodeError:
            raise Refusal(400, "call", "the path is not UTF-8") from None
        return self.find(request.method, path)(request)

    def find(self, method: str, path: str, root: str = "") -> Found:
        """The route of a path, and the values in it, for an application that is mounted at `root`. Raises `Refusal`."""
        if _CONTROLS.search(path):  # a newline at the end is none to an expression that ends with `$`, as routers have them
            raise Refusal(400, "call", "the path has a control character or a line's end in it")
        found = self._find(method, path)
        if found is None or (root and not self._is_one(method, path, root.rstrip("/"), found)):
            raise Refusal(403, "route_without_tool", f"no tool is named for this route: {method} {path[:200]}")
        return found

    def _is_one(self, method: str, path: str, root: str, found: Found) -> bool:
        """Whether the application runs what was found: it takes a path with its root, and one without it, for the same."""
        if path == root or path.startswith(f"{root}/"):
            other = self._find(method, path[len(root) :] or "/")
            # All of the table has the root: else a client that may say where the application is mounted chooses what runs.
            return all(map(self._has(root), self._routes)) if other is None else other.is_as(found)
        other = self._find(method, root + path) if any(map(self._has(root), self._routes)) else None
        return other is None or other.is_as(found)

    def _has(self, root: str) -> Callable[[_Route], bool]:
        return lambda route: f"{route.path}/".startswith(f"{root}/")

    def _find(self, method: str, path: str) -> Found | None:
        if (fixed := self._fixed.get(f"{method} {path}")) is not None:
            return fixed
        for own, match, route in self._open:
            if own == method and (found := match(path)) is not None:
                return Found(route, dict(zip(route.names, found.groups(), strict=True)))
        return None


class Found(NamedTuple):
    """A route that was found, and the values in the path."""

    route: _Route
    values: dict[str, str]

    @property
    def tool(self) -> str | None:
        """The route's tool; None if it is exempt."""
        return self.route.tool

    def is_as(self, other: Found) -> bool:
        """Whether requests on both are the same calls."""
        return (self.tool, self.values, self.route.fields) == (other.tool, other.values, other.route.fields)

    def __call__(self, request: Request) -> Call | None:
        """The call of a request on this route."""
        if self.route.tool is None:
            return None
        arguments, left = _arguments(request, self.route, dict(self.values))
        return Call(self.route.tool, arguments, partial(_none_in, request.body, left) if left else None)


class _Route:
    fields: frozenset[str] | None
    """The fields of the query that there may be; None for any."""

    def __init__(self, text: str, tool: str | None) -> None:
        self.where, asks, fields = text.partition("?")
        self.method, _, self.path = self.where.partition(" ")
        if not self.method.isalpha() or self.method != self.method.upper() or not self.path.startswith("/"):
            raise ValueError(f"a route is a method and a path, such as GET /users/{{id}}, not {text!r}")
        if tool is not None and not (isinstance(tool, str) and tool):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ValueError(f"{text}: a tool is a name, or None for a route without a guard, not {tool!r}")
        self.text, self.tool, self.parts, self.has_rest = text, tool, self.path.split("/")[1:], False
        self.names: list[str] = []
        for index, part in enumerate(self.parts):
            if "{" not in part and "}" not in part:
                continue
            name, _, kind = part[1:-1].partition(":")
            is_value = part[0] == "{" and part[-1] == "}" and name.isidentifier() and kind in (*_VALUES, "path")
            if not is_value or (kind == "path" and index != len(self.parts) - 1):
                raise ValueError(f"{text}: {part} is not a value: {{name}} is, {{name:int}}, and {{name:path}} at the end")
            if name in self.names:
                raise ValueError(f"{text}: {{{name}}} is there twice")
            self.names.append(name)
            self.has_rest = kind == "path"
        named = fields.split("&") if asks else []
        if not all(named) or len({*named, *self.names}) != len(named) + len(self.names) or (asks and tool is None):
            raise ValueError(
                f"{text}: a guarded route names each field of its query once, and no value of its path, as in POST /a?x&y"
            )
        self.has_body = self.method not in _BODILESS
        self.fields = frozenset(named) if asks or self.has_body else None

    @property
    def pattern(self) -> re.Pattern[str]:
        """The paths of this route: a value is not empty and has no slash, all that is left may be empty and have single ones."""
        parts = [re.escape(part) if "{" not in part else _VALUES.get(part[1:-1].partition(":")[2], _REST) for part in self.parts]
        return re.compile("".join(f"/{part}" for part in parts))

    def meets(self, other: _Route) -> bool:
        """Whether one path could be both's."""
        if self.method != other.method:
            return False
        if self.where == other.where:
            return True
        for mine, theirs in zip(self.parts, other.parts, strict=False):
            if "{" not in mine and "{" not in theirs and mine != theirs:
                return False
        short, long = sorted((self, other), key=lambda route: len(route.parts))
        return len(short.parts) == len(long.parts) or short.has_rest


def _arguments(request: Request, route: _Route, values: dict[str, str]) -> tuple[bytes, set[str]]:
    """All inputs of a handler, as one JSON object, and the fields of the query that could be in the body and must not.

    A name that occurs twice is refused, here or by the guard.
    """
    left = set(route.fields or ())
    if request.query:
        for name, value in _fields(request.query):
            if name in values:
                raise Refusal(400, "call", "an argument is given twice, in the path or the query", argument=name)
            if route.fields is not None and name not in route.fields:
                raise Refusal(400, "call", "the query of this route has no such field: is it in the body?", argument=name)
            values[name] = value
            left.discard(name)
    body = json_body(request).strip(_SPACE)
    if not body:
        return _object(values), set()
    if body[:1] != b"{":
        raise Refusal(400, "call", "the body is not a JSON object")
    members = body[1:].lstrip(_SPACE)
    if not route.has_body and members != b"}":
        raise Refusal(400, "call", f"arguments of a {route.method} are in the path or the query, not in a body")
    left = {name for name in left if b"\\" in body or f'"{name}"'.encode("utf-8", "surrogatepass") in body}
    if not values:
        return body, left
    # The members of the body follow as they were sent: the guard reads them, and refuses a name that is there twice.
    return _object(values)[:-1] + (b"" if members[:1] == b"}" else b",") + members, left


def _object(values: dict[str, str]) -> bytes:
    written = [f"{encode_basestring_ascii(name)}:{encode_basestring_ascii(value)}" for name, value in values.items()]
    return ("{" + ",".join(written) + "}").encode()


def _none_in(body: bytes, fields: set[str]) -> None:
    """Refuses a body that has a field of the query, which was not in that: a handler would take it for not given."""
    try:
        found = fields & json.loads(body, parse_int=str, parse_float=str).keys()
    except (ValueError, RecursionError, AttributeError):
        raise Refusal(400, "call", "the body is not a JSON object") from None
    if found:
        raise Refusal(400, "call", "an argument of the query is in the body", argument=min(found))


def _fields(query: str) -> list[tuple[str, str]]:
    """The fields of a query. Refuses what frameworks read in different ways."""
    if not (query.isascii() and query.isprintable()) or ";" in query:
        # Bytes without escapes are Latin-1 to one and UTF-8 to another, and a semicolon ends a field for some.
        raise Refusal(400, "call", "a query is ASCII without control characters: escape others, and semicolons")
    try:
        return parse_qsl(query, keep_blank_values=True, max_num_fields=_QUERY_FIELDS, errors="strict")
    except UnicodeDecodeError:
        raise Refusal(400, "call", "the query is not UTF-8") from None
    except ValueError:
        raise Refusal(400, "call", f"a query has at most {_QUERY_FIELDS} fields") from None


Tools = Routes | Mapping[str, str | None] | Calls | None


def calls_of(tools: Tools) -> Calls:
    """Which call a request is, as a server or a client was told."""
    if tools is None:
        return request_call
    if isinstance(tools, Mapping):
        return Routes(cast("Mapping[str, str | None]", tools))
    if not callable(tools):  # pyright: ignore[reportUnnecessaryComparison]
        raise TypeError(f"routes= is a dict of routes and their tools, or a function of a request, not {type(tools).__name__}")
    return tools
