/*
 * libagentid: policies: what guards enforce beyond the chain. See docs/policies.md.
 *
 * A policy lives in an authority's registry, under a version. Every guard that follows the registry decides its next call by
 * it, in whatever process; a decision names the version, and the rule that said no.
 *
 * The conventions of agentid.h hold here.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENTID_POLICY_H
#define AGENTID_POLICY_H

#include "agentid.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Reads a policy without applying it.
 * Args:
 *   policy     the document: docs/schemas/policy.json.
 *   authority  whose profiles rules are held against: a rule that matches no tool of theirs is found. May be NULL: that is not
 *              looked for.
 *   report     out, also on AGENTID_NO: docs/schemas/policy-report.json: each error with path, rule, message and remedy, and
 *              rules that never decide anything.
 * Returns: AGENTID_OK where it could be applied; AGENTID_NO where it has errors.
 */
agentid_status agentid_policy_check(const char *policy, size_t policy_len, const agentid_authority *authority,
                                    agentid_bytes *report, agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Tells which rules of a policy a call is about, and what each of them does. Nothing is decided, and nothing taken.
 * Args:
 *   policy       the document.
 *   tool         the tool's name.
 *   arguments    a JSON object.
 *   explanation  out: docs/schemas/policy-explanation.json.
 * Returns: AGENTID_OK; AGENTID_E_MALFORMED, AGENTID_E_LIMIT.
 */
agentid_status agentid_policy_explain(const char *policy, size_t policy_len, const char *tool, size_t tool_len,
                                      const char *arguments, size_t arguments_len, agentid_bytes *explanation,
                                      agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Puts a policy in force, in place of the one before: all of it or nothing. The very same document may be applied again.
 * Args:
 *   policy   the document; its version is above that of the policy in force.
 *   version  out, may be NULL: its version.
 * Returns: AGENTID_OK; AGENTID_E_MALFORMED, AGENTID_E_LIMIT with the place and the rule at fault (`not_built`: this version
 *          of the library reads it and does not enforce it); AGENTID_E_STATE (`policy_version`); AGENTID_E_IO.
 */
agentid_status agentid_authority_apply_policy(agentid_authority *authority, const char *policy, size_t policy_len,
                                              int64_t *version, agentid_error **error) AGENTID_MUST_CHECK;

/*
 * The policy in force.
 * Args: policy  out: the document in canonical form.
 * Returns: AGENTID_OK; AGENTID_E_NOT_FOUND where there is none; AGENTID_E_IO.
 */
agentid_status agentid_authority_policy(const agentid_authority *authority, agentid_bytes *policy,
                                        agentid_error **error) AGENTID_MUST_CHECK;

/*
 * The version of the policy that a call was decided by.
 * Returns: the version; 0 where no policy is in force, or the call was denied before it was asked.
 */
int64_t agentid_decision_policy(const agentid_decision *decision);

/*
 * The rule of the policy that denied a call.
 * Returns: its ID, a text that lives as long as the decision; empty where none did.
 */
const char *agentid_decision_rule(const agentid_decision *decision);

/*
 * When a call could be permitted that time alone stands against: what `Retry-After` says, to the millisecond.
 * Returns: milliseconds from the decision on; 0 where time changes nothing.
 */
int64_t agentid_decision_retry_after(const agentid_decision *decision);

/*
 * The rest of what the policy's rates and budgets let an agent in this process do, and the labels that its task has. Nothing is
 * taken; others may take meanwhile.
 * Args:
 *   tool       only of rules about this tool; empty: about any tool of its scope.
 *   remaining  out: docs/schemas/remaining.json.
 * Returns: AGENTID_OK; AGENTID_E_STATE (no authority in this process); AGENTID_E_IO.
 */
agentid_status agentid_agent_remaining(const agentid_agent *agent, const char *tool, size_t tool_len,
                                       agentid_bytes *remaining, agentid_error **error) AGENTID_MUST_CHECK;

/*
 * The information-flow labels that an agent's task has, as its holder knows them: those of its grant, those that it was told,
 * and, where the authority is in this process, those that its directory keeps. They go into each grant that the agent signs
 * and into its proofs.
 * Args: labels  out: a JSON array of texts, in the order of their bytes.
 * Returns: AGENTID_OK; AGENTID_E_STATE (closed); AGENTID_E_IO (those of the directory cannot be read).
 */
agentid_status agentid_agent_labels(const agentid_agent *agent, agentid_bytes *labels,
                                    agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Adds labels to an agent's task: what it has read where no guard of its directory saw it. They stay. Where the authority is in
 * this process, and its policy names labels, every process of the directory sees them when this returns.
 * Args: labels  a JSON array of at most 64 texts of at most 256 bytes.
 * Returns: AGENTID_OK; AGENTID_E_NOT_FOUND (`unknown_label`: of a policy in this process), AGENTID_E_ARGUMENT
 *          (`label_permits`: only rules add it), AGENTID_E_MALFORMED, AGENTID_E_LIMIT, AGENTID_E_STATE, AGENTID_E_IO.
 */
agentid_status agentid_agent_add_labels(agentid_agent *agent, const char *labels, size_t labels_len,
                                        agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Takes the labels of an agent below this one, whose result this one is about to use. An isolated child's are nowhere else
 * above it. With a type, takes a result of it instead: with the labels that the policy's `results` give the type, in place of the
 * child's; exactly that result may be used then.
 * Args:
 *   child   in this process, and not ended.
 *   result  empty without a type.
 *   type    the name of a type in the policy's `results`; empty: the child's labels are taken.
 *   joined  out: the labels taken, a JSON array of texts.
 * Returns: AGENTID_OK; where it is another, the result must not be used: AGENTID_E_MALFORMED (`result_type`),
 *          AGENTID_E_NOT_FOUND (`unknown_result`), AGENTID_E_ARGUMENT (`not_below`), AGENTID_E_STATE, AGENTID_E_LIMIT,
 *          AGENTID_E_IO.
 */
agentid_status agentid_agent_join_labels(agentid_agent *agent, const agentid_agent *child, const char *result,
                                         size_t result_len, const char *type, size_t type_len, agentid_bytes *joined,
                                         agentid_error **error) AGENTID_MUST_CHECK;

/*
 * The rates of the policy that are in use, and who used how much, of agents that the registry has.
 * Args:
 *   offset  how many to skip.
 *   limit   the most that are returned, 1 to 100000; 0: 1000.
 *   limits  out: docs/schemas/limits.json; `total` says how many there are.
 * Returns: AGENTID_OK; AGENTID_E_ARGUMENT; AGENTID_E_IO.
 */
agentid_status agentid_authority_limits(const agentid_authority *authority, int64_t offset, int64_t limit,
                                        agentid_bytes *limits, agentid_error **error) AGENTID_MUST_CHECK;

/*
 * The budgets of the policy of which something was spent in their present period, and by whom.
 * Args:
 *   offset   as for agentid_authority_limits().
 *   limit    as there.
 *   budgets  out: docs/schemas/limits.json.
 * Returns: as agentid_authority_limits().
 */
agentid_status agentid_authority_budgets(const agentid_authority *authority, int64_t offset, int64_t limit,
                                         agentid_bytes *budgets, agentid_error **error) AGENTID_MUST_CHECK;

/* --------------------------------------------------------------------------------------------------- Calls as objects */

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

/* ------------------------------------------------------------------------------------------------------ Approvals */

/*
 * The request for approval that a denied call waits for (`approval_required`), or was refused (`approval_refused`).
 * Returns: its ID, a text that lives as long as the decision; empty where there is none.
 */
const char *agentid_decision_approval(const agentid_decision *decision);

/*
 * The requests that have not lapsed, oldest first; at most 1024.
 * Args: requests  out: a JSON array, docs/schemas/approval.json.
 * Returns: AGENTID_OK; AGENTID_E_IO.
 */
agentid_status agentid_authority_approvals(agentid_authority *authority, agentid_bytes *requests,
                                           agentid_error **error) AGENTID_MUST_CHECK;

/*
 * One request, as an approver is shown it: with the arguments' values until it is decided.
 * Args:
 *   request   its ID.
 *   document  out: docs/schemas/approval.json.
 * Returns: AGENTID_OK; AGENTID_E_NOT_FOUND: it lapsed, its call was made, or its agent ended; AGENTID_E_IO.
 */
agentid_status agentid_authority_approval(const agentid_authority *authority, const char *request, size_t request_len,
                                          agentid_bytes *document, agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Signs the consent of one person to a request. It is given with agentid_approval_approve().
 * Args:
 *   request   its ID.
 *   approver  the person's name in the policy.
 *   key       their private key: a JWK.
 *   token     out: an `agentid-approval+jwt`.
 * Returns: AGENTID_OK; AGENTID_E_NOT_FOUND; AGENTID_E_MALFORMED (`key`); AGENTID_E_IO.
 */
agentid_status agentid_approval_sign(const agentid_authority *authority, const char *request, size_t request_len,
                                     const char *approver, size_t approver_len, const char *key, size_t key_len,
                                     agentid_bytes *token, agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Approves a request: the very same call is permitted once, as soon as as many people approved it as its rule wants.
 * Args:
 *   request   its ID.
 *   token     signed by an approver that the rule names, over exactly this request.
 *   approved  out, may be NULL: 1 where it is approved now, 0 where it waits for more people.
 * Returns: AGENTID_OK; AGENTID_E_MALFORMED where the token is not valid; AGENTID_E_STATE (`approval_decided`,
 *          `approver_revoked`, `approver_is_agent`); AGENTID_E_NOT_FOUND; AGENTID_E_IO.
 */
agentid_status agentid_approval_approve(agentid_authority *authority, const char *request, size_t request_len,
                                        const char *token, size_t token_len, int32_t *approved,
                                        agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Refuses a request: its call is denied until it lapses.
 * Args:
 *   request   its ID.
 *   approver  who refuses: one of those whom the rule names.
 * Returns: AGENTID_OK; AGENTID_E_ARGUMENT (`approver_unknown`); AGENTID_E_STATE; AGENTID_E_NOT_FOUND; AGENTID_E_IO.
 */
agentid_status agentid_approval_refuse(agentid_authority *authority, const char *request, size_t request_len,
                                       const char *approver, size_t approver_len,
                                       agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Asks those whom the policy names to take labels away from an agent: a rule of it `declassifies` them. They decide as about a
 * call; then agentid_authority_declassify() takes the labels away.
 * Args:
 *   agent    its ID; it may be suspended, so that it learns nothing meanwhile.
 *   labels   a JSON array of names of the policy's labels.
 *   request  out: the request's ID; of the very same agent and labels the one that waits already.
 * Returns: AGENTID_OK; AGENTID_E_STATE (`not_declassifiable`: no rule lets people take all these away),
 *          AGENTID_E_NOT_FOUND (`unknown_label`, `agent`), AGENTID_E_ARGUMENT, AGENTID_E_LIMIT, AGENTID_E_IO.
 */
agentid_status agentid_authority_ask_to_declassify(agentid_authority *authority, const char *agent, size_t agent_len,
                                                   const char *labels, size_t labels_len, agentid_bytes *request,
                                                   agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Takes labels away from an agent, where as many people approved that as the policy wants: once. It is an event of the log
 * (`approval`, `used`). Grants that say them are made anew without: at once where the agent is held in this process, else at
 * half their life. Agents below keep what their own grants say.
 * Args: request  its ID.
 * Returns: AGENTID_OK; AGENTID_E_STATE (`approval_required`: it waits, was refused, or not enough of them may approve any
 *          more; `labels_above`: agents above have a label); AGENTID_E_NOT_FOUND, also the second time; AGENTID_E_ARGUMENT
 *          (`approval_other_call`); AGENTID_E_IO: then it is done in part, or not at all: ask again.
 */
agentid_status agentid_authority_declassify(agentid_authority *authority, const char *request, size_t request_len,
                                            agentid_error **error) AGENTID_MUST_CHECK;

/* The verdict of an approver's callback. No result that was never set has one of these values. */
#define AGENTID_APPROVAL_LEAVE 0x41504C
#define AGENTID_APPROVAL_APPROVE 0x415041
#define AGENTID_APPROVAL_REFUSE 0x415052

/* An approver: receives a request, docs/schemas/approval.json, and returns a verdict. */
typedef int32_t (*agentid_approver)(const char *request, size_t request_len, void *user_data);

/* Called once, when the library no longer needs `user_data`. */
typedef void (*agentid_release)(void *user_data);

/*
 * Decides requests by a callback as they come, and signs for one approver; those that waited before are decided as well.
 * Args:
 *   approver   their name in the policy.
 *   key        their private key: a JWK.
 *   decide     returns AGENTID_APPROVAL_APPROVE, _REFUSE, or _LEAVE to leave it to others; anything else is a failure: it is
 *              asked again later. Called on a thread of its own, one call at a time; may call this library.
 *   user_data  passed to `decide`.
 *   release    called once, when the library no longer needs `user_data`; may be NULL.
 * Returns: AGENTID_OK; AGENTID_E_ARGUMENT, AGENTID_E_MALFORMED (`key`), AGENTID_E_IO: `release` was called.
 */
agentid_status agentid_approval_callback(agentid_authority *authority, const char *approver, size_t approver_len,
                                         const char *key, size_t key_len,
                                         agentid_approver decide, void *user_data, agentid_release release,
                                         agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Waits until a request is decided, or some time has passed. Holds no lock.
 * Args:
 *   request       its ID.
 *   milliseconds  the longest wait; 0 or less: none.
 *   state         out: 0 where it still waits, 1 approved, 2 refused.
 * Returns: AGENTID_OK; AGENTID_E_NOT_FOUND: it lapsed, its call was made, or its agent ended; AGENTID_E_IO.
 */
agentid_status agentid_approval_wait(const agentid_authority *authority, const char *request, size_t request_len,
                                     int64_t milliseconds, int32_t *state, agentid_error **error) AGENTID_MUST_CHECK;

/*
 * As agentid_agent_authorize(); where the call needs approval it waits for that, and tries again. Holds no lock meanwhile.
 * Args:
 *   tool          the tool's name.
 *   arguments     a JSON object.
 *   milliseconds  the longest wait; 0 or less: none.
 *   decision      out, may be NULL; also of a denial. Free it with agentid_decision_free().
 * Returns: as agentid_agent_authorize().
 */
agentid_status agentid_agent_authorize_waiting(agentid_agent *agent, const char *tool, size_t tool_len,
                                               const char *arguments, size_t arguments_len, int64_t milliseconds,
                                               agentid_decision **decision, agentid_error **error) AGENTID_MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif
