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
 * The request for approval that a denied call waits for (`approval_required`), or that was refused (`approval_refused`).
 * Returns: its ID, a text that lives as long as the decision; empty if there is none.
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
 * Signs the consent of one person to a request, for agentid_approval_approve().
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
 * Approves a request. Once as many people as its rule requires have approved it, exactly this call is permitted once.
 * Args:
 *   request   its ID.
 *   token     signed by an approver that the rule names, over exactly this request.
 *   approved  out, may be NULL: 1 if it is now approved, 0 if it waits for more people.
 * Returns: AGENTID_OK; AGENTID_E_MALFORMED if the token is not valid; AGENTID_E_STATE (`approval_decided`,
 *          `approver_revoked`, `approver_is_agent`); AGENTID_E_NOT_FOUND; AGENTID_E_IO.
 */
agentid_status agentid_approval_approve(agentid_authority *authority, const char *request, size_t request_len,
                                        const char *token, size_t token_len, int32_t *approved,
                                        agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Refuses a request: its call is denied until it lapses.
 * Args:
 *   request   its ID.
 *   approver  the name of one of the approvers that the rule names.
 * Returns: AGENTID_OK; AGENTID_E_ARGUMENT (`approver_unknown`); AGENTID_E_STATE; AGENTID_E_NOT_FOUND; AGENTID_E_IO.
 */
agentid_status agentid_approval_refuse(agentid_authority *authority, const char *request, size_t request_len,
                                       const char *approver, size_t approver_len,
                                       agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Asks the approvers that the policy names to take labels away from an agent; a rule of the policy must `declassify` them. They
 * decide as about a call; then agentid_authority_declassify() takes the labels away.
 * Args:
 *   agent    its ID; suspend it first if it should learn nothing meanwhile.
 *   labels   a JSON array of names of the policy's labels.
 *   request  out: the request's ID; if one for the same agent and labels waits already, that one's.
 * Returns: AGENTID_OK; AGENTID_E_STATE (`not_declassifiable`: no rule lets people take all of these away),
 *          AGENTID_E_NOT_FOUND (`unknown_label`, `agent`), AGENTID_E_ARGUMENT, AGENTID_E_LIMIT, AGENTID_E_IO.
 */
agentid_status agentid_authority_ask_to_declassify(agentid_authority *authority, const char *agent, size_t agent_len,
                                                   const char *labels, size_t labels_len, agentid_bytes *request,
                                                   agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Takes labels away from an agent, once, if as many people as the policy requires approved it. The log has an event of it
 * (`approval`, `used`). Grants with these labels are renewed without them: at once if the agent is held in this process,
 * otherwise at half their life. Agents below keep the labels of their own grants.
 * Args: request  its ID.
 * Returns: AGENTID_OK; AGENTID_E_STATE (`approval_required`: it waits, was refused, or too few of those who approved still
 *          may; `labels_above`: agents above have a label); AGENTID_E_NOT_FOUND, also the second time; AGENTID_E_ARGUMENT
 *          (`approval_other_call`); AGENTID_E_IO: it is done in part or not at all: call again.
 */
agentid_status agentid_authority_declassify(agentid_authority *authority, const char *request, size_t request_len,
                                            agentid_error **error) AGENTID_MUST_CHECK;

/* The verdict of an approver's callback. A result that was never set has none of these values. */
#define AGENTID_APPROVAL_LEAVE 0x41504C
#define AGENTID_APPROVAL_APPROVE 0x415041
#define AGENTID_APPROVAL_REFUSE 0x415052

/* An approver: receives a request, docs/schemas/approval.json, and returns a verdict. */
typedef int32_t (*agentid_approver)(const char *request, size_t request_len, void *user_data);

/* Called once, when the library no longer needs `user_data`. */
typedef void (*agentid_release)(void *user_data);

/*
 * Decides requests by a callback, as they arrive, and signs for one approver. Requests that already wait are decided as well.
 * Args:
 *   approver   their name in the policy.
 *   key        their private key: a JWK.
 *   decide     returns AGENTID_APPROVAL_APPROVE, _REFUSE, or _LEAVE to leave it to others. Anything else is a failure: it is
 *              called again later. Called on a thread of its own, one call at a time; may call this library.
 *   user_data  passed to `decide`.
 *   release    called once, when the library no longer needs `user_data`; may be NULL.
 * Returns: AGENTID_OK; AGENTID_E_ARGUMENT, AGENTID_E_MALFORMED (`key`), AGENTID_E_IO. On an error `release` was called.
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
 *   state         out: 0 it still waits, 1 approved, 2 refused.
 * Returns: AGENTID_OK; AGENTID_E_NOT_FOUND: it lapsed, its call was made, or its agent ended; AGENTID_E_IO.
 */
agentid_status agentid_approval_wait(const agentid_authority *authority, const char *request, size_t request_len,
                                     int64_t milliseconds, int32_t *state, agentid_error **error) AGENTID_MUST_CHECK;

/*
 * As agentid_agent_authorize(); if the call needs approval, waits for that and tries again. Holds no lock meanwhile.
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
