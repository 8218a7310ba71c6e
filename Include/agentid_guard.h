/*
 * libagentid: guards: what they know, and deciding calls.
 *
 * The conventions of agentid.h hold here.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENTID_GUARD_H
#define AGENTID_GUARD_H

#include "agentid_base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct agentid_guard_options {
    size_t struct_size;
    const char *audience;            /* the guard's own name, which proofs must carry; needed, or `any_audience` */
    int32_t any_audience;            /* not 0: proofs that name no guard are accepted too; one for another guard by
                                        name is denied all the same */
    int32_t require_claim;           /* not 0: deny chains without the claim that names agent, owner and principal */
    int64_t proof_window;            /* seconds either way; 0: 30; at most 60 */
    int64_t max_view_age;            /* seconds. A guard that follows an authority goes on this long while the registry
                                        cannot be read; 0: it denies at once. Any other guard denies after it was told
                                        nothing for this long (see agentid_guard_refreshed()); 0: no limit */
    int64_t replay_capacity;         /* the number of used proofs of one root grant and all below it that fit, next to
                                        two more such trees; 0: 1048576. Each takes at most 64 bytes, allocated as
                                        needed; a full memory denies */
    int64_t cache_entries;           /* verified chains kept; 0: 4096 */
    int64_t cache_bytes;             /* of all chains kept; 0: 32 MiB */
    int32_t max_depth;               /* deepest chain; 0: 16; at most 64 */
    int64_t max_token_size;          /* bytes; 0: 64 KiB, which is also the most */
    int64_t max_chain_size;          /* bytes; 0: 256 KiB, which is also the most */
    const agentid_clock *clock;      /* NULL: that of the authority which makes the guard, or the machine's */
    int32_t own_replay_memory;       /* not 0: used proofs are remembered in this guard alone; see below */
    int32_t audit_sync;              /* AGENTID_AUDIT_..., for a guard of a directory; others do as their authority */
    int32_t audit_relaxed;           /* not 0: decisions that cannot be recorded are counted, not denied */
    int32_t no_audit;                /* not 0: nothing is recorded */
    int32_t require_nonce;           /* not 0: each proof must carry a nonce of this guard: see agentid_guard_nonce() */
    int32_t require_chain_aud;       /* not 0: some grant of each chain must name this guard (`aud`). A grant for other
                                        guards is always denied */
} agentid_guard_options;
#define AGENTID_GUARD_OPTIONS_INIT { sizeof(agentid_guard_options), NULL, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, NULL, 0, 0, 0, 0, 0, 0 }
/* AGENTID_GUARD_OPTIONS_INIT as a function. Args: struct_size  sizeof *options. */
void agentid_guard_options_init(agentid_guard_options *options, size_t struct_size);

/*
 * Makes a guard that knows only the bundles and revocations it is given.
 * Args:
 *   options  `audience`, or `any_audience`.
 *   guard    out: to be closed with agentid_guard_close().
 * Returns: AGENTID_OK; AGENTID_E_ARGUMENT (out of range; `audience_missing`), AGENTID_E_LIMIT.
 */
agentid_status agentid_guard_open(const agentid_guard_options *options, agentid_guard **guard,
                                  agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Makes a guard that follows an authority: changes to its bundle and its revocations reach the guard. For an authority in
 * a directory, agentid_guard_open_directory() says where used proofs are remembered.
 * Args:
 *   options  `audience`, or `any_audience`.
 *   guard    out: to be closed with agentid_guard_close(); stays usable when the authority is closed.
 * Returns: as agentid_guard_open().
 */
agentid_status agentid_authority_guard(agentid_authority *authority, const agentid_guard_options *options,
                                       agentid_guard **guard, agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Makes a guard that follows the authority kept in a directory, for a process that should not have its keys: reads the
 * public state only. A revocation by any process of this machine takes effect at the very next call.
 *
 * A proof is accepted once among all guards of the directory, in whatever process: they share the file `replay` in it,
 * which grows up to the largest replay_capacity of them all. A process that cannot write there
 * needs own_replay_memory.
 * Args:
 *   options  `audience`, or `any_audience`.
 *   guard    out: to be closed with agentid_guard_close().
 * Returns: as agentid_guard_open(); AGENTID_E_NOT_FOUND, AGENTID_E_IO, AGENTID_E_STATE if parts of the directory do
 *          not belong together.
 */
agentid_status agentid_guard_open_directory(const char *directory, size_t directory_len,
                                            const agentid_guard_options *options, agentid_guard **guard,
                                            agentid_error **error) AGENTID_MUST_CHECK;

/* Closes a guard. Chains that it admitted and calls that it permitted can be used until they are freed. */
void agentid_guard_close(agentid_guard *guard);

/*
 * Trusts the keys of a bundle for its trust domain, replacing an earlier bundle of that domain with a lower sequence.
 * Args:
 *   trust_domain  the domain of the bundle.
 *   bundle        a SPIFFE bundle, JSON.
 * Returns: AGENTID_OK; AGENTID_E_MALFORMED; AGENTID_E_STATE for a sequence lower than the present one, and for the domain
 *          whose registry the guard follows: the registry says which keys are the domain's.
 */
agentid_status agentid_guard_add_bundle(agentid_guard *guard, const char *trust_domain, size_t trust_domain_len,
                                        const char *bundle, size_t bundle_len,
                                        agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Revokes for this guard alone. Takes effect before the call returns.
 * Args:
 *   kind   the kind of object that `value` names.
 *   value  as for agentid_authority_revoke().
 * Returns: AGENTID_OK; AGENTID_E_ARGUMENT named `revocation` if the value cannot name an object of that kind.
 */
agentid_status agentid_guard_revoke(agentid_guard *guard, agentid_revocation_kind kind,
                                    const char *value, size_t value_len, agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Loads a signed list of what an authority has revoked, for a guard that does not follow its registry: the list's domain
 * needs a bundle here. It is about chains of that domain and credentials that it signed, and nobody else's. What a list names
 * stays revoked in this guard, whatever later lists leave out. Takes effect before the call returns.
 * Args:
 *   list  what agentid_authority_revocation_list() made, at most 8 MiB.
 *   keep  0: when the list has expired, chains of its domain are denied until a newer one is loaded
 *         (`revocation_view_stale`). Not 0: they are still permitted.
 * Returns: AGENTID_OK, also for the list that is held; AGENTID_E_LIMIT; AGENTID_E_MALFORMED if it is damaged, or the domain did
 *          not sign it; AGENTID_E_STATE if it has expired (`revocations_expired`), is older than the one held
 *          (`revocations_rolled_back`), or the guard follows the domain's registry (`own_domain`). Nothing is changed then.
 */
agentid_status agentid_guard_load_revocations(agentid_guard *guard, const char *list, size_t list_len, int32_t keep,
                                              agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Confirms that this guard knows every revocation: its view is new again, see `max_view_age`.
 * agentid_guard_add_bundle() and agentid_guard_revoke() confirm it too; agentid_guard_load_revocations() does as of when the list
 * was made. A guard that follows an authority goes by its own reading of the registry: for it this changes nothing.
 * Returns: AGENTID_OK; AGENTID_E_HANDLE.
 */
agentid_status agentid_guard_refreshed(agentid_guard *guard, agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Decides one call: may the holder of this chain, who signed this proof, call this tool with these arguments, now?
 * Args:
 *   chain      grants from the root to the leaf, joined by '~'; or the reference (agentid_chain_reference()) of a chain
 *              that this guard has verified before and still keeps. Any other reference is denied as `chain_unknown`:
 *              send the whole chain once.
 *   proof      the proof for exactly this call.
 *   tool       the tool about to be called.
 *   arguments  its arguments, a JSON object.
 *   decision   out, may be NULL.
 * Returns: AGENTID_OK permitted; AGENTID_DENIED not, with the reason in decision and error; anything else is a fault of
 *          the call and means no as well.
 */
agentid_status agentid_guard_authorize(agentid_guard *guard, const char *chain, size_t chain_len,
                                       const char *proof, size_t proof_len, const char *tool, size_t tool_len,
                                       const char *arguments, size_t arguments_len,
                                       agentid_decision **decision, agentid_error **error) AGENTID_MUST_CHECK;

/*
 * agentid_guard_authorize() with NUL-terminated texts.
 * Returns: as agentid_guard_authorize().
 */
agentid_status agentid_guard_authorize_z(agentid_guard *guard, const char *chain, const char *proof, const char *tool,
                                         const char *arguments, agentid_decision **decision,
                                         agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Decides one call of an agent held in this process; no proof is needed.
 * Args:
 *   agent      the caller.
 *   tool       the tool's name, exactly.
 *   arguments  its arguments, a JSON object.
 *   decision   out, may be NULL.
 * Returns: as agentid_guard_authorize(); AGENTID_E_STATE (closed agent).
 */
agentid_status agentid_guard_authorize_agent(agentid_guard *guard, agentid_agent *agent,
                                             const char *tool, size_t tool_len,
                                             const char *arguments, size_t arguments_len,
                                             agentid_decision **decision, agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Verifies a chain once, for many calls.
 * Args:
 *   chain        grants joined by '~'; or the reference, as for agentid_guard_authorize(), of a chain that needs no
 *                credential.
 *   credentials  credentials of holders whose ID is not under their parent's, joined by '~'; may be empty.
 *   admission    out: to be freed with agentid_admission_free().
 * Returns: AGENTID_OK; AGENTID_DENIED with the reason in the error.
 */
agentid_status agentid_guard_admit(agentid_guard *guard, const char *chain, size_t chain_len,
                                   const char *credentials, size_t credentials_len,
                                   agentid_admission **admission, agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Decides one call under an admitted chain. Expiry, revocation, proof and scope are checked each time.
 * Args:
 *   proof      the proof for exactly this call.
 *   tool       the tool's name, exactly.
 *   arguments  its arguments, a JSON object.
 *   decision   out, may be NULL.
 * Returns: as agentid_guard_authorize().
 */
agentid_status agentid_admission_authorize(agentid_admission *admission, const char *proof, size_t proof_len,
                                           const char *tool, size_t tool_len,
                                           const char *arguments, size_t arguments_len,
                                           agentid_decision **decision, agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Decides one call by a presentation as received. One that cannot be read is denied (presentation_malformed) and
 * recorded.
 * Args:
 *   presentation  JSON, {"aat_chain":[root, ..., leaf],"aat_pop":proof}, or with a chain's reference alone in aat_chain;
 *                 other members are ignored.
 *   others        as for agentid_guard_authorize().
 * Returns: as agentid_guard_authorize().
 */
agentid_status agentid_guard_authorize_presentation(agentid_guard *guard, const char *presentation,
                                                    size_t presentation_len, const char *tool, size_t tool_len,
                                                    const char *arguments, size_t arguments_len,
                                                    agentid_decision **decision,
                                                    agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Issues a nonce for one proof; hand it to the caller. A proof that carries it was made for this guard, after this call.
 * It is valid for one permitted call, for as long as a proof may be old, at all guards of one name that share a
 * directory's replay memory. Nothing is stored until it is used: issuing many costs no memory.
 * Args: nonce  out: 43 characters.
 * Returns: AGENTID_OK; AGENTID_E_STATE named `no_nonce` if the guard was not opened with `require_nonce`.
 */
agentid_status agentid_guard_nonce(agentid_guard *guard, agentid_bytes *nonce,
                                   agentid_error **error) AGENTID_MUST_CHECK;

/* Frees an admission. */
void agentid_admission_free(agentid_admission *admission);

/*
 * A guard's counters and the size of its memory.
 * Args: statistics  out: JSON: permitted, denied (by reason), cached chains and bytes, remembered proofs, revocations.
 * Returns: AGENTID_OK; AGENTID_E_HANDLE.
 */
agentid_status agentid_guard_statistics(agentid_guard *guard, agentid_bytes *statistics,
                                        agentid_error **error) AGENTID_MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif
