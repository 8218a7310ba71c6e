/*
 * Secrets from a guard that has none of the authority's keys, through the headers alone. In a directory named by the first
 * argument, or a new one.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <agentid_lifecycle.h>
#include <stdatomic.h>
#include <unistd.h>
#include "expect.h"

static const char CEILING[] = "read_file(path under \"/data\")";
static const char CALL[] = "{\"path\":\"/data/x\"}";
static const char RESOURCE[] = "shelf/data/x";
static atomic_int released, acquired;

static int32_t get_secret(const char *request, size_t length, char *secret, size_t capacity, size_t *count, void *user_data)
{
    (void)user_data;
    EXPECT(length == strlen(request) && strstr(request, "\"resource\":\"shelf/data/x\"") != NULL && capacity >= 6);
    memcpy(secret, "s3cret", 6);
    *count = 6;
    atomic_fetch_add(&acquired, 1);
    return AGENTID_CALLBACK_OK;
}

static int32_t return_secret(const char *lease, size_t length, void *user_data)
{
    (void)lease, (void)length, (void)user_data;
    atomic_fetch_add(&released, 1);
    return AGENTID_CALLBACK_OK;
}

/* A tool server has no keys of the authority: its guard gives secrets for what it permitted itself. */
static void use_secrets_of_a_guard(agentid_agent *agent, const char *directory)
{
    agentid_guard_options options = AGENTID_GUARD_OPTIONS_INIT;
    agentid_provider provider = AGENTID_PROVIDER_INIT;
    agentid_guard *guard = NULL, *alone = NULL;
    agentid_decision *permit = NULL, *own = NULL;
    agentid_bytes lease, secret;
    options.any_audience = 1;
    provider.acquire = get_secret;
    provider.release = return_secret;
    DONE(agentid_guard_open(&options, &alone, &error));
    ANSWERS(AGENTID_E_STATE, agentid_guard_add_provider(alone, TEXT("vault"), &provider, &error));
    agentid_guard_close(alone);
    DONE(agentid_guard_open_directory(TEXT(directory), &options, &guard, &error));
    DONE(agentid_agent_authorize_z(agent, "read_file", CALL, &own, &error));
    ANSWERS(AGENTID_E_NOT_FOUND, agentid_guard_acquire(guard, own, TEXT("vault"), TEXT("shelf"), 30, &lease, &secret, &error));
    provider.resources = "{\"read_file\":7}";
    ANSWERS(AGENTID_E_ARGUMENT, agentid_guard_add_provider(guard, TEXT("vault"), &provider, &error));
    provider.resources = "{\"read_file\":\"shelf{path}\"}";
    DONE(agentid_guard_add_provider(guard, TEXT("vault"), &provider, &error));
    DONE(agentid_guard_authorize_agent(guard, agent, TEXT("read_file"), CALL, strlen(CALL), &permit, &error));
    ANSWERS(AGENTID_DENIED, agentid_guard_acquire(guard, own, TEXT("vault"), TEXT("shelf/data/a"), 30, &lease, &secret, &error));
    ANSWERS(AGENTID_DENIED, agentid_guard_acquire(guard, permit, TEXT("vault"), TEXT("shelf/data/b"), 30, &lease, &secret, &error));
    EXPECT(lease.data == NULL && secret.data == NULL);
    DONE(agentid_guard_acquire(guard, permit, TEXT("vault"), RESOURCE, strlen(RESOURCE), 30, &lease, &secret, &error));
    EXPECT(secret.len == 6 && memcmp(secret.data, "s3cret", 6) == 0);
    DONE(agentid_guard_release(guard, lease.data, lease.len, &error));
    agentid_bytes_free(&lease);
    agentid_bytes_free(&secret);
    ANSWERS(AGENTID_DENIED, agentid_guard_acquire(guard, permit, TEXT("vault"), RESOURCE, strlen(RESOURCE), 30, &lease, &secret, &error));
    agentid_decision_free(permit);
    agentid_decision_free(own);
    agentid_guard_close(guard);
}

int main(int count, char **words)
{
    const char *directory = count > 1 ? words[1] : new_directory();
    agentid_authority_options options = AGENTID_AUTHORITY_OPTIONS_INIT;
    agentid_profile_options profile = AGENTID_PROFILE_OPTIONS_INIT;
    agentid_agent_options task = AGENTID_AGENT_OPTIONS_INIT;
    agentid_authority *authority = NULL;
    agentid_agent *agent = NULL;
    options.trust_domain = "acme.example";
    DONE(agentid_authority_open(TEXT(directory), &options, &authority, &error));
    profile.owner = "team:research@acme.example";
    profile.ceiling = CEILING;
    DONE(agentid_authority_put_profile(authority, TEXT("researcher"), &profile, &error));
    task.principal = "user:alice@acme.example";
    task.task = "Q3 review";
    task.scope = CEILING;
    DONE(agentid_authority_start_agent(authority, TEXT("researcher"), &task, &agent, &error));
    use_secrets_of_a_guard(agent, directory);
    EXPECT(acquired == 1 && released == 1);
    agentid_agent_close(agent);
    agentid_authority_close(authority);
    return ended("guard_secrets");
}
