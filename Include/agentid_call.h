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
 * A call from its decision until its outcome is known. It ends once: by agentid_call_commit(), agentid_call_abort(), or
 * agentid_call_leave(), which does one of the two if neither was done. A call that never ends counts as having cost what was
 * reserved for it, and its outcome is not recorded. Freed by agentid_call_free().
 */
typedef struct agentid_call agentid_call;

/*
 * Decides a call of an agent in this process, as agentid_agent_authorize() does, and begins it if it is permitted.
 * Args:
 *   within    the time in which the call ends, seconds, 1 to 2592000; 0: one hour. After it, what was reserved counts as spent.
 *   decision  out, may be NULL; also on AGENTID_DENIED.
 *   call      out: to be freed with agentid_call_free().
 *   others    as for agentid_agent_authorize().
 * Returns: as agentid_agent_authorize(); AGENTID_E_ARGUMENT (within).
 */
agentid_status agentid_call_begin(agentid_agent *agent, const char *tool, size_t tool_len, const char *arguments,
                                  size_t arguments_len, int64_t within, agentid_decision **decision,
                                  agentid_call **call, agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Decides a call by chain and proof, as agentid_guard_authorize() does, and begins it if it is permitted.
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
 *   guard     the guard that decided.
 *   decision  good for one call: the costs of a second call begun with it are not counted.
 *   within    as for agentid_call_begin().
 *   call      out.
 * Returns: AGENTID_OK; AGENTID_DENIED for a decision that denies; AGENTID_E_ARGUMENT (within).
 */
agentid_status agentid_guard_call_permitted(agentid_guard *guard, const agentid_decision *decision, int64_t within,
                                            agentid_call **call, agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Begins the call that the authority's own guard has permitted to an agent in this process.
 * Args:
 *   agent     the agent that asked.
 *   decision  as for agentid_guard_call_permitted().
 *   within    as for agentid_call_begin().
 *   call      out.
 * Returns: as agentid_guard_call_permitted(); AGENTID_E_STATE (no authority in this process).
 */
agentid_status agentid_agent_call_permitted(agentid_agent *agent, const agentid_decision *decision, int64_t within,
                                            agentid_call **call, agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Sets the cost of a call, replacing an earlier one. When the call ends, the budget gets back what was reserved beyond the
 * cost. A cost above the reservation is counted and recorded; if it exceeds the budget, later calls are denied.
 * Args:
 *   unit  a unit of the policy's budgets, e.g. "usd"; a unit that no budget counts changes nothing.
 *   cost  decimal digits, e.g. "12.40"; at most as many after the point as the budget has.
 * Returns: AGENTID_OK; AGENTID_E_ARGUMENT; AGENTID_E_STATE (`call_ended`).
 */
agentid_status agentid_call_cost(agentid_call *call, const char *unit, size_t unit_len, const char *cost, size_t cost_len,
                                 agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Adds labels to the call's task, for the data in the call's result. Every process of the directory sees them before this
 * returns: call it before the result is used. If no policy names labels, they are only recorded.
 * Args: labels  a JSON array of names of the policy's labels.
 * Returns: AGENTID_OK; AGENTID_E_NOT_FOUND (`unknown_label`); AGENTID_E_ARGUMENT (`label_permits`: rules require it, so only
 *          rules may add it); AGENTID_E_LIMIT (`context`: at most 64 of a call, of at most 256 bytes each); AGENTID_E_STATE
 *          (`call_ended`, where they would only be recorded); AGENTID_E_IO: they could not be stored. On any error the result
 *          must not be used.
 */
agentid_status agentid_call_labels(agentid_call *call, const char *labels, size_t labels_len,
                                   agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Extends a long call: gives it more time, and reserves more in all budgets of a unit, or in none.
 * Args:
 *   unit    as for agentid_call_cost(); if no budget counts it, nothing is reserved.
 *   amount  decimal digits; "0" adds time only.
 *   within  the time from now in which the call ends, as for agentid_call_begin(); a longer time that it has stays.
 *   key     any text of at most 128 bytes; empty: none. A second call with the same key reserves nothing: use it to try again
 *           safely.
 * Returns: AGENTID_OK; AGENTID_DENIED (`budget_exhausted`; `suspended`, `authority_revoked` and the like if an agent of the
 *          call may no longer act): the call goes on with what it has; AGENTID_E_ARGUMENT; AGENTID_E_STATE (`call_ended`,
 *          `call_lapsed`).
 */
agentid_status agentid_call_extend(agentid_call *call, const char *unit, size_t unit_len, const char *amount,
                                   size_t amount_len, int64_t within, const char *key, size_t key_len,
                                   agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Ends a call that succeeded: budgets are charged its cost, or what was reserved if no cost was set, and the outcome is
 * recorded.
 * Args:
 *   outcome  in a few words, without values; at most 1024 bytes; empty: "succeeded".
 *   key      any text of at most 128 bytes; empty: none. A second call with the same key changes nothing, but completes what
 *            failed.
 * Returns: AGENTID_OK; AGENTID_E_STATE (`call_ended`) if it ended before, unless with this key; AGENTID_E_IO: the call has
 *          ended all the same.
 */
agentid_status agentid_call_commit(agentid_call *call, const char *outcome, size_t outcome_len, const char *key,
                                   size_t key_len, agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Ends a call that failed or was never made: budgets are charged its cost. If no cost was set, they get back all that was
 * reserved, once, or keep it if the rule says so (`on_failure`). A second call changes nothing.
 * Args:
 *   outcome  as for agentid_call_commit(); empty: "failed".
 *   key      as there.
 * Returns: as agentid_call_commit().
 */
agentid_status agentid_call_abort(agentid_call *call, const char *outcome, size_t outcome_len, const char *key,
                                  size_t key_len, agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Ends a call that has not ended yet: for languages with blocks, however the block is left.
 * Args: failure  the outcome of a failure, e.g. "failed: TimeoutError"; empty: it succeeded.
 * Returns: AGENTID_OK, also if it had ended; AGENTID_E_IO.
 */
agentid_status agentid_call_leave(agentid_call *call, const char *failure, size_t failure_len,
                                  agentid_error **error) AGENTID_MUST_CHECK;

/* Frees a call. It does not end it. */
void agentid_call_free(agentid_call *call);

#ifdef __cplusplus
}
#endif

#endif
