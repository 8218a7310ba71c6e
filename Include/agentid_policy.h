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

#ifdef __cplusplus
}
#endif

#endif
