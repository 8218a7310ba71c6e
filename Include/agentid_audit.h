/*
 * libagentid: the audit log: reading it, proving from it, verifying it. Writing it is every guard's and authority's own.
 *
 * An RFC 6962 Merkle tree over lines of JSON in canonical form (docs/schemas/audit.json), in the C2SP tlog-tiles layout,
 * its head a C2SP checkpoint: other tools read and verify it too. See docs/audit.md.
 *
 * The conventions of agentid.h hold here.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENTID_AUDIT_H
#define AGENTID_AUDIT_H

#include "agentid.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The audit log of one directory, as it was when it was opened. Closed by agentid_audit_close(). */
typedef struct agentid_audit agentid_audit;

/*
 * The ID of a decision in the audit log.
 * Returns: a text that lives as long as the decision; empty where it was not written down.
 */
const char *agentid_decision_id(const agentid_decision *decision);

/*
 * Writes down how a permitted call went.
 * Args:
 *   decision  the ID of the decision.
 *   outcome   in a few words, e.g. "succeeded" or "failed: not found"; at most 1024 bytes.
 * Returns: AGENTID_OK; AGENTID_E_STATE for a guard without an audit log; AGENTID_E_IO where it cannot be written.
 */
agentid_status agentid_audit_report(agentid_guard *guard, const char *decision, size_t decision_len,
                                    const char *outcome, size_t outcome_len,
                                    agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Makes entries of everything that was written down until now, by all processes, and signs the checkpoint. Happens by
 * itself about every second.
 * Returns: AGENTID_OK; AGENTID_E_STATE for an authority without an audit log; AGENTID_E_IO; AGENTID_E_SIGNER.
 */
agentid_status agentid_audit_integrate(agentid_authority *authority, agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Opens the audit log of an authority's directory for reading.
 * Args:
 *   directory  the authority's.
 *   key        what its checkpoint must be signed with, `name+hash+key` (C2SP signed-note); empty: what the directory
 *              itself says, which shows damage and not a forged log.
 *   audit      out: to be closed with agentid_audit_close().
 * Returns: AGENTID_OK; AGENTID_E_NOT_FOUND; AGENTID_E_MALFORMED where the checkpoint is damaged or another's.
 */
agentid_status agentid_audit_open(const char *directory, size_t directory_len, const char *key, size_t key_len,
                                  agentid_audit **audit, agentid_error **error) AGENTID_MUST_CHECK;

/* Closes it. */
void agentid_audit_close(agentid_audit *audit);

/*
 * What the log says of itself.
 * Args: document  out: JSON: {"size","root","key","checkpoint"}, the checkpoint as the signed note that others verify.
 * Returns: AGENTID_OK; AGENTID_E_HANDLE.
 */
agentid_status agentid_audit_head(agentid_audit *audit, agentid_bytes *document,
                                  agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Entries, each compared with the signed tree.
 * Args:
 *   from     the index of the first.
 *   count    how many at most; up to 256 are returned at once.
 *   entries  out: a line of JSON each, ended by a newline; empty after the last.
 * Returns: AGENTID_OK; AGENTID_E_NOT_FOUND beyond the end; AGENTID_E_MALFORMED where an entry is not the one in the tree.
 */
agentid_status agentid_audit_entries(agentid_audit *audit, uint64_t from, int64_t count, agentid_bytes *entries,
                                     agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Everything about one decision: its entry and what was reported of it.
 * Args:
 *   decision  its ID.
 *   document  out: JSON: {"index","entry","outcome"}; `outcome` is null where none was reported.
 * Returns: AGENTID_OK; AGENTID_E_NOT_FOUND. Reads the log from its end: the older, the longer.
 */
agentid_status agentid_audit_find(agentid_audit *audit, const char *decision, size_t decision_len,
                                  agentid_bytes *document, agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Proves that an entry is in the log (RFC 6962 section 2.1.1).
 * Args: proof  out: JSON: {"index","size","leaf","path":[...],"checkpoint"}, hashes in base64.
 * Returns: AGENTID_OK; AGENTID_E_NOT_FOUND beyond the end; AGENTID_E_MALFORMED where the log is damaged.
 */
agentid_status agentid_audit_prove(agentid_audit *audit, uint64_t index, agentid_bytes *proof,
                                   agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Proves that the log of `from` entries is the beginning of the one of `to` (RFC 6962 section 2.1.2).
 * Args:
 *   to     0: the present one.
 *   proof  out: JSON: {"from","to","old_root","new_root","path":[...],"checkpoint"}, hashes in base64.
 * Returns: AGENTID_OK; AGENTID_E_NOT_FOUND beyond the end; AGENTID_E_MALFORMED where the log is damaged.
 */
agentid_status agentid_audit_consistency(agentid_audit *audit, uint64_t from, uint64_t to, agentid_bytes *proof,
                                         agentid_error **error) AGENTID_MUST_CHECK;

/* Told how many entries were read, on the thread that called. */
typedef void (*agentid_progress)(uint64_t entries, void *user_data);

/*
 * Reads everything again and says what is wrong, and where.
 * Args:
 *   progress   may be NULL.
 *   user_data  for `progress`.
 *   report     out, also on AGENTID_NO: JSON: {"sound","size","pending","findings":[{"place","message"}...]}.
 * Returns: AGENTID_OK where everything is as it was signed; AGENTID_NO where something is not.
 */
agentid_status agentid_audit_verify(agentid_audit *audit, agentid_progress progress, void *user_data,
                                    agentid_bytes *report, agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Least privilege, measured: compares what was granted with what was used, and proposes for each profile the smallest
 * ceiling that would have permitted it all. Argument values are never in the log: a proposal is made of the scopes of the
 * grants under which calls were permitted. Integrates first; reads the whole log.
 * Args:
 *   profile  only this one; empty: all.
 *   report   out: JSON, docs/schemas/usage.json.
 * Returns: AGENTID_OK; AGENTID_E_NOT_FOUND where there is no such profile; AGENTID_E_STATE for an authority without an
 *   audit log; AGENTID_E_MALFORMED where an entry is not the one in the tree.
 */
agentid_status agentid_audit_usage(agentid_authority *authority, const char *profile, size_t profile_len,
                                       agentid_bytes *report, agentid_error **error) AGENTID_MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif
