/*
 * What one and two threads get done, over wall time. Each thread has chains of its own; the guard is shared.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "bench.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { HALF = CHAINS / 2, LINKS = 3 };

typedef struct {
    const char *name;
    int calls; /* of one thread */
    void (*call)(int thread, int i);
} task;

static int line(int thread, int i) { return thread * HALF + i % HALF; }

static void raw_chain(int thread, int i)
{
    for (int link = 0; link < LINKS; link++) verify_raw(&raw[line(thread, i)][link]);
}

static void cold(int thread, int i)
{
    agentid_admission *admission;
    const agentid_bytes *chain = &lines[line(thread, i)].chains[LINKS - 1];
    DO(agentid_guard_admit(forgetful, chain->data, chain->len, NULL, 0, &admission, &error));
    agentid_admission_free(admission);
}

static void cached(int thread, int i)
{
    authorize(keeping, line(thread, i), LINKS, &proofs[thread * (MOST_CALLS / 2) + i]);
}

static void in_process(int thread, int i)
{
    DO(agentid_agent_authorize_z(lines[line(thread, i)].agents[LINKS - 1], TOOL, CALL, NULL, &error));
}

/* Each thread has an agent of its own; the log is shared. */
static void recorded(int thread, int i)
{
    (void)i;
    authorize_recorded_by(thread);
}

static const task tasks[] = {
    {"raw verify, 3 links", 1024, raw_chain},
    {"cold, 3 links", 1024, cold},
    {"cached, 3 links + proof", MOST_CALLS / 2, cached},
    {"in process, 3 links", 1 << 16, in_process},
    {"in process, audit batch", 1 << 16, recorded},
};

typedef struct {
    const task *task;
    int thread;
    double seconds;
} worker;

static void *work(void *data)
{
    worker *w = data;
    double start = now(CLOCK_MONOTONIC);
    for (int i = 0; i < w->task->calls; i++) w->task->call(w->thread, i);
    w->seconds = now(CLOCK_MONOTONIC) - start;
    return NULL;
}

/* Calls a second of all threads together. */
static double rate(const task *t, int threads)
{
    worker workers[2];
    pthread_t ids[2];
    double total = 0;
    for (int i = 0; i < MOST_CALLS && t->call == cached; i++)
        renew_proof(&proofs[i], line(i / (MOST_CALLS / 2), i % (MOST_CALLS / 2)), LINKS);
    for (int i = 0; i < threads; i++) {
        workers[i] = (worker){t, i, 0};
        if (pthread_create(&ids[i], NULL, work, &workers[i]) != 0) exit(1);
    }
    for (int i = 0; i < threads; i++) {
        pthread_join(ids[i], NULL);
        total += t->calls / workers[i].seconds;
    }
    return total;
}

void report_threads(int repetitions)
{
    for (int i = 0; i < CHAINS; i++) show_chain(i, LINKS);
    printf("[");
    for (size_t t = 0; t < sizeof tasks / sizeof *tasks; t++) {
        printf("%s{\"name\":\"%s\",\"threads\":[", t == 0 ? "" : ",\n", tasks[t].name);
        for (int r = 0; r < repetitions; r++) {
            double one = rate(&tasks[t], 1), two = rate(&tasks[t], 2);
            printf("%s[%.0f,%.0f]", r == 0 ? "" : ",", one, two);
        }
        printf("]}");
    }
    printf("]\n");
}
