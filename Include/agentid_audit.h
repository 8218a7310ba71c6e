/*
 * libagentid: reading, proving from and verifying the audit log. Guards and authorities write it by themselves.
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

/* The audit log of one directory, in its state at opening. Closed by agentid_audit_close(). */
typedef struct agentid_audit agentid_audit;

/*
 * The ID of a decision in the audit log.
 * Returns: a text that lives as long as the decision; empty if the decision was not recorded.
 */
const char *agentid_decision_id(const agentid_decision *decision);

/*
 * Records the outcome of a permitted call.
 * Args:
 *   decision  the whole ID of the decision, of this guard or another of the directory.
 *   outcome   in a few words, e.g. "succeeded" or "failed: not found"; at most 1024 bytes.
 * Returns: AGENTID_OK; AGENTID_E_STATE for a guard without an audit log; AGENTID_E_IO if it cannot be written;
 *          AGENTID_E_ARGUMENT ("decision") for what is not such an ID, and for a decision that this guard has not made.
 */
agentid_status agentid_audit_report(agentid_guard *guard, const char *decision, size_t decision_len,
                                    const char *outcome, size_t outcome_len,
                                    agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Integrates into the log everything that all processes have recorded until now, and signs the checkpoint. Without this
 * call it happens about every second.
 * Returns: AGENTID_OK; AGENTID_E_STATE for an authority without an audit log; AGENTID_E_IO; AGENTID_E_SIGNER.
 */
agentid_status agentid_audit_integrate(agentid_authority *authority, agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Opens the audit log of an authority's directory for reading.
 * Args:
 *   directory  the authority's directory.
 *   key        the key that must have signed its checkpoint, `name+hash+key` (C2SP signed-note); empty: the key in the
 *              directory itself, which reveals damage, but not a forged log.
 *   audit      out: to be closed with agentid_audit_close().
 * Returns: AGENTID_OK; AGENTID_E_NOT_FOUND; AGENTID_E_MALFORMED if the checkpoint is damaged or another log's.
 */
agentid_status agentid_audit_open(const char *directory, size_t directory_len, const char *key, size_t key_len,
                                  agentid_audit **audit, agentid_error **error) AGENTID_MUST_CHECK;

/* Closes the log. */
void agentid_audit_close(agentid_audit *audit);

/*
 * The head of the log.
 * Args: document  out: JSON: {"size","first","end","root","key","checkpoint"}; the entries from `first` to before `end` are
 *                 here, others in an archive; the checkpoint is a signed note that others can verify.
 * Returns: AGENTID_OK; AGENTID_E_HANDLE.
 */
agentid_status agentid_audit_head(agentid_audit *audit, agentid_bytes *document,
                                  agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Entries, each compared with the signed tree.
 * Args:
 *   from     the index of the first.
 *   count    the most entries to return; up to 256 are returned at once.
 *   entries  out: a line of JSON each, ended by a newline; empty after the last.
 * Returns: AGENTID_OK; AGENTID_E_NOT_FOUND beyond the end, and (audit_archived) if it is in an archive;
 *          AGENTID_E_MALFORMED if an entry is not the one in the tree; AGENTID_E_STATE (audit_replaced,
 *          audit_rolled_back) if another log stands there than was opened.
 */
agentid_status agentid_audit_entries(agentid_audit *audit, uint64_t from, int64_t count, agentid_bytes *entries,
                                     agentid_error **error) AGENTID_MUST_CHECK;

/*
 * The entry of a decision and the outcome reported for it.
 * Args:
 *   decision  its ID.
 *   document  out: JSON: {"index","entry","outcome"}; `outcome` is null if none was reported.
 * Returns: AGENTID_OK; AGENTID_E_NOT_FOUND. Reads the log from its end: an older entry takes longer.
 */
agentid_status agentid_audit_find(agentid_audit *audit, const char *decision, size_t decision_len,
                                  agentid_bytes *document, agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Proves that an entry is in the log (RFC 6962 section 2.1.1).
 * Args: proof  out: JSON: {"index","size","leaf","path":[...],"checkpoint"}, hashes in base64.
 * Returns: AGENTID_OK; AGENTID_E_NOT_FOUND beyond the end; AGENTID_E_MALFORMED if the log is damaged.
 */
agentid_status agentid_audit_prove(agentid_audit *audit, uint64_t index, agentid_bytes *proof,
                                   agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Proves that the log of `to` entries starts with the log of `from` entries (RFC 6962 section 2.1.2).
 * Args:
 *   to     the number of entries; 0: all of them.
 *   proof  out: JSON: {"from","to","old_root","new_root","path":[...],"checkpoint"}, hashes in base64.
 * Returns: AGENTID_OK; AGENTID_E_NOT_FOUND beyond the end; AGENTID_E_MALFORMED if the log is damaged.
 */
agentid_status agentid_audit_consistency(agentid_audit *audit, uint64_t from, uint64_t to, agentid_bytes *proof,
                                         agentid_error **error) AGENTID_MUST_CHECK;

/* Receives the number of entries read, on the thread that called. */
typedef void (*agentid_progress)(uint64_t entries, void *user_data);

/*
 * Reads everything again and reports each fault with its place.
 * Args:
 *   progress   may be NULL.
 *   user_data  for `progress`.
 *   report     out, also on AGENTID_NO: JSON: {"sound","size","archived","pending","findings":[{"place","message"}...]}.
 *              `archived`: the entries that the directory says are in an archive, a file that nobody signed: their hashes
 *              are those of the signed tree, and they were not read.
 * Returns: AGENTID_OK if everything is as it was signed; AGENTID_NO if something is not.
 */
agentid_status agentid_audit_verify(agentid_audit *audit, agentid_progress progress, void *user_data,
                                    agentid_bytes *report, agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Least privilege, measured: compares granted authority with its use, and proposes for each profile the smallest ceiling
 * that would have permitted the same calls. Argument values are never in the log: a proposal is made of the scopes of the
 * grants under which calls were permitted. Integrates first; reads the whole log.
 * Args:
 *   profile  only this one; empty: all.
 *   report   out: JSON, docs/schemas/usage.json.
 * Returns: AGENTID_OK; AGENTID_E_NOT_FOUND if there is no such profile; AGENTID_E_STATE for an authority without an
 *          audit log; AGENTID_E_MALFORMED if an entry is not the one in the tree.
 */
agentid_status agentid_audit_usage(agentid_authority *authority, const char *profile, size_t profile_len,
                                   agentid_bytes *report, agentid_error **error) AGENTID_MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif
