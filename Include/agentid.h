/*
 * libagentid: identities, narrowing authority and a guard for AI agents.
 *
 * Every agent instance has an Ed25519 key and a SPIFFE ID of its own. It holds authority for one task: a chain of
 * signed grants (draft-niyikiza-oauth-attenuating-agent-tokens-02). It hands on no more than it has and proves each
 * call. A guard denies every call beyond its authority.
 *
 * Conventions, kept everywhere in this header
 *
 * Arguments    In this order: the handle acted on; inputs; options; outputs; `error`, which may always be NULL.
 *              An input text is a pointer and a length in bytes: UTF-8, no NUL needed. A NULL pointer with length
 *              0 is the empty text. A function whose name ends in `_z` takes NUL-terminated texts instead: it
 *              saves bindings one integer conversion per text. Texts inside option structs are NUL-terminated;
 *              NULL there means "not given".
 * Status       AGENTID_OK is 0 and the only value that means "go on". AGENTID_DENIED is a refusal by a rule,
 *              AGENTID_NO is the answer no to a question, and every other value is a fault of the call:
 *              `if (agentid_..._authorize(...) != AGENTID_OK) refuse();` is safe.
 * Outputs      Written on AGENTID_OK; `decision` on AGENTID_DENIED too, and `report` on AGENTID_NO. Otherwise set to
 *              NULL (handles) or emptied (bytes), so that freeing them is always allowed.
 * Errors       If `error` is not NULL, it receives an object on every status but AGENTID_OK (NULL then), to be
 *              freed with agentid_error_free(). There is no thread-local or global last error.
 * Handles      A handle is a slot and a generation, never an address. Closed, stale, foreign and made-up handles get
 *              AGENTID_E_HANDLE. Closing is idempotent. Closing an object that another thread is using is safe: the
 *              object ends after that call. NULL may be closed and freed.
 * Threads      Every function may be called from any thread at any time.
 * fork()       In a child of a process that had called the library, every call returns AGENTID_E_FORKED and no key is
 *              readable. exec() is fine, and so is fork() before the first call.
 * Time         Seconds since 1970-01-01T00:00:00Z, as int64_t.
 * Secrets      Private keys never leave through this interface, except through agentid_agent_export_key().
 * Compatibility  Options start with `struct_size`. Make them with an AGENTID_..._INIT macro, or in a language without
 *              macros with agentid_..._init(&options, sizeof options): all zero but `struct_size`. A program compiled
 *              against an older header keeps working. Until 1.0 the SONAME is libagentid.so.0.
 *
 * Headers      This one is for guards, agents and authorities. Include the others where you use them:
 *              agentid_audit.h (the audit log), agentid_lifecycle.h (running agents, hooks, brokers), agentid_policy.h,
 *              agentid_operations.h (log lines, numbers).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENTID_H
#define AGENTID_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__) || defined(__clang__)
#define AGENTID_MUST_CHECK __attribute__((warn_unused_result))
#else
#define AGENTID_MUST_CHECK
#endif

/* A string literal as the two arguments of an input text: agentid_scope_parse(AGENTID_TEXT("search"), &scope, &error). */
#define AGENTID_TEXT(literal) ("" literal), (sizeof(literal) - 1)

#define AGENTID_VERSION_MAJOR 0
#define AGENTID_VERSION_MINOR 1
#define AGENTID_VERSION_PATCH 0

/* Counts incompatible changes of this header. A binding compares it with agentid_abi_version() when it loads. */
#define AGENTID_ABI_VERSION 1

/* ---------------------------------------------------------------------------------------------------------- Types */

/* The result of a call. */
typedef int32_t agentid_status;
enum {
    AGENTID_OK = 0,              /* done; for a guard: permitted */
    AGENTID_DENIED = 1,          /* refused by a rule; the decision and the error say which */
    AGENTID_E_ARGUMENT = 2,      /* an argument is NULL, out of range or of the wrong struct size */
    AGENTID_E_HANDLE = 3,        /* a handle is closed, stale, foreign or made up */
    AGENTID_E_FORKED = 4,        /* a child of a process that had called the library */
    AGENTID_E_MALFORMED = 5,     /* a token, JSON document, key or identifier is not well-formed */
    AGENTID_E_SCOPE = 6,         /* a scope is malformed, or an intersection is empty */
    AGENTID_E_NOT_FOUND = 7,     /* no such profile, key or tool */
    AGENTID_E_EXISTS = 8,        /* the object exists already */
    AGENTID_E_STATE = 9,         /* not possible now: closed agent, expired grant, terminal depth, past review date */
    AGENTID_E_LIMIT = 10,        /* beyond a documented limit */
    AGENTID_E_IO = 11,           /* a file could not be read, written or locked, or has unsafe permissions */
    AGENTID_E_PASSPHRASE = 12,   /* a passphrase is missing or wrong */
    AGENTID_E_SIGNER = 13,       /* the caller's signer failed, or its signature does not verify */
    AGENTID_E_VERSION = 14,      /* data was written by a newer version of this library */
    AGENTID_E_INTERNAL = 15,     /* a fault of this library or of the machine (no entropy, no memory) */
    AGENTID_NO = 16              /* the answer to the question is no; the report and the error say why */
};

/* A failed call: see agentid_error_*(). Freed by agentid_error_free(). */
typedef struct agentid_error agentid_error;
/* The root of trust of one trust domain: signing keys, profiles, revocations. Closed by agentid_authority_close(). */
typedef struct agentid_authority agentid_authority;
/* One running agent instance: its identity, its key, its chain. Closed by agentid_agent_close(). */
typedef struct agentid_agent agentid_agent;
/* Decides calls. Closed by agentid_guard_close(). */
typedef struct agentid_guard agentid_guard;
/* A chain that a guard has verified, kept to save the look-up. Freed by agentid_admission_free(). */
typedef struct agentid_admission agentid_admission;
/* One decision, immutable. Freed by agentid_decision_free(). */
typedef struct agentid_decision agentid_decision;
/* A scope, parsed and compiled, immutable. Freed by agentid_scope_free(). */
typedef struct agentid_scope agentid_scope;

/*
 * Bytes owned by the library, with a NUL after them that `len` does not count. Freed by agentid_bytes_free(),
 * any number of times; `owner` is the library's.
 */
typedef struct agentid_bytes {
    const char *data;
    size_t len;
    uint64_t owner;
} agentid_bytes;

/* The kind of object that a revocation names. */
typedef int32_t agentid_revocation_kind;
enum {
    AGENTID_REVOKE_GRANT = 0,      /* a grant's `jti` */
    AGENTID_REVOKE_KEY = 1,        /* a holder's key, as RFC 7638 thumbprint */
    AGENTID_REVOKE_AGENT = 2,      /* an agent's SPIFFE ID; everything under it falls with it */
    AGENTID_REVOKE_PROFILE = 3,    /* a profile's name */
    AGENTID_REVOKE_PRINCIPAL = 4,  /* a principal's URI */
    AGENTID_REVOKE_ISSUER = 5      /* an authority's signing key, as RFC 7638 thumbprint (`kid`) */
};

/* ---------------------------------------------------------------------------------------- Version, errors, bytes */

/*
 * The ABI version this library was built with.
 * Returns: AGENTID_ABI_VERSION of the library's own header.
 */
uint32_t agentid_abi_version(void);

/*
 * The library's version, e.g. "0.1.0".
 * Returns: a static text.
 */
const char *agentid_version(void);

/*
 * Checks the library in this process: known answers of Ed25519, SHA-256 and JCS, entropy, guarded memory.
 * Returns: AGENTID_OK, or AGENTID_E_INTERNAL with an error that names the check; AGENTID_E_LIMIT (memory_not_locked)
 *          if every check passed, but secrets may be swapped out.
 */
agentid_status agentid_selftest(agentid_error **error) AGENTID_MUST_CHECK;

/*
 * A status in words, e.g. "denied".
 * Returns: a static text; "unknown" for a value that is not a status.
 */
const char *agentid_status_name(agentid_status status);

/*
 * The status that came with this error.
 * Returns: never AGENTID_OK; AGENTID_E_HANDLE for a handle that is not valid.
 */
agentid_status agentid_error_code(const agentid_error *error);

/*
 * The stable name of the fault: a reason code for denials ("argument_constraint_violated"), otherwise an error name.
 * Returns: a text that lives as long as the error.
 */
const char *agentid_error_name(const agentid_error *error);

/*
 * The fault and its remedy, for people. Never contains argument values or secrets.
 * Returns: a text that lives as long as the error.
 */
const char *agentid_error_message(const agentid_error *error);

/*
 * The parameter, option, JSON path or claim at fault, e.g. "options.scope", "chain[2].exp", "arguments.path".
 * Returns: a text that lives as long as the error; empty if no single place is at fault.
 */
const char *agentid_error_where(const agentid_error *error);

/*
 * The link of the chain at fault.
 * Returns: 0 for the root, counting towards the leaf; -1 if no link is at fault.
 */
int32_t agentid_error_link(const agentid_error *error);

/* Frees an error. */
void agentid_error_free(agentid_error *error);

/* Frees bytes and empties the struct. Bytes that held a private key are wiped first. */
void agentid_bytes_free(agentid_bytes *bytes);

/* ------------------------------------------------------------------------------------------------------ Callbacks */

/*
 * The results of a callback. Only AGENTID_CALLBACK_OK is a success. Anything else is a failure, 0 included: a binding
 * that is interrupted before its callback began may leave the result unset. For the same reason every output is set to
 * a value that is not a result before the callback is called.
 */
enum {
    AGENTID_CALLBACK_OK = 0x61676F6B,
    AGENTID_CALLBACK_FAILED = 1
};

/*
 * Signs with a key that is not in this process (HSM, KMS). Called on the thread whose call needs it or on one of the
 * library's, on several at once. No lock is held meanwhile: it may call this library.
 *   sign        writes the 64 bytes of an Ed25519 signature (RFC 8032) of `message`; returns AGENTID_CALLBACK_OK, or
 *               anything else for a failure. Every signature is verified before it is used.
 *   public_key  32 bytes, the Ed25519 public key; copied.
 *   release     called once, when the library no longer needs `user_data`; may be NULL.
 */
typedef struct agentid_signer {
    size_t struct_size;
    int32_t (*sign)(const uint8_t *message, size_t message_len, uint8_t signature[64], void *user_data);
    const uint8_t *public_key;
    void (*release)(void *user_data);
    void *user_data;
} agentid_signer;
#define AGENTID_SIGNER_INIT { sizeof(agentid_signer), NULL, NULL, NULL, NULL }
/* AGENTID_SIGNER_INIT as a function. Args: struct_size  sizeof *options. */
void agentid_signer_init(agentid_signer *options, size_t struct_size);

/*
 * Tells the time instead of the machine's clock. Called on any thread, on several at once.
 *   now         writes milliseconds since 1970-01-01T00:00:00Z, within the years 1970 to 9999; returns
 *               AGENTID_CALLBACK_OK, or anything else if it cannot tell. Calls that need the time are then refused
 *               (`clock_failed`, `clock_invalid`); ending and revoking go on by the machine's clock.
 *   release     called once, when the library no longer needs `user_data`; may be NULL.
 */
typedef struct agentid_clock {
    size_t struct_size;
    int32_t (*now)(int64_t *milliseconds, void *user_data);
    void (*release)(void *user_data);
    void *user_data;
} agentid_clock;
#define AGENTID_CLOCK_INIT { sizeof(agentid_clock), NULL, NULL, NULL }
/* AGENTID_CLOCK_INIT as a function. Args: struct_size  sizeof *options. */
void agentid_clock_init(agentid_clock *options, size_t struct_size);

/* ------------------------------------------------------------------------------------------------------ Authority */

/* When audit entries survive a loss of power. They survive the end of the process at once. */
typedef int32_t agentid_audit_sync;
enum {
    AGENTID_AUDIT_BATCH = 0,       /* within 100 ms */
    AGENTID_AUDIT_ALWAYS = 1       /* before the answer is given; many answers share one sync */
};

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
                                        in which an agent that nobody ended is resumed by its handle, seconds; at
                                        most 30 days; 0: never. agentid_authority_reap() waits as long. */
    int32_t audit_sync;              /* AGENTID_AUDIT_...: when decisions and events are durable */
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
 * renewed. Not to be called by the authority's own clock or signer.
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

/* A `max_depth` that permits no delegation; 0 means the default of each option. */
enum { AGENTID_NO_DELEGATION = -1 };

typedef struct agentid_profile_options {
    size_t struct_size;
    const char *owner;               /* URI of the owner, who answers for such agents: "team:research@acme.example"; needed */
    const char *ceiling;             /* the largest scope of such an agent, text or JSON form; needed */
    int64_t max_lifetime;            /* longest lifetime of a grant, seconds; 0: one hour */
    int32_t max_depth;               /* deepest delegation; 0: the default of 4; AGENTID_NO_DELEGATION: none */
    int64_t review_by;               /* no new agents after this time; 0: no review date; at most the year 9999 */
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
    int64_t lifetime;                /* of each grant, seconds; 0: five minutes */
    int32_t max_depth;               /* deepest delegation; 0: the profile's; AGENTID_NO_DELEGATION: none */
    const char *labels;              /* information-flow labels the task starts with: a JSON array of strings */
    int64_t until;                   /* the hard end, seconds since 1970: no grant runs past it; 0: none */
    const char *audiences;           /* the guards that the grant and all below it may be presented to, by their
                                        names: a JSON array of strings; NULL: any */
    int32_t isolated;                /* not 0: every agent that it spawns is isolated: what these learn does not flow up
                                        to it; agentid_authority_issue() refuses it */
} agentid_agent_options;
#define AGENTID_AGENT_OPTIONS_INIT { sizeof(agentid_agent_options), NULL, NULL, NULL, NULL, NULL, 0, 0, NULL, 0, NULL, 0 }
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

/* ---------------------------------------------------------------------------------------------------------- Agent */

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
} agentid_delegation_options;
#define AGENTID_DELEGATION_OPTIONS_INIT { sizeof(agentid_delegation_options), NULL, 0, 0, 0, NULL, NULL, 0, NULL, 0 }
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
    const char *audience;            /* the guard's name for itself, at most 256 bytes; NULL if somebody forwards the call to it */
    const char *nonce;               /* the nonce that the guard gave out, if it asks for one, at most 256 bytes: agentid_guard_nonce() */
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
 * until then is revoked, with all that was delegated and spawned under them. Either both happen or neither does.
 * Returns: AGENTID_E_STATE named `no_authority` without the authority in this process, `sub_agent` for an agent that
 *          another one started: end that and spawn it again. On an error the agent keeps its key and nothing is revoked.
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

/* ---------------------------------------------------------------------------------------------------------- Guard */

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

/* Closes a guard. */
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
 * agentid_guard_add_bundle() and agentid_guard_revoke() confirm it too.
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

/* ---------------------------------------------------------------------------------------------------------- Scope */

/*
 * Reads a scope.
 * Args:
 *   text   text form, e.g. `read_file(path under "/data"); search(query: *)`, or JSON form (an AAT `tools` object).
 *   scope  out: to be freed with agentid_scope_free().
 * Returns: AGENTID_OK; AGENTID_E_SCOPE with the position at fault.
 */
agentid_status agentid_scope_parse(const char *text, size_t text_len, agentid_scope **scope,
                                   agentid_error **error) AGENTID_MUST_CHECK;

/* Frees a scope. */
void agentid_scope_free(agentid_scope *scope);

/*
 * The scope in text form; reads back as the same scope.
 * Args: text  out: UTF-8.
 * Returns: AGENTID_OK; AGENTID_E_HANDLE.
 */
agentid_status agentid_scope_text(const agentid_scope *scope, agentid_bytes *text,
                                  agentid_error **error) AGENTID_MUST_CHECK;

/*
 * The scope in JSON form, an AAT `tools` object; reads back as the same scope.
 * Args: json  out: JSON.
 * Returns: AGENTID_OK; AGENTID_E_HANDLE.
 */
agentid_status agentid_scope_json(const agentid_scope *scope, agentid_bytes *json,
                                  agentid_error **error) AGENTID_MUST_CHECK;

/*
 * The scope in words, a line for each tool and argument.
 * Args: text  out: UTF-8.
 * Returns: AGENTID_OK; AGENTID_E_HANDLE.
 */
agentid_status agentid_scope_explain(const agentid_scope *scope, agentid_bytes *text,
                                     agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Whether a scope permits a call.
 * Args:
 *   tool       the tool's name, exactly.
 *   arguments  a JSON object.
 * Returns: AGENTID_OK or AGENTID_DENIED; the error names the first argument at fault.
 */
agentid_status agentid_scope_permits(const agentid_scope *scope, const char *tool, size_t tool_len,
                                     const char *arguments, size_t arguments_len,
                                     agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Whether `child` is provably below `parent` (AAT section 4.5).
 * Args: child  the scope that may be below.
 * Returns: AGENTID_OK or AGENTID_DENIED; the error names tool and argument.
 */
agentid_status agentid_scope_subsumes(const agentid_scope *parent, const agentid_scope *child,
                                      agentid_error **error) AGENTID_MUST_CHECK;

/*
 * The intersection of two scopes.
 * Args:
 *   b     the other scope.
 *   meet  out: to be freed with agentid_scope_free().
 * Returns: AGENTID_OK; AGENTID_E_SCOPE if it is empty: the error names tool and argument.
 */
agentid_status agentid_scope_meet(const agentid_scope *a, const agentid_scope *b, agentid_scope **meet,
                                  agentid_error **error) AGENTID_MUST_CHECK;

/*
 * The part of a ceiling that a person's own words name: an argument with a pin may only have values of its kind that stand
 * in the prompt, or that names there stand for in the directory; a tool whose destination is not named is left out. No
 * model: the same words give the same scope. It is always below the ceiling. See docs/scopes.md.
 * Args:
 *   ceiling      the largest scope.
 *   prompt       what the person asked for, in their own words and nobody else's; at most 64 KiB.
 *   pins         JSON: which arguments of the ceiling's tools reach something, docs/schemas/task-pins.json.
 *   directory    JSON: lists of names with what they stand for, docs/schemas/task-directory.json; empty for none.
 *   scope        out: to be freed with agentid_scope_free().
 *   explanation  out, may be NULL: what was pinned to what, and why: docs/schemas/task-scope.json.
 * Returns: AGENTID_OK; AGENTID_E_SCOPE with tool and argument at fault; AGENTID_E_MALFORMED, AGENTID_E_LIMIT.
 */
agentid_status agentid_scope_for_task(const agentid_scope *ceiling, const char *prompt, size_t prompt_len,
                                      const char *pins, size_t pins_len, const char *directory, size_t directory_len,
                                      agentid_scope **scope, agentid_bytes *explanation,
                                      agentid_error **error) AGENTID_MUST_CHECK;

/* ---------------------------------------------------------------------------------------------------------- Chain */

/*
 * Decodes a chain for people and tools, WITHOUT verifying anything: never base a decision on it.
 * Args: document  out: JSON: {"verified":false,"links":[{header, claims, scope, size}...]}.
 * Returns: AGENTID_OK; AGENTID_E_MALFORMED.
 */
agentid_status agentid_chain_decode(const char *chain, size_t chain_len, agentid_bytes *document,
                                    agentid_error **error) AGENTID_MUST_CHECK;

/*
 * The reference of a chain: "sha-256=" and the SHA-256 of its leaf's signing input, base64url (`aat_hash` in proofs). The
 * leaf names its parent by `par_hash`, and so on, so the reference stands for the whole chain. A guard that has verified
 * the chain accepts the reference in its place and checks it as if it had come whole. The chain is read, not verified.
 * Args:
 *   chain      grants joined by '~'.
 *   reference  out: 51 characters.
 * Returns: AGENTID_OK; AGENTID_E_MALFORMED; AGENTID_E_LIMIT over 256 KiB.
 */
agentid_status agentid_chain_reference(const char *chain, size_t chain_len, agentid_bytes *reference,
                                       agentid_error **error) AGENTID_MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif
