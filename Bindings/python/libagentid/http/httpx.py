"""Requests of `httpx` as calls of an agent, sync and async."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from typing import TYPE_CHECKING

from ..integrations import needs

needs("httpx", "0.27", "httpx", "libagentid.http.httpx")

import httpx  # noqa: E402

from ._call import INTRODUCTION, MAX_BODY  # noqa: E402
from ._client import LONG_CHAIN, Presenter, Redirected  # noqa: E402
from ._sending import Answer  # noqa: E402

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

    def __init__(
        self, agent: Identity | None = None, *, audience: str, routes: Tools = None, max_body: int = MAX_BODY,
        long_chain: int = LONG_CHAIN,
    ) -> None:  # fmt: skip
        self._presenter = Presenter(agent, audience=audience, routes=routes, max_body=max_body, long_chain=long_chain)

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Called by httpx."""
        request.read()
        flow = self.auth_flow(request)
        try:
            sent = next(flow)
            while True:
                response = yield sent
                if response.status_code == _READ:
                    response.read()
                sent = flow.send(response)
        except StopIteration:
            return
        finally:
            flow.close()

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Called by httpx."""
        await request.aread()
        flow = self.auth_flow(request)
        try:
            sent = next(flow)
            while True:
                response = yield sent
                if response.status_code == _READ:
                    await response.aread()
                sent = flow.send(response)
        except StopIteration:
            return
        finally:
            flow.close()

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Called by httpx."""
        content_type = request.headers.get("Content-Type")
        sending = self._presenter.sending(request.method, str(request.url), request.content, content_type)
        if sending is None:
            response = yield request
        else:
            sending.rounds = _ROUNDS
            with sending:
                response = yield from _proven(request, sending)
                sending.answered(response.status_code)
        if any(each.has_redirect_location for each in (response, *response.history)):
            raise Redirected(f"the server answered with a redirect, {response.status_code}, which is not followed")


_ROUNDS = 5
"""How often a chain is introduced: httpx takes what a call sends for redirects, of which a client has 20."""
_READ = 428
"""The status of answers whose body says whether it is the guard's."""


def _proven(request: httpx.Request, sending: Sending) -> Generator[httpx.Request, httpx.Response, httpx.Response]:
    """Sends a request with its proof, and again where the server asks for more."""
    sent = sending.headers()
    request.headers.update(sent)
    response = yield request
    steps = sending.rest(sent, _answer(response))
    try:
        step = next(steps)
        while True:
            if isinstance(step, bytes):
                kind = {"Content-Type": INTRODUCTION, "Host": request.headers["Host"]}
                response = yield httpx.Request("POST", request.url, content=step, headers=kind, extensions=request.extensions)
            else:
                request.headers.update(step)
                response = yield request
            step = steps.send(_answer(response))
    except StopIteration:
        return response


def _answer(response: httpx.Response) -> Answer:
    is_read = response.status_code == _READ and response.request.method != "HEAD"
    return Answer(response.status_code, response.headers, response.content if is_read else None)
