/*
 * The life of agents after they were started, through the header alone: listing, suspension, hooks, broker, deprovisioning,
 * tombstones, the audit log. In a directory named by the first argument, or a new one.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <agentid_audit.h>
#include <agentid_lifecycle.h>
#include <stdatomic.h>
#include <unistd.h>
#include "expect.h"

static const char CEILING[] = "read_file(path under \"/data\")";
static const char CALL[] = "{\"path\":\"/data/x\"}";
static atomic_int events, released, acquired, callbacks_let_go;

static int32_t on_event(const char *event, size_t length, void *user_data)
{
    EXPECT(user_data == &events && length == strlen(event) && event[0] == '{');
    atomic_fetch_add(&events, 1);
    return AGENTID_CALLBACK_OK;
}

static int32_t always_fails(const char *event, size_t length, void *user_data)
{
    (void)event, (void)length, (void)user_data;
    return 7;
}

static int32_t get_secret(const char *request, size_t length, char *secret, size_t capacity, size_t *count, void *user_data)
{
    (void)user_data;
    EXPECT(length == strlen(request) && strstr(request, "\"resource\":\"reports\"") != NULL && capacity >= 6);
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

static void let_go(void *user_data)
{
    (void)user_data;
    atomic_fetch_add(&callbacks_let_go, 1);
}

static agentid_authority *asked_within;
static int let_go_within;

/* Whoever lets go of something may call the library. */
static void let_go_and_ask(void *user_data)
{
    agentid_provider provider = AGENTID_PROVIDER_INIT;
    (void)user_data;
    provider.acquire = get_secret;
    provider.release = return_secret;
    DONE(agentid_broker_add_provider(asked_within, TEXT("within"), &provider, &error));
    let_go_within++;
}

static void replace_provider(agentid_authority *authority)
{
    agentid_provider provider = AGENTID_PROVIDER_INIT;
    provider.acquire = get_secret;
    provider.release = return_secret;
    provider.release_data = let_go_and_ask;
    asked_within = authority;
    DONE(agentid_broker_add_provider(authority, TEXT("replaced"), &provider, &error));
    EXPECT(let_go_within == 0);
    provider.release_data = NULL;
    DONE(agentid_broker_add_provider(authority, TEXT("replaced"), &provider, &error));
    EXPECT(let_go_within == 1);
}

static int has(const agentid_bytes *bytes, const char *text) { return bytes->data != NULL && strstr(bytes->data, text) != NULL; }

static void add_hooks_and_provider(agentid_authority *authority)
{
    agentid_hook hook = AGENTID_HOOK_INIT, failing = AGENTID_HOOK_INIT, wrong = AGENTID_HOOK_INIT;
    hook.run = on_event;
    hook.user_data = &events;
    hook.release = let_go;
    DONE(agentid_hook_add(authority, TEXT("count"), &hook, &error));
    failing.run = always_fails;
    failing.events = "[\"suspended\"]";
    failing.max_attempts = 1;
    DONE(agentid_hook_add(authority, TEXT("fails"), &failing, &error));
    ANSWERS(AGENTID_E_ARGUMENT, agentid_hook_add(authority, TEXT("neither"), &wrong, &error));
    wrong.command = "[\"relative\"]";
    ANSWERS(AGENTID_E_ARGUMENT, agentid_hook_add(authority, TEXT("relative"), &wrong, &error));
    wrong.command = "[\"/bin/true\"]";
    wrong.events = "[\"no such event\"]";
    ANSWERS(AGENTID_E_ARGUMENT, agentid_hook_add(authority, TEXT("unknown"), &wrong, &error));

    agentid_provider provider = AGENTID_PROVIDER_INIT;
    ANSWERS(AGENTID_E_ARGUMENT, agentid_broker_add_provider(authority, TEXT("vault"), &provider, &error));
    provider.acquire = get_secret;
    provider.release = return_secret;
    provider.release_data = let_go;
    DONE(agentid_broker_add_provider(authority, TEXT("vault"), &provider, &error));
}

static void use_secrets(agentid_authority *authority, agentid_agent *agent)
{
    agentid_decision *permit = NULL, *denial = NULL;
    agentid_bytes lease, secret, leases;
    DONE(agentid_agent_authorize_z(agent, "read_file", CALL, &permit, &error));
    ANSWERS(AGENTID_DENIED, agentid_agent_authorize_z(agent, "read_file", "{\"path\":\"/etc\"}", &denial, &error));
    ANSWERS(AGENTID_DENIED, agentid_broker_acquire(authority, denial, TEXT("vault"), TEXT("reports"), 30, &lease, &secret, &error));
    ANSWERS(AGENTID_E_NOT_FOUND, agentid_broker_acquire(authority, permit, TEXT("none"), TEXT("reports"), 30, &lease, &secret, &error));
    ANSWERS(AGENTID_E_ARGUMENT, agentid_broker_acquire(authority, permit, TEXT("vault"), TEXT("reports"), 1 << 20, &lease, &secret, &error));
    DONE(agentid_broker_acquire(authority, permit, TEXT("vault"), TEXT("reports"), 30, &lease, &secret, &error));
    EXPECT(secret.len == 6 && memcmp(secret.data, "s3cret", 6) == 0);
    DONE(agentid_broker_release(authority, lease.data, lease.len, &error));
    DONE(agentid_broker_release(authority, lease.data, lease.len, &error));
    EXPECT(released == 1);
    agentid_bytes_free(&lease);
    agentid_bytes_free(&secret);
    /* One more, which the agent's end returns. */
    DONE(agentid_broker_acquire(authority, permit, TEXT("vault"), TEXT("reports"), 30, &lease, &secret, &error));
    DONE(agentid_broker_leases(authority, &leases, &error));
    EXPECT(has(&leases, "\"state\":\"held\"") && !has(&leases, "s3cret"));
    agentid_bytes_free(&leases);
    agentid_bytes_free(&lease);
    agentid_bytes_free(&secret);
    EXPECT(strlen(agentid_decision_id(permit)) == 49);
    agentid_decision_free(permit);
    agentid_decision_free(denial);
}

static void suspend_and_resume(agentid_authority *authority, agentid_agent *child, const agentid_bytes *id)
{
    agentid_bytes dead, hooks;
    DONE(agentid_authority_suspend(authority, id->data, id->len, TEXT("odd behaviour"), &error));
    ANSWERS(AGENTID_DENIED, agentid_agent_authorize_z(child, "read_file", CALL, NULL, &error));
    DONE(agentid_authority_resume(authority, id->data, id->len, &error));
    DONE(agentid_agent_authorize_z(child, "read_file", CALL, NULL, &error));
    ANSWERS(AGENTID_E_NOT_FOUND, agentid_authority_suspend(authority, TEXT("spiffe://acme.example/agent/x/1"), "", 0, &error));
    agentid_agent *taken = child;
    ANSWERS(AGENTID_E_ARGUMENT, agentid_agent_park(child, 0, &error));
    ANSWERS(AGENTID_E_STATE, agentid_agent_park(child, 60, &error));
    ANSWERS(AGENTID_E_STATE, agentid_authority_unpark(authority, id->data, id->len, &taken, &error));
    EXPECT(taken == NULL);
    taken = child;
    ANSWERS(AGENTID_E_NOT_FOUND, agentid_agent_take_unparked(child, &taken, &error));
    EXPECT(taken == NULL);
    DONE(agentid_hook_settle(authority, 20000, &error));
    DONE(agentid_hook_deliveries(authority, 1, &dead, &error));
    EXPECT(has(&dead, "the callback returned 7"));
    agentid_bytes_free(&dead);
    DONE(agentid_hook_list(authority, &hooks, &error));
    EXPECT(has(&hooks, "\"dead\":1"));
    agentid_bytes_free(&hooks);
    DONE(agentid_hook_remove(authority, TEXT("fails"), &error));
    ANSWERS(AGENTID_E_NOT_FOUND, agentid_hook_remove(authority, TEXT("fails"), &error));
    ANSWERS(AGENTID_E_NOT_FOUND, agentid_hook_retry(authority, 1, &error));
}

static void end(agentid_authority *authority, agentid_agent *agent, agentid_agent *child, const agentid_bytes *id)
{
    agentid_bytes tombstone, document, report, bundle;
    ANSWERS(AGENTID_NO, agentid_authority_verify_gone(authority, id->data, id->len, &report, &error));
    EXPECT(has(&report, "\"gone\":false"));
    agentid_bytes_free(&report);
    DONE(agentid_agent_end(agent, TEXT("task over"), &tombstone, &error));
    EXPECT(acquired == 2 && released == 2);
    ANSWERS(AGENTID_DENIED, agentid_agent_authorize_z(agent, "read_file", CALL, NULL, &error));
    ANSWERS(AGENTID_DENIED, agentid_agent_authorize_z(child, "read_file", CALL, NULL, &error));
    DONE(agentid_authority_verify_gone(authority, id->data, id->len, &report, &error));
    EXPECT(has(&report, "\"gone\":true") && has(&report, "\"agents\":2"));
    agentid_bytes_free(&report);
    DONE(agentid_authority_bundle(authority, &bundle, &error));
    DONE(agentid_tombstone_verify(TEXT("acme.example"), bundle.data, bundle.len, tombstone.data, tombstone.len, &document, &error));
    EXPECT(has(&document, "\"reason\":\"task over\"") && has(&document, "\"below\":1"));
    agentid_bytes_free(&document);
    ANSWERS(AGENTID_DENIED, agentid_tombstone_verify(TEXT("acme.example"), bundle.data, bundle.len, tombstone.data, tombstone.len - 1, &document, &error));
    agentid_bytes_free(&tombstone);
    agentid_bytes_free(&bundle);
    ANSWERS(AGENTID_E_STATE, agentid_authority_resume(authority, id->data, id->len, &error));
}

static void on_progress(uint64_t entries, void *user_data)
{
    (void)entries;
    ++*(int *)user_data;
}

static void read_log(agentid_authority *authority, const char *directory)
{
    agentid_audit *audit = NULL;
    agentid_bytes head, entries, proof, report;
    int told = 0;
    DONE(agentid_audit_integrate(authority, &error));
    DONE(agentid_audit_open(TEXT(directory), "", 0, &audit, &error));
    DONE(agentid_audit_head(audit, &head, &error));
    EXPECT(has(&head, "acme.example/audit"));
    DONE(agentid_audit_entries(audit, 0, 256, &entries, &error));
    EXPECT(has(&entries, "\"event\":\"created\"") && has(&entries, "\"decision\":\"permit\"") && !has(&entries, "/data/x"));
    DONE(agentid_audit_prove(audit, 0, &proof, &error));
    agentid_bytes_free(&proof);
    DONE(agentid_audit_consistency(audit, 1, 0, &proof, &error));
    ANSWERS(AGENTID_E_NOT_FOUND, agentid_audit_find(audit, TEXT("nothing"), &report, &error));
    ANSWERS(AGENTID_E_NOT_FOUND, agentid_audit_prove(audit, 1 << 20, &report, &error));
    DONE(agentid_audit_usage(authority, "", 0, &report, &error));
    EXPECT(has(&report, "\"proposal\":{") && has(&report, "\"used\":[{") && !has(&report, "/data/x"));
    agentid_bytes_free(&report);
    ANSWERS(AGENTID_E_NOT_FOUND, agentid_audit_usage(authority, TEXT("nobody"), &report, &error));
    DONE(agentid_audit_verify(audit, on_progress, &told, &report, &error));
    EXPECT(has(&report, "\"sound\":true") && told > 0);
    agentid_bytes_free(&head);
    agentid_bytes_free(&entries);
    agentid_bytes_free(&proof);
    agentid_bytes_free(&report);
    agentid_audit_close(audit);
    ANSWERS(AGENTID_E_HANDLE, agentid_audit_head(audit, &head, &error));
}

int main(int count, char **words)
{
    const char *directory = count > 1 ? words[1] : new_directory();
    agentid_authority_options options = AGENTID_AUTHORITY_OPTIONS_INIT;
    agentid_profile_options profile = AGENTID_PROFILE_OPTIONS_INIT;
    agentid_agent_options task = AGENTID_AGENT_OPTIONS_INIT;
    agentid_agent_filter filter = AGENTID_AGENT_FILTER_INIT;
    agentid_authority *authority = NULL;
    agentid_agent *agent = NULL, *child = NULL, *none = NULL;
    agentid_bytes id, agents;
    int64_t count_ended = -1;
    options.trust_domain = "acme.example";
    DONE(agentid_authority_open(TEXT(directory), &options, &authority, &error));
    profile.owner = "team:research@acme.example";
    profile.ceiling = CEILING;
    DONE(agentid_authority_put_profile(authority, TEXT("researcher"), &profile, &error));
    add_hooks_and_provider(authority);
    task.principal = "user:alice@acme.example";
    task.task = "Q3 review";
    task.scope = CEILING;
    DONE(agentid_authority_start_agent(authority, TEXT("researcher"), &task, &agent, &error));
    agentid_delegation_options whole = AGENTID_DELEGATION_OPTIONS_INIT;
    whole.same_scope = 1;
    DONE(agentid_agent_spawn(agent, TEXT("reader"), &whole, &child, &error));
    DONE(agentid_agent_id(agent, &id, &error));
    filter.state = "active";
    DONE(agentid_authority_agents(authority, &filter, &agents, &error));
    EXPECT(has(&agents, "/reader/") && has(&agents, "\"live\":true"));
    agentid_bytes_free(&agents);
    filter.state = "odd";
    ANSWERS(AGENTID_E_ARGUMENT, agentid_authority_agents(authority, &filter, &agents, &error));

    replace_provider(authority);
    use_secrets(authority, agent);
    suspend_and_resume(authority, child, &id);
    end(authority, agent, child, &id);
    DONE(agentid_authority_certify_profile(authority, TEXT("researcher"), 0, &error));
    ANSWERS(AGENTID_E_ARGUMENT, agentid_authority_certify_profile(authority, TEXT("researcher"), 1, &error));
    DONE(agentid_authority_deprovision_principal(authority, TEXT("user:bob@acme.example"), "", 0, &count_ended, &error));
    EXPECT(count_ended == 0);
    DONE(agentid_authority_withdraw_profile(authority, TEXT("researcher"), TEXT("unused"), &count_ended, &error));
    ANSWERS(AGENTID_E_STATE, agentid_authority_start_agent(authority, TEXT("researcher"), &task, &none, &error));
    DONE(agentid_authority_reap(authority, &count_ended, &error));
    DONE(agentid_hook_settle(authority, 20000, &error));
    EXPECT(events >= 9);
    read_log(authority, directory);

    agentid_bytes_free(&id);
    agentid_agent_close(child);
    agentid_agent_close(agent);
    agentid_authority_close(authority);
    for (int i = 0; i < 5000 && callbacks_let_go < 2; i++) usleep(1000);
    EXPECT(callbacks_let_go == 2);
    return ended("lifecycle");
}
