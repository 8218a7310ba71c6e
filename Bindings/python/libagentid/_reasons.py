"""The reasons of denials, and what a server answers to each: the library has the table."""

from __future__ import annotations

from typing import Literal

from ._abi import lib

Reason = Literal[
    "agent_not_under_parent", "algorithm_not_permitted", "approval_refused", "approval_required", "approval_unavailable",
    "argument_constraint_violated", "argument_key_set_mismatch",
    "argument_missing", "argument_not_permitted", "arguments_malformed", "audit_replaced", "audit_rolled_back",
    "audit_unavailable", "authority_revoked", "authorization_details_invalid", "budget_exhausted",
    "budget_unavailable", "chain_audience_mismatch",
    "chain_audience_missing", "chain_cycle_detected", "chain_empty", "chain_length_mismatch", "chain_too_long",
    "chain_unknown", "clock_failed", "clock_invalid", "clock_went_back", "constraint_expansion",
    "constraint_too_deep", "constraint_type_not_permitted", "constraint_type_unrecognized", "context_override",
    "delegation_ceiling_invalid", "delegation_ceiling_raised", "delegation_depth_exceeded",
    "delegation_depth_invalid", "depth_exceeds_own_ceiling", "directory_replaced", "expired", "expiry_exceeds_parent",
    "expiry_not_after_issuance", "flow_forbidden", "flow_refused", "holder_key_invalid",
    "identity_binding_unavailable", "invalid_signature", "issued_before_parent", "issuer_thumbprint_mismatch",
    "journal_missing", "journal_rolled_back", "lease_lapsed", "lifetime_exceeded", "meters_damaged", "meters_full",
    "meters_share", "nonce_invalid", "nonce_required", "not_yet_valid", "outside_hours", "par_hash_mismatch", "par_hash_missing",
    "par_hash_present_on_root", "parked", "policy_denied", "policy_unreadable", "pop_binding_mismatch",
    "pop_malformed", "pop_missing", "pop_recipient_mismatch", "pop_signature_invalid", "pop_stale",
    "pop_token_mismatch", "pop_tool_mismatch", "presentation_malformed", "private_key_material", "rate_limited",
    "registry_replaced", "registry_rolled_back", "replay_memory_full", "replay_memory_replaced", "replayed",
    "revocation_view_stale", "root_depth_invalid", "secret_permit_foreign",
    "secret_resource_mismatch", "secret_used", "status_unavailable", "subject_identity_mismatch", "suspended",
    "token_malformed", "token_too_large", "too_costly", "tool_not_authorized", "tool_not_delegated", "untrusted_root",
]  # fmt: skip
"""Why a call was denied, in this version of the library; a newer one may have more. docs/reasons.md explains each."""

Category = Literal["forbidden", "unauthorized", "undecided"]
"""Whether another call may do: no, as the authority is not enough; perhaps, with another chain or a fresh proof; not now,
whatever the client sends, as the guard cannot decide."""

_CATEGORIES: tuple[Category, ...] = ("forbidden", "unauthorized", "undecided")  # as agentid.h numbers them


def category(reason: str) -> Category:
    """A reason's category; `forbidden` for one that the library does not know."""
    text = reason.encode("utf-8", "surrogatepass")
    number: int = lib.agentid_reason_category(text, len(text))
    return _CATEGORIES[number]


def http_status(reason: str) -> int:
    """A server's answer: 401, 403 or 503; 428 where the client has to send the whole chain once; 429 after too many calls."""
    text = reason.encode("utf-8", "surrogatepass")
    status: int = lib.agentid_reason_http_status(text, len(text))
    return status
