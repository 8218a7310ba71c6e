"""The interceptors of clients."""

# pyright: reportMissingModuleSource=false
from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import grpc
import grpc.aio

from ..http._call import NONCE_HEADER
from ..http._client import LONG_CHAIN, Presenter, wanted_nonce
from ._methods import Arguments, Methods, message_arguments

if TYPE_CHECKING:
    from .._agent import Identity


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


class _Prover:
    """The part that all client interceptors share: it puts chain and proof into a call's metadata."""

    def __init__(
        self, tools: Mapping[str, str | None], agent: Identity | None = None, *, audience: str, streams: Collection[str] = (),
        arguments: Arguments = message_arguments, long_chain: int = LONG_CHAIN,
    ) -> None:  # fmt: skip
        self._methods = Methods(tools, streams, arguments)
        self._presenter = Presenter(agent, audience=audience, long_chain=long_chain)

    def _proven(
        self, details: Any, request: Any, *, is_stream: bool, is_whole: bool, nonce: str | None = None
    ) -> tuple[Any, bool]:  # fmt: skip
        """The details with chain and proof, and whether the chain is sent by reference. Raises `Refusal`."""
        method = details.method.decode() if isinstance(details.method, bytes) else details.method
        if self._methods.is_exempt(method):
            return details, False
        call = self._methods.stream(method) if is_stream else self._methods.call(method, request)
        sent = {name.lower(): value for name, value in self._presenter.prove(call, is_whole=is_whole, nonce=nonce).items()}
        metadata = [*(details.metadata or ()), *sent.items()]
        given = grpc.aio.Metadata(*metadata) if isinstance(details, grpc.aio.ClientCallDetails) else metadata
        kept = [getattr(details, name, None) for name in ("credentials", "wait_for_ready", "compression")]
        made = _Details(details.method, details.timeout, given, *kept)
        if isinstance(details, grpc.aio.ClientCallDetails):
            made = grpc.aio.ClientCallDetails(details.method, details.timeout, given, kept[0], kept[1])  # type: ignore[assignment]
        return made, sent["agent-chain"].startswith("sha-256=")


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
        details, is_reference = self._proven(client_call_details, request, is_stream=False, is_whole=False)
        call = continuation(details, request)
        if is_reference and call.code() == grpc.StatusCode.FAILED_PRECONDITION:
            call = continuation(self._proven(client_call_details, request, is_stream=False, is_whole=True)[0], request)
        if not call.done() or call.code() != grpc.StatusCode.UNAUTHENTICATED:  # not done: a future, which is not waited for
            return call
        if nonce := _nonce(call.trailing_metadata()):
            whole = self._proven(client_call_details, request, is_stream=False, is_whole=True, nonce=nonce)
            call = continuation(whole[0], request)
        return call

    def intercept_unary_stream(self, continuation: Callable[..., Any], client_call_details: Any, request: Any) -> Any:
        """Called by grpc."""
        return continuation(self._proven(client_call_details, request, is_stream=False, is_whole=True)[0], request)

    def intercept_stream_unary(self, continuation: Callable[..., Any], client_call_details: Any, request_iterator: Any) -> Any:
        """Called by grpc."""
        return continuation(self._proven(client_call_details, None, is_stream=True, is_whole=True)[0], request_iterator)

    def intercept_stream_stream(self, continuation: Callable[..., Any], client_call_details: Any, request_iterator: Any) -> Any:
        """Called by grpc."""
        return continuation(self._proven(client_call_details, None, is_stream=True, is_whole=True)[0], request_iterator)


class _UnaryUnary(_Prover, grpc.aio.UnaryUnaryClientInterceptor):  # type: ignore[type-arg]
    async def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        details, is_reference = self._proven(client_call_details, request, is_stream=False, is_whole=False)
        call = await continuation(details, request)
        if is_reference and await call.code() == grpc.StatusCode.FAILED_PRECONDITION:
            call = await continuation(self._proven(client_call_details, request, is_stream=False, is_whole=True)[0], request)
        if await call.code() == grpc.StatusCode.UNAUTHENTICATED and (nonce := _nonce(await call.trailing_metadata())):
            whole = self._proven(client_call_details, request, is_stream=False, is_whole=True, nonce=nonce)
            call = await continuation(whole[0], request)
        return call


class _UnaryStream(_Prover, grpc.aio.UnaryStreamClientInterceptor):  # type: ignore[type-arg]
    async def intercept_unary_stream(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        return await continuation(self._proven(client_call_details, request, is_stream=False, is_whole=True)[0], request)


class _StreamUnary(_Prover, grpc.aio.StreamUnaryClientInterceptor):  # type: ignore[type-arg]
    async def intercept_stream_unary(self, continuation: Any, client_call_details: Any, request_iterator: Any) -> Any:
        return await continuation(self._proven(client_call_details, None, is_stream=True, is_whole=True)[0], request_iterator)


class _StreamStream(_Prover, grpc.aio.StreamStreamClientInterceptor):  # type: ignore[type-arg]
    async def intercept_stream_stream(self, continuation: Any, client_call_details: Any, request_iterator: Any) -> Any:
        return await continuation(self._proven(client_call_details, None, is_stream=True, is_whole=True)[0], request_iterator)


def aio_interceptors(
    tools: Mapping[str, str | None], agent: Identity | None = None, *, audience: str, streams: Collection[str] = (),
    arguments: Arguments = message_arguments, long_chain: int = LONG_CHAIN,
) -> list[Any]:  # fmt: skip
    """As `AgentInterceptor`, for `grpc.aio.insecure_channel(address, interceptors=aio_interceptors(tools, audience="files"))`."""
    how: dict[str, Any] = {"audience": audience, "streams": streams, "arguments": arguments, "long_chain": long_chain}
    return [kind(tools, agent, **how) for kind in (_UnaryUnary, _UnaryStream, _StreamUnary, _StreamStream)]
