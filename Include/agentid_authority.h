/*
 * libagentid: authorities: one trust domain's keys, profiles and revocations, and the agents it starts.
 *
 * The conventions of agentid.h hold here.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENTID_AUTHORITY_H
#define AGENTID_AUTHORITY_H

#include "agentid_base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct agentid_authority_options {
    size_t struct_size;
    const char *trust_domain;        /* e.g. "acme.example"; needed to create, compared with the stored one after */
    const char *passphrase;          /* seals the signing keys at rest; needed again at every opening. In guarded
                                        memory until the authority is closed. Refused if it would protect nothing:
                                        keys that are stored in the open, in memory, or with `signer` */
    const agentid_signer *signer;    /* signs instead of a stored key; no private key is then kept */
    const agentid_clock *clock;      /* NULL: the machine's clock */
    int32_t must_exist;              /* not 0: do not create an authority that does not exist */
    int64_t lease_duration;          /* the time an agent lives without being renewed, seconds; 0: five minutes;
                                        at most a day. A thread of the library renews agents held in this process;
                                        it asks `clock`. */
    int64_t resume_within;           /* the time after its lease lapsed (its process was stopped, the machine slept)
                                        in which an agent that nobody ended is renewed by its handle, seconds; at
                                        most 30 days; 0: never. agentid_authority_reap() waits as long. */
    int32_t audit_sync;              /* AGENTID_AUDIT_...: when decisions and events are durable; an
                                        authority in memory has no log, and refuses AGENTID_AUDIT_ALWAYS */
    int32_t audit_relaxed;           /* not 0: calls that cannot be recorded are counted; otherwise they are denied */
    int32_t no_audit;                /* not 0: nothing is recorded */
} agentid_authority_options;
#define AGENTID_AUTHORITY_OPTIONS_INIT { sizeof(agentid_authority_options), NULL, NULL, NULL, NULL, 0, 0, 0, 0, 0, 0 }
/* AGENTID_AUTHORITY_OPTIONS_INIT as a function. Args: struct_size  sizeof *options. */
void agentid_authority_options_init(agentid_authority_options *options, size_t struct_size);

/*
 * Opens the authority kept in a directory, or creates it there (mode 0700, keys 0600).
 * Args:
 *   directory  its path; an empty text keeps everything in memory, gone when the authority is closed.
 *   options    `trust_domain` at least, to create one.
 *   authority  out: to be closed with agentid_authority_close().
 * Returns: AGENTID_OK; AGENTID_E_IO, AGENTID_E_PASSPHRASE, AGENTID_E_NOT_FOUND, AGENTID_E_VERSION,
 *          AGENTID_E_MALFORMED (trust domain, stored state), AGENTID_E_STATE (another trust domain is stored).
 */
agentid_status agentid_authority_open(const char *directory, size_t directory_len,
                                      const agentid_authority_options *options,
                                      agentid_authority **authority, agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Closes an authority and wipes its keys. Its agents keep running until their leases lapse, which are no longer
 * renewed. Waits for what its threads are at: up to 5 seconds for a signer that does not answer, one for the audit log, and
 * some for a registry that another process has locked; for no hook and no provider. Such a signer may be in `sign` still, and
 * is released when it returns. Not to be called by the authority's own clock or signer.
 */
void agentid_authority_close(agentid_authority *authority);

/*
 * The trust domain's bundle: a SPIFFE bundle (JWKS with spiffe_sequence and spiffe_refresh_hint) of public keys.
 * Args: bundle  out: JSON, for agentid_guard_add_bundle() and anyone else who verifies.
 * Returns: AGENTID_OK; AGENTID_E_IO.
 */
agentid_status agentid_authority_bundle(agentid_authority *authority, agentid_bytes *bundle,
                                        agentid_error **error) AGENTID_MUST_CHECK;

/*
 * A signed list of what this authority has revoked, for agentid_guard_load_revocations() of guards that cannot read its
 * registry. Anybody may pass it on. Agents and grants of which nothing can be valid any more are left out.
 * Args:
 *   lifetime  how long the list is good for, seconds, 1 to 2592000; 0: 3600.
 *   list      out: a compact JWS.
 * Returns: AGENTID_OK; AGENTID_E_ARGUMENT (lifetime); AGENTID_E_LIMIT if more is revoked than a list can hold;
 *          AGENTID_E_IO; AGENTID_E_SIGNER.
 */
agentid_status agentid_authority_revocation_list(agentid_authority *authority, int64_t lifetime, agentid_bytes *list,
                                                 agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Adds the next signing key to the bundle without signing with it yet; guards need to see it first.
 * Returns: AGENTID_OK; AGENTID_E_STATE if one is published already, or if a caller's signer signs.
 */
agentid_status agentid_authority_publish_key(agentid_authority *authority, agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Signs with the published key from now on. The old key stays in the bundle until the last grant under it has expired.
 * Returns: AGENTID_OK; AGENTID_E_STATE if no next key is published.
 */
agentid_status agentid_authority_activate_key(agentid_authority *authority, agentid_error **error) AGENTID_MUST_CHECK;

typedef struct agentid_profile_options {
    size_t struct_size;
    const char *owner;               /* URI of the owner, who answers for such agents: "team:research@acme.example"; needed */
    const char *ceiling;             /* the largest scope of such an agent, text or JSON form; needed */
    int64_t max_lifetime;            /* longest lifetime of a grant, seconds; 0: one hour */
    int32_t max_depth;               /* deepest delegation; 0: the default of 4; AGENTID_NO_DELEGATION: none */
    int64_t review_by;               /* no new agents after this time; 0: the kept profile's, or none; at most the year 9999 */
} agentid_profile_options;
#define AGENTID_PROFILE_OPTIONS_INIT { sizeof(agentid_profile_options), NULL, NULL, 0, 0, 0 }
/* AGENTID_PROFILE_OPTIONS_INIT as a function. Args: struct_size  sizeof *options. */
void agentid_profile_options_init(agentid_profile_options *options, size_t struct_size);

/*
 * Creates or replaces a profile: the owner of its agents and the most they may be granted.
 * Args:
 *   name     letters, digits, '.', '-', '_': it becomes a segment of agents' IDs.
 *   options  owner and ceiling at least.
 * Returns: AGENTID_OK; AGENTID_E_SCOPE (ceiling), AGENTID_E_LIMIT, AGENTID_E_MALFORMED (name, owner), AGENTID_E_IO;
 *          AGENTID_E_ARGUMENT (`review_by` in the past, unless the profile that is kept has the very same).
 */
agentid_status agentid_authority_put_profile(agentid_authority *authority, const char *name, size_t name_len,
                                             const agentid_profile_options *options,
                                             agentid_error **error) AGENTID_MUST_CHECK;

/*
 * All profiles.
 * Args: profiles  out: a JSON array of objects: name, owner, ceiling, max_lifetime, max_depth, review_by; after them
 *                 objects of two members, name and damaged, for profiles that cannot be read: store these again.
 * Returns: AGENTID_OK; AGENTID_E_IO.
 */
agentid_status agentid_authority_profiles(agentid_authority *authority, agentid_bytes *profiles,
                                          agentid_error **error) AGENTID_MUST_CHECK;

typedef struct agentid_agent_options {
    size_t struct_size;
    const char *principal;           /* URI of the principal it acts for, e.g. "user:alice@acme.example"; needed */
    const char *task;                /* the task, in a few words; needed */
    const char *intent;              /* the principal's request, verbatim if you like */
    const char *scope;               /* the scope that the task needs, text or JSON form; needed */
    const char *entitlements;        /* the most that the principal may do; NULL: no limit besides the ceiling */
    int64_t lifetime;                /* of each grant, seconds; 0: five minutes, or the profile's longest where less */
    int32_t max_depth;               /* deepest delegation; 0: the profile's; AGENTID_NO_DELEGATION: none */
    const char *labels;              /* information-flow labels the task starts with: a JSON array of strings */
    int64_t until;                   /* the hard end, seconds since 1970: no grant runs past it; 0: none */
    const char *audiences;           /* the guards that the grant and all below it may be presented to, by their
                                        names: a JSON array of strings; NULL: any */
    int32_t isolated;                /* not 0: every agent that it spawns is isolated: what these learn does not flow up
                                        to it; agentid_authority_issue() refuses it */
    const char *limits;              /* rates and budgets of the agent and all below it, stated in its grant: a JSON
                                        array, as docs/policies.md says; NULL: none but the policy's */
} agentid_agent_options;
#define AGENTID_AGENT_OPTIONS_INIT { sizeof(agentid_agent_options), NULL, NULL, NULL, NULL, NULL, 0, 0, NULL, 0, NULL, 0, NULL }
/* AGENTID_AGENT_OPTIONS_INIT as a function. Args: struct_size  sizeof *options. */
void agentid_agent_options_init(agentid_agent_options *options, size_t struct_size);

/*
 * Starts an agent: a new ID, a new key, a credential, and a root grant for
 * profile ceiling ∩ principal's entitlements ∩ the task's scope.
 *
 * Grants are short, so that a grant sent somewhere ends soon by itself. While the handle is open, the library renews
 * lease, credential and grant: the grant at half its `lifetime`, with the same scope, below the profile's ceiling at that
 * time. Sub-agents spawned in this process follow. So an agent lives as long as its task, up to `until`. An agent is not
 * renewed if it is suspended, has ended or is revoked, if its lease has lapsed, if its profile was withdrawn or is past
 * its review date, or if its authority is closed.
 * Args:
 *   profile  its name.
 *   options  principal, task and scope at least.
 *   agent    out: to be closed with agentid_agent_close().
 * Returns: AGENTID_OK; AGENTID_E_NOT_FOUND (profile), AGENTID_E_SCOPE (empty intersection: names tool and argument),
 *          AGENTID_E_STATE (past its review date, or revoked), AGENTID_E_LIMIT (lifetime or depth beyond the profile's,
 *          or `until` after its review date), AGENTID_E_ARGUMENT (`until` in the past).
 */
agentid_status agentid_authority_start_agent(agentid_authority *authority, const char *profile, size_t profile_len,
                                             const agentid_agent_options *options,
                                             agentid_agent **agent, agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Issues a root grant and a credential to a key that is held elsewhere; otherwise as agentid_authority_start_agent().
 * They are not renewed: the agent ends with its grant.
 * Args:
 *   profile     its name.
 *   holder      the holder's public key, a JWK (kty OKP, crv Ed25519); one with private members is refused.
 *   options     principal, task and scope at least.
 *   chain       out: the root grant, a chain of one.
 *   credential  out: the credential, a WIMSE workload identity token; NULL: none is signed.
 * Returns: as agentid_authority_start_agent(); AGENTID_E_MALFORMED (holder).
 */
agentid_status agentid_authority_issue(agentid_authority *authority, const char *profile, size_t profile_len,
                                       const char *holder, size_t holder_len, const agentid_agent_options *options,
                                       agentid_bytes *chain, agentid_bytes *credential,
                                       agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Revokes for good. Every chain that contains the named object is denied from now on, by every guard that was made by
 * agentid_authority_guard() here or opened on the same directory on this machine.
 * Args:
 *   value  the name of the object, in the form that `kind` asks for.
 *   known  out, may be NULL: 1 if this authority's registry has the object; 0 if not, and it is revoked all the same: it
 *          may belong to another authority, or have been handed on elsewhere, or the name is mistyped; -1 if the registry
 *          could not be asked.
 * Returns: AGENTID_OK; AGENTID_E_ARGUMENT named `revocation` if the value cannot name an object of that kind.
 */
agentid_status agentid_authority_revoke(agentid_authority *authority, agentid_revocation_kind kind,
                                        const char *value, size_t value_len, int32_t *known,
                                        agentid_error **error) AGENTID_MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif
