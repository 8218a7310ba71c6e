/*
 * libagentid: approvals: people who decide what a policy leaves to them. agentid_policy.h includes it.
 *
 * The conventions of agentid.h hold here.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENTID_APPROVAL_H
#define AGENTID_APPROVAL_H

#include "agentid_base.h"

#ifdef __cplusplus
extern "C" {
#endif

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
