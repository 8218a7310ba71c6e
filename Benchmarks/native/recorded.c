/*
 * The same decisions with and without an audit log: three authorities in directories that differ in nothing else.
 * SPDX-License-Identifier: Apache-2.0
 */
#define _GNU_SOURCE /* nftw */
#include "bench.h"
#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINKS = 3 };

typedef struct {
    agentid_authority *authority;
    agentid_guard *guard;
    agentid_agent *agents[LINKS];
    agentid_bytes chain;
} recording;

static recording recordings[3]; /* by AGENTID_AUDIT_... */
static char root[] = "/var/tmp/agentid-bench-XXXXXX";

const char *make_scratch(const char *name)
{
    static char path[256];
    static bool made;
    if (!made) {
        if (mkdtemp(root) == NULL) {
            perror(root);
            exit(1);
        }
        made = true;
        atexit(remove_scratch);
    }
    snprintf(path, sizeof path, "%s/%s", root, name);
    return path;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    (void)status, (void)kind, (void)place;
    return remove(path);
}

void remove_scratch(void)
{
    nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void make_recording(recording *r, enum kept kept, const char *name)
{
    agentid_authority_options options = AGENTID_AUTHORITY_OPTIONS_INIT;
    agentid_profile_options profile = AGENTID_PROFILE_OPTIONS_INIT;
    agentid_agent_options asked = AGENTID_AGENT_OPTIONS_INIT;
    agentid_delegation_options narrower = AGENTID_DELEGATION_OPTIONS_INIT;
    agentid_guard_options keep = AGENTID_GUARD_OPTIONS_INIT;
    const char *directory = make_scratch(name);
    options.trust_domain = "acme.example";
    options.lease_duration = 86400;
    options.audit_sync = kept == KEPT_ALWAYS ? AGENTID_AUDIT_ALWAYS : AGENTID_AUDIT_BATCH;
    options.no_audit = kept == KEPT_NOT;
    DO(agentid_authority_open(directory, strlen(directory), &options, &r->authority, &error));
    profile.owner = "team:research@acme.example";
    profile.ceiling = CEILING;
    DO(agentid_authority_put_profile(r->authority, "researcher", 10, &profile, &error));
    keep.audience = "files";
    keep.own_replay_memory = 1;
    keep.replay_capacity = 1 << 24;
    DO(agentid_authority_guard(r->authority, &keep, &r->guard, &error));
    asked.principal = "user:alice@acme.example";
    asked.task = "weather report";
    asked.scope = CEILING;
    asked.lifetime = 3600;
    DO(agentid_authority_start_agent(r->authority, "researcher", 10, &asked, &r->agents[0], &error));
    narrower.scope = SEARCH;
    for (int i = 1; i < LINKS; i++) DO(agentid_agent_spawn(r->agents[i - 1], "sub", 3, &narrower, &r->agents[i], &error));
    DO(agentid_agent_chain(r->agents[LINKS - 1], &r->chain, &error));
}

void make_recordings(void)
{
    make_recording(&recordings[KEPT_NOT], KEPT_NOT, "none");
    make_recording(&recordings[KEPT_BATCH], KEPT_BATCH, "batch");
    make_recording(&recordings[KEPT_ALWAYS], KEPT_ALWAYS, "always");
}

void close_recordings(void)
{
    for (int i = 0; i < 3; i++) {
        for (int link = LINKS - 1; link >= 0; link--) agentid_agent_close(recordings[i].agents[link]);
        agentid_guard_close(recordings[i].guard);
        agentid_authority_close(recordings[i].authority);
    }
}

void authorize_recorded(const job *j, size_t i)
{
    (void)i;
    DO(agentid_agent_authorize_z(recordings[j->kept].agents[LINKS - 1], TOOL, CALL, NULL, &error));
}

void authorize_recorded_by(int thread)
{
    DO(agentid_agent_authorize_z(recordings[KEPT_BATCH].agents[LINKS - 1 - thread], TOOL, CALL, NULL, &error));
}

void prepare_recorded(const job *j, size_t calls)
{
    for (size_t i = 0; i < calls; i++) {
        agentid_bytes_free(&proofs[i]);
        DO(agentid_agent_prove(recordings[j->kept].agents[LINKS - 1], TOOL, sizeof TOOL - 1, CALL, sizeof CALL - 1,
                               "files", 5, &proofs[i], &error));
    }
}

void authorize_recorded_proof(const job *j, size_t i)
{
    const recording *r = &recordings[j->kept];
    DO(agentid_guard_authorize(r->guard, r->chain.data, r->chain.len, proofs[i].data, proofs[i].len, TOOL,
                               sizeof TOOL - 1, CALL, sizeof CALL - 1, NULL, &error));
}
