/*
 * libagentid: calls as objects, from the decision to the outcome. agentid_policy.h includes it.
 *
 * The conventions of agentid.h hold here.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENTID_CALL_H
#define AGENTID_CALL_H

#include "agentid_base.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A call from its decision until its outcome is known. It ends once: by agentid_call_commit(), by agentid_call_abort(), or by
 * agentid_call_leave(), which does one of the two where neither was done. One that never ends counts as having cost what was
 * reserved for it, and nothing is recorded of it. Freed by agentid_call_free().
 */
typedef struct agentid_call agentid_call;

/*
 * Decides a call of an agent in this process, as agentid_agent_authorize() does, and begins it where it is permitted.
 * Args:
 *   within    seconds within which the call ends, 1 to 2592000; 0: one hour. From then on what it reserved counts as spent.
 *   decision  out, may be NULL; also on AGENTID_DENIED.
 *   call      out: to be freed with agentid_call_free().
 *   others    as for agentid_agent_authorize().
 * Returns: as agentid_agent_authorize(); AGENTID_E_ARGUMENT (within).
 */
agentid_status agentid_call_begin(agentid_agent *agent, const char *tool, size_t tool_len, const char *arguments,
                                  size_t arguments_len, int64_t within, agentid_decision **decision,
                                  agentid_call **call, agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Decides a call by chain and proof, as agentid_guard_authorize() does, and begins it where it is permitted.
 * Args:
 *   within    as for agentid_call_begin().
 *   decision  as there.
 *   call      as there.
 *   others    as for agentid_guard_authorize().
 * Returns: as agentid_guard_authorize(); AGENTID_E_ARGUMENT (within).
 */
agentid_status agentid_guard_call_begin(agentid_guard *guard, const char *chain, size_t chain_len, const char *proof,
                                        size_t proof_len, const char *tool, size_t tool_len, const char *arguments,
                                        size_t arguments_len, int64_t within, agentid_decision **decision,
                                        agentid_call **call, agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Begins the call that a guard has permitted, in whatever form it was presented.
 * Args:
 *   guard     the one that decided.
 *   decision  good for one call: what another one tells of the same reservations is not counted.
 *   within    as for agentid_call_begin().
 *   call      out.
 * Returns: AGENTID_OK; AGENTID_DENIED for a decision that denies; AGENTID_E_ARGUMENT (within).
 */
agentid_status agentid_guard_call_permitted(agentid_guard *guard, const agentid_decision *decision, int64_t within,
                                            agentid_call **call, agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Begins the call that the authority's own guard has permitted to an agent in this process.
 * Args:
 *   agent     the one that asked.
 *   decision  as for agentid_guard_call_permitted().
 *   within    as for agentid_call_begin().
 *   call      out.
 * Returns: as agentid_guard_call_permitted(); AGENTID_E_STATE (no authority in this process).
 */
agentid_status agentid_agent_call_permitted(agentid_agent *agent, const agentid_decision *decision, int64_t within,
                                            agentid_call **call, agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Tells what a call costs, in place of what was told before. Taken into account when the call ends: what was reserved beyond
 * it comes back; a cost above is counted and recorded, and the budget denies from then on.
 * Args:
 *   unit  a unit of the policy's budgets, e.g. "usd"; one that no budget counts changes nothing.
 *   cost  decimal digits, e.g. "12.40"; at most as many after the point as the budget has.
 * Returns: AGENTID_OK; AGENTID_E_ARGUMENT; AGENTID_E_STATE (`call_ended`).
 */
agentid_status agentid_call_cost(agentid_call *call, const char *unit, size_t unit_len, const char *cost, size_t cost_len,
                                 agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Adds labels to the call's task: what its result is made of. They are there when this returns, for every process of the
 * directory: call it before the result is used. Without a policy that names labels they are only recorded.
 * Args: labels  a JSON array of names of the policy's labels.
 * Returns: AGENTID_OK; AGENTID_E_NOT_FOUND (`unknown_label`); AGENTID_E_ARGUMENT (`label_permits`: rules require it, so only
 *          rules add it); AGENTID_E_IO: they could not be kept, and the result must not be used.
 */
agentid_status agentid_call_labels(agentid_call *call, const char *labels, size_t labels_len,
                                   agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Goes on with a long call: prolongs it, and reserves more in all budgets of a unit, or nothing.
 * Args:
 *   unit    as for agentid_call_cost(); where no budget counts it, nothing is reserved.
 *   amount  decimal digits; "0" only prolongs.
 *   within  seconds from now on, as for agentid_call_begin().
 *   key     any text of at most 128 bytes; empty: none. With a key that was used before in this call nothing is reserved
 *           again.
 * Returns: AGENTID_OK; AGENTID_DENIED (`budget_exhausted`; `suspended`, `authority_revoked` and the like where an agent of the
 *          call may not act any more): the call goes on with what it has; AGENTID_E_ARGUMENT; AGENTID_E_STATE (`call_ended`,
 *          `call_lapsed`).
 */
agentid_status agentid_call_extend(agentid_call *call, const char *unit, size_t unit_len, const char *amount,
                                   size_t amount_len, int64_t within, const char *key, size_t key_len,
                                   agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Ends a call that succeeded: budgets are settled at what it cost, or at what was reserved where nobody told, and the outcome
 * is recorded.
 * Args:
 *   outcome  in a few words, without values; at most 1024 bytes; empty: "succeeded".
 *   key      as for agentid_call_extend(): a retry with the same key changes nothing, and makes up for what failed.
 * Returns: AGENTID_OK; AGENTID_E_STATE (`call_ended`) where it ended before, other than with this key; AGENTID_E_IO: the call
 *          has ended all the same.
 */
agentid_status agentid_call_commit(agentid_call *call, const char *outcome, size_t outcome_len, const char *key,
                                   size_t key_len, agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Ends a call that failed, or was never made: budgets are settled at what it cost; where nobody told, all that was reserved
 * comes back, once, or counts as spent where the rule says so (`on_failure`). Again it changes nothing.
 * Args:
 *   outcome  as for agentid_call_commit(); empty: "failed".
 *   key      as there.
 * Returns: as agentid_call_commit().
 */
agentid_status agentid_call_abort(agentid_call *call, const char *outcome, size_t outcome_len, const char *key,
                                  size_t key_len, agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Ends a call where it has not ended: for blocks that are left, in whatever way.
 * Args: failure  how it failed, e.g. "failed: TimeoutError"; empty: it succeeded.
 * Returns: AGENTID_OK, also where it had ended; AGENTID_E_IO.
 */
agentid_status agentid_call_leave(agentid_call *call, const char *failure, size_t failure_len,
                                  agentid_error **error) AGENTID_MUST_CHECK;

/* Lets go of a call: it does not end it. */
void agentid_call_free(agentid_call *call);

#ifdef __cplusplus
}
#endif

#endif
