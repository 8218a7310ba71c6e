/*
 * Times libagentid through its C header beside raw libsodium, in one process and interleaved, so that their ratios hold
 * whatever the machine is doing meanwhile. Prints the figures as JSON on stdout: thread CPU microseconds of one call,
 * as median, least, 10th and 90th percentile over the repetitions.
 *
 *   native [repetitions [part of a name]]      15 repetitions of every job by default
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <agentid.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LONGEST = 8, CHAINS = 64, MOST_CALLS = 4096 };
static const double REPETITION_SECONDS = 0.03;

static const char CEILING[] = "search(query like \"weather*\", limit >= 0 <= 100); read_file(path under \"/data\")";
static const char SEARCH[] = "search(query like \"weather*\", limit >= 0 <= 100)";
static const char TOOL[] = "search";
static const char CALL[] = "{\"query\":\"weather NYC\",\"limit\":5}";
static const char FORBIDDEN[] = "{\"query\":\"weather NYC\",\"limit\":1000}";

static void check(agentid_status status, agentid_error *error, const char *what)
{
    if (status == AGENTID_OK) return;
    fprintf(stderr, "%s: %s: %s\n", what, agentid_status_name(status), agentid_error_message(error));
    exit(1);
}
#define DO(call) do { agentid_error *error = NULL; agentid_status status_ = (call); check(status_, error, #call); } while (0)

static double now(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* ------------------------------------------------------------------------------------------------ What is measured */

typedef struct {
    agentid_agent *agents[LONGEST];
    agentid_bytes chains[LONGEST]; /* of 1 to 8 links */
} lineage;

static agentid_authority *authority;
static agentid_guard *guard;      /* keeps chains */
static agentid_guard *forgetful;  /* keeps two, so that every chain of a longer round is verified anew */
static lineage lines[CHAINS];
static agentid_bytes holder;
static agentid_bytes proofs[MOST_CALLS];

typedef struct {
    unsigned char *message;
    size_t length;
    unsigned char signature[64], public_key[32], secret_key[64];
} raw_token;
/* As many as there are tokens: to verify one signature over and over teaches it to the branch predictor. */
static raw_token raw[CHAINS][LONGEST], raw_proofs[CHAINS];

/* A message of exactly the length that a token's signature covers, signed by a key of its own. */
static raw_token make_raw(const char *token, size_t length)
{
    raw_token result;
    size_t dots = 0, i = 0;
    for (; i < length; i++)
        if (token[i] == '.' && ++dots == 2) break;
    result.length = i;
    result.message = malloc(i);
    memcpy(result.message, token, i);
    crypto_sign_keypair(result.public_key, result.secret_key);
    crypto_sign_detached(result.signature, NULL, result.message, result.length, result.secret_key);
    return result;
}

static void verify_raw(const raw_token *token)
{
    if (crypto_sign_verify_detached(token->signature, token->message, token->length, token->public_key) != 0) exit(2);
}

static void make_line(lineage *line)
{
    agentid_agent_options options = AGENTID_AGENT_OPTIONS_INIT;
    options.principal = "user:alice@acme.example";
    options.task = "weather report";
    options.scope = CEILING;
    options.lifetime = 3600;
    DO(agentid_authority_start_agent(authority, "researcher", 10, &options, &line->agents[0], &error));
    for (int i = 1; i < LONGEST; i++) {
        char scope[128];
        agentid_delegation_options narrower = AGENTID_DELEGATION_OPTIONS_INIT;
        snprintf(scope, sizeof scope, "search(query like \"weather*\", limit >= 0 <= %d)", 100 - i);
        narrower.scope = scope;
        DO(agentid_agent_spawn(line->agents[i - 1], "sub", 3, &narrower, &line->agents[i], &error));
    }
    for (int i = 0; i < LONGEST; i++) DO(agentid_agent_chain(line->agents[i], &line->chains[i], &error));
}

typedef struct job {
    const char *name;
    void (*prepare)(const struct job *, size_t calls);
    void (*call)(const struct job *, size_t i);
    int links;
    double raw_verifications; /* how many this call cannot do without */
    double *samples;
    size_t calls;
} job;

static void run_raw_sign(const job *j, size_t i)
{
    unsigned char signature[64];
    const raw_token *token = &raw[i % CHAINS][0];
    (void)j;
    crypto_sign_detached(signature, NULL, token->message, token->length, token->secret_key);
}

static void run_raw_chain(const job *j, size_t i)
{
    for (int link = 0; link < j->links; link++) verify_raw(&raw[i % CHAINS][link]);
}

static void run_raw_proof(const job *j, size_t i)
{
    (void)j;
    verify_raw(&raw_proofs[i % CHAINS]);
}

static void run_raw_chain_and_proof(const job *j, size_t i)
{
    run_raw_chain(j, i);
    verify_raw(&raw_proofs[i % CHAINS]);
}

static void run_issue(const job *j, size_t i)
{
    agentid_bytes chain, credential;
    agentid_agent_options options = AGENTID_AGENT_OPTIONS_INIT;
    (void)j, (void)i;
    options.principal = "user:alice@acme.example";
    options.task = "weather report";
    options.scope = CEILING;
    DO(agentid_authority_issue(authority, "researcher", 10, holder.data, holder.len, &options, &chain, &credential, &error));
    agentid_bytes_free(&chain);
    agentid_bytes_free(&credential);
}

static void run_delegate(const job *j, size_t i)
{
    agentid_bytes chain;
    agentid_delegation_options options = AGENTID_DELEGATION_OPTIONS_INIT;
    (void)j, (void)i;
    options.scope = SEARCH;
    DO(agentid_agent_delegate(lines[0].agents[0], holder.data, holder.len, &options, &chain, &error));
    agentid_bytes_free(&chain);
}

static void run_spawn(const job *j, size_t i)
{
    agentid_agent *child;
    agentid_delegation_options options = AGENTID_DELEGATION_OPTIONS_INIT;
    (void)j, (void)i;
    options.scope = SEARCH;
    DO(agentid_agent_spawn(lines[0].agents[0], "sub", 3, &options, &child, &error));
    proofs[i].owner = (uint64_t)(uintptr_t)child;
}

/* Sub-agents are ended outside the measured time: ending one revokes it, which is another job. */
static void prepare_spawn(const job *j, size_t calls)
{
    (void)j, (void)calls;
}

static void run_prove(const job *j, size_t i)
{
    agentid_bytes proof;
    (void)i;
    DO(agentid_agent_prove(lines[0].agents[j->links - 1], TOOL, 6, CALL, sizeof CALL - 1, "files", 5, &proof, &error));
    agentid_bytes_free(&proof);
}

static void run_admit(const job *j, size_t i)
{
    agentid_admission *admission;
    const agentid_bytes *chain = &lines[i % CHAINS].chains[j->links - 1];
    DO(agentid_guard_admit(forgetful, chain->data, chain->len, NULL, 0, &admission, &error));
    agentid_admission_free(admission);
}

static void prepare_proofs(const job *j, size_t calls)
{
    for (size_t i = 0; i < calls; i++) {
        agentid_bytes_free(&proofs[i]);
        DO(agentid_agent_prove(lines[i % CHAINS].agents[j->links - 1], TOOL, 6, CALL, sizeof CALL - 1, "files", 5, &proofs[i], &error));
    }
}

/* A guard that keeps chains has seen them once before it is measured. */
static void prepare_cached(const job *j, size_t calls)
{
    for (int i = 0; i < CHAINS; i++) {
        agentid_admission *admission;
        const agentid_bytes *chain = &lines[i].chains[j->links - 1];
        DO(agentid_guard_admit(guard, chain->data, chain->len, NULL, 0, &admission, &error));
        agentid_admission_free(admission);
    }
    prepare_proofs(j, calls);
}

static void authorize(agentid_guard *at, const job *j, size_t i)
{
    const agentid_bytes *chain = &lines[i % CHAINS].chains[j->links - 1];
    DO(agentid_guard_authorize(at, chain->data, chain->len, proofs[i].data, proofs[i].len, TOOL, 6, CALL,
                               sizeof CALL - 1, NULL, &error));
}

static void run_cold(const job *j, size_t i) { authorize(forgetful, j, i); }

static void run_cached(const job *j, size_t i) { authorize(guard, j, i); }

static void run_in_process(const job *j, size_t i)
{
    (void)i;
    DO(agentid_agent_authorize_z(lines[0].agents[j->links - 1], TOOL, CALL, NULL, &error));
}

static void run_in_process_decision(const job *j, size_t i)
{
    agentid_decision *decision;
    (void)i;
    DO(agentid_agent_authorize_z(lines[0].agents[j->links - 1], TOOL, CALL, &decision, &error));
    agentid_decision_free(decision);
}

static void run_denied(const job *j, size_t i)
{
    (void)i;
    if (agentid_agent_authorize_z(lines[0].agents[j->links - 1], TOOL, FORBIDDEN, NULL, NULL) != AGENTID_DENIED) exit(3);
}

static job jobs[] = {
    {"raw sign", NULL, run_raw_sign, 1, 0, NULL, 0},
    {"raw verify, 1 link", NULL, run_raw_chain, 1, 1, NULL, 0},
    {"raw verify, 3 links", NULL, run_raw_chain, 3, 3, NULL, 0},
    {"raw verify, 8 links", NULL, run_raw_chain, 8, 8, NULL, 0},
    {"raw verify, proof", NULL, run_raw_proof, 1, 1, NULL, 0},
    {"raw verify, 1 link + proof", NULL, run_raw_chain_and_proof, 1, 2, NULL, 0},
    {"raw verify, 3 links + proof", NULL, run_raw_chain_and_proof, 3, 4, NULL, 0},
    {"raw verify, 8 links + proof", NULL, run_raw_chain_and_proof, 8, 9, NULL, 0},
    {"issue (grant + credential)", NULL, run_issue, 1, 0, NULL, 0},
    {"delegate", NULL, run_delegate, 1, 0, NULL, 0},
    {"spawn", prepare_spawn, run_spawn, 1, 0, NULL, 0},
    {"prove", NULL, run_prove, 1, 0, NULL, 0},
    {"cold, 1 link", NULL, run_admit, 1, 1, NULL, 0},
    {"cold, 3 links", NULL, run_admit, 3, 3, NULL, 0},
    {"cold, 8 links", NULL, run_admit, 8, 8, NULL, 0},
    {"cold, 1 link + proof", prepare_proofs, run_cold, 1, 2, NULL, 0},
    {"cold, 3 links + proof", prepare_proofs, run_cold, 3, 4, NULL, 0},
    {"cold, 8 links + proof", prepare_proofs, run_cold, 8, 9, NULL, 0},
    {"cached, 3 links + proof", prepare_cached, run_cached, 3, 1, NULL, 0},
    {"cached, 8 links + proof", prepare_cached, run_cached, 8, 1, NULL, 0},
    {"in process, 3 links", NULL, run_in_process, 3, 0, NULL, 0},
    {"in process, 3 links, with decision", NULL, run_in_process_decision, 3, 0, NULL, 0},
    {"in process, 3 links, denied", NULL, run_denied, 3, 0, NULL, 0},
};
enum { JOBS = sizeof jobs / sizeof *jobs };

/* ------------------------------------------------------------------------------------------------------ How it is */

static void free_spawned(const job *j)
{
    if (j->call != run_spawn) return;
    for (size_t i = 0; i < j->calls; i++) {
        agentid_agent *child = (agentid_agent *)(uintptr_t)proofs[i].owner;
        agentid_bytes none = {NULL, 0, 0};
        agentid_agent_close(child);
        proofs[i] = none;
    }
}

static double seconds_of(const job *j)
{
    if (j->prepare != NULL) j->prepare(j, j->calls);
    double start = now(CLOCK_THREAD_CPUTIME_ID);
    for (size_t i = 0; i < j->calls; i++) j->call(j, i);
    double end = now(CLOCK_THREAD_CPUTIME_ID);
    return end - start;
}

static void calibrate(job *j)
{
    j->calls = 64;
    for (;;) {
        double took = seconds_of(j);
        size_t most = j->prepare != NULL ? MOST_CALLS : 1u << 20;
        free_spawned(j);
        if (took > REPETITION_SECONDS / 2 || j->calls == most) break;
        j->calls = j->calls * 2 > most ? most : j->calls * 2;
    }
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double at(const double *sorted, int count, double share)
{
    double place = (count - 1) * share;
    int i = (int)place;
    return i + 1 < count ? sorted[i] + (sorted[i + 1] - sorted[i]) * (place - i) : sorted[i];
}

static void report(const char *name, double *samples, int count, const char *more)
{
    qsort(samples, (size_t)count, sizeof *samples, ascending);
    printf("%s{\"group\":\"libagentid\",\"name\":\"%s\",\"us\":{\"med\":%.4f,\"min\":%.4f,\"p10\":%.4f,\"p90\":%.4f,\"n\":%d}%s}",
           strcmp(name, jobs[0].name) == 0 ? "" : ",\n", name, at(samples, count, .5), samples[0],
           at(samples, count, .1), at(samples, count, .9), count, more);
}

/* Calls a second of one and of two threads; figures over wall time. */
typedef struct { const job *job; double seconds; size_t done; size_t offset; } worker;

static void *work(void *data)
{
    worker *w = data;
    double end = now(CLOCK_MONOTONIC) + w->seconds;
    while (now(CLOCK_MONOTONIC) < end)
        for (int i = 0; i < 64; i++) w->job->call(w->job, w->done++);
    return NULL;
}

static void run_on_two_lines(const job *j, size_t i)
{
    (void)i;
    DO(agentid_agent_authorize_z(lines[j->calls].agents[2], TOOL, CALL, NULL, &error));
}

static double rate(int threads)
{
    job each[2] = {{"", NULL, run_on_two_lines, 3, 0, NULL, 0}, {"", NULL, run_on_two_lines, 3, 0, NULL, 1}};
    worker workers[2];
    pthread_t ids[2];
    double total = 0;
    for (int i = 0; i < threads; i++) {
        workers[i].job = &each[i], workers[i].seconds = 0.3, workers[i].done = 0, workers[i].offset = 0;
        pthread_create(&ids[i], NULL, work, &workers[i]);
    }
    for (int i = 0; i < threads; i++) {
        pthread_join(ids[i], NULL);
        total += (double)workers[i].done / workers[i].seconds;
    }
    return total;
}

int main(int count, char **arguments)
{
    int repetitions = count > 1 ? atoi(arguments[1]) : 15;
    if (repetitions < 3 || sodium_init() < 0) return 1;
    agentid_authority_options options = AGENTID_AUTHORITY_OPTIONS_INIT;
    agentid_profile_options profile = AGENTID_PROFILE_OPTIONS_INIT;
    agentid_guard_options keeping = AGENTID_GUARD_OPTIONS_INIT, forgetting = AGENTID_GUARD_OPTIONS_INIT;
    options.trust_domain = "acme.example";
    DO(agentid_authority_open("", 0, &options, &authority, &error));
    profile.owner = "team:research@acme.example";
    profile.ceiling = CEILING;
    profile.max_depth = 16;
    DO(agentid_authority_put_profile(authority, "researcher", 10, &profile, &error));
    keeping.audience = forgetting.audience = "files";
    keeping.replay_capacity = forgetting.replay_capacity = 1 << 24;
    forgetting.cache_entries = 1;
    DO(agentid_authority_guard(authority, &keeping, &guard, &error));
    DO(agentid_authority_guard(authority, &forgetting, &forgetful, &error));
    for (int i = 0; i < CHAINS; i++) make_line(&lines[i]);
    DO(agentid_agent_public_key(lines[1].agents[0], &holder, &error));

    for (int c = 0; c < CHAINS; c++) {
        const char *token = lines[c].chains[LONGEST - 1].data;
        for (int i = 0; i < LONGEST; i++) {
            size_t length = strcspn(token, "~");
            raw[c][i] = make_raw(token, length);
            token += length + 1;
        }
        agentid_bytes proof;
        DO(agentid_agent_prove(lines[c].agents[2], TOOL, 6, CALL, sizeof CALL - 1, "files", 5, &proof, &error));
        raw_proofs[c] = make_raw(proof.data, proof.len);
        agentid_bytes_free(&proof);
    }

    for (int i = 0; count > 2 && i < JOBS; i++)
        if (strstr(jobs[i].name, arguments[2]) != NULL)
            for (int r = 0; r < repetitions; r++) jobs[i].calls = 2048, seconds_of(&jobs[i]), free_spawned(&jobs[i]);
    if (count > 2) return 0;
    for (int i = 0; i < JOBS; i++) {
        jobs[i].samples = calloc((size_t)repetitions, sizeof(double));
        calibrate(&jobs[i]);
    }
    for (int r = 0; r < repetitions; r++)
        for (int i = 0; i < JOBS; i++) {
            jobs[i].samples[r] = seconds_of(&jobs[i]) * 1e6 / (double)jobs[i].calls;
            free_spawned(&jobs[i]);
        }
    printf("[");
    for (int i = 0; i < JOBS; i++) {
        char more[96];
        snprintf(more, sizeof more, ",\"links\":%d,\"bytes\":%zu", jobs[i].links, lines[0].chains[jobs[i].links - 1].len);
        report(jobs[i].name, jobs[i].samples, repetitions, more);
    }
    double one[5], two[5];
    for (int i = 0; i < 5; i++) one[i] = rate(1), two[i] = rate(2);
    qsort(one, 5, sizeof *one, ascending);
    qsort(two, 5, sizeof *two, ascending);
    printf(",\n{\"group\":\"libagentid\",\"name\":\"in process, threads\",\"one\":%.0f,\"two\":%.0f}]\n", one[2], two[2]);
    return 0;
}
