"""Identities, narrowing authority and a guard for AI agents: libagentid for Python.

Every object may be used from any thread, and closed while another uses it: what runs is finished first. After `os.fork` the
child holds nothing: its calls raise an `Error` of the name `forked`. Durations are in seconds, times in seconds since 1970.
What fails raises `Error` or one of its subclasses, whose `name` says why, and changes nothing; a wrong type or a number out of
bounds raises `TypeError`, `ValueError` or `OverflowError` before anything is asked of the library.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ._abi import lib as _lib
from ._agent import Agent
from ._audit import Audit
from ._authority import Authority
from ._broker import Lease, Provider
from ._call import Call
from ._callbacks import Signer
from ._calling import call as _call
from ._calling import take as _take
from ._current import current_agent
from ._decision import Decision
from ._errors import Denied, Error, NotFound, ScopeError, StateError
from ._guard import Admission, Guard
from ._inputs import pair as _pair
from ._lifecycle import verify_tombstone
from ._operations import log_to
from ._policy import check_policy, explain_policy
from ._reasons import Category, Reason
from ._scope import Scope, TaskScope

if TYPE_CHECKING:
    from .types import DecodedChain

__version__ = _lib.agentid_version().decode()
__all__ = [
    "Admission", "Agent", "Audit", "Authority", "Call", "Category", "Decision", "Denied", "Error", "Guard", "Lease",
    "NotFound", "Provider", "Reason", "Scope", "ScopeError", "Signer", "StateError", "TaskScope", "chain_reference",
    "check_policy", "current_agent", "decode_chain", "explain_policy", "generate_key", "log_to", "selftest",
    "verify_tombstone",
]  # fmt: skip


def generate_key() -> str:
    """A new private key, a JWK."""
    return _take(_lib.agentid_key_generate)


def decode_chain(chain: str) -> DecodedChain:
    """Reads a chain and does NOT verify it: never decide by this."""
    return json.loads(_take(_lib.agentid_chain_decode, *_pair(chain, "chain")))


def chain_reference(chain: str) -> str:
    """A chain's reference: `sha-256=` and the hash of its leaf. A guard that has verified the chain takes it in the chain's
    place. Any other guard denies it as `chain_unknown`: send the whole chain once. The chain is read, not verified."""
    return _take(_lib.agentid_chain_reference, *_pair(chain, "chain"))


def selftest() -> None:
    """Checks the library in this process. `memory_not_locked`: all else holds, but secrets may be swapped out."""
    _call(_lib.agentid_selftest)
