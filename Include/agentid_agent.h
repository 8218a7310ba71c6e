/*
 * libagentid: agents: delegating, proving calls, and what an agent is.
 *
 * The conventions of agentid.h hold here.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENTID_AGENT_H
#define AGENTID_AGENT_H

#include "agentid_base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct agentid_delegation_options {
    size_t struct_size;
    const char *scope;               /* the child's scope, cut to the parent's; text or JSON form; needed,
                                        or `same_scope` */
    int32_t same_scope;              /* not 0: the parent's whole scope */
    int64_t lifetime;                /* of each grant, seconds; 0: as long as the parent's grant */
    int32_t max_depth;               /* the number of further delegations below the child; 0: as many as the parent
                                        may; AGENTID_NO_DELEGATION: none */
    const char *labels;              /* labels added to the parent's: a JSON array of strings */
    const char *agent;               /* the ID of a holder that has a credential; agentid_agent_spawn() refuses it */
    int64_t until;                   /* the hard end, seconds since 1970: no grant runs past it; 0: the parent's */
    const char *audiences;           /* the guards that the child's grants and all below them may be presented to, by
                                        their names: a JSON array of strings; NULL: the parent's, which are checked
                                        in any case */
    int32_t isolated;                /* not 0: the child and all below it keep the labels of what they learn to
                                        themselves, until agentid_agent_join_labels(); agentid_agent_delegate() refuses
                                        it, as does agentid_agent_spawn() without the authority in this process */
    const char *limits;              /* rates and budgets of the child and all below it, beside those of every agent
                                        above: a JSON array, as docs/policies.md says; NULL: no others */
} agentid_delegation_options;
#define AGENTID_DELEGATION_OPTIONS_INIT { sizeof(agentid_delegation_options), NULL, 0, 0, 0, NULL, NULL, 0, NULL, 0, NULL }
/* AGENTID_DELEGATION_OPTIONS_INIT as a function. Args: struct_size  sizeof *options. */
void agentid_delegation_options_init(agentid_delegation_options *options, size_t struct_size);

/*
 * Starts a sub-agent under this one, offline: an ID below its parent's, a key of its own, a narrower grant. If the
 * authority is in this process, its grant is renewed after its parent's, as long as both are open.
 * Args:
 *   name     a path segment, e.g. "reader".
 *   options  `scope`, or `same_scope`.
 *   child    out: to be closed with agentid_agent_close().
 * Returns: AGENTID_OK; AGENTID_E_SCOPE (no part of it is in the parent's: names tool and argument; `scope_missing`),
 *          AGENTID_E_STATE (closed, expired, or no deeper delegation allowed).
 */
agentid_status agentid_agent_spawn(agentid_agent *agent, const char *name, size_t name_len,
                                   const agentid_delegation_options *options,
                                   agentid_agent **child, agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Delegates to a key that is held elsewhere, offline. The grant is not renewed: it ends with the agent's present grant at
 * the latest. To extend it, delegate again; a hook on `renewed` tells when the agent has a new grant.
 * Args:
 *   holder   the child's public key, a JWK; the agent's own key is refused.
 *   options  `scope`, or `same_scope`.
 *   chain    out: this agent's chain with the new grant after it.
 * Returns: as agentid_agent_spawn(); AGENTID_E_MALFORMED (holder).
 */
agentid_status agentid_agent_delegate(agentid_agent *agent, const char *holder, size_t holder_len,
                                      const agentid_delegation_options *options,
                                      agentid_bytes *chain, agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Signs one call: the proof that goes with the chain to a guard elsewhere.
 * Args:
 *   tool       the tool's name, exactly.
 *   arguments  the call's arguments, a JSON object.
 *   audience   the guard's name for itself, at most 256 bytes; empty if that guard asks for none.
 *   proof      out: a compact JWS, valid for one call within the guard's window (30 s by default).
 * Returns: AGENTID_OK; AGENTID_E_MALFORMED (arguments); AGENTID_E_ARGUMENT (audience, nonce);
 *          AGENTID_E_LIMIT (a proof of more than 128 KiB: about 96 KiB of arguments); AGENTID_E_STATE
 *          (closed, ended, expired).
 */
agentid_status agentid_agent_prove(agentid_agent *agent, const char *tool, size_t tool_len,
                                   const char *arguments, size_t arguments_len,
                                   const char *audience, size_t audience_len,
                                   agentid_bytes *proof, agentid_error **error) AGENTID_MUST_CHECK;

/*
 * The agent's chain and the proof of one call under it, taken together: between agentid_agent_chain() and
 * agentid_agent_prove() the grant may be renewed, and a proof is for one grant only (pop_token_mismatch).
 * Args:
 *   chain, proof  out: for a guard elsewhere.
 *   others        as for agentid_agent_prove().
 * Returns: as agentid_agent_prove().
 */
agentid_status agentid_agent_present(agentid_agent *agent, const char *tool, size_t tool_len,
                                     const char *arguments, size_t arguments_len,
                                     const char *audience, size_t audience_len, agentid_bytes *chain,
                                     agentid_bytes *proof, agentid_error **error) AGENTID_MUST_CHECK;

/* The guard that a proof is for. */
typedef struct agentid_proof_options {
    size_t struct_size;
    const char *audience;            /* the guard's name for itself, at most 256 bytes; NULL if somebody forwards the
                                        call to it */
    const char *nonce;               /* the nonce that the guard gave out, if it asks for one, at most 256 bytes:
                                        agentid_guard_nonce() */
} agentid_proof_options;
#define AGENTID_PROOF_OPTIONS_INIT { sizeof(agentid_proof_options), NULL, NULL }
/* AGENTID_PROOF_OPTIONS_INIT as a function. Args: struct_size  sizeof *options. */
void agentid_proof_options_init(agentid_proof_options *options, size_t struct_size);

/*
 * agentid_agent_prove(), for a guard that asks for more than its name.
 * Args:
 *   options  NULL: a proof that names no guard.
 *   others   as for agentid_agent_prove().
 * Returns: as agentid_agent_prove().
 */
agentid_status agentid_agent_prove_with(agentid_agent *agent, const char *tool, size_t tool_len,
                                        const char *arguments, size_t arguments_len,
                                        const agentid_proof_options *options, agentid_bytes *proof,
                                        agentid_error **error) AGENTID_MUST_CHECK;

/*
 * The agent's chain and the proof of one call under it as one object, taken together as by agentid_agent_present():
 * a presentation (draft -02, section 7.4), for agentid_guard_authorize_presentation() or any other verifier.
 * Args:
 *   options       NULL: a proof that names no guard.
 *   presentation  out: JSON, {"aat_chain":[root, ..., leaf],"aat_pop":proof}.
 *   others        as for agentid_agent_prove().
 * Returns: as agentid_agent_prove().
 */
agentid_status agentid_agent_presentation(agentid_agent *agent, const char *tool, size_t tool_len,
                                          const char *arguments, size_t arguments_len,
                                          const agentid_proof_options *options, agentid_bytes *presentation,
                                          agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Asks the authority's own guard, in this process: holding the agent is the proof.
 * Args:
 *   tool       the tool's name, exactly.
 *   arguments  its arguments, a JSON object.
 *   decision   out, may be NULL.
 * Returns: AGENTID_OK permitted, AGENTID_DENIED not; AGENTID_E_STATE if the agent's authority is not in this process
 *          (use agentid_guard_authorize_agent()).
 */
agentid_status agentid_agent_authorize(agentid_agent *agent, const char *tool, size_t tool_len,
                                       const char *arguments, size_t arguments_len,
                                       agentid_decision **decision, agentid_error **error) AGENTID_MUST_CHECK;

/*
 * agentid_agent_authorize() with NUL-terminated texts.
 * Returns: as agentid_agent_authorize().
 */
agentid_status agentid_agent_authorize_z(agentid_agent *agent, const char *tool, const char *arguments,
                                         agentid_decision **decision, agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Replaces the agent's key: a same-scope grant to a new key (holder-key handoff), a new credential, the old key wiped
 * here. Costs one level of depth. The old key is NOT revoked: a copy of it can still be used under the chain that it
 * held, and grants that it delegated stay valid, until those grants expire. If the old key may be in other hands, use
 * agentid_agent_rotate_key_revoking().
 * Returns: AGENTID_OK; AGENTID_E_STATE (no depth left, closed, ended), AGENTID_DENIED if the agent is revoked.
 */
agentid_status agentid_agent_rotate_key(agentid_agent *agent, agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Replaces the agent's key and revokes the old one. The authority, which must be in this process, issues the same grant
 * to a new key, with the same end and labels, under the profile's present ceiling. Every key and grant that the agent held
 * until then is revoked, with all that was delegated and spawned under them: at once, whoever has the registry's lock.
 * Returns: AGENTID_E_STATE named `no_authority` without the authority in this process, `sub_agent` for an agent that
 *          another one started: end that and spawn it again. On an error the agent keeps its key and nothing is revoked;
 *          except AGENTID_E_IO, where the registry cannot be written (locked for 10 s, a full disk): then the old key is
 *          revoked, and the agent has no other.
 */
agentid_status agentid_agent_rotate_key_revoking(agentid_agent *agent, agentid_error **error) AGENTID_MUST_CHECK;

/*
 * The agent's SPIFFE ID.
 * Args: id  out: UTF-8.
 * Returns: AGENTID_OK; AGENTID_E_HANDLE.
 */
agentid_status agentid_agent_id(agentid_agent *agent, agentid_bytes *id, agentid_error **error) AGENTID_MUST_CHECK;

/*
 * The end of the agent's present grant. While the agent is held, the grant is renewed at half its life: ask again.
 * Args: expires  out: seconds since 1970.
 * Returns: AGENTID_OK; AGENTID_E_STATE (closed).
 */
agentid_status agentid_agent_expires(agentid_agent *agent, int64_t *expires, agentid_error **error) AGENTID_MUST_CHECK;

/*
 * The agent's chain: grants from the root to its own, joined by '~'. Each renewal makes a new one: do not keep it.
 * Args: chain  out: compact JWS, root first.
 * Returns: AGENTID_OK; AGENTID_E_STATE (closed).
 */
agentid_status agentid_agent_chain(agentid_agent *agent, agentid_bytes *chain,
                                   agentid_error **error) AGENTID_MUST_CHECK;

/*
 * The reference of the agent's chain: agentid_chain_reference() of agentid_agent_chain(). Each renewal makes a new one:
 * send with a proof the reference of the chain that agentid_agent_present() gave with it.
 * Args: reference  out: 51 characters.
 * Returns: AGENTID_OK; AGENTID_E_STATE (closed).
 */
agentid_status agentid_agent_chain_reference(agentid_agent *agent, agentid_bytes *reference,
                                             agentid_error **error) AGENTID_MUST_CHECK;

/*
 * The agent's credential, a WIMSE workload identity token; empty for a sub-agent that was started offline.
 * Args: credential  out: a compact JWS.
 * Returns: AGENTID_OK; AGENTID_E_STATE (closed).
 */
agentid_status agentid_agent_credential(agentid_agent *agent, agentid_bytes *credential,
                                        agentid_error **error) AGENTID_MUST_CHECK;

/*
 * The agent's public key, a JWK.
 * Args: jwk  out: JSON.
 * Returns: AGENTID_OK; AGENTID_E_STATE (closed).
 */
agentid_status agentid_agent_public_key(agentid_agent *agent, agentid_bytes *jwk,
                                        agentid_error **error) AGENTID_MUST_CHECK;

/*
 * The agent's scope in text form.
 * Args: scope  out: UTF-8.
 * Returns: AGENTID_OK; AGENTID_E_STATE (closed).
 */
agentid_status agentid_agent_scope(agentid_agent *agent, agentid_bytes *scope,
                                   agentid_error **error) AGENTID_MUST_CHECK;

/*
 * The agent's private key, a JWK with `d`: the only way a key leaves this library. Free it as soon as possible: that
 * wipes it.
 * Args: jwk  out.
 * Returns: AGENTID_OK; AGENTID_E_STATE (closed).
 */
agentid_status agentid_agent_export_key(agentid_agent *agent, agentid_bytes *jwk,
                                        agentid_error **error) AGENTID_MUST_CHECK;

typedef struct agentid_open_agent_options {
    size_t struct_size;
    const char *key;                 /* the private key, a JWK with `d`; copied into guarded memory; needed */
    const char *chain;               /* the chain whose leaf is bound to that key; needed */
    const char *credential;          /* the credential, if there is one */
    const agentid_clock *clock;      /* NULL: the machine's clock */
} agentid_open_agent_options;
#define AGENTID_OPEN_AGENT_OPTIONS_INIT { sizeof(agentid_open_agent_options), NULL, NULL, NULL, NULL }
/* AGENTID_OPEN_AGENT_OPTIONS_INIT as a function. Args: struct_size  sizeof *options. */
void agentid_open_agent_options_init(agentid_open_agent_options *options, size_t struct_size);

/*
 * Opens an agent whose grant was issued or delegated to a key held here. The chain is read, not verified: guards verify
 * it.
 * Args:
 *   options  key and chain at least.
 *   agent    out: to be closed with agentid_agent_close().
 * Returns: AGENTID_OK; AGENTID_E_MALFORMED; AGENTID_E_STATE if the leaf is bound to another key.
 */
agentid_status agentid_agent_open(const agentid_open_agent_options *options, agentid_agent **agent,
                                  agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Makes a new Ed25519 key pair, for an agent that asks elsewhere for its grant.
 * Args: jwk  out: a private JWK; free it as soon as it is stored.
 * Returns: AGENTID_OK; AGENTID_E_LIMIT (no guarded memory, no entropy).
 */
agentid_status agentid_key_generate(agentid_bytes *jwk, agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Ends an agent held here, and all below it, durably; the handle still has to be closed. If the end cannot be made
 * durable, the call fails; the agent is denied in this process all the same, and its end is tried again in the
 * background.
 * Args:
 *   reason     why, for people; may be empty.
 *   tombstone  out: as agentid_authority_deprovision() (agentid_lifecycle.h) gives it; may be NULL.
 * Returns: as there; AGENTID_E_STATE if its authority is not in this process.
 */
agentid_status agentid_agent_end(agentid_agent *agent, const char *reason, size_t reason_len, agentid_bytes *tombstone,
                                 agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Releases the agent: its key is wiped here, its lease is no longer renewed, and the handle is no longer valid. Writes
 * nothing and waits for nothing, so finalizers may call it. An agent that was closed and not ended with
 * agentid_agent_end() is denied once its lease has lapsed, and ended by the next agentid_authority_reap().
 */
void agentid_agent_close(agentid_agent *agent);

#ifdef __cplusplus
}
#endif

#endif
