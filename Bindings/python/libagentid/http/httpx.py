"""Requests of `httpx` as calls of an agent, sync and async."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING

from ..integrations import needs

needs("httpx", "0.27", "httpx", "libagentid.http.httpx")

import httpx  # noqa: E402

from ._call import CHAIN_HEADER, INTRODUCTION, MAX_BODY  # noqa: E402
from ._client import LONG_CHAIN, Presenter, Redirected, wanted_nonce, wants_chain  # noqa: E402

if TYPE_CHECKING:
    from .._identity import Identity
    from ._routes import Tools
    from ._sending import Sending

__all__ = ["AgentAuth", "Redirected"]


class AgentAuth(httpx.Auth):
    """Proves each request: `httpx.Client(auth=AgentAuth(audience="files"))`, or of an `httpx.AsyncClient`.

    `agent`: whose requests they are; the `current_agent()` of each by itself. `audience`: the guard's name for itself. `routes`:
    what the server has; without it the tool is method and path. A body that is streamed is read whole before it is sent. A chain
    of `long_chain` bytes is sent by reference, and once in whole where the server does not know it. A redirect raises
    `Redirected`: leave `follow_redirects` off, or the server that redirects decides who is shown the chain.
    """

    requires_request_body = True

    def __init__(
        self, agent: Identity | None = None, *, audience: str, routes: Tools = None, max_body: int = MAX_BODY,
        long_chain: int = LONG_CHAIN,
    ) -> None:  # fmt: skip
        self._presenter = Presenter(agent, audience=audience, routes=routes, max_body=max_body, long_chain=long_chain)

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Called by httpx."""
        content_type = request.headers.get("Content-Type")
        sending = self._presenter.sending(request.method, str(request.url), request.content, content_type)
        if sending is None:
            response = yield request
        else:
            with sending:
                response = yield from _proven(request, sending)
                sending.answered(response.status_code)
        if any(each.has_redirect_location for each in (response, *response.history)):
            raise Redirected(f"the server answered with a redirect, {response.status_code}, which is not followed")


def _proven(request: httpx.Request, sending: Sending) -> Generator[httpx.Request, httpx.Response, httpx.Response]:
    """Sends a request with its proof, and again where the server asks for more."""
    request.headers.update(sending.headers())
    response = yield request
    if wants_chain(response.status_code, request.headers[CHAIN_HEADER]):
        response = yield from _again(request, sending)
    nonce = wanted_nonce(response.status_code, response.headers)
    if nonce is not None:
        request.headers.update(sending.headers(is_whole=sending.introduction() is None, nonce=nonce))
        response = yield request
    return response


def _again(request: httpx.Request, sending: Sending) -> Generator[httpx.Request, httpx.Response, httpx.Response]:
    """Sends the call to a server that asked for the whole chain: in the header, or ahead of it as a body."""
    chain = sending.introduction()
    if chain is not None:
        kind = {"Content-Type": INTRODUCTION, "Host": request.headers["Host"]}
        told = yield httpx.Request("POST", request.url, content=chain, headers=kind, extensions=request.extensions)
        if told.status_code == 204:
            request.headers.update(sending.headers())
            response = yield request
            if not wants_chain(response.status_code, request.headers[CHAIN_HEADER]):
                return response  # else another worker, with another memory, has answered
    request.headers.update(sending.headers(is_whole=True))
    return (yield request)
