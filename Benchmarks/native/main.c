/*
 * Times libagentid through its C header beside raw libsodium, in one process and interleaved, so that their ratios hold
 * whatever the machine is doing meanwhile. Prints JSON on stdout: for each job its samples, thread CPU microseconds of
 * one call (of jobs that wait for a disk, wall time), one sample for each repetition; sample k of every job was taken in the same round.
 *
 *   native [repetitions]                15 by default
 *   native threads [repetitions]        what one and two threads get done in a second, in pairs
 *   native lives [repetitions]          what the start and the end of an agent take
 *   native many repetitions count       what a decision for one of so many agents takes
 *   native repetitions part-of-a-name   only such jobs, nothing printed: for a profiler
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "bench.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double REPETITION_SECONDS = 0.03;

static double seconds_of(const job *j)
{
    clockid_t clock = j->wall ? CLOCK_MONOTONIC : CLOCK_THREAD_CPUTIME_ID;
    if (j->prepare != NULL) j->prepare(j, j->calls);
    double start = now(clock);
    for (size_t i = 0; i < j->calls; i++) j->call(j, i);
    double end = now(clock);
    if (j->finish != NULL) j->finish(j->calls);
    return end - start;
}

/* As many calls as fill a repetition. */
static void calibrate(job *j)
{
    size_t most = j->prepare != NULL ? MOST_CALLS : 1u << 20;
    j->calls = j->wall ? 8 : 64; /* a disk may take 10 ms for one */
    while (seconds_of(j) < REPETITION_SECONDS / 2 && j->calls < most) j->calls = j->calls * 2 > most ? most : j->calls * 2;
}

static void run_for_profiler(int repetitions, const char *part)
{
    for (int i = 0; i < job_count; i++) {
        if (strstr(jobs[i].name, part) == NULL) continue;
        jobs[i].calls = 2048;
        for (int r = 0; r < repetitions; r++) seconds_of(&jobs[i]);
    }
}

int main(int count, char **arguments)
{
    const char *mode = count > 1 && atoi(arguments[1]) == 0 ? arguments[1] : "";
    int repetitions = count > 1 + (*mode != 0) ? atoi(arguments[1 + (*mode != 0)]) : 15;
    if (repetitions < 1 || sodium_init() < 0) return 1;
    if (strcmp(mode, "lives") == 0) return report_lives(repetitions), 0;
    if (strcmp(mode, "many") == 0 && count > 3) return report_many(repetitions, strtoul(arguments[3], NULL, 10)), 0;
    make_objects();
    make_recordings();
    if (strcmp(mode, "threads") == 0) return report_threads(repetitions), close_recordings(), 0;
    if (*mode != 0) return 1;
    make_policies();
    if (count > 2) return run_for_profiler(repetitions, arguments[2]), close_recordings(), close_policies(), 0;

    for (int i = 0; i < job_count; i++) {
        jobs[i].samples = calloc((size_t)repetitions, sizeof(double));
        if (jobs[i].samples == NULL) return 1;
        calibrate(&jobs[i]);
    }
    for (int r = 0; r < repetitions; r++)
        for (int i = 0; i < job_count; i++) jobs[i].samples[r] = seconds_of(&jobs[i]) * 1e6 / (double)jobs[i].calls;

    printf("[");
    for (int i = 0; i < job_count; i++) {
        printf("%s{\"name\":\"%s\",\"samples\":[", i == 0 ? "" : ",\n", jobs[i].name);
        for (int r = 0; r < repetitions; r++) printf("%s%.4f", r == 0 ? "" : ",", jobs[i].samples[r]);
        printf("]}");
    }
    printf("]\n");
    close_recordings();
    close_policies();
    return 0;
}
