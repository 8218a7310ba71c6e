/*
 * What the files of this program share: the objects that are measured, and what a job is.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENTID_BENCH_H
#define AGENTID_BENCH_H

#include <agentid.h>
#include <sodium.h>
#include <time.h>

enum { LONGEST = 8, CHAINS = 64, MOST_CALLS = 4096 };

void check(agentid_status status, agentid_error *error, const char *what);
#define DO(call) do { agentid_error *error = NULL; agentid_status status_ = (call); check(status_, error, #call); } while (0)

static inline double now(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* ---------------------------------------------------------------------------------------------------- objects.c */

#define CEILING "search(query like \"weather*\", limit >= 0 <= 100); read_file(path under \"/data\")"
#define SEARCH "search(query like \"weather*\", limit >= 0 <= 100)"
#define TOOL "search"
#define CALL "{\"query\":\"weather NYC\",\"limit\":5}"
#define FORBIDDEN "{\"query\":\"weather NYC\",\"limit\":1000}"

typedef struct {
    agentid_agent *agents[LONGEST];
    agentid_bytes chains[LONGEST]; /* of 1 to 8 links */
} lineage;

/* A message of exactly the length that a token's signature covers, signed by a key of its own. */
typedef struct {
    unsigned char *message;
    size_t length;
    unsigned char signature[64], public_key[32], secret_key[64];
} raw_token;

extern agentid_authority *authority;
extern agentid_guard *keeping;   /* keeps chains */
extern agentid_guard *forgetful; /* keeps two, so that every chain of a longer round is verified anew */
extern lineage lines[CHAINS];
extern agentid_bytes holder;
extern agentid_bytes proofs[MOST_CALLS];
/* As many as there are tokens: to verify one signature over and over teaches it to the branch predictor. */
extern raw_token raw[CHAINS][LONGEST], raw_proofs[CHAINS];

void make_objects(void);
/* A proof of line `line`'s agent of `links` links, in place of the one at `proof`. */
void renew_proof(agentid_bytes *proof, int line, int links);
/* Verifies a chain at the guard that keeps it. */
void show_chain(int line, int links);
void authorize(agentid_guard *guard, int line, int links, const agentid_bytes *proof);
void verify_raw(const raw_token *token);

/* ------------------------------------------------------------------------------------------------------- jobs.c */

/* Whether, and when, what an authority decides is written down. */
enum kept { KEPT_BATCH, KEPT_ALWAYS, KEPT_NOT };

/* The policy that an authority in memory has. */
enum policy {
    POLICY_NONE,
    POLICY_EMPTY, /* without a rule */
    POLICY_OTHER, /* 100 rates, all for another tool */
    POLICY_RATE,  /* a rate that counts every call */
    POLICY_RATES  /* 100 of them */
};

typedef struct job job;
struct job {
    const char *name;
    void (*prepare)(const job *, size_t calls); /* outside the measured time; with it at most MOST_CALLS calls */
    void (*call)(const job *, size_t i);
    void (*finish)(size_t calls); /* outside the measured time */
    int links;
    enum kept kept;          /* of jobs with an authority in a directory */
    enum policy policy;      /* of jobs that are decided by one */
    int wall;                /* measured over wall time: it waits for a disk */
    double *samples;
    size_t calls;
};

extern job jobs[];
extern const int job_count;

/* --------------------------------------------------------------------------------------------------- recorded.c */

/* A path below a directory on the disk that is removed at the end. */
const char *make_scratch(const char *name);
void remove_scratch(void);

void make_recordings(void);
void close_recordings(void);
void authorize_recorded(const job *, size_t i);
/* For one of two agents in a directory, written down in batches. */
void authorize_recorded_by(int thread);
void prepare_recorded(const job *, size_t calls);
void authorize_recorded_proof(const job *, size_t i);

/* --------------------------------------------------------------------------------------------------- policies.c */

void make_policies(void);
void close_policies(void);
void authorize_by_policy(const job *, size_t i);

/* ------------------------------------------------------------------------------------------------------- many.c */

/* Prints what a decision takes for one of so many agents, as jobs with samples in microseconds of a thread's CPU time. */
void report_many(int repetitions, size_t count);
/* Prints what a life takes, as jobs with samples in microseconds of wall time. */
void report_lives(int repetitions);

/* ---------------------------------------------------------------------------------------------------- threads.c */

/* Prints what one and two threads do in a second, as a JSON array of pairs. */
void report_threads(int repetitions);

#endif
