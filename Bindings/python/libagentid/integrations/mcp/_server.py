"""The server's end: the guard permits a request before anything it asks for happens."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from ..._errors import Denied
from ..._guard import EnforcementPoint
from ...mcp._tasks import BEGUN
from ...mcp._wire import DENIED, LIST, answer, asked, callable_tools, denial, granted, permit, shown
from ...tools import NotGuarded, authorize
from ._ask import asked_before, asked_now, without_answers
from ._unchanged import deciding, hold

if TYPE_CHECKING:
    from ...mcp._elicit import Elicitation

_S = TypeVar("_S")
_Guards = EnforcementPoint | Callable[[], EnforcementPoint]


def guard_server(server: _S, guard: _Guards, *, elicit: Elicitation | None = None) -> _S:
    """Has a guard decide every request of a server that does or reads something, and shows each client its own tools only.

    `server`: an `MCPServer`, a `FastMCP` of either package, or a low-level `Server`. A call of a tool needs the tool with its
    arguments in the chain that came with it; reading a resource needs the tool `resources/read`, and so on for all that is not
    listing. A denial is the tool's answer, an error elsewhere. Call it once for each server. Nothing decides a
    route beside MCP's (`custom_route`).

    `guard`: a `Guard` with an `audience`, or `libagentid.http.guarding(directory, audience=...)`, which makes one in each worker
    that is forked. `elicit`: asks the client's user where a call of a tool needs an approval.
    """
    if not callable(guard) and not isinstance(guard, EnforcementPoint):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"guard is a Guard, or guarding(directory, audience=...), not {type(guard).__name__}")
    low: Any = next((found for name in ("_lowlevel_server", "_mcp_server") if (found := getattr(server, name, None))), server)
    if hasattr(low, "middleware"):
        if any(isinstance(each, _Middleware) for each in low.middleware):
            raise ValueError("this server has a guard already")
        low.middleware.append(_Middleware(guard, elicit, low))
        hold(server)
    elif hasattr(low, "request_handlers"):
        if isinstance(low.request_handlers, _Handlers):
            raise ValueError("this server has a guard already")
        low.request_handlers = _Handlers(low.request_handlers, guard, elicit)
    else:
        raise TypeError(f"{type(server).__name__} is not a server of the packages mcp or fastmcp that can be guarded")
    return server


class _Guarding:
    """The guard of this process."""

    _now: _Guards

    @property
    def _guard(self) -> Any:
        return self._now if isinstance(self._now, EnforcementPoint) else self._now()


class _Middleware(_Guarding):
    """For mcp 2: sees each request as received, before anything else reads it."""

    def __init__(self, guard: _Guards, elicit: Elicitation | None, server: Any) -> None:
        self._now, self._elicit, self._server = guard, elicit, server

    async def __call__(self, ctx: Any, call_next: Callable[[Any], Awaitable[Any]]) -> Any:
        method, params = cast("str", ctx.method), cast("Mapping[str, Any] | None", ctx.params)
        wanted = asked(method, params)
        if wanted is None:
            result = await call_next(ctx)
            return self._listed(result, params) if method == LIST else result
        if self._server.middleware[-1] is not self:
            raise NotGuarded(
                "middleware was added after the guard, and could change what was decided: add it before guard_server()"
            )
        try:
            call = authorize(*wanted, guard=self._guard, presented=shown(params))
        except Denied as denied:
            asked_again = await asked_now(self._elicit, denied, self._guard, ctx) if method == "tools/call" else None
            return self._refused(denied, method) if asked_again is None else asked_again
        with call, deciding(method, params):
            result = await call_next(ctx if self._elicit is None else without_answers(ctx))
            if isinstance(result, dict) and result.get("isError"):
                call.failed("the tool says so")
            elif isinstance(result, dict) and isinstance(result.get("task"), dict):
                call.done(BEGUN)  # it goes on
        return {**result, "_meta": {**(result.get("_meta") or {}), **permit(call)}} if isinstance(result, dict) else result

    def _listed(self, result: Any, params: Mapping[str, Any] | None) -> Any:
        known = callable_tools(self._guard, shown(params)[0])
        kept = [tool for tool in result["tools"] if granted(tool["name"]) in known]
        cached = {"ttlMs": 0, "cacheScope": "private"} if "ttlMs" in result else {}  # one client's list is not another's
        return {**result, "tools": kept, **cached}

    def _refused(self, denied: Denied, method: str) -> Any:
        from mcp.shared.exceptions import MCPError
        from mcp_types import CallToolResult

        if method != "tools/call":
            raise MCPError(code=DENIED, message=str(denied), data=denial(denied, self._guard)) from None
        return CallToolResult.model_validate(answer(denied, self._guard), by_name=False)


class _Handlers(_Guarding, dict[Any, Any]):
    """For mcp 1: the handlers by the type of their request, each guarded, also those registered later."""

    def __init__(self, handlers: Mapping[Any, Any], guard: _Guards, elicit: Elicitation | None) -> None:
        super().__init__(handlers)
        self._now, self._elicit = guard, elicit

    def __getitem__(self, key: Any) -> Any:
        return self._guarded(super().__getitem__(key))

    def get(self, key: Any, default: Any = None) -> Any:
        return self._guarded(super().__getitem__(key)) if key in self else default

    def _guarded(self, handler: Callable[[Any], Awaitable[Any]]) -> Callable[[Any], Awaitable[Any]]:
        async def guarded(request: Any) -> Any:
            if request is None:  # the server's own look at its list
                return await handler(request)
            method, wire = request.method, request.model_dump(by_alias=True, mode="json", exclude_none=True).get("params")
            if method == "tools/call":  # as the tool gets them: in the dump NaN is null
                wire["arguments"] = request.params.arguments
            wanted = asked(method, wire)
            if wanted is None:
                result = await handler(request)
                if method == LIST:
                    known = callable_tools(self._guard, shown(wire)[0])
                    listed = result.root.model_copy(update={"tools": [t for t in result.root.tools if granted(t.name) in known]})
                    return type(result)(listed)
                return result
            try:
                call = authorize(*wanted, guard=self._guard, presented=shown(wire))
            except Denied as denied:
                after = await asked_before(self._elicit, denied, self._guard) if method == "tools/call" else None
                return self._refused(denied, method) if after is None else after
            with call:
                result = await handler(request)
                if getattr(result.root, "isError", False):
                    call.failed("the tool says so")
                elif getattr(result.root, "task", None) is not None:
                    call.done(BEGUN)
            result.root.meta = {**(result.root.meta or {}), **permit(call)}
            return result

        return guarded

    def _refused(self, denied: Denied, method: str) -> Any:
        from mcp import types  # pyright: ignore[reportAttributeAccessIssue]
        from mcp.shared.exceptions import McpError

        if method != "tools/call":
            raise McpError(types.ErrorData(code=DENIED, message=str(denied), data=denial(denied, self._guard))) from None
        return types.ServerResult(types.CallToolResult.model_validate(answer(denied, self._guard)))
