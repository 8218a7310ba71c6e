"""One request of an agent on its way: proven as often as it is sent, and one span of the client where it has those."""

# pyright: reportPrivateUsage=false
from __future__ import annotations

import json
from ctypes import byref
from typing import TYPE_CHECKING

from .. import _abi, _spans
from .._abi import lib
from .._calling import call, take, text
from .._identity import proof_options
from .._inputs import counted, pair
from ._call import CHAIN_HEADER, PROOF_HEADER, Call

if TYPE_CHECKING:
    from typing_extensions import Self

    from .._identity import Identity

LONGEST_HEADER = 7 << 10
"""The longest chain in a header that proxies with a limit of 8 kB accept, in bytes: a longer one is introduced as a body."""


class Sending:
    """A request: the call that it is, and the agent that makes it.

    Its span begins with its first block, and is the current one in each. It ends with `answered` or `ended`, or where a block
    raises.
    """

    __slots__ = ("_agent", "_audience", "_entered", "_long_chain", "_made", "_span")

    def __init__(self, made: Call, agent: Identity, audience: str, long_chain: int) -> None:
        self._made, self._agent, self._audience, self._long_chain = made, agent, audience, long_chain
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
