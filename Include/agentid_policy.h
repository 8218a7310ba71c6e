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
#include "agentid_approval.h"
#include "agentid_call.h"

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

#ifdef __cplusplus
}
#endif

#endif
