"""The interceptors of clients."""

# pyright: reportMissingModuleSource=false
from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import grpc
import grpc.aio

from ..http._call import CHAIN_HEADER, NONCE_HEADER
from ..http._client import LONG_CHAIN, Presenter
from ..http._sending import Answer, wanted_nonce
from ._behavior import REFUSAL
from ._methods import Arguments, Methods, message_arguments

if TYPE_CHECKING:
    from .._identity import Identity
    from ..http._sending import Sending


class _Details(NamedTuple):
    """A call's details with more metadata."""

    method: Any
    timeout: Any
    metadata: Any
    credentials: Any
    wait_for_ready: Any
    compression: Any


def _nonce(metadata: Any) -> str | None:
    found: dict[str, Any] = dict(metadata or ())
    return wanted_nonce(401, {NONCE_HEADER: found.get(NONCE_HEADER.lower())})


def _is_chain_unknown(metadata: Any) -> bool:
    """Whether FAILED_PRECONDITION is the guard's, which asks for the whole chain: a handler may end with it after it ran."""
    found: dict[str, Any] = dict(metadata or ())
    said = found.get(REFUSAL)
    return bool(said) and Answer(428, {}, said.encode() if isinstance(said, str) else said).is_chain_unknown


def _with(details: Any, headers: Mapping[str, str]) -> Any:
    """A call's details, with chain and proof in its metadata."""
    metadata = [*(details.metadata or ()), *((name.lower(), value) for name, value in headers.items())]
    if isinstance(details, grpc.aio.ClientCallDetails):
        given = grpc.aio.Metadata(*metadata)
        return grpc.aio.ClientCallDetails(details.method, details.timeout, given, details.credentials, details.wait_for_ready)
    kept = [getattr(details, name, None) for name in ("credentials", "wait_for_ready", "compression")]
    return _Details(details.method, details.timeout, metadata, *kept)


def _is_reference(headers: Mapping[str, str]) -> bool:
    return headers[CHAIN_HEADER].startswith("sha-256=")


class _Prover:
    """The part that all client interceptors share: which calls are proven, and as what."""

    def __init__(
        self, tools: Mapping[str, str | None], agent: Identity | None = None, *, audience: str, streams: Collection[str] = (),
        arguments: Arguments = message_arguments, long_chain: int = LONG_CHAIN,
    ) -> None:  # fmt: skip
        self._methods = Methods(tools, streams, arguments)
        self._presenter = Presenter(agent, audience=audience, long_chain=long_chain)

    def _sending(self, details: Any, request: Any, *, is_stream: bool) -> Sending | None:
        """A call on its way; None for a method that is exempt. Raises `Refusal`, and `LookupError` without an agent."""
        method = details.method.decode() if isinstance(details.method, bytes) else details.method
        if self._methods.is_exempt(method):
            return None
        return self._presenter.of(self._methods.stream(method) if is_stream else self._methods.call(method, request))


def _watched(sending: Sending, call: Any, code: Callable[[Any], Any]) -> Any:
    """A call whose end its span is told."""

    def ended(call: Any) -> None:
        found = code(call)
        sending.ended("succeeded" if found == grpc.StatusCode.OK else f"failed: code {getattr(found, 'name', found)}")

    if sending.is_observed:
        call.add_done_callback(ended)
    return call


class AgentInterceptor(
    _Prover, grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor, grpc.StreamUnaryClientInterceptor,
    grpc.StreamStreamClientInterceptor,
):  # type: ignore[type-arg]  # fmt: skip
    """Proves each call: `grpc.intercept_channel(channel, AgentInterceptor(tools, audience="files"))`.

    `tools`, `streams`, `arguments`: what the server has. `agent`: whose calls they are; the `current_agent()` of each by itself.
    `audience`: the guard's name for itself. A chain of `long_chain` bytes is sent by reference where request and answer are one
    message each, and once in whole where the server does not know it.
    """

    def intercept_unary_unary(self, continuation: Callable[..., Any], client_call_details: Any, request: Any) -> Any:
        """Called by grpc."""
        details, sending = client_call_details, self._sending(client_call_details, request, is_stream=False)
        if sending is None:
            return continuation(details, request)
        with sending:
            headers = sending.headers()
            call = continuation(_with(details, headers), request)
            is_refused = _is_reference(headers) and call.code() == grpc.StatusCode.FAILED_PRECONDITION
            if is_refused and _is_chain_unknown(call.trailing_metadata()):
                call = continuation(_with(details, sending.headers(is_whole=True)), request)
            # Not done: a future, which is not waited for.
            if call.done() and call.code() == grpc.StatusCode.UNAUTHENTICATED and (nonce := _nonce(call.trailing_metadata())):
                call = continuation(_with(details, sending.headers(is_whole=True, nonce=nonce)), request)
            return _watched(sending, call, _code)

    def intercept_unary_stream(self, continuation: Callable[..., Any], client_call_details: Any, request: Any) -> Any:
        """Called by grpc."""
        return self._streams(continuation, client_call_details, request, is_stream=False)

    def intercept_stream_unary(self, continuation: Callable[..., Any], client_call_details: Any, request_iterator: Any) -> Any:
        """Called by grpc."""
        return self._streams(continuation, client_call_details, request_iterator, is_stream=True)

    def intercept_stream_stream(self, continuation: Callable[..., Any], client_call_details: Any, request_iterator: Any) -> Any:
        """Called by grpc."""
        return self._streams(continuation, client_call_details, request_iterator, is_stream=True)

    def _streams(self, continuation: Callable[..., Any], details: Any, request: Any, *, is_stream: bool) -> Any:
        sending = self._sending(details, request, is_stream=is_stream)
        if sending is None:
            return continuation(details, request)
        with sending:
            call = continuation(_with(details, sending.headers(is_whole=True)), request)
            return _watched(sending, call, _code)


def _code(call: Any) -> Any:
    return call.code()


def _code_now(call: Any) -> Any:
    """The code of a call of grpc.aio that has ended: to await it suspends nothing."""
    waiting = call.code()
    try:
        waiting.send(None)
    except StopIteration as found:
        return found.value
    waiting.close()
    return None


class _UnaryUnary(_Prover, grpc.aio.UnaryUnaryClientInterceptor):  # type: ignore[type-arg]
    async def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        details, sending = client_call_details, self._sending(client_call_details, request, is_stream=False)
        if sending is None:
            return await continuation(details, request)
        with sending:
            headers = sending.headers()
            call = await continuation(_with(details, headers), request)
            is_refused = _is_reference(headers) and await call.code() == grpc.StatusCode.FAILED_PRECONDITION
            if is_refused and _is_chain_unknown(await call.trailing_metadata()):
                call = await continuation(_with(details, sending.headers(is_whole=True)), request)
            if await call.code() == grpc.StatusCode.UNAUTHENTICATED and (nonce := _nonce(await call.trailing_metadata())):
                call = await continuation(_with(details, sending.headers(is_whole=True, nonce=nonce)), request)
            return _watched(sending, call, _code_now)


class _Streams(_Prover):
    async def _send(self, continuation: Any, details: Any, request: Any, *, is_stream: bool) -> Any:
        sending = self._sending(details, request, is_stream=is_stream)
        if sending is None:
            return await continuation(details, request)
        with sending:
            call = await continuation(_with(details, sending.headers(is_whole=True)), request)
            return _watched(sending, call, _code_now)


class _UnaryStream(_Streams, grpc.aio.UnaryStreamClientInterceptor):  # type: ignore[type-arg]
    async def intercept_unary_stream(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        return await self._send(continuation, client_call_details, request, is_stream=False)


class _StreamUnary(_Streams, grpc.aio.StreamUnaryClientInterceptor):  # type: ignore[type-arg]
    async def intercept_stream_unary(self, continuation: Any, client_call_details: Any, request_iterator: Any) -> Any:
        return await self._send(continuation, client_call_details, request_iterator, is_stream=True)


class _StreamStream(_Streams, grpc.aio.StreamStreamClientInterceptor):  # type: ignore[type-arg]
    async def intercept_stream_stream(self, continuation: Any, client_call_details: Any, request_iterator: Any) -> Any:
        return await self._send(continuation, client_call_details, request_iterator, is_stream=True)


def aio_interceptors(
    tools: Mapping[str, str | None], agent: Identity | None = None, *, audience: str, streams: Collection[str] = (),
    arguments: Arguments = message_arguments, long_chain: int = LONG_CHAIN,
) -> list[Any]:  # fmt: skip
    """As `AgentInterceptor`, for `grpc.aio.insecure_channel(address, interceptors=aio_interceptors(tools, audience="files"))`."""
    how: dict[str, Any] = {"audience": audience, "streams": streams, "arguments": arguments, "long_chain": long_chain}
    return [kind(tools, agent, **how) for kind in (_UnaryUnary, _UnaryStream, _StreamUnary, _StreamStream)]
