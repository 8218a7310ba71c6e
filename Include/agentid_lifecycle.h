/*
 * libagentid: the life of an agent after its start: listing, suspension, deprovisioning, hooks, broker.
 *
 * The conventions of agentid.h hold here.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENTID_LIFECYCLE_H
#define AGENTID_LIFECYCLE_H

#include "agentid.h"
#include "agentid_broker.h"

#ifdef __cplusplus
extern "C" {
#endif

/* --------------------------------------------------------------------------------------------------------- Agents */

typedef struct agentid_agent_filter {
    size_t struct_size;
    const char *profile;             /* of this profile */
    const char *principal;           /* acting for this principal */
    const char *owner;               /* owned by */
    const char *parent;              /* started by this agent */
    const char *state;               /* "active", "parked", "suspended" or "deprovisioned"; one that was suspended while it is
                                        parked is found by either */
    int64_t limit;                   /* the most agents returned; 0: 1000 */
    int64_t offset;                  /* the number of agents skipped first */
    const char *after;               /* whose IDs come after this one, byte by byte: the last of the page before. Pages by
                                        `offset` leave out some where others start or end meanwhile. */
} agentid_agent_filter;
#define AGENTID_AGENT_FILTER_INIT { sizeof(agentid_agent_filter), NULL, NULL, NULL, NULL, NULL, 0, 0, NULL }
/* AGENTID_AGENT_FILTER_INIT as a function. Args: struct_size  sizeof *options. */
void agentid_agent_filter_init(agentid_agent_filter *options, size_t struct_size);

/*
 * The agents this authority knows, ended ones included, by ID.
 * Args:
 *   filter  an agent must match every member given; may be NULL.
 *   agents  out: a JSON array of docs/schemas/agent.json.
 * Returns: AGENTID_OK; AGENTID_E_ARGUMENT (filter), AGENTID_E_IO.
 */
agentid_status agentid_authority_agents(agentid_authority *authority, const agentid_agent_filter *filter,
                                        agentid_bytes *agents, agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Suspends an agent: its calls, and those of all below it, are denied until it is resumed. Takes effect before the call
 * returns.
 * Args:
 *   agent   its ID.
 *   reason  the reason, for people; may be empty.
 * Returns: AGENTID_OK, also if it was suspended already; AGENTID_E_NOT_FOUND; AGENTID_E_STATE if it has ended.
 */
agentid_status agentid_authority_suspend(agentid_authority *authority, const char *agent, size_t agent_len,
                                         const char *reason, size_t reason_len,
                                         agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Resumes a suspended agent.
 * Args: agent  its ID.
 * Returns: AGENTID_OK, also if it was active already; AGENTID_E_NOT_FOUND; AGENTID_E_STATE if it has ended.
 */
agentid_status agentid_authority_resume(agentid_authority *authority, const char *agent, size_t agent_len,
                                        agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Parks an agent whose run waits, with all below it that this process holds, in one transaction. Meanwhile every guard that
 * follows the authority denies them (`parked`), their keys are sealed under the authority, they need no lease, and the
 * broker returns their secrets. Their handles no longer own them, can no longer end them, and still have to be closed. An
 * agent below it that another process holds, or nobody, stays as it is: denied while this one is parked.
 * Args:
 *   seconds  the longest time, 1 to 2592000, and not beyond the agent's `until`: after it the agent cannot be unparked, and
 *            agentid_authority_reap() ends it. 0, for one from agentid_authority_unpark(): the rest of the time that it was
 *            parked for, as if nobody had unparked it; where none is left, AGENTID_E_STATE (`parking_over`).
 * Returns: AGENTID_OK; AGENTID_E_ARGUMENT; AGENTID_E_LIMIT for more than 1000 agents; AGENTID_E_STATE if its authority is
 *          not in this process, another agent started it, agents below it start without pause, or it may not act itself. On
 *          an error all go on as they were.
 */
agentid_status agentid_agent_park(agentid_agent *agent, int64_t seconds, agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Unparks an agent, in any process: with the same ID, scope, labels and `until`, and with a new grant, credential
 * and lease under its profile as it is now. If several callers try at once, one gets it. Those that were parked with it are
 * unparked with it: agentid_agent_take_unparked() has them. One that cannot go on, as something it depends on was revoked or
 * nothing of its scope is left, ends with all below it.
 * Args:
 *   id     the agent's ID.
 *   agent  out: to be closed with agentid_agent_close().
 * Returns: AGENTID_OK; AGENTID_E_NOT_FOUND; AGENTID_E_STATE if it is not parked (`not_parked`), its time is over
 *          (`parking_over`), it was parked with an agent above it (`sub_agent`), it has ended, is suspended, or depends on
 *          something revoked; AGENTID_E_MALFORMED if its sealed key does not open. All then stay as they are.
 */
agentid_status agentid_authority_unpark(agentid_authority *authority, const char *id, size_t id_len,
                                        agentid_agent **agent, agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Takes one of the agents that an unparked one had started and that were parked with it, each once: with its ID, key, scope
 * and labels of before. It is asked in turn for those that it had started. As long as nobody takes it, `agent` keeps it: it
 * is renewed, and let go of when `agent` is closed or ended.
 * Args:
 *   child  out: to be closed with agentid_agent_close().
 * Returns: AGENTID_OK; AGENTID_E_NOT_FOUND if none is left (`none_unparked`); AGENTID_E_STATE if `agent` was ended.
 */
agentid_status agentid_agent_take_unparked(agentid_agent *agent, agentid_agent **child,
                                           agentid_error **error) AGENTID_MUST_CHECK;

/* --------------------------------------------------------------------------------------------------- Deprovisioning */

/*
 * Ends an agent and all below it, for good: revokes them in one transaction, returns the secrets that the broker holds for
 * them, wipes their keys in this process, queues the hooks, signs the tombstone. Nothing is permitted to them after the
 * call returned.
 * Args:
 *   reason     the reason, for people; may be empty.
 *   tombstone  out: the agent's tombstone, for agentid_tombstone_verify(); may be NULL.
 * Returns: AGENTID_OK, also if it had ended before; AGENTID_E_NOT_FOUND; AGENTID_E_SIGNER if the agent has ended but its
 *          tombstone could not be signed: agentid_authority_reap() signs it later.
 */
agentid_status agentid_authority_deprovision(agentid_authority *authority, const char *agent, size_t agent_len,
                                             const char *reason, size_t reason_len, agentid_bytes *tombstone,
                                             agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Removes a principal who leaves: revokes them and ends every agent that acts for them or is owned by them.
 * Args:
 *   principal  its URI.
 *   reason     the reason, for people; may be empty.
 *   ended      out: the number of agents ended, those below them included; may be NULL.
 * Returns: AGENTID_OK; AGENTID_E_MALFORMED (principal), AGENTID_E_IO.
 */
agentid_status agentid_authority_deprovision_principal(agentid_authority *authority, const char *principal,
                                                       size_t principal_len, const char *reason, size_t reason_len,
                                                       int64_t *ended, agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Withdraws a profile: revokes it and ends its agents.
 * Args:
 *   name    the profile's name.
 *   reason  the reason, for people; may be empty.
 *   ended   out: the number of agents ended, those below them included; may be NULL.
 * Returns: AGENTID_OK; AGENTID_E_NOT_FOUND.
 */
agentid_status agentid_authority_withdraw_profile(agentid_authority *authority, const char *name, size_t name_len,
                                                  const char *reason, size_t reason_len, int64_t *ended,
                                                  agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Certifies a profile: someone has reviewed it, and it may start agents until the next review.
 * Args:
 *   name       the profile's name.
 *   review_by  the next review, after now; 0: none.
 * Returns: AGENTID_OK; AGENTID_E_NOT_FOUND; AGENTID_E_ARGUMENT for a date that is past; AGENTID_E_STATE if the profile
 *          was withdrawn.
 */
agentid_status agentid_authority_certify_profile(agentid_authority *authority, const char *name, size_t name_len,
                                                 int64_t review_by, agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Deprovisions the agents whose lease has lapsed and finishes the work of processes that died: tombstones, broker leases,
 * deliveries of hooks that are due. Any process may call it; several at once do no harm.
 * Args: ended  out: the number of agents ended; may be NULL.
 * Returns: AGENTID_OK; AGENTID_E_IO, AGENTID_E_SIGNER: the next call does the rest.
 */
agentid_status agentid_authority_reap(agentid_authority *authority, int64_t *ended,
                                      agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Forgets agents that ended before a time, except for their tombstones; their entries stay in the audit log. Agents with a
 * grant that expired less than an hour ago are kept, and so are those with unfinished work.
 * Args:
 *   ended_before  in seconds since 1970, not in the future.
 *   pruned        out: the number of agents forgotten; may be NULL.
 * Returns: AGENTID_OK; AGENTID_E_ARGUMENT for a time in the future, AGENTID_E_IO.
 */
agentid_status agentid_authority_prune(agentid_authority *authority, int64_t ended_before, int64_t *pruned,
                                       agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Presents to a guard every grant that an agent and all below it ever held, and looks for anything left of them.
 * Args:
 *   agent   its ID.
 *   report  out, also on AGENTID_NO: docs/schemas/gone.json.
 * Returns: AGENTID_OK if nothing is usable any more; AGENTID_NO if something is; AGENTID_E_NOT_FOUND.
 */
agentid_status agentid_authority_verify_gone(agentid_authority *authority, const char *agent, size_t agent_len,
                                             agentid_bytes *report, agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Verifies a tombstone, offline.
 * Args:
 *   trust_domain  the agent's trust domain.
 *   bundle        that domain's bundle, JSON.
 *   tombstone     the token.
 *   document      out: its claims, docs/schemas/tombstone.json.
 * Returns: AGENTID_OK; AGENTID_DENIED if it does not verify, with the reason in the error; AGENTID_E_MALFORMED (bundle).
 */
agentid_status agentid_tombstone_verify(const char *trust_domain, size_t trust_domain_len, const char *bundle,
                                        size_t bundle_len, const char *tombstone, size_t tombstone_len,
                                        agentid_bytes *document, agentid_error **error) AGENTID_MUST_CHECK;

/* ---------------------------------------------------------------------------------------------------------- Hooks */

/*
 * A callback or command that runs on lifecycle events. It runs at least once for each event, in the order of one agent's
 * events. A failed event is tried again with growing pauses until it succeeds or `max_attempts` is reached, also after a
 * restart.
 * Deliveries are acknowledged at least once a second. If the process is killed first, they are delivered again.
 *   events        a JSON array of names; NULL: all but `renewed`. created, renewed, rotated, granted, delegated, denied,
 *                 suspended, resumed, parked, unparked, revoked, deprovisioning, deprovisioned, lapsed, approval,
 *                 policy, secret_refused.
 *   run           receives the event (docs/schemas/event.json); returns AGENTID_CALLBACK_OK when done, anything
 *                 else to be tried again. Called on a thread of its own, one call at a time; may call this library.
 *   command       instead of `run`: a JSON array, the program's path first. Gets the event on stdin; exit status 0 means
 *                 done. Killed at its deadline with all it started. Any process that has the authority open runs it.
 *   deadline      the longest time of one attempt, seconds; 0: 10. A callback cannot be stopped: after its deadline the
 *                 event is delivered again.
 *   max_attempts  0: 12. After that many the delivery is dead: see agentid_hook_deliveries().
 *   release       called once, when the library no longer needs `user_data`; may be NULL.
 */
typedef struct agentid_hook {
    size_t struct_size;
    const char *events;
    int32_t (*run)(const char *event, size_t event_len, void *user_data);
    const char *command;
    int64_t deadline;
    int64_t max_attempts;
    void (*release)(void *user_data);
    void *user_data;
} agentid_hook;
#define AGENTID_HOOK_INIT { sizeof(agentid_hook), NULL, NULL, NULL, 0, 0, NULL, NULL }
/* AGENTID_HOOK_INIT as a function. Args: struct_size  sizeof *options. */
void agentid_hook_init(agentid_hook *options, size_t struct_size);

/*
 * Adds a hook, or after a restart continues the one with this name. The name is registered permanently: its events are
 * kept while no process that runs it is alive, until agentid_hook_remove().
 * Args:
 *   name  letters, digits, '.', '-', '_'.
 *   hook  `run` or `command` at least; copied.
 * Returns: AGENTID_OK; AGENTID_E_ARGUMENT, AGENTID_E_LIMIT, AGENTID_E_IO.
 */
agentid_status agentid_hook_add(agentid_authority *authority, const char *name, size_t name_len,
                                const agentid_hook *hook, agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Removes a hook with its undelivered events.
 * Args: name  the hook's name.
 * Returns: AGENTID_OK; AGENTID_E_NOT_FOUND.
 */
agentid_status agentid_hook_remove(agentid_authority *authority, const char *name, size_t name_len,
                                   agentid_error **error) AGENTID_MUST_CHECK;

/*
 * All hooks.
 * Args: hooks  out: a JSON array of objects: name, kind, events, command, deadline, max_attempts, pending, dead.
 * Returns: AGENTID_OK; AGENTID_E_IO.
 */
agentid_status agentid_hook_list(agentid_authority *authority, agentid_bytes *hooks,
                                 agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Deliveries that are waiting or dead.
 * Args:
 *   dead        0: those waiting; not 0: the dead ones.
 *   deliveries  out: a JSON array of objects: id, hook, agent, event, attempts, next_at, error; oldest first.
 * Returns: AGENTID_OK; AGENTID_E_IO.
 */
agentid_status agentid_hook_deliveries(agentid_authority *authority, int32_t dead, agentid_bytes *deliveries,
                                       agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Gives a dead delivery another round of attempts.
 * Args: delivery  its `id`.
 * Returns: AGENTID_OK; AGENTID_E_NOT_FOUND.
 */
agentid_status agentid_hook_retry(agentid_authority *authority, int64_t delivery,
                                  agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Waits until no delivery is due that a hook in this process, or a command, can make.
 * Args: milliseconds  the longest wait.
 * Returns: AGENTID_OK; AGENTID_NO if a delivery is still due when the time is over.
 */
agentid_status agentid_hook_settle(agentid_authority *authority, int64_t milliseconds,
                                   agentid_error **error) AGENTID_MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif
