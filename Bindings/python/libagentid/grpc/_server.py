"""The interceptors of servers."""

# pyright: reportMissingModuleSource=false
from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any

import grpc
import grpc.aio

from .._protobuf import NotArguments
from ..http._call import MAX_BODY, Call, Refusal
from ..http._running import Permit
from ..http._site import Guards, Site
from ._behavior import guarded
from ._methods import Arguments, Methods, message_arguments


class _Interceptor:
    """The part that both interceptors share: it decides which calls are let through."""

    def __init__(
        self, tools: Mapping[str, str | None], *, guard: Guards, streams: Collection[str] = (),
        arguments: Arguments = message_arguments,
    ) -> None:  # fmt: skip
        self._methods, self._site = Methods(tools, streams, arguments), Site(guard, None, MAX_BODY, None)

    def _permit(self, metadata: Any, call: Callable[[], Call]) -> Permit:
        """The permit, with the call begun. Raises `Refusal`, and nothing else."""
        sent: dict[str, list[str]] = {"agent-chain": [], "agent-proof": []}
        for name, value in metadata or ():
            if name in sent:
                sent[name].append(value if isinstance(value, str) else value.decode("latin-1"))
        permit = self._site.permit(lambda _: call(), None, sent["agent-chain"], sent["agent-proof"])  # type: ignore[arg-type]
        if permit is None:
            raise Refusal(403, "route_without_tool", "no tool is named for this method")
        return permit

    def _call(self, method: str, request: Any, *, is_stream: bool) -> Call:
        if is_stream:
            return self._methods.stream(method)
        try:
            return self._methods.call(method, request)
        except NotArguments as error:
            raise Refusal(400, "call", str(error)) from None

    def _guarded(self, method: str, handler: Any, task: asyncio.Task[Any] | None) -> Any:
        """A handler after the guard. `task`: that of the request, under grpc.aio."""
        try:
            if self._methods.is_exempt(method):
                return handler
            named = None
        except Refusal as refusal:
            named = refusal
        kinds = ("unary_unary", "unary_stream", "stream_unary", "stream_stream")
        kind = kinds[2 * bool(handler.request_streaming) + bool(handler.response_streaming)]
        inner = getattr(handler, kind)

        def decided(request: Any, context: Any) -> Permit | Refusal:
            if named is not None:
                return named
            try:
                read = partial(self._call, method, request, is_stream=handler.request_streaming)
                return self._permit(context.invocation_metadata(), read)
            except Refusal as refusal:
                return refusal

        made = getattr(grpc, f"{kind}_rpc_method_handler")
        behavior = guarded(inner, decided, is_stream=handler.response_streaming, task=task)
        return made(behavior, request_deserializer=handler.request_deserializer, response_serializer=handler.response_serializer)


class GuardInterceptor(_Interceptor, grpc.ServerInterceptor):  # type: ignore[type-arg]
    """Lets through what its guard permits: `grpc.server(pool, interceptors=[GuardInterceptor(tools, guard=...)])`.

    `tools`: which tool each method is; None exempts a method, and any that is not named is refused. `guard`: `guarding(directory,
    audience=...)`, or a `Guard`. `arguments`: what a request's arguments are, the same at both ends. `streams`: methods whose
    requests are a stream; the guard decides when the stream begins and sees none of its messages, which is waived by this.

    What is not permitted ends with UNAUTHENTICATED, PERMISSION_DENIED, FAILED_PRECONDITION (send the whole chain),
    RESOURCE_EXHAUSTED (too many calls), UNAVAILABLE or INVALID_ARGUMENT; the trailing metadata has the refusal as JSON, under
    `agent-refusal`.

    The call ends when the handler has, and its outcome is recorded: it failed, and budgets come back as far as their rules say
    so, where the handler raises, aborts or sets another code than OK. A client that cancels gets nothing back. A handler tells
    its cost and labels by `libagentid.tools.current_call()`.
    """

    def intercept_service(self, continuation: Callable[[Any], Any], handler_call_details: Any) -> Any:
        """Called by grpc."""
        handler = continuation(handler_call_details)
        return None if handler is None else self._guarded(handler_call_details.method, handler, None)


class AioGuardInterceptor(_Interceptor, grpc.aio.ServerInterceptor):  # type: ignore[type-arg]
    """As `GuardInterceptor`, for `grpc.aio.server(interceptors=[...])`."""

    def intercept_service(self, continuation: Callable[[Any], Any], handler_call_details: Any) -> Any:
        """Called by grpc."""
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            raise TypeError("AioGuardInterceptor is for grpc.aio.server: grpc.server takes a GuardInterceptor") from None
        return self._intercepted(continuation, handler_call_details)

    async def _intercepted(self, continuation: Callable[[Any], Any], handler_call_details: Any) -> Any:
        handler = await continuation(handler_call_details)
        return None if handler is None else self._guarded(handler_call_details.method, handler, asyncio.current_task())
