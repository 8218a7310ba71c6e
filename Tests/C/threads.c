/*
 * Handles under threads: eight share a guard and agents while others revoke, close and open anew. Nothing crashes, and
 * nothing is permitted after the revocation that forbids it returned.
 */
#include "expect.h"
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

enum { THREADS = 8, ROUNDS = 200, SLOTS = 16 };

static agentid_authority *authority;
static agentid_guard *guard;
static const char CALL[] = "{\"query\":\"x\"}";

static agentid_agent *start(void)
{
    agentid_agent *agent = NULL;
    agentid_agent_options options = AGENTID_AGENT_OPTIONS_INIT;
    options.principal = "user:alice@acme.example";
    options.task = "threads";
    options.scope = "search(query: *)";
    DONE(agentid_authority_start_agent(authority, TEXT("p"), &options, &agent, &error));
    return agent;
}

/* One agent at a time: eight threads ask for it until they are denied, and say when they were last permitted. */
static agentid_agent *_Atomic current;
static atomic_int revoked, permitted_after, asked, finished;

static void *ask(void *data)
{
    (void)data;
    while (!atomic_load(&finished)) {
        agentid_agent *agent = atomic_load(&current);
        int was_revoked = atomic_load(&revoked);
        agentid_status status = agentid_guard_authorize_agent(guard, agent, TEXT("search"), TEXT(CALL), NULL, NULL);
        if (status == AGENTID_OK && was_revoked && agent == atomic_load(&current) && atomic_load(&revoked))
            atomic_fetch_add(&permitted_after, 1);
        if (status != AGENTID_OK && status != AGENTID_DENIED && status != AGENTID_E_HANDLE && status != AGENTID_E_STATE)
            atomic_fetch_add(&permitted_after, 1000);
        atomic_fetch_add(&asked, 1);
    }
    return NULL;
}

static void revoke_while_others_ask(void)
{
    pthread_t threads[THREADS];
    atomic_store(&current, start());
    for (int i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, ask, NULL);
    for (int round = 0; round < ROUNDS; round++) {
        agentid_bytes id;
        int before = atomic_load(&asked);
        while (atomic_load(&asked) < before + THREADS) usleep(50);
        DONE(agentid_agent_id(atomic_load(&current), &id, &error));
        DONE(agentid_authority_revoke(authority, AGENTID_REVOKE_AGENT, id.data, id.len, NULL, &error));
        atomic_store(&revoked, 1);
        agentid_bytes_free(&id);
        before = atomic_load(&asked);
        while (atomic_load(&asked) < before + 2 * THREADS) usleep(50);
        agentid_agent *old = atomic_load(&current);
        atomic_store(&revoked, 0);
        atomic_store(&current, start());
        agentid_agent_close(old);
    }
    atomic_store(&finished, 1);
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    EXPECT(atomic_load(&permitted_after) == 0);
    agentid_agent_close(atomic_load(&current));
}

/* Every thread opens, uses and closes what all can see; many of these handles are stale, and some never were. */
static agentid_scope *_Atomic scopes[SLOTS];
static agentid_agent *_Atomic agents[SLOTS];

static void *meddle(void *data)
{
    unsigned seed = (unsigned)(size_t)data * 2654435761u + 1;
    for (int i = 0; i < 3000; i++) {
        unsigned slot = (seed = seed * 1664525u + 1013904223u) >> 16 & (SLOTS - 1);
        agentid_scope *scope = NULL;
        agentid_bytes bytes;
        switch (seed >> 24 & 7) {
        case 0:
            if (agentid_scope_parse(TEXT("a(x under \"/\")"), &scope, NULL) == AGENTID_OK)
                agentid_scope_free(atomic_exchange(&scopes[slot], scope));
            break;
        case 1: agentid_scope_free(atomic_load(&scopes[slot])); break;
        case 2:
            if (agentid_scope_text(atomic_load(&scopes[slot]), &bytes, NULL) == AGENTID_OK) agentid_bytes_free(&bytes);
            break;
        case 3: (void)!agentid_agent_authorize_z(atomic_load(&agents[slot]), "search", CALL, NULL, NULL); break;
        case 4:
            if (agentid_agent_prove(atomic_load(&agents[slot]), TEXT("search"), TEXT(CALL), "", 0, &bytes, NULL) == AGENTID_OK)
                agentid_bytes_free(&bytes);
            break;
        case 5: agentid_agent_close(atomic_load(&agents[slot])); break;
        case 6: (void)!agentid_agent_rotate_key((agentid_agent *)(size_t)(seed * 2654435761ull), NULL); break;
        default:
            if ((seed & 15) == 0) agentid_agent_close(atomic_exchange(&agents[slot], start()));
        }
    }
    return NULL;
}

int main(void)
{
    pthread_t threads[THREADS];
    agentid_authority_options options = AGENTID_AUTHORITY_OPTIONS_INIT;
    agentid_profile_options profile = AGENTID_PROFILE_OPTIONS_INIT;
    agentid_guard_options open_to_all = AGENTID_GUARD_OPTIONS_INIT;
    options.trust_domain = "acme.example";
    profile.owner = "team:x";
    profile.ceiling = "search(query: *)";
    open_to_all.any_audience = 1;
    DONE(agentid_authority_open("", 0, &options, &authority, &error));
    DONE(agentid_authority_put_profile(authority, TEXT("p"), &profile, &error));
    DONE(agentid_authority_guard(authority, &open_to_all, &guard, &error));
    revoke_while_others_ask();
    for (size_t i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, meddle, (void *)(i + 1));
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    for (int i = 0; i < SLOTS; i++) {
        agentid_scope_free(atomic_load(&scopes[i]));
        agentid_agent_close(atomic_load(&agents[i]));
    }
    agentid_guard_close(guard);
    agentid_authority_close(authority);
    return ended("threads");
}
