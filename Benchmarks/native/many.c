/*
 * Many agents in one process: whether a decision for one of them depends on how many there are, and how many lives, from
 * start to end, there are room for in a second. An authority in memory, and one in a directory on the disk.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "bench.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUND = 1 << 14, LIVES = 256, MOST_THREADS = 8 };

static agentid_agent *start_one(agentid_authority *made)
{
    agentid_agent_options asked = AGENTID_AGENT_OPTIONS_INIT;
    agentid_agent *agent;
    asked.principal = "user:alice@acme.example";
    asked.task = "weather report";
    asked.scope = CEILING;
    asked.lifetime = 3600;
    DO(agentid_authority_start_agent(made, "researcher", 10, &asked, &agent, &error));
    return agent;
}

static agentid_authority *open_one(const char *directory)
{
    agentid_authority_options options = AGENTID_AUTHORITY_OPTIONS_INIT;
    agentid_profile_options profile = AGENTID_PROFILE_OPTIONS_INIT;
    agentid_authority *made;
    options.trust_domain = "acme.example";
    options.lease_duration = 86400;
    DO(agentid_authority_open(directory, strlen(directory), &options, &made, &error));
    profile.owner = "team:research@acme.example";
    profile.ceiling = CEILING;
    DO(agentid_authority_put_profile(made, "researcher", 10, &profile, &error));
    return made;
}

/* ------------------------------------------------------------------------------------------------------ deciding */

/* Microseconds of this thread's CPU for a call; `step` 0: always for the same agent. */
static double decide(agentid_agent *const *agents, size_t count, size_t step)
{
    double start = now(CLOCK_THREAD_CPUTIME_ID);
    for (size_t i = 0, at = 0; i < ROUND; i++, at = (at + step) % count)
        DO(agentid_agent_authorize_z(agents[at], TOOL, CALL, NULL, &error));
    return (now(CLOCK_THREAD_CPUTIME_ID) - start) * 1e6 / ROUND;
}

void report_many(int repetitions, size_t count)
{
    agentid_authority *made = open_one("");
    agentid_agent **agents = calloc(count, sizeof *agents);
    if (agents == NULL) exit(1);
    for (size_t i = 0; i < count; i++) agents[i] = start_one(made);
    /* Each was asked once before it is measured: its chain is verified then. */
    for (size_t i = 0; i < count; i++) DO(agentid_agent_authorize_z(agents[i], TOOL, CALL, NULL, &error));
    const char *names[] = {"the same agent", "another agent each time"};
    double *samples[2] = {calloc((size_t)repetitions, sizeof(double)), calloc((size_t)repetitions, sizeof(double))};
    /* A prime: all of them before one comes again, and no two that lie side by side. */
    for (int r = 0; r < repetitions; r++)
        for (int other = 0; other < 2; other++) samples[other][r] = decide(agents, count, other ? 7919 : 0);
    printf("[");
    for (int other = 0; other < 2; other++) {
        printf("%s{\"name\":\"%s, of %zu\",\"samples\":[", other == 0 ? "" : ",\n", names[other], count);
        for (int r = 0; r < repetitions; r++) printf("%s%.4f", r == 0 ? "" : ",", samples[other][r]);
        printf("]}");
    }
    printf("]\n");
    for (size_t i = 0; i < count; i++) agentid_agent_close(agents[i]);
    agentid_authority_close(made);
}

/* --------------------------------------------------------------------------------------------------------- lives */

static void *live(void *made)
{
    for (int i = 0; i < LIVES; i++) {
        agentid_agent *agent = start_one(made);
        DO(agentid_agent_end(agent, "done", 4, NULL, &error));
        agentid_agent_close(agent);
    }
    return NULL;
}

/* Microseconds of wall time for a life, of `threads` threads together. */
static double lives(agentid_authority *made, int threads)
{
    pthread_t ids[MOST_THREADS];
    double start = now(CLOCK_MONOTONIC);
    for (int i = 0; i < threads; i++)
        if (pthread_create(&ids[i], NULL, live, made) != 0) exit(1);
    for (int i = 0; i < threads; i++) pthread_join(ids[i], NULL);
    return (now(CLOCK_MONOTONIC) - start) * 1e6 / (LIVES * threads);
}

void report_lives(int repetitions)
{
    static const struct {
        const char *name;
        int on_disk, threads;
    } kinds[] = {{"life, in memory, 1 thread", 0, 1},
                 {"life, in memory, 8 threads", 0, 8},
                 {"life, in a directory, 1 thread", 1, 1},
                 {"life, in a directory, 8 threads", 1, 8}};
    agentid_authority *made[2] = {open_one(""), open_one(make_scratch("lives"))};
    printf("[");
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        printf("%s{\"name\":\"%s\",\"samples\":[", k == 0 ? "" : ",\n", kinds[k].name);
        for (int r = 0; r < repetitions; r++) printf("%s%.4f", r == 0 ? "" : ",", lives(made[kinds[k].on_disk], kinds[k].threads));
        printf("]}");
    }
    printf("]\n");
    for (int i = 0; i < 2; i++) agentid_authority_close(made[i]);
}
