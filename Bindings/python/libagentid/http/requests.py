"""Requests of `requests` as calls of an agent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..integrations import needs

needs("requests", "2.28", "requests", "libagentid.http.requests")

import requests  # noqa: E402
from requests.auth import AuthBase  # noqa: E402

from ._call import CHAIN_HEADER, INTRODUCTION, MAX_BODY  # noqa: E402
from ._client import LONG_CHAIN, Presenter, Redirected, wanted_nonce, wants_chain  # noqa: E402

if TYPE_CHECKING:
    from .._agent import Identity
    from ._routes import Tools

__all__ = ["AgentAuth", "Redirected"]


class AgentAuth(AuthBase):
    """Proves each request: `session.auth = AgentAuth(audience="files")`. Parameters are those of `libagentid.http.httpx`.

    A body that is a file or a generator is read whole before it is sent. A redirect raises `Redirected` before it is followed.
    """

    def __init__(
        self, agent: Identity | None = None, *, audience: str, routes: Tools = None, max_body: int = MAX_BODY,
        long_chain: int = LONG_CHAIN,
    ) -> None:  # fmt: skip
        self._presenter, self._max_body = Presenter(
            agent, audience=audience, routes=routes, max_body=max_body, long_chain=long_chain
        ), max_body  # fmt: skip

    def __call__(self, r: requests.PreparedRequest) -> requests.PreparedRequest:
        """Called by requests."""
        body = self._read(r.body)
        if body or r.body is not None:
            r.body = body
            r.headers.pop("Transfer-Encoding", None)
            r.headers["Content-Length"] = str(len(body))
        self._sign(r, body, is_whole=False)
        r.register_hook("response", self._answered)  # pyright: ignore[reportUnknownMemberType]
        return r

    def _read(self, body: Any) -> bytes:
        if body is None:
            return b""
        if isinstance(body, bytes | str):
            return body.encode() if isinstance(body, str) else body
        if hasattr(body, "read"):
            given = body.read(self._max_body + 1)
            return given.encode() if isinstance(given, str) else given
        parts = bytearray()
        for part in body:
            parts += part
            if len(parts) > self._max_body:
                break  # refused, with its length, where it is proven
        return bytes(parts)

    def _sign(self, request: requests.PreparedRequest, body: bytes, *, is_whole: bool, nonce: str | None = None) -> None:
        how: Any = {"is_whole": is_whole, "nonce": nonce}
        method, url, content_type = request.method or "GET", request.url or "", request.headers.get("Content-Type")
        request.headers.update(self._presenter.headers(method, url, body, content_type, **how))

    def _answered(self, response: requests.Response, *others: Any, **how: Any) -> requests.Response:
        if wants_chain(response.status_code, response.request.headers.get(CHAIN_HEADER)):
            _ = response.content  # the connection is used again
            response.close()
            response = self._again(response, how)
        nonce = wanted_nonce(response.status_code, response.headers)
        if nonce is not None and CHAIN_HEADER in response.request.headers:
            _ = response.content
            response.close()
            response = self._resent(response, how, is_whole=self._presenter.introduction() is None, nonce=nonce)
        if response.is_redirect:
            response.close()
            raise Redirected(f"the server answered with a redirect, {response.status_code}, which is not followed")
        return response

    def _again(self, response: requests.Response, how: dict[str, Any]) -> requests.Response:
        """Sends the call to a server that asked for the whole chain: in the header, or ahead of it as a body."""
        chain, send = self._presenter.introduction(), response.connection.send  # type: ignore[attr-defined]
        ways = [True]
        if chain is not None:
            introducing = requests.Request("POST", response.request.url, {"Content-Type": INTRODUCTION}, data=chain).prepare()
            told: requests.Response = send(introducing, **how)
            _ = told.content
            ways = [False, True] if told.status_code == 204 else ways
        for is_whole in ways:
            response = self._resent(response, how, is_whole=is_whole)
            if not wants_chain(response.status_code, response.request.headers.get(CHAIN_HEADER)):
                break  # else another worker, with another memory, has answered
            _ = response.content
        return response

    def _resent(
        self, response: requests.Response, how: dict[str, Any], *, is_whole: bool, nonce: str | None = None
    ) -> requests.Response:  # fmt: skip
        """The answer to the request of another answer, signed anew."""
        again = response.request.copy()
        self._sign(again, self._read(again.body), is_whole=is_whole, nonce=nonce)
        answer: requests.Response = response.connection.send(again, **how)  # type: ignore[attr-defined]
        answer.history.append(response)
        answer.request = again
        return answer
