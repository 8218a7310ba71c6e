"""The C header, declared for ctypes. Every function's argument and result types stand here and nowhere else."""

from __future__ import annotations

import ctypes
import os
from ctypes import POINTER, c_char, c_char_p, c_int32, c_int64, c_size_t, c_uint8, c_uint32, c_uint64, c_void_p
from typing import Any

ABI_VERSION = 1

# Statuses that Python tells apart.
DENIED, E_ARGUMENT, E_MALFORMED, E_SCOPE, E_NOT_FOUND, E_STATE, E_LIMIT, NO = 1, 2, 5, 6, 7, 9, 10, 16


def _load() -> ctypes.CDLL:
    named = os.environ.get("AGENTID_LIBRARY")
    here = os.path.dirname(os.path.realpath(__file__))  # pathlib is slow to import
    if named:
        return ctypes.CDLL(named)
    for path in (f"{here}/libagentid.so.0", f"{here}/../../../.build/release/libagentid.so"):
        if os.path.isfile(path):
            return ctypes.CDLL(path)
    return ctypes.CDLL("libagentid.so.0")


class Bytes(ctypes.Structure):
    _fields_ = [("data", c_void_p), ("len", c_size_t), ("owner", c_uint64)]


SIGN = ctypes.CFUNCTYPE(c_int32, POINTER(c_uint8), c_size_t, POINTER(c_uint8), c_void_p)
NOW = ctypes.CFUNCTYPE(c_int32, POINTER(c_int64), c_void_p)
NO_DELEGATION = -1
CALLBACK_OK, CALLBACK_FAILED = 0x61676F6B, 1
RELEASE = ctypes.CFUNCTYPE(None, c_void_p)
LOG_LINE = ctypes.CFUNCTYPE(None, c_int32, c_char_p, c_char_p, c_void_p)


_BOUNDS: dict[Any, tuple[int, int]] = {
    c_int32: (-(1 << 31), (1 << 31) - 1), c_int64: (-(1 << 63), (1 << 63) - 1), c_uint64: (0, (1 << 64) - 1),
    c_size_t: (0, (1 << 64) - 1),
}  # fmt: skip


def checked(kind: Any, value: Any, name: str) -> Any:
    """A number, unless ctypes would cut it to another without a word."""
    low, high = _BOUNDS[kind]
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} is a whole number, not {type(value).__name__}")
    if not low <= value <= high:
        raise OverflowError(f"{name} is out of bounds: {value}")
    return value


class Options(ctypes.Structure):
    """A struct whose first member is its own size."""

    def __init__(self, **members: Any) -> None:
        for field in self._fields_:
            if field[1] in _BOUNDS and members.get(field[0]) is not None:
                checked(field[1], members[field[0]], field[0])
        super().__init__(ctypes.sizeof(type(self)), **members)


class Signer(Options):
    _fields_ = [
        ("struct_size", c_size_t),
        ("sign", SIGN),
        ("public_key", c_char_p),
        ("release", c_void_p),
        ("user_data", c_void_p),
    ]


class Clock(Options):
    _fields_ = [("struct_size", c_size_t), ("now", NOW), ("release", c_void_p), ("user_data", c_void_p)]


class AuthorityOptions(Options):
    _fields_ = [
        ("struct_size", c_size_t), ("trust_domain", c_char_p), ("passphrase", c_char_p), ("signer", POINTER(Signer)),
        ("clock", POINTER(Clock)), ("must_exist", c_int32), ("lease_duration", c_int64),
        ("resume_within", c_int64), ("audit_sync", c_int32), ("audit_relaxed", c_int32), ("no_audit", c_int32),
    ]  # fmt: skip


class ProfileOptions(Options):
    _fields_ = [
        ("struct_size", c_size_t), ("owner", c_char_p), ("ceiling", c_char_p), ("max_lifetime", c_int64),
        ("max_depth", c_int32), ("review_by", c_int64),
    ]  # fmt: skip


class AgentOptions(Options):
    _fields_ = [
        ("struct_size", c_size_t), ("principal", c_char_p), ("task", c_char_p), ("intent", c_char_p), ("scope", c_char_p),
        ("entitlements", c_char_p), ("lifetime", c_int64), ("max_depth", c_int32), ("labels", c_char_p), ("until", c_int64),
        ("audiences", c_char_p), ("isolated", c_int32), ("limits", c_char_p),
    ]  # fmt: skip


class DelegationOptions(Options):
    _fields_ = [
        ("struct_size", c_size_t), ("scope", c_char_p), ("same_scope", c_int32), ("lifetime", c_int64), ("max_depth", c_int32),
        ("labels", c_char_p), ("agent", c_char_p), ("until", c_int64), ("audiences", c_char_p), ("isolated", c_int32),
        ("limits", c_char_p),
    ]  # fmt: skip


class ProofOptions(Options):
    _fields_ = [("struct_size", c_size_t), ("audience", c_char_p), ("nonce", c_char_p)]


class OpenAgentOptions(Options):
    _fields_ = [
        ("struct_size", c_size_t), ("key", c_char_p), ("chain", c_char_p), ("credential", c_char_p), ("clock", POINTER(Clock)),
    ]  # fmt: skip


class AgentFilter(Options):
    _fields_ = [
        ("struct_size", c_size_t), ("profile", c_char_p), ("principal", c_char_p), ("owner", c_char_p), ("parent", c_char_p),
        ("state", c_char_p), ("limit", c_int64), ("offset", c_int64), ("after", c_char_p),
    ]  # fmt: skip


RUN_HOOK = ctypes.CFUNCTYPE(c_int32, POINTER(c_char), c_size_t, c_void_p)


class Hook(Options):
    _fields_ = [
        ("struct_size", c_size_t), ("events", c_char_p), ("run", RUN_HOOK), ("command", c_char_p), ("deadline", c_int64),
        ("max_attempts", c_int64), ("release", c_void_p), ("user_data", c_void_p),
    ]  # fmt: skip


ACQUIRE = ctypes.CFUNCTYPE(c_int32, POINTER(c_char), c_size_t, c_void_p, c_size_t, POINTER(c_size_t), c_void_p)


class Provider(Options):
    _fields_ = [
        ("struct_size", c_size_t), ("acquire", ACQUIRE), ("release", RUN_HOOK), ("release_command", c_char_p),
        ("release_data", c_void_p), ("user_data", c_void_p), ("resources", c_char_p),
    ]  # fmt: skip


PROGRESS = ctypes.CFUNCTYPE(None, c_uint64, c_void_p)


class GuardOptions(Options):
    _fields_ = [
        ("struct_size", c_size_t), ("audience", c_char_p), ("any_audience", c_int32), ("require_claim", c_int32),
        ("proof_window", c_int64), ("max_view_age", c_int64), ("replay_capacity", c_int64), ("cache_entries", c_int64),
        ("cache_bytes", c_int64), ("max_depth", c_int32), ("max_token_size", c_int64), ("max_chain_size", c_int64),
        ("clock", POINTER(Clock)), ("own_replay_memory", c_int32), ("audit_sync", c_int32), ("audit_relaxed", c_int32),
        ("no_audit", c_int32), ("require_nonce", c_int32), ("require_chain_aud", c_int32),
    ]  # fmt: skip


lib = _load()
_H = c_void_p
_OUT = POINTER(c_void_p)
_TEXT = (c_char_p, c_size_t)
_BYTES = POINTER(Bytes)

# name: (result, arguments); a fallible function's trailing error is added below.
_FALLIBLE: dict[str, tuple[Any, ...]] = {
    "selftest": (),
    "authority_open": (*_TEXT, POINTER(AuthorityOptions), _OUT),
    "authority_bundle": (_H, _BYTES),
    "authority_revocation_list": (_H, c_int64, _BYTES),
    "authority_publish_key": (_H,),
    "authority_activate_key": (_H,),
    "authority_put_profile": (_H, *_TEXT, POINTER(ProfileOptions)),
    "authority_profiles": (_H, _BYTES),
    "authority_start_agent": (_H, *_TEXT, POINTER(AgentOptions), _OUT),
    "authority_issue": (_H, *_TEXT, *_TEXT, POINTER(AgentOptions), _BYTES, _BYTES),
    "authority_revoke": (_H, c_int32, *_TEXT, POINTER(c_int32)),
    "authority_guard": (_H, POINTER(GuardOptions), _OUT),
    "authority_agents": (_H, POINTER(AgentFilter), _BYTES),
    "authority_suspend": (_H, *_TEXT, *_TEXT),
    "authority_resume": (_H, *_TEXT),
    "authority_unpark": (_H, *_TEXT, _OUT),
    "authority_deprovision": (_H, *_TEXT, *_TEXT, _BYTES),
    "authority_deprovision_principal": (_H, *_TEXT, *_TEXT, POINTER(c_int64)),
    "authority_withdraw_profile": (_H, *_TEXT, *_TEXT, POINTER(c_int64)),
    "authority_certify_profile": (_H, *_TEXT, c_int64),
    "authority_reap": (_H, POINTER(c_int64)),
    "authority_prune": (_H, c_int64, POINTER(c_int64)),
    "authority_verify_gone": (_H, *_TEXT, _BYTES),
    "hook_add": (_H, *_TEXT, POINTER(Hook)),
    "hook_remove": (_H, *_TEXT),
    "hook_list": (_H, _BYTES),
    "hook_deliveries": (_H, c_int32, _BYTES),
    "hook_retry": (_H, c_int64),
    "hook_settle": (_H, c_int64),
    "broker_add_provider": (_H, *_TEXT, POINTER(Provider)),
    "broker_acquire": (_H, _H, *_TEXT, *_TEXT, c_int64, _BYTES, _BYTES),
    "broker_release": (_H, *_TEXT),
    "broker_leases": (_H, _BYTES),
    "guard_load_revocations": (_H, *_TEXT, c_int32),
    "guard_add_provider": (_H, *_TEXT, POINTER(Provider)),
    "guard_acquire": (_H, _H, *_TEXT, *_TEXT, c_int64, _BYTES, _BYTES),
    "guard_release": (_H, *_TEXT),
    "audit_integrate": (_H,),
    "audit_usage": (_H, *_TEXT, _BYTES),
    "audit_report": (_H, *_TEXT, *_TEXT),
    "audit_open": (*_TEXT, *_TEXT, _OUT),
    "audit_head": (_H, _BYTES),
    "audit_entries": (_H, c_uint64, c_int64, _BYTES),
    "audit_find": (_H, *_TEXT, _BYTES),
    "audit_prove": (_H, c_uint64, _BYTES),
    "audit_consistency": (_H, c_uint64, c_uint64, _BYTES),
    "audit_verify": (_H, PROGRESS, c_void_p, _BYTES),
    "agent_end": (_H, *_TEXT, _BYTES),
    "tombstone_verify": (*_TEXT, *_TEXT, *_TEXT, _BYTES),
    "agent_spawn": (_H, *_TEXT, POINTER(DelegationOptions), _OUT),
    "agent_delegate": (_H, *_TEXT, POINTER(DelegationOptions), _BYTES),
    "agent_prove": (_H, *_TEXT, *_TEXT, *_TEXT, _BYTES),
    "agent_present": (_H, *_TEXT, *_TEXT, *_TEXT, _BYTES, _BYTES),
    "agent_prove_with": (_H, *_TEXT, *_TEXT, POINTER(ProofOptions), _BYTES),
    "agent_presentation": (_H, *_TEXT, *_TEXT, POINTER(ProofOptions), _BYTES),
    "agent_expires": (_H, POINTER(c_int64)),
    "agent_authorize": (_H, *_TEXT, *_TEXT, _OUT),
    "agent_authorize_z": (_H, c_char_p, c_char_p, _OUT),
    "agent_rotate_key": (_H,),
    "agent_park": (_H, c_int64),
    "agent_take_unparked": (_H, _OUT),
    "agent_rotate_key_revoking": (_H,),
    "agent_id": (_H, _BYTES),
    "agent_chain": (_H, _BYTES),
    "agent_chain_reference": (_H, _BYTES),
    "agent_credential": (_H, _BYTES),
    "agent_public_key": (_H, _BYTES),
    "agent_scope": (_H, _BYTES),
    "agent_export_key": (_H, _BYTES),
    "key_generate": (_BYTES,),
    "agent_open": (POINTER(OpenAgentOptions), _OUT),
    "guard_open": (POINTER(GuardOptions), _OUT),
    "guard_open_directory": (*_TEXT, POINTER(GuardOptions), _OUT),
    "guard_add_bundle": (_H, *_TEXT, *_TEXT),
    "guard_revoke": (_H, c_int32, *_TEXT),
    "guard_refreshed": (_H,),
    "guard_authorize": (_H, *_TEXT, *_TEXT, *_TEXT, *_TEXT, _OUT),
    "guard_authorize_z": (_H, c_char_p, c_char_p, c_char_p, c_char_p, _OUT),
    "guard_authorize_agent": (_H, _H, *_TEXT, *_TEXT, _OUT),
    "guard_authorize_presentation": (_H, *_TEXT, *_TEXT, *_TEXT, _OUT),
    "guard_nonce": (_H, _BYTES),
    "guard_admit": (_H, *_TEXT, *_TEXT, _OUT),
    "admission_authorize": (_H, *_TEXT, *_TEXT, *_TEXT, _OUT),
    "guard_statistics": (_H, _BYTES),
    "set_log": (c_int32, LOG_LINE, c_void_p, c_void_p),
    "authority_statistics": (_H, _BYTES),
    "reason_challenge": (*_TEXT, _BYTES),
    "reason_list": (_BYTES,),
    "decision_document": (_H, _BYTES),
    "decision_explain": (_H, _BYTES),
    "policy_check": (*_TEXT, _H, _BYTES),
    "policy_explain": (*_TEXT, *_TEXT, *_TEXT, _BYTES),
    "authority_apply_policy": (_H, *_TEXT, POINTER(c_int64)),
    "authority_policy": (_H, _BYTES),
    "call_begin": (_H, *_TEXT, *_TEXT, c_int64, _OUT, _OUT),
    "guard_call_begin": (_H, *_TEXT, *_TEXT, *_TEXT, *_TEXT, c_int64, _OUT, _OUT),
    "guard_call_permitted": (_H, _H, c_int64, _OUT),
    "agent_remaining": (_H, *_TEXT, _BYTES),
    "agent_labels": (_H, _BYTES),
    "agent_add_labels": (_H, *_TEXT),
    "agent_join_labels": (_H, _H, *_TEXT, *_TEXT, _BYTES),
    "authority_limits": (_H, c_int64, c_int64, _BYTES),
    "authority_budgets": (_H, c_int64, c_int64, _BYTES),
    "agent_call_permitted": (_H, _H, c_int64, _OUT),
    "call_cost": (_H, *_TEXT, *_TEXT),
    "call_labels": (_H, *_TEXT),
    "call_extend": (_H, *_TEXT, *_TEXT, c_int64, *_TEXT),
    "call_commit": (_H, *_TEXT, *_TEXT),
    "call_abort": (_H, *_TEXT, *_TEXT),
    "call_leave": (_H, *_TEXT),
    "authority_approvals": (_H, _BYTES),
    "authority_approval": (_H, *_TEXT, _BYTES),
    "approval_sign": (_H, *_TEXT, *_TEXT, *_TEXT, _BYTES),
    "approval_approve": (_H, *_TEXT, *_TEXT, POINTER(c_int32)),
    "approval_refuse": (_H, *_TEXT, *_TEXT),
    "authority_ask_to_declassify": (_H, *_TEXT, *_TEXT, _BYTES),
    "authority_declassify": (_H, *_TEXT),
    "approval_callback": (_H, *_TEXT, *_TEXT, RUN_HOOK, c_void_p, c_void_p),
    "approval_wait": (_H, *_TEXT, c_int64, POINTER(c_int32)),
    "agent_authorize_waiting": (_H, *_TEXT, *_TEXT, c_int64, _OUT),
    "scope_parse": (*_TEXT, _OUT),
    "scope_text": (_H, _BYTES),
    "scope_json": (_H, _BYTES),
    "scope_explain": (_H, _BYTES),
    "scope_permits": (_H, *_TEXT, *_TEXT),
    "scope_subsumes": (_H, _H),
    "scope_meet": (_H, _H, _OUT),
    "scope_for_task": (_H, *_TEXT, *_TEXT, *_TEXT, _OUT, _BYTES),
    "chain_decode": (*_TEXT, _BYTES),
    "chain_reference": (*_TEXT, _BYTES),
}
_PLAIN: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "abi_version": (c_uint32, ()),
    "version": (c_char_p, ()),
    "status_name": (c_char_p, (c_int32,)),
    "error_code": (c_int32, (_H,)),
    "error_name": (c_char_p, (_H,)),
    "error_message": (c_char_p, (_H,)),
    "error_where": (c_char_p, (_H,)),
    "error_link": (c_int32, (_H,)),
    "error_free": (None, (_H,)),
    "bytes_free": (None, (_BYTES,)),
    "authority_close": (None, (_H,)),
    "agent_close": (None, (_H,)),
    "guard_close": (None, (_H,)),
    "admission_free": (None, (_H,)),
    "reason_category": (c_int32, _TEXT),
    "reason_http_status": (c_int32, _TEXT),
    "decision_permitted": (c_int32, (_H,)),
    "decision_reason": (c_char_p, (_H,)),
    "decision_id": (c_char_p, (_H,)),
    "decision_policy": (c_int64, (_H,)),
    "decision_rule": (c_char_p, (_H,)),
    "decision_approval": (c_char_p, (_H,)),
    "decision_retry_after": (c_int64, (_H,)),
    "decision_free": (None, (_H,)),
    "audit_close": (None, (_H,)),
    "call_free": (None, (_H,)),
    "scope_free": (None, (_H,)),
}

for _name, _arguments in _FALLIBLE.items():
    _function = getattr(lib, "agentid_" + _name)
    _function.restype, _function.argtypes = c_int32, (*_arguments, _OUT)
for _name, (_result, _arguments) in _PLAIN.items():
    _function = getattr(lib, "agentid_" + _name)
    _function.restype, _function.argtypes = _result, _arguments

if lib.agentid_abi_version() != ABI_VERSION:
    raise ImportError(f"libagentid speaks ABI {lib.agentid_abi_version()}, this package needs {ABI_VERSION}")
