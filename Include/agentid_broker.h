/*
 * libagentid: the broker: short-lived secrets for permitted calls. agentid_lifecycle.h includes it.
 *
 * The conventions of agentid.h hold here.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENTID_BROKER_H
#define AGENTID_BROKER_H

#include "agentid_base.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Gets secrets for guarded tools and takes them back. Both callbacks may be called on any thread, on several at once, and
 * twice for one lease.
 *   acquire          receives {"lease","agent","resource","ttl","domain","task","principal"}; the domain is always the
 *                    authority's own. Writes the secret (1 to `capacity` bytes, in memory that cannot be swapped out and
 *                    is wiped) and its length. Returns AGENTID_CALLBACK_OK, or anything else for a failure; then
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
 *          ended meanwhile: an event, `secret_refused`; AGENTID_E_ARGUMENT (`ttl`, `resource`); AGENTID_E_NOT_FOUND
 *          (provider); AGENTID_E_STATE (the provider failed); AGENTID_E_IO.
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
 *          AGENTID_E_ARGUMENT (`ttl`, `resource`); AGENTID_E_NOT_FOUND (provider); AGENTID_E_STATE (the provider failed);
 *          AGENTID_E_IO.
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
