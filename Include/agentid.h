/*
 * libagentid: identities, narrowing authority and a guard for AI agents.
 *
 * Every agent instance has an Ed25519 key and a SPIFFE ID of its own. It holds authority for one task: a chain of
 * signed grants (draft-niyikiza-oauth-attenuating-agent-tokens-02). It hands on no more than it has and proves each
 * call. A guard denies every call beyond its authority.
 *
 * Conventions, kept in every header of libagentid
 *
 * Arguments    In this order: the handle acted on; inputs; options; outputs; `error`, which may always be NULL.
 *              An input text is a pointer and a length in bytes: UTF-8, no NUL needed. A NULL pointer with length
 *              0 is the empty text. A function whose name ends in `_z` takes NUL-terminated texts instead: it
 *              saves bindings one integer conversion per text. Texts inside option structs are NUL-terminated;
 *              NULL there means "not given".
 * Status       AGENTID_OK is 0 and the only value that means "go on". AGENTID_DENIED is a refusal by a rule,
 *              AGENTID_NO is the answer no to a question, and every other value is a fault of the call:
 *              `if (agentid_..._authorize(...) != AGENTID_OK) refuse();` is safe.
 * Outputs      Written on AGENTID_OK; `decision` on AGENTID_DENIED too, and `report` on AGENTID_NO. Otherwise set to
 *              NULL (handles) or emptied (bytes), so that freeing them is always allowed.
 * Errors       If `error` is not NULL, it receives an object on every status but AGENTID_OK (NULL then), to be
 *              freed with agentid_error_free(). There is no thread-local or global last error.
 * Handles      A handle is a slot and a generation, never an address. Closed, stale, foreign and made-up handles get
 *              AGENTID_E_HANDLE. Closing is idempotent. Closing an object that another thread is using is safe: the
 *              object ends after that call. NULL may be closed and freed.
 * Threads      Every function may be called from any thread at any time.
 * fork()       In a child of a process that had called the library, every call returns AGENTID_E_FORKED and no key is
 *              readable. exec() is fine, and so is fork() before the first call.
 * Time         Seconds since 1970-01-01T00:00:00Z, as int64_t.
 * Secrets      Private keys never leave through this interface, except through agentid_agent_export_key().
 * Compatibility  Options start with `struct_size`. Make them with an AGENTID_..._INIT macro, or in a language without
 *              macros with agentid_..._init(&options, sizeof options): all zero but `struct_size`. A program compiled
 *              against an older header keeps working. Until 1.0 the SONAME is libagentid.so.0.
 *
 * Headers      This one includes those for guards, agents and authorities: agentid_base.h (statuses, handles, errors, bytes,
 *              callbacks), agentid_authority.h, agentid_agent.h, agentid_guard.h, agentid_decision.h, agentid_scope.h.
 *              Include the others where you use them: agentid_audit.h (the audit log), agentid_lifecycle.h (running
 *              agents, hooks) with agentid_broker.h, agentid_policy.h with agentid_call.h and agentid_approval.h,
 *              agentid_operations.h (log lines, numbers).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENTID_H
#define AGENTID_H

#define AGENTID_VERSION_MAJOR 0
#define AGENTID_VERSION_MINOR 1
#define AGENTID_VERSION_PATCH 0

/* Counts incompatible changes of these headers. A binding compares it with agentid_abi_version() when it loads. */
#define AGENTID_ABI_VERSION 1

#include "agentid_base.h"
#include "agentid_authority.h"
#include "agentid_agent.h"
#include "agentid_guard.h"
#include "agentid_decision.h"
#include "agentid_scope.h"

#endif
