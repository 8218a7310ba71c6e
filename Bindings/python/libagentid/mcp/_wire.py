"""The call, chain and proof of a request: the same code on both ends, over JSON as sent."""

# What is read here is JSON from elsewhere, of which no type is known.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

import libagentid

from ..http._call import fresh_nonce
from ..tools import refusal
from ._messages import METHODS

if TYPE_CHECKING:
    from .._errors import Denied
    from .._guard import Guard
    from ..tools import Call

OWN = "io.agentid/"  # what the guard says, and no server
CHAIN, PROOF, DECISION = "io.agentid/chain", "io.agentid/proof", "io.agentid/decision"
APPROVAL = "io.agentid/approval"  # beside a denial: the state of the request for approval after its user was asked
NONCE = "io.agentid/nonce"  # beside a denial: the nonce for the next proof, of a guard with require_nonce
DENIED = -32001  # the code of an MCP error that carries a denial
LIST, CHANGED = "tools/list", "notifications/tools/list_changed"
_OTHER, _TOOL = "methods/", "tools/call/"  # before methods of no specification, and tools of a method's name, in grants
_OPEN = frozenset(
    [
        "initialize",
        "ping",
        "server/discover",
        LIST,
        "prompts/list",
        "resources/list",
        "resources/templates/list",
        "logging/setLevel",
    ]
)


def asked(method: str, params: Mapping[str, Any] | None) -> tuple[str, Any] | None:
    """The tool and the arguments that a request must be permitted for; None where it needs no permit.

    What is neither a call of a tool nor known to do nothing is itself the tool: `resources/read(uri: *)` in a scope, and
    `methods/acme/reindex` where the specification has no such method. No tool has a grant in common with a method.
    """
    given = dict(params or {})
    if method == "tools/call":
        arguments = given.get("arguments")
        return granted(given.get("name", "")), {} if arguments is None else arguments
    if method in _OPEN or method.startswith("notifications/"):
        return None
    named = method if method in METHODS else _OTHER + method
    return named, {name: value for name, value in given.items() if name != "_meta"}


def granted(name: Any) -> Any:
    """The name of a tool in grants: its own, unless that is a method's there."""
    is_methods = isinstance(name, str) and "/" in name and (name in METHODS or name.startswith((_OTHER, _TOOL)))
    return f"{_TOOL}{name}" if is_methods else name


def shown(params: Mapping[str, Any] | None) -> tuple[Any, Any]:
    """The chain and the proof as received; None for a missing one."""
    meta = (params or {}).get("_meta")
    meta = cast("Mapping[str, Any]", meta) if isinstance(meta, Mapping) else {}
    return meta.get(CHAIN), meta.get(PROOF)


def callable_tools(guard: Guard, chain: Any) -> frozenset[str]:
    """The names of the tools that a chain may call: none without a chain that holds here."""
    try:
        with guard.admit(chain if isinstance(chain, str) else ""):
            leaf = libagentid.decode_chain(chain)["links"][-1]["claims"]
    except libagentid.Error:
        return frozenset()
    return frozenset(tool for detail in leaf["authorization_details"] for tool in detail.get("tools", ()))


def permit(call: Call) -> dict[str, Any]:
    """A permit, for an answer's `_meta`."""
    return {DECISION: {"decision": "permit", "id": call.decision.id}}


def denial(denied: Denied, guard: Guard) -> dict[str, Any]:
    """A denial, for an answer's `_meta` or an error's data: never a value."""
    decision = denied.decision.id if denied.decision is not None else ""
    said = {"decision": "deny", "id": decision, "reason": denied.name, "argument": denied.argument, "category": denied.category}
    nonce = fresh_nonce(denied, guard)
    return {DECISION: said} if nonce is None else {DECISION: said, NONCE: nonce}


def answer(denied: Denied, guard: Guard) -> dict[str, Any]:
    """A denial as the result of a tool, which a model reads."""
    return {"content": [{"type": "text", "text": refusal(denied)}], "isError": True, "_meta": denial(denied, guard)}


_SAID = {
    "approved": "Denied so far, and approved now: make the very same call again, once. The tool has not run yet.",
    "refused": "Denied: the person who was asked refused this call. Do not repeat it. The tool has not run.",
}


def answer_after(state: str, request: str, denied: Denied, guard: Guard) -> dict[str, Any]:
    """A denial as the result of a tool, after the client's user was asked."""
    said = answer(denied, guard)
    text = _SAID.get(state)
    content = said["content"] if text is None else [{"type": "text", "text": text}]
    return {**said, "content": content, "_meta": {**said["_meta"], APPROVAL: {"id": request, "state": state}}}


def was_approved(data: Any) -> bool:
    """Whether an answer's `_meta` says that the very same call is now approved."""
    found: Any = data.get(APPROVAL) if isinstance(data, Mapping) else None
    return isinstance(found, Mapping) and found.get("state") == "approved"


def wanted_nonce(data: Any) -> str | None:
    """The nonce in an answer's `_meta` or an error's data; None where there is none."""
    nonce = data.get(NONCE) if isinstance(data, Mapping) else None
    return nonce if isinstance(nonce, str) and 0 < len(nonce) <= 128 and nonce.isascii() and nonce.isprintable() else None


def canonical(value: Any) -> str:
    """JSON of one spelling."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
