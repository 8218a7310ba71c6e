"""Requests of `requests` as calls of an agent."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from ..integrations import needs

needs("requests", "2.28", "requests", "libagentid.http.requests")

import requests  # noqa: E402
from requests.auth import AuthBase  # noqa: E402

from ._call import INTRODUCTION, MAX_BODY  # noqa: E402
from ._client import LONG_CHAIN, Presenter, Redirected  # noqa: E402
from ._sending import Answer, Sending  # noqa: E402

if TYPE_CHECKING:
    from .._identity import Identity
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
        sending = self._presenter.sending(r.method or "GET", r.url or "", body, r.headers.get("Content-Type"))
        if sending is not None:
            with sending:
                r.headers.update(sending.headers())
        r.register_hook("response", partial(_answered, sending))  # pyright: ignore[reportUnknownMemberType]
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


def _answered(sending: Sending | None, response: requests.Response, *others: Any, **how: Any) -> requests.Response:
    """A hook of requests, which calls it with each answer."""
    if sending is not None:
        with sending:
            response = _proven(sending, response, how)
        sending.answered(response.status_code)
    if response.is_redirect:
        response.close()
        raise Redirected(f"the server answered with a redirect, {response.status_code}, which is not followed")
    return response


def _proven(sending: Sending, response: requests.Response, how: dict[str, Any]) -> requests.Response:
    """The answer, once the server asks for nothing more."""
    send = response.connection.send  # type: ignore[attr-defined]
    steps, told = sending.rest(response.request.headers, _answer(response)), response
    try:
        step = next(steps)
        while True:
            _ = told.content  # the connection is used again
            told.close()
            if isinstance(step, bytes):
                introducing = requests.Request("POST", response.request.url, {"Content-Type": INTRODUCTION}, data=step)
                told = send(introducing.prepare(), **how)
            else:
                response = told = _resent(response, how, step)
            step = steps.send(_answer(told))
    except StopIteration:
        return response


def _answer(response: requests.Response) -> Answer:
    is_read = response.status_code == 428 and response.request.method != "HEAD"
    return Answer(response.status_code, response.headers, response.content if is_read else None)


def _resent(response: requests.Response, how: dict[str, Any], headers: dict[str, str]) -> requests.Response:
    """The answer to the request of another answer, proven anew."""
    again = response.request.copy()
    again.headers.update(headers)
    answer: requests.Response = response.connection.send(again, **how)  # type: ignore[attr-defined]
    answer.history.append(response)
    answer.request = again
    return answer
