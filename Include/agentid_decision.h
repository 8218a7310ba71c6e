/*
 * libagentid: decisions, and the reasons of denials.
 *
 * The conventions of agentid.h hold here.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENTID_DECISION_H
#define AGENTID_DECISION_H

#include "agentid_base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------------------------------------------------- Decision */

/*
 * Whether the call was permitted.
 * Returns: 1 permitted; 0 denied, or no decision at all.
 */
int32_t agentid_decision_permitted(const agentid_decision *decision);

/*
 * The reason code of a denial, e.g. "argument_constraint_violated".
 * Returns: a text that lives as long as the decision; empty for a permit.
 */
const char *agentid_decision_reason(const agentid_decision *decision);

/*
 * The decision as a document: {"decision","tool","reason","message","argument","place","link","issuer","chain":[...]};
 * the chain has one object per link: jti, agent, key (thumbprint), expires. The root's also has owner, principal, task,
 * and the issuer that vouches for them: {"domain","key"}, and "foreign":true if the guard follows the registry of another
 * domain.
 * Argument names, never their values.
 * Args: document  out: JSON.
 * Returns: AGENTID_OK; AGENTID_E_HANDLE.
 */
agentid_status agentid_decision_document(const agentid_decision *decision, agentid_bytes *document,
                                         agentid_error **error) AGENTID_MUST_CHECK;

/*
 * The decision for people: the agent, its principal, the call, and on a denial the constraint and link that refused it.
 * Args: text  out: UTF-8, several lines.
 * Returns: AGENTID_OK; AGENTID_E_HANDLE.
 */
agentid_status agentid_decision_explain(const agentid_decision *decision, agentid_bytes *text,
                                        agentid_error **error) AGENTID_MUST_CHECK;

/* Frees a decision. */
void agentid_decision_free(agentid_decision *decision);

/* -------------------------------------------------------------------------------------------------------- Reasons */

/* What another call can change of a denial. */
typedef int32_t agentid_category;
enum {
    AGENTID_FORBIDDEN = 0,       /* the authority is not enough: no proof changes that */
    AGENTID_UNAUTHORIZED = 1,    /* another chain or a fresh proof may do */
    AGENTID_UNDECIDED = 2        /* the guard cannot decide now: nothing that the client sends changes that */
};

/*
 * What another call can change, by the reason code of a denial: agentid_decision_reason(), or agentid_error_name() with
 * AGENTID_DENIED.
 * Args: reason  the code.
 * Returns: AGENTID_FORBIDDEN for a reason that this version does not know.
 */
agentid_category agentid_reason_category(const char *reason, size_t reason_len);

/*
 * The status of HTTP that a server answers a denial with.
 * Args: reason  the code.
 * Returns: 401, 403 or 503; 428 where the client has to send the whole chain once; 403 for a reason that this version does not
 *          know.
 */
int32_t agentid_reason_http_status(const char *reason, size_t reason_len);

/*
 * The value of `WWW-Authenticate` that goes with the status, e.g. `Agent-Proof error="replayed"`.
 * Args:
 *   reason     the code.
 *   challenge  out: ASCII; empty where the status is not 401.
 * Returns: AGENTID_OK.
 */
agentid_status agentid_reason_challenge(const char *reason, size_t reason_len, agentid_bytes *challenge,
                                        agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Every reason of this version.
 * Args: reasons  out: a JSON array, by reason: [{"reason","category","http_status","challenge"}...]; the category is
 *                "forbidden", "unauthorized" or "undecided"; the challenge may be null.
 * Returns: AGENTID_OK.
 */
agentid_status agentid_reason_list(agentid_bytes *reasons, agentid_error **error) AGENTID_MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif
