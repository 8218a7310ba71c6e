"""The common core of the clients: proves requests, and handles the answers."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes, urlsplit

from .._current import current_agent
from .._inputs import named_audience
from ._call import MAX_BODY, Call, Request
from ._routes import Tools, calls_of
from ._sending import Sending

if TYPE_CHECKING:
    from .._identity import Identity

LONG_CHAIN = 4096
"""The length from which a chain is sent by reference, in bytes: proxies and servers accept 8 kB of headers in all."""


class Redirected(Exception):
    """A server answered with a redirect: where an agent goes is not for a server to say, and it has not proven that call."""


class Presenter:
    """Proves requests as an agent. Safe to use from several threads and tasks."""

    def __init__(
        self, agent: Identity | None = None, *, audience: str, routes: Tools = None, max_body: int = MAX_BODY,
        long_chain: int = LONG_CHAIN,
    ) -> None:  # fmt: skip
        if agent is not None and not hasattr(agent, "present"):
            raise TypeError(f"agent is an Agent, not {type(agent).__name__}: without it, the current agent's")
        self._agent, self._audience, self._max_body, self._long_chain = agent, named_audience(audience), max_body, long_chain
        self._calls = calls_of(routes)

    def sending(self, method: str, url: str, body: bytes, content_type: str | None) -> Sending | None:
        """One request on its way; None for a route that is exempt. Raises `Refusal`, and `LookupError` without an agent."""
        if len(body) > self._max_body:
            raise ValueError(f"a body has at most {self._max_body} bytes, this one has {len(body)}")
        parts = urlsplit(url)
        path = parts.path or "/"
        made = self._calls(Request(method.upper(), unquote_to_bytes(path), path, parts.query, body, content_type))
        if made is not None and made.check is not None:
            made.check()
        return None if made is None else self.of(made)

    def of(self, made: Call) -> Sending:
        """One call on its way. Raises `LookupError` without an agent."""
        return Sending(made, current_agent() if self._agent is None else self._agent, self._audience, self._long_chain)
