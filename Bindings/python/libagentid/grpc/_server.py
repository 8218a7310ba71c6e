"""The interceptors of servers."""

# pyright: reportMissingModuleSource=false
from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Collection, Mapping
from typing import Any

import grpc
import grpc.aio

from ..http._call import MAX_BODY, NONCE_HEADER, Call, Refusal
from ..http._site import Guards, Site
from ._methods import Arguments, Methods, message_arguments

_CODES = {
    401: grpc.StatusCode.UNAUTHENTICATED, 403: grpc.StatusCode.PERMISSION_DENIED, 428: grpc.StatusCode.FAILED_PRECONDITION,
    503: grpc.StatusCode.UNAVAILABLE,
}  # fmt: skip
REFUSAL = "agent-refusal"


class _Interceptor:
    """The part that both interceptors share: it decides which calls are let through."""

    def __init__(
        self, tools: Mapping[str, str | None], *, guard: Guards, streams: Collection[str] = (),
        arguments: Arguments = message_arguments,
    ) -> None:  # fmt: skip
        self._methods, self._site = Methods(tools, streams, arguments), Site(guard, None, MAX_BODY, None)

    def _permit(self, method: str, metadata: Any, call: Callable[[], Call]) -> None:
        """Raises `Refusal`, and nothing else."""
        sent: dict[str, list[str]] = {"agent-chain": [], "agent-proof": []}
        for name, value in metadata or ():
            if name in sent:
                sent[name].append(value if isinstance(value, str) else value.decode("latin-1"))
        self._site.permit(lambda _: call(), None, sent["agent-chain"], sent["agent-proof"])  # type: ignore[arg-type]

    def _guarded(self, method: str, handler: Any, is_aio: bool) -> Any:
        """A handler behind the guard."""
        try:
            if self._methods.is_exempt(method):
                return handler
            named = None
        except Refusal as refusal:
            named = refusal
        kinds = ("unary_unary", "unary_stream", "stream_unary", "stream_stream")
        kind = kinds[2 * bool(handler.request_streaming) + bool(handler.response_streaming)]
        inner = getattr(handler, kind)

        def refused(request: Any, context: Any) -> Refusal | None:
            if named is not None:
                return named
            call = (
                (lambda: self._methods.stream(method))
                if handler.request_streaming
                else (lambda: self._methods.call(method, request))
            )
            try:
                self._permit(method, context.invocation_metadata(), call)
            except Refusal as refusal:
                return refusal
            return None

        made = getattr(grpc, f"{kind}_rpc_method_handler")
        behavior = _behavior(inner, refused, handler.response_streaming, is_aio)
        return made(behavior, request_deserializer=handler.request_deserializer, response_serializer=handler.response_serializer)


def _behavior(inner: Any, refused: Callable[[Any, Any], Refusal | None], is_stream: bool, is_aio: bool) -> Any:
    """The function that runs in place of a handler's, and is of the same kind."""

    def sync(request: Any, context: Any) -> Any:
        refusal = refused(request, context)
        if refusal is not None:
            context.set_trailing_metadata(_said(refusal))
            context.abort(_CODES.get(refusal.status, grpc.StatusCode.INVALID_ARGUMENT), refusal.message)
        return inner(request, context)

    async def coroutine(request: Any, context: Any) -> Any:
        refusal = refused(request, context)
        if refusal is not None:
            code = _CODES.get(refusal.status, grpc.StatusCode.INVALID_ARGUMENT)
            await context.abort(code, refusal.message, _said(refusal))
        return await inner(request, context)

    async def generator(request: Any, context: Any) -> Any:
        refusal = refused(request, context)
        if refusal is not None:
            code = _CODES.get(refusal.status, grpc.StatusCode.INVALID_ARGUMENT)
            await context.abort(code, refusal.message, _said(refusal))
        async for message in inner(request, context):
            yield message

    def sync_generator(request: Any, context: Any) -> Any:
        yield from sync(request, context)

    if is_aio and inspect.isasyncgenfunction(inner):
        return generator
    if is_aio and inspect.iscoroutinefunction(inner):
        return coroutine
    return sync_generator if is_aio and is_stream else sync


def _said(refusal: Refusal) -> tuple[tuple[str, str], ...]:
    """A refusal as trailing metadata: as HTTP answers it, JSON."""
    nonces = [(name.lower(), value) for name, value in refusal.headers if name == NONCE_HEADER]
    return ((REFUSAL, json.dumps(json.loads(refusal.body()))), *nonces)


class GuardInterceptor(_Interceptor, grpc.ServerInterceptor):  # type: ignore[type-arg]
    """Lets through what its guard permits: `grpc.server(pool, interceptors=[GuardInterceptor(tools, guard=...)])`.

    `tools`: which tool each method is; None exempts a method, and any that is not named is refused. `guard`: `guarding(directory,
    audience=...)`, or a `Guard`. `arguments`: what a request's arguments are, the same at both ends. `streams`: methods whose
    requests are a stream; the guard decides when the stream begins and sees none of its messages, which is waived by this.

    What is not permitted ends with UNAUTHENTICATED, PERMISSION_DENIED, FAILED_PRECONDITION (send the whole chain), UNAVAILABLE or
    INVALID_ARGUMENT; the trailing metadata has the refusal as JSON, under `agent-refusal`.
    """

    def intercept_service(self, continuation: Callable[[Any], Any], handler_call_details: Any) -> Any:
        """Called by grpc."""
        handler = continuation(handler_call_details)
        return None if handler is None else self._guarded(handler_call_details.method, handler, False)


class AioGuardInterceptor(_Interceptor, grpc.aio.ServerInterceptor):  # type: ignore[type-arg]
    """As `GuardInterceptor`, for `grpc.aio.server(interceptors=[...])`."""

    async def intercept_service(self, continuation: Callable[[Any], Any], handler_call_details: Any) -> Any:
        """Called by grpc."""
        handler = await continuation(handler_call_details)
        return None if handler is None else self._guarded(handler_call_details.method, handler, True)
