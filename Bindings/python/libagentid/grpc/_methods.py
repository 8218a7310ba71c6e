"""Methods as tools: which tool a method is, and what its arguments are."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from .._decision import arguments
from .._protobuf import bounded, known_fields
from ..http._call import Call, Refusal

Arguments = Callable[[str, Any], Mapping[str, Any]]


def message_arguments(method: str, message: Any) -> Mapping[str, Any]:
    """A request's fields by their names in the .proto file, as the JSON mapping of Protocol Buffers has them.

    A field that is not set, or has its default value and no presence, is left out; 64-bit numbers are texts. Raises `ValueError`
    for a message with a value that JSON does not have.
    """
    return known_fields(message)


class Methods:
    """The table of a server or a client: `{"/files.Files/Read": "read_file", "/grpc.health.v1.Health/Check": None}`."""

    def __init__(self, tools: Mapping[str, str | None], streams: Collection[str], arguments: Arguments) -> None:
        if not isinstance(tools, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"tools is a dict of methods and their tools, not {type(tools).__name__}")
        if not callable(arguments):
            raise TypeError(f"arguments= is a function of a method and its message, not {type(arguments).__name__}")
        for method, tool in tools.items():
            if not method.startswith("/") or method.count("/") != 2 or not all(method[1:].split("/")):
                raise ValueError(f"a method is such as /files.Files/Read, not {method!r}")
            if tool is not None and not (isinstance(tool, str) and tool):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise ValueError(f"{method}: a tool is a name, or None for a method without a guard, not {tool!r}")
        unknown = [streams] if isinstance(streams, str) else [method for method in streams if not tools.get(method)]
        if unknown:
            raise ValueError(f"streams= is a list of methods that have a tool, which these are not: {unknown}")
        self._tools, self._streams, self._arguments = dict(tools), frozenset(streams), arguments

    def is_exempt(self, method: str) -> bool:
        """Whether a method needs no guard. Raises `Refusal` for one that is not named."""
        if method not in self._tools:
            raise Refusal(403, "route_without_tool", f"no tool is named for this method: {method[:200]}")
        return self._tools[method] is None

    def call(self, method: str, message: Any) -> Call:
        """The call that a request is. Raises `NotArguments`."""
        bounded(message)  # a handler is given no more than the guard has seen
        return Call(self._tools[method] or "", arguments(self._arguments(method, message)))

    def stream(self, method: str) -> Call:
        """The call that a stream of requests is: no message of it is among its arguments, so it is named in `streams`."""
        if method not in self._streams:
            said = f"the messages of a stream are not seen by the guard: name {method} in streams= if its tool bears that"
            raise Refusal(403, "stream_not_named", said)
        return Call(self._tools[method] or "", b"{}")
