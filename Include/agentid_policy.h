/*
 * libagentid: policies: what guards enforce beyond the chain. See docs/policies.md.
 *
 * A policy is stored in an authority's registry, under a version. Every guard that follows the registry, in whatever process,
 * decides its next call by it. A decision names the version, and the rule that denied.
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
 *   authority  rules that match no tool of its profiles are reported, and what its policy in force does not let come after it; NULL:
 *              neither is checked.
 *   report     out, also on AGENTID_NO: docs/schemas/policy-report.json: each error with path, rule, message and remedy, and
 *              rules that never decide anything.
 * Returns: AGENTID_OK if it could be applied; AGENTID_NO if it has errors.
 */
agentid_status agentid_policy_check(const char *policy, size_t policy_len, const agentid_authority *authority,
                                    agentid_bytes *report, agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Explains which rules of a policy apply to a call, and what each of them does. Decides nothing and takes nothing from rates
 * and budgets.
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
 * Puts a policy in force, in place of the one before: all of it or nothing. Applying the policy in force again succeeds.
 * Args:
 *   policy   the document; its version is above that of the policy in force.
 *   version  out, may be NULL: its version.
 * Returns: AGENTID_OK; AGENTID_E_MALFORMED, AGENTID_E_LIMIT with the place and the rule at fault (`not_built`: this version
 *          of the library can read that rule but not enforce it); AGENTID_E_STATE (`policy_version`); AGENTID_E_IO.
 */
agentid_status agentid_authority_apply_policy(agentid_authority *authority, const char *policy, size_t policy_len,
                                              int64_t *version, agentid_error **error) AGENTID_MUST_CHECK;

/*
 * The policy in force.
 * Args: policy  out: the document in canonical form.
 * Returns: AGENTID_OK; AGENTID_E_NOT_FOUND if there is none; AGENTID_E_IO.
 */
agentid_status agentid_authority_policy(const agentid_authority *authority, agentid_bytes *policy,
                                        agentid_error **error) AGENTID_MUST_CHECK;

/*
 * The version of the policy that a call was decided by.
 * Returns: the version; 0 if no policy is in force, or the call was denied before the policy was consulted.
 */
int64_t agentid_decision_policy(const agentid_decision *decision);

/*
 * The rule of the policy that denied a call.
 * Returns: its ID, a text that lives as long as the decision; empty if no rule denied it.
 */
const char *agentid_decision_rule(const agentid_decision *decision);

/*
 * The time after which a call could be permitted that is denied only for now: `Retry-After`, to the millisecond.
 * Returns: milliseconds after the decision; 0 if waiting changes nothing.
 */
int64_t agentid_decision_retry_after(const agentid_decision *decision);

/*
 * What the policy's rates and budgets still permit an agent in this process, and the labels of its task. Takes nothing; other
 * agents may take from the same rates and budgets meanwhile.
 * Args:
 *   tool       only rules about this tool; empty: those about any tool of its scope.
 *   remaining  out: docs/schemas/remaining.json.
 * Returns: AGENTID_OK; AGENTID_E_STATE (no authority in this process); AGENTID_E_IO.
 */
agentid_status agentid_agent_remaining(const agentid_agent *agent, const char *tool, size_t tool_len,
                                       agentid_bytes *remaining, agentid_error **error) AGENTID_MUST_CHECK;

/*
 * The information-flow labels of an agent's task, as far as its holder knows them: those of its grant, those added with
 * agentid_agent_add_labels(), and, if the authority is in this process, those that its directory keeps. The agent writes them
 * into each grant that it signs and into its proofs.
 * Args: labels  out: a JSON array of texts, in the order of their bytes.
 * Returns: AGENTID_OK; AGENTID_E_STATE (closed); AGENTID_E_IO (the directory's labels cannot be read).
 */
agentid_status agentid_agent_labels(const agentid_agent *agent, agentid_bytes *labels,
                                    agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Adds labels to an agent's task, for data that it read where no guard of its directory saw it. They stay. If the authority is
 * in this process and its policy names labels, every process of the directory sees them before the call returns.
 * Args: labels  a JSON array of at most 64 texts of at most 256 bytes.
 * Returns: AGENTID_OK; AGENTID_E_NOT_FOUND (`unknown_label`: not a label of the policy in this process), AGENTID_E_ARGUMENT
 *          (`label_permits`: only rules may add it), AGENTID_E_MALFORMED, AGENTID_E_LIMIT, AGENTID_E_STATE, AGENTID_E_IO.
 */
agentid_status agentid_agent_add_labels(agentid_agent *agent, const char *labels, size_t labels_len,
                                        agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Adds to an agent's task the labels of an agent below it, before it uses that one's result. This is the only way by which the
 * labels of an isolated child reach it. With `type`, it adds the labels that the policy's `results` give that type in place of
 * the child's; then exactly `result` may be used.
 * Args:
 *   child   in this process, and not ended.
 *   result  the child's result; empty without a type.
 *   type    the name of a type in the policy's `results`; empty: the child's labels are added.
 *   joined  out: the labels added, a JSON array of texts.
 * Returns: AGENTID_OK; on any other status the result must not be used: AGENTID_E_MALFORMED (`result_type`),
 *          AGENTID_E_NOT_FOUND (`unknown_result`), AGENTID_E_ARGUMENT (`not_below`), AGENTID_E_STATE, AGENTID_E_LIMIT,
 *          AGENTID_E_IO.
 */
agentid_status agentid_agent_join_labels(agentid_agent *agent, const agentid_agent *child, const char *result,
                                         size_t result_len, const char *type, size_t type_len, agentid_bytes *joined,
                                         agentid_error **error) AGENTID_MUST_CHECK;

/*
 * The rates of the policy that are in use, and the use that agents of this registry, which have not ended, made of each.
 * Limits that grants state are not listed: agentid_agent_remaining() tells them.
 * Args:
 *   offset  the number of rates skipped first.
 *   limit   the most rates returned, 1 to 100000; 0: 1000.
 *   limits  out: docs/schemas/limits.json; `total` is the number of all.
 * Returns: AGENTID_OK; AGENTID_E_ARGUMENT; AGENTID_E_IO.
 */
agentid_status agentid_authority_limits(const agentid_authority *authority, int64_t offset, int64_t limit,
                                        agentid_bytes *limits, agentid_error **error) AGENTID_MUST_CHECK;

/*
 * The budgets of the policy that were drawn on in their present period, and the agents that did.
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
