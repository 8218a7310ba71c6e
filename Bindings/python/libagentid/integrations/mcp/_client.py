"""The client's end: proves each request that needs it as the agent that makes it."""

from __future__ import annotations

from typing import Any, TypeVar

from ..._current import current_agent
from ..._inputs import named_audience
from ...mcp._wire import CHAIN, LIST, PROOF, asked, wanted_nonce, was_approved

_C = TypeVar("_C")


def prove_calls(client: _C, *, audience: str) -> _C:
    """Adds chain and proof of the current agent to every request of a connected client that needs a permit.

    `client`: a `Client` of either package inside its `async with`, or a `ClientSession`. `audience`: the name of the server's
    guard. Where that asks for a nonce the request is sent again, once, with a new proof. A call outside of any agent raises
    `LookupError` and is not sent; a list is then sent without a chain, and is empty. A call that the client's user has just
    approved, because the server asked, is sent again, once.
    """
    named_audience(audience)
    session: Any = getattr(client, "session", client)
    if not hasattr(session, "send_request"):
        raise TypeError(f"client is a Client inside its `async with`, or a ClientSession, not {type(client).__name__}")
    send: Any = session.send_request
    if hasattr(send, "__agentid_audience__"):
        raise ValueError("this client proves its calls already")

    async def proving(request: Any, *args: Any, **kwargs: Any) -> Any:
        result, nonce = await once(request, None, *args, **kwargs)
        if nonce is not None:
            result, _ = await once(request, nonce, *args, **kwargs)
        if not (_is_error(result) and was_approved(getattr(result, "meta", None))):
            return result
        result, nonce = await once(request, None, *args, **kwargs)
        return result if nonce is None else (await once(request, nonce, *args, **kwargs))[0]

    async def once(request: Any, nonce: str | None, *args: Any, **kwargs: Any) -> tuple[Any, str | None]:
        """The answer to one sending, and the nonce that it asks for, unless it had one."""
        try:
            result = await send(_proved(request, audience, nonce), *args, **kwargs)
            return result, wanted_nonce(getattr(result, "meta", None)) if _is_error(result) and nonce is None else None
        except Exception as error:  # an MCPError, McpError in mcp 1
            wanted = wanted_nonce(getattr(getattr(error, "error", None), "data", None)) if nonce is None else None
            if wanted is None:
                raise
            return None, wanted

    proving.__agentid_audience__ = audience  # pyright: ignore[reportFunctionMemberAccess]
    session.send_request = proving
    return client


def _is_error(result: Any) -> bool:
    return bool(getattr(result, "is_error", False) or getattr(result, "isError", False))


def _proved(request: Any, audience: str, nonce: str | None = None) -> Any:
    """The request with its chain and proof, made from the form that is sent, not from the object it was built from."""
    wire = request.model_dump(by_alias=True, mode="json", exclude_none=True)
    params = wire.get("params") or {}
    wanted = asked(wire["method"], params)
    if wanted is not None:
        chain, proof = current_agent().present(*wanted, audience=audience, nonce=nonce)
        meta = {CHAIN: chain, PROOF: proof}
    elif wire["method"] == LIST:
        try:
            meta = {CHAIN: current_agent().chain}
        except LookupError:
            return request
    else:
        return request
    wire["params"] = {**params, "_meta": {**(params.get("_meta") or {}), **meta}}
    return type(request).model_validate(wire)
