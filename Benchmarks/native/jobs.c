/*
 * The jobs: what is done once between two looks at the clock.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "bench.h"
#include <stdlib.h>

static agentid_agent *spawned[MOST_CALLS];

/* ------------------------------------------------------------------------------------------------ raw libsodium */

static void sign_raw(const raw_token *token)
{
    unsigned char signature[64];
    crypto_sign_detached(signature, NULL, token->message, token->length, token->secret_key);
}

static void raw_sign(const job *j, size_t i)
{
    (void)j;
    sign_raw(&raw[i % CHAINS][0]);
}

static void raw_sign_proof(const job *j, size_t i)
{
    (void)j;
    sign_raw(&raw_proofs[i % CHAINS]);
}

static void raw_chain(const job *j, size_t i)
{
    for (int link = 0; link < j->links; link++) verify_raw(&raw[i % CHAINS][link]);
}

static void raw_proof(const job *j, size_t i)
{
    (void)j;
    verify_raw(&raw_proofs[i % CHAINS]);
}

static void raw_chain_and_proof(const job *j, size_t i)
{
    raw_chain(j, i);
    raw_proof(j, i);
}

/* ------------------------------------------------------------------------------------------------------ signing */

static void issue_both(agentid_bytes *credential)
{
    agentid_bytes chain;
    agentid_agent_options options = AGENTID_AGENT_OPTIONS_INIT;
    options.principal = "user:alice@acme.example";
    options.task = "weather report";
    options.scope = CEILING;
    DO(agentid_authority_issue(authority, "researcher", 10, holder.data, holder.len, &options, &chain, credential, &error));
    agentid_bytes_free(&chain);
}

static void issue(const job *j, size_t i)
{
    agentid_bytes credential;
    (void)j, (void)i;
    issue_both(&credential);
    agentid_bytes_free(&credential);
}

static void issue_grant(const job *j, size_t i)
{
    (void)j, (void)i;
    issue_both(NULL);
}

static void delegate(const job *j, size_t i)
{
    agentid_bytes chain;
    agentid_delegation_options options = AGENTID_DELEGATION_OPTIONS_INIT;
    (void)j, (void)i;
    options.scope = SEARCH;
    DO(agentid_agent_delegate(lines[0].agents[0], holder.data, holder.len, &options, &chain, &error));
    agentid_bytes_free(&chain);
}

static void prepare_spawn(const job *j, size_t calls)
{
    (void)j, (void)calls;
}

static void spawn(const job *j, size_t i)
{
    agentid_delegation_options options = AGENTID_DELEGATION_OPTIONS_INIT;
    (void)j;
    options.scope = SEARCH;
    DO(agentid_agent_spawn(lines[0].agents[0], "sub", 3, &options, &spawned[i], &error));
}

/* Ending an agent revokes it, which is another job. */
static void end_spawned(size_t calls)
{
    for (size_t i = 0; i < calls; i++) agentid_agent_close(spawned[i]);
}

static void prove(const job *j, size_t i)
{
    agentid_bytes proof = {NULL, 0, 0};
    renew_proof(&proof, (int)(i % CHAINS), j->links);
    agentid_bytes_free(&proof);
}

/* ------------------------------------------------------------------------------------------------------ deciding */

static void prepare_proofs(const job *j, size_t calls)
{
    for (size_t i = 0; i < calls; i++) renew_proof(&proofs[i], (int)(i % CHAINS), j->links);
}

/* A guard that keeps chains has seen them once before it is measured. */
static void prepare_cached(const job *j, size_t calls)
{
    for (int i = 0; i < CHAINS; i++) show_chain(i, j->links);
    prepare_proofs(j, calls);
}

static void admit(const job *j, size_t i)
{
    agentid_admission *admission;
    const agentid_bytes *chain = &lines[i % CHAINS].chains[j->links - 1];
    DO(agentid_guard_admit(forgetful, chain->data, chain->len, NULL, 0, &admission, &error));
    agentid_admission_free(admission);
}

static void cold(const job *j, size_t i) { authorize(forgetful, (int)(i % CHAINS), j->links, &proofs[i]); }

static void cached(const job *j, size_t i) { authorize(keeping, (int)(i % CHAINS), j->links, &proofs[i]); }

static void in_process(const job *j, size_t i)
{
    (void)i;
    DO(agentid_agent_authorize_z(lines[0].agents[j->links - 1], TOOL, CALL, NULL, &error));
}

static void in_process_decision(const job *j, size_t i)
{
    agentid_decision *decision;
    (void)i;
    DO(agentid_agent_authorize_z(lines[0].agents[j->links - 1], TOOL, CALL, &decision, &error));
    agentid_decision_free(decision);
}

static void denied(const job *j, size_t i)
{
    (void)i;
    if (agentid_agent_authorize_z(lines[0].agents[j->links - 1], TOOL, FORBIDDEN, NULL, NULL) != AGENTID_DENIED) exit(3);
}

job jobs[] = {
    {.name = "raw sign", .call = raw_sign, .links = 1},
    {.name = "raw sign, proof", .call = raw_sign_proof, .links = 1},
    {.name = "raw verify, 1 link", .call = raw_chain, .links = 1},
    {.name = "raw verify, 3 links", .call = raw_chain, .links = 3},
    {.name = "raw verify, 8 links", .call = raw_chain, .links = 8},
    {.name = "raw verify, proof", .call = raw_proof, .links = 1},
    {.name = "raw verify, 1 link + proof", .call = raw_chain_and_proof, .links = 1},
    {.name = "raw verify, 3 links + proof", .call = raw_chain_and_proof, .links = 3},
    {.name = "raw verify, 8 links + proof", .call = raw_chain_and_proof, .links = 8},
    {.name = "issue (grant)", .call = issue_grant, .links = 1},
    {.name = "issue (grant + credential)", .call = issue, .links = 1},
    {.name = "delegate", .call = delegate, .links = 1},
    {.name = "spawn", .prepare = prepare_spawn, .call = spawn, .finish = end_spawned, .links = 1},
    {.name = "prove", .call = prove, .links = 3},
    {.name = "cold, 1 link", .call = admit, .links = 1},
    {.name = "cold, 3 links", .call = admit, .links = 3},
    {.name = "cold, 8 links", .call = admit, .links = 8},
    {.name = "cold, 1 link + proof", .prepare = prepare_proofs, .call = cold, .links = 1},
    {.name = "cold, 3 links + proof", .prepare = prepare_proofs, .call = cold, .links = 3},
    {.name = "cold, 8 links + proof", .prepare = prepare_proofs, .call = cold, .links = 8},
    {.name = "cached, 3 links + proof", .prepare = prepare_cached, .call = cached, .links = 3},
    {.name = "cached, 8 links + proof", .prepare = prepare_cached, .call = cached, .links = 8},
    {.name = "in process, 3 links", .call = in_process, .links = 3},
    {.name = "in process, 3 links, with decision", .call = in_process_decision, .links = 3},
    {.name = "in process, 3 links, denied", .call = denied, .links = 3},
    {.name = "policy: none", .call = authorize_by_policy, .policy = POLICY_NONE},
    {.name = "policy: no rule", .call = authorize_by_policy, .policy = POLICY_EMPTY},
    {.name = "policy: 100 rates of another tool", .call = authorize_by_policy, .policy = POLICY_OTHER},
    {.name = "policy: 1 rate", .call = authorize_by_policy, .policy = POLICY_RATE},
    {.name = "policy: 100 rates", .call = authorize_by_policy, .policy = POLICY_RATES},
    {.name = "in process, directory", .call = authorize_recorded, .kept = KEPT_NOT},
    {.name = "in process, audit batch", .call = authorize_recorded, .kept = KEPT_BATCH},
    {.name = "in process, audit always", .call = authorize_recorded, .kept = KEPT_ALWAYS, .wall = 1},
    {.name = "proof, directory", .prepare = prepare_recorded, .call = authorize_recorded_proof, .kept = KEPT_NOT},
    {.name = "proof, audit batch", .prepare = prepare_recorded, .call = authorize_recorded_proof, .kept = KEPT_BATCH},
    {.name = "proof, audit always", .prepare = prepare_recorded, .call = authorize_recorded_proof, .kept = KEPT_ALWAYS, .wall = 1},
};
const int job_count = sizeof jobs / sizeof *jobs;
