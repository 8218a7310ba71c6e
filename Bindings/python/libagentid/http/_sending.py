"""One request of an agent on its way: proven as often as it is sent, and one span of the client where it has those."""

# pyright: reportPrivateUsage=false
from __future__ import annotations

import json
from collections.abc import Generator, Mapping
from ctypes import byref
from typing import TYPE_CHECKING, Any, NamedTuple

from .. import _abi, _spans
from .._abi import lib
from .._calling import call, take, text
from .._identity import proof_options
from .._inputs import counted, pair
from ._call import CHAIN_HEADER, NONCE_HEADER, PROOF_HEADER, Call

if TYPE_CHECKING:
    from typing_extensions import Self

    from .._identity import Identity

LONGEST_HEADER = 7 << 10
"""The longest chain in a header that proxies with a limit of 8 kB accept, in bytes: a longer one is introduced as a body."""

ROUNDS = 24
"""How often such a chain is introduced and the call sent anew: of several workers behind one address another may get the call."""


class Answer(NamedTuple):
    """An answer of a server. `body` is needed of a 428 alone; None where there is none, as of HEAD."""

    status: int
    headers: Mapping[str, str]
    body: bytes | None = None

    @property
    def is_chain_unknown(self) -> bool:
        """Whether the guard asks for the whole chain. A handler may answer with this status for its own reasons, after it ran."""
        if self.status != 428 or self.body is None:
            return self.status == 428
        try:
            said: dict[str, Any] = json.loads(self.body)
            return said["reason"] == "chain_unknown"
        except (KeyError, RecursionError, TypeError, ValueError):
            return False


def wanted_nonce(status: int, headers: Mapping[str, Any]) -> str | None:
    """The nonce that a server wants the proof to have; None where it asks for none, or for what cannot be one."""
    nonce = headers.get(NONCE_HEADER) if status == 401 else None
    return nonce if nonce and len(nonce) <= 128 and nonce.isascii() and nonce.isprintable() else None


Steps = Generator[dict[str, str] | bytes, Answer, Answer]
"""The steps of a client: headers of the call, or a chain that goes ahead of it as a body of the type `INTRODUCTION`."""


class Sending:
    """A request: the call that it is, and the agent that makes it.

    Its span begins with its first block, and is the current one in each. It ends with `answered` or `ended`, or where a block
    raises.
    """

    __slots__ = ("_agent", "_audience", "_entered", "_long_chain", "_made", "_span", "rounds")

    def __init__(self, made: Call, agent: Identity, audience: str, long_chain: int) -> None:
        self._made, self._agent, self._audience, self._long_chain = made, agent, audience, long_chain
        self.rounds = ROUNDS  # fewer where a client makes no more requests for one
        self._span: _spans.Span | None = None

    def headers(self, *, is_whole: bool = False, nonce: str | None = None) -> dict[str, str]:
        """Chain and proof, a new one each time. Raises `Denied` where the agent has ended.

        A long chain goes by reference, unless `is_whole`: to a server that answered with 428. `nonce`: from one with 401.
        """
        named = (*pair(self._made.tool, "tool"), *counted(self._made.arguments))
        if nonce is None:
            chain, proof = _abi.Bytes(), _abi.Bytes()
            named = (*named, *pair(self._audience, "audience"))
            call(lib.agentid_agent_present, self._agent._handle, *named, byref(chain), byref(proof))
            sent, proven = text(chain), text(proof)
        else:
            options = proof_options(self._audience, nonce)
            both = json.loads(take(lib.agentid_agent_presentation, self._agent._handle, *named, options))
            sent, proven = "~".join(both["aat_chain"]), both["aat_pop"]
        if len(sent) >= self._long_chain and not is_whole:
            sent = take(lib.agentid_chain_reference, *pair(sent, "chain"))
        return {CHAIN_HEADER: sent, PROOF_HEADER: proven}

    def rest(self, sent: Mapping[str, str], answer: Answer) -> Steps:
        """The steps after the call that was sent with these headers, until the server asks for nothing more."""
        if _is_reference(sent) and answer.is_chain_unknown:
            answer = yield from self._in_whole(None)
        nonce = wanted_nonce(answer.status, answer.headers)
        if nonce is None:
            return answer
        again = self.headers(is_whole=self.introduction() is None, nonce=nonce)
        answer = yield again
        if self.rounds < ROUNDS:
            self.rounds = 1  # both together take no more steps than the client has
        return (yield from self._in_whole(nonce)) if _is_reference(again) and answer.is_chain_unknown else answer

    def _in_whole(self, nonce: str | None) -> Steps:
        """The call to a server that asked for the whole chain: in the header, or after that as a body.

        Where workers have turns, as many introductions each time might miss one for ever: there are 1, 2, 1, 3, 1, 2, ...
        """
        for round in range(1, self.rounds + 1):
            for _ in range((round & -round).bit_length()):
                chain = self.introduction()
                if chain is None or (yield chain).status != 204:
                    return (yield self.headers(is_whole=True, nonce=nonce))
            sent = self.headers(nonce=nonce)
            answer = yield sent
            if not _is_reference(sent) or not answer.is_chain_unknown:
                return answer
        return (yield self.headers(is_whole=True, nonce=nonce))

    def introduction(self) -> bytes | None:
        """The chain that goes ahead of a call as a body of the type `INTRODUCTION`; None for one that a header has room for."""
        chain = self._agent.chain.encode()
        return chain if len(chain) > LONGEST_HEADER else None

    @property
    def is_observed(self) -> bool:
        """Whether it has a span, which wants to be told how it ends."""
        return self._span is not None

    def answered(self, status: int) -> None:
        """The server answered: the span ends."""
        self.ended(f"failed: status {status}" if status >= 400 else "succeeded")

    def ended(self, outcome: str) -> None:
        """The span ends otherwise."""
        if self._span is not None:
            self._span.ended(outcome)

    def __enter__(self) -> Self:
        if self._span is None and _spans.tracer is not None:
            self._span = _spans.tracer(self._made.tool, True)
            self._span.sent(self._agent)
        self._entered = None if self._span is None else self._span.enter()
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if self._span is None:
            return
        self._span.leave(self._entered)
        if isinstance(error, GeneratorExit):
            self._span.ended("failed: no answer")
        elif error is not None:
            self._span.failed(error)


def _is_reference(headers: Mapping[str, str]) -> bool:
    return headers.get(CHAIN_HEADER, "").startswith("sha-256=")
