"""Between the guard and a tool: what was decided is what runs."""

from __future__ import annotations

import inspect
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from ...mcp._wire import canonical
from ...tools import NotGuarded

# The call that was decided, as JSON, until its tool runs.
_decided: ContextVar[str | None] = ContextVar("agentid.mcp", default=None)


@contextmanager
def deciding(method: str, params: Mapping[str, Any] | None) -> Generator[None]:
    """Within it a request has been decided; a call of a tool is held to that."""
    given = params or {}
    before = _decided.set(_written(given.get("name"), given.get("arguments")) if method == "tools/call" else None)
    try:
        yield
    finally:
        _decided.reset(before)


def hold(server: Any) -> None:
    """Has a server's tools look whether a call is what was decided, after all middleware and extensions of the packages."""
    run = getattr(server, "call_tool", None)
    if run is None:
        return  # a low-level server: its handler is the program's own

    has_middleware = "run_middleware" in inspect.signature(run).parameters

    async def call_tool(name: str, arguments: dict[str, Any] | None = None, *args: Any, **kwargs: Any) -> Any:
        decided = _decided.get()
        # FastMCP 4 comes through here twice: first with its middleware, which runs the tool at last.
        if decided is None or kwargs.get("run_middleware", has_middleware):
            return await run(name, arguments, *args, **kwargs)
        if _written(name, arguments) != decided:
            raise NotGuarded(
                f"the call of {name} is another than was decided: middleware or an extension changed it after the guard; "
                "the tool has not run"
            )
        within = _decided.set(None)  # what the tool itself calls was not decided
        try:
            return await run(name, arguments, *args, **kwargs)
        finally:
            _decided.reset(within)

    server.call_tool = call_tool


def _written(name: Any, arguments: Any) -> str:
    return canonical([name, arguments or {}])
