/*
 * libagentid: what every other header of it uses: statuses, handles, errors, bytes, callbacks.
 *
 * The conventions of agentid.h hold here.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENTID_BASE_H
#define AGENTID_BASE_H

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

/* When audit entries survive a loss of power. They survive the end of the process at once. */
typedef int32_t agentid_audit_sync;
enum {
    AGENTID_AUDIT_BATCH = 0,       /* within 100 ms */
    AGENTID_AUDIT_ALWAYS = 1       /* before the answer is given; many answers share one sync */
};

/* A `max_depth` that permits no delegation; 0 means the default of each option. */
enum { AGENTID_NO_DELEGATION = -1 };

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
 *
 * A call keeps the `user_data` that it is given, or lets go of it: `release` is called once, also if the call fails; but not
 * if it refuses a `struct_size`, and not in a child after fork().
 *
 * A callback returns. One that is left by an exception or longjmp() leaves behind what the library holds meanwhile: the
 * authority or guard that called it may deny from then on. Catch exceptions within it.
 */
enum {
    AGENTID_CALLBACK_OK = 0x61676F6B,
    AGENTID_CALLBACK_FAILED = 1
};

/*
 * Signs with a key that is not in this process (HSM, KMS). Called on the thread whose call needs it or on one of the
 * library's, on several at once. No lock is held meanwhile: it may call this library.
 *   sign        writes the 64 bytes of an Ed25519 signature (RFC 8032) of `message`; returns AGENTID_CALLBACK_OK, or
 *               anything else for a failure. Every signature is verified before it is used. For a renewal or a tombstone
 *               the library waits 5 seconds for it (`signer_timeout`), and asks again later.
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
 * Tells the time instead of the machine's clock. Called on any thread, on several at once. It should not call this library,
 * which would ask it for the time again: within itself it is called three times at most.
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

#ifdef __cplusplus
}
#endif

#endif
