"""The common core of the clients: proves requests, and handles the answers."""

# pyright: reportPrivateUsage=false
from __future__ import annotations

import json
from ctypes import byref
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes, urlsplit

from .. import _abi
from .._abi import lib
from .._agent import proof_options
from .._current import current_agent
from .._errors import call, counted, pair, take, text
from ._call import CHAIN_HEADER, MAX_BODY, NONCE_HEADER, PROOF_HEADER, Call, Request
from ._routes import Tools, calls_of

if TYPE_CHECKING:
    from .._agent import Identity

LONG_CHAIN = 4096
"""The length from which a chain is sent by reference, in bytes: proxies and servers accept 8 kB of headers in all."""

LONGEST_HEADER = 7 << 10
"""The longest chain in a header that proxies with a limit of 8 kB accept, in bytes: a longer one is introduced as a body."""


class Redirected(Exception):
    """A server answered with a redirect: where an agent goes is not for a server to say, and it has not proven that call."""


class Presenter:
    """Proves requests as an agent. Safe to use from several threads and tasks."""

    def __init__(
        self, agent: Identity | None = None, *, audience: str, routes: Tools = None, max_body: int = MAX_BODY,
        long_chain: int = LONG_CHAIN,
    ) -> None:  # fmt: skip
        if not audience:
            raise ValueError("audience is the name of the guard that is called")
        self._agent, self._audience, self._max_body, self._long_chain = agent, audience, max_body, long_chain
        self._calls = calls_of(routes)

    def headers(
        self, method: str, url: str, body: bytes, content_type: str | None, *, is_whole: bool = False, nonce: str | None = None
    ) -> dict[str, str]:  # fmt: skip
        """The headers of one request; none for a route that is exempt. Raises `Refusal`, and `LookupError` without an agent.

        A long chain goes by reference, unless `is_whole`: to a server that answered with 428. `nonce`: from one with 401.
        """
        if len(body) > self._max_body:
            raise ValueError(f"a body has at most {self._max_body} bytes, this one has {len(body)}")
        parts = urlsplit(url)
        path = parts.path or "/"
        made = self._calls(Request(method.upper(), unquote_to_bytes(path), path, parts.query, body, content_type))
        return {} if made is None else self.prove(made, is_whole=is_whole, nonce=nonce)

    def introduction(self) -> bytes | None:
        """The chain that goes ahead of a call as a body of the type `INTRODUCTION`; None for one that a header has room for."""
        agent = current_agent() if self._agent is None else self._agent
        chain = agent.chain.encode()
        return chain if len(chain) > LONGEST_HEADER else None

    def prove(self, made: Call, *, is_whole: bool = False, nonce: str | None = None) -> dict[str, str]:
        """The headers of one call."""
        agent = current_agent() if self._agent is None else self._agent
        named = (*pair(made.tool), *counted(made.arguments))
        if nonce is None:
            chain, proof = _abi.Bytes(), _abi.Bytes()
            call(lib.agentid_agent_present, agent._handle, *named, *pair(self._audience), byref(chain), byref(proof))
            sent, proven = text(chain), text(proof)
        else:
            both = json.loads(take(lib.agentid_agent_presentation, agent._handle, *named, proof_options(self._audience, nonce)))
            sent, proven = "~".join(both["aat_chain"]), both["aat_pop"]
        if len(sent) >= self._long_chain and not is_whole:
            sent = take(lib.agentid_chain_reference, *pair(sent))
        return {CHAIN_HEADER: sent, PROOF_HEADER: proven}


def wants_chain(status: int, sent: str | None) -> bool:
    """Whether an answer asks for the whole chain after its reference was sent."""
    return status == 428 and sent is not None and sent.startswith("sha-256=")


def wanted_nonce(status: int, headers: Any) -> str | None:
    """The nonce that a server wants the proof to have; None where it asks for none, or for what cannot be one."""
    nonce = headers.get(NONCE_HEADER) if status == 401 else None
    return nonce if nonce and len(nonce) <= 128 and nonce.isascii() and nonce.isprintable() else None
