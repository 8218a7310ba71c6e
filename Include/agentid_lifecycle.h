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
} agentid_agent_filter;
#define AGENTID_AGENT_FILTER_INIT { sizeof(agentid_agent_filter), NULL, NULL, NULL, NULL, NULL, 0, 0 }
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
 *   seconds  the longest time, 1 to 2592000, and not beyond the agent's `until`: after it the agent cannot be resumed, and
 *            agentid_authority_reap() ends it. 0, for one from agentid_authority_unpark(): the rest of the time that it was
 *            parked for, as if nobody had resumed it; where none is left, AGENTID_E_STATE (`parking_over`).
 * Returns: AGENTID_OK; AGENTID_E_ARGUMENT; AGENTID_E_LIMIT for more than 1000 agents; AGENTID_E_STATE if its authority is
 *          not in this process, another agent started it, agents below it start without pause, or it may not act itself. On
 *          an error all go on as they were.
 */
agentid_status agentid_agent_park(agentid_agent *agent, int64_t seconds, agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Resumes a parked agent, in any process: with the same ID, scope, labels and `until`, and with a new grant, credential
 * and lease under its profile as it is now. If several callers try at once, one gets it. Those that were parked with it are
 * resumed with it: agentid_agent_take_unparked() has them. One that cannot go on, as something it depends on was revoked or
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
 * Takes one of the agents that a resumed one had started and that were parked with it, each once: with its ID, key, scope
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

/* --------------------------------------------------------------------------------------------------------- Broker */

/*
 * Gets secrets for guarded tools and takes them back. Both callbacks may be called on any thread, on several at once, and
 * twice for one lease.
 *   acquire          receives {"lease","agent","resource","ttl","domain","task","principal"}; the domain is always the
 *                    authority's own. Writes the secret (at most `capacity` bytes, in memory that cannot be swapped out
 *                    and is wiped) and its length. Returns AGENTID_CALLBACK_OK, or anything else for a failure; then
 *                    `release` is called for the lease.
 *   release          receives {"lease","agent","resource"}, also if the process died while it was acquiring. Returns
 *                    AGENTID_CALLBACK_OK when nothing is left of the secret, anything else to be tried again.
 *   release_command  the command that releases for this provider in a process that does not have it: a JSON array, the
 *                    program's path first, the lease on stdin; NULL: the lease waits for a process that has the provider.
 *   release_data     called once, when the library no longer needs `user_data`; may be NULL.
 *   resources        the resource that calls of each tool may open: a JSON object, {"tool":"resource"}, in which {name}
 *                    within a resource stands for the call's argument of that name, a text. Other tools and resources are
 *                    refused, and each permit is good for one secret of its resource. NULL: a guard's permit opens what one
 *                    of its call's arguments says, an authority's any resource.
 */
typedef struct agentid_provider {
    size_t struct_size;
    int32_t (*acquire)(const char *request, size_t request_len, char *secret, size_t capacity, size_t *secret_len,
                       void *user_data);
    int32_t (*release)(const char *lease, size_t lease_len, void *user_data);
    const char *release_command;
    void (*release_data)(void *user_data);
    void *user_data;
    const char *resources;
} agentid_provider;
#define AGENTID_PROVIDER_INIT { sizeof(agentid_provider), NULL, NULL, NULL, NULL, NULL, NULL }
/* AGENTID_PROVIDER_INIT as a function. Args: struct_size  sizeof *options. */
void agentid_provider_init(agentid_provider *options, size_t struct_size);

/*
 * Adds a provider of secrets to this process, replacing one with the same name. From then on this process looks every
 * second for secrets that are due to be returned, until the authority is closed.
 * Args:
 *   name      its name in agentid_broker_acquire().
 *   provider  both callbacks; copied.
 * Returns: AGENTID_OK; AGENTID_E_ARGUMENT.
 */
agentid_status agentid_broker_add_provider(agentid_authority *authority, const char *name, size_t name_len,
                                              const agentid_provider *provider,
                                              agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Gets a secret for a permitted call. It is for the tool, not for the agent. It ends with the agent at the latest, and is
 * returned when the agent is deprovisioned, by another process if this one died.
 * Args:
 *   decision   a permit, at most a minute old, under a chain that names its agent.
 *   provider   the provider's name.
 *   resource   the resource to open, in the provider's terms.
 *   ttl        seconds; at most as long as the agent's grant lasts.
 *   lease      out: its ID, for agentid_broker_release().
 *   secret     out: wiped when it is freed.
 * Returns: AGENTID_OK; AGENTID_DENIED if the decision was a denial, is too old or not for this resource, or the agent has
 *          ended meanwhile: an event, `secret_refused`; AGENTID_E_NOT_FOUND (provider); AGENTID_E_STATE (the provider
 *          failed).
 */
agentid_status agentid_broker_acquire(agentid_authority *authority, const agentid_decision *decision,
                                         const char *provider, size_t provider_len, const char *resource,
                                         size_t resource_len, int64_t ttl, agentid_bytes *lease,
                                         agentid_bytes *secret, agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Returns a secret before its time.
 * Args: lease  its ID.
 * Returns: AGENTID_OK, also if it was returned already; AGENTID_E_STATE if the provider failed: it is tried again.
 */
agentid_status agentid_broker_release(agentid_authority *authority, const char *lease, size_t lease_len,
                                         agentid_error **error) AGENTID_MUST_CHECK;

/*
 * The secrets that the broker holds.
 * Args: leases  out: a JSON array of objects: id, agent, provider, resource, acquired, expires, state, attempts, error.
 * Returns: AGENTID_OK; AGENTID_E_IO.
 */
agentid_status agentid_broker_leases(agentid_authority *authority, agentid_bytes *leases,
                                               agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Adds a provider of secrets to a guard, replacing one with the same name: for a tool server without the authority's keys.
 * Leases are written to the registry that the guard follows, so the process has to be that directory's owner. Until the
 * guard is closed this process looks every second for secrets of its providers that are due to be returned. Permits made
 * before the first provider get no secret.
 * Args:
 *   name      its name in agentid_guard_acquire().
 *   provider  both callbacks; copied.
 * Returns: AGENTID_OK; AGENTID_E_ARGUMENT; AGENTID_E_STATE (`no_registry`) for a guard that follows no authority;
 *          AGENTID_E_IO.
 */
agentid_status agentid_guard_add_provider(agentid_guard *guard, const char *name, size_t name_len,
                                          const agentid_provider *provider,
                                          agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Gets a secret for a call that this guard has permitted. It is for the tool, not for the agent. It ends with the agent at
 * the latest: whoever ends the agent, or reaps, returns it, also while this process is stopped or dead.
 * Args:
 *   decision   a permit of this guard, at most a minute old, under a chain that names its agent.
 *   provider   the provider's name.
 *   resource   the resource that the call names: see agentid_provider. One secret of it for each permit.
 *   ttl        seconds; at most as long as the agent's grant lasts.
 *   lease      out: its ID, for agentid_guard_release().
 *   secret     out: wiped when it is freed.
 * Returns: AGENTID_OK; AGENTID_DENIED with the reason, an event (`secret_refused`): `secret_permit_foreign`,
 *          `secret_resource_mismatch`, `secret_used`, `pop_stale`, or why the agent may not act any more;
 *          AGENTID_E_NOT_FOUND (provider); AGENTID_E_STATE (the provider failed); AGENTID_E_IO.
 */
agentid_status agentid_guard_acquire(agentid_guard *guard, const agentid_decision *decision, const char *provider,
                                     size_t provider_len, const char *resource, size_t resource_len, int64_t ttl,
                                     agentid_bytes *lease, agentid_bytes *secret,
                                     agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Returns a secret before its time.
 * Args: lease  its ID.
 * Returns: AGENTID_OK, also if it was returned already; AGENTID_E_NOT_FOUND if the guard has no provider; AGENTID_E_STATE if
 *          the provider failed: it is tried again.
 */
agentid_status agentid_guard_release(agentid_guard *guard, const char *lease, size_t lease_len,
                                     agentid_error **error) AGENTID_MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif
