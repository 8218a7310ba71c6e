/*
 * The objects that are measured: an authority, two guards, 64 lines of 8 agents with their chains, and for each of
 * their tokens a message of its length that raw libsodium verifies.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "bench.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

agentid_authority *authority;
agentid_guard *keeping, *forgetful;
lineage lines[CHAINS];
agentid_bytes holder, proofs[MOST_CALLS];
raw_token raw[CHAINS][LONGEST], raw_proofs[CHAINS];

void check(agentid_status status, agentid_error *error, const char *what)
{
    if (status == AGENTID_OK) return;
    fprintf(stderr, "%s: %s: %s\n", what, agentid_status_name(status), agentid_error_message(error));
    exit(1);
}

static raw_token make_raw(const char *token, size_t length)
{
    raw_token result;
    size_t dots = 0, i = 0;
    for (; i < length; i++)
        if (token[i] == '.' && ++dots == 2) break;
    result.length = i;
    result.message = malloc(i);
    if (result.message == NULL) exit(1);
    memcpy(result.message, token, i);
    crypto_sign_keypair(result.public_key, result.secret_key);
    crypto_sign_detached(result.signature, NULL, result.message, result.length, result.secret_key);
    return result;
}

void verify_raw(const raw_token *token)
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

static void make_raw_line(int line)
{
    const char *token = lines[line].chains[LONGEST - 1].data;
    agentid_bytes proof = {NULL, 0, 0};
    for (int i = 0; i < LONGEST; i++) {
        size_t length = strcspn(token, "~");
        raw[line][i] = make_raw(token, length);
        token += length + 1;
    }
    renew_proof(&proof, line, 3);
    raw_proofs[line] = make_raw(proof.data, proof.len);
    agentid_bytes_free(&proof);
}

void make_objects(void)
{
    agentid_authority_options options = AGENTID_AUTHORITY_OPTIONS_INIT;
    agentid_profile_options profile = AGENTID_PROFILE_OPTIONS_INIT;
    agentid_guard_options keep = AGENTID_GUARD_OPTIONS_INIT, forget = AGENTID_GUARD_OPTIONS_INIT;
    options.trust_domain = "acme.example";
    DO(agentid_authority_open("", 0, &options, &authority, &error));
    profile.owner = "team:research@acme.example";
    profile.ceiling = CEILING;
    profile.max_depth = 16;
    DO(agentid_authority_put_profile(authority, "researcher", 10, &profile, &error));
    keep.audience = forget.audience = "files";
    keep.replay_capacity = forget.replay_capacity = 1 << 24;
    forget.cache_entries = 1;
    DO(agentid_authority_guard(authority, &keep, &keeping, &error));
    DO(agentid_authority_guard(authority, &forget, &forgetful, &error));
    for (int i = 0; i < CHAINS; i++) {
        make_line(&lines[i]);
        make_raw_line(i);
    }
    DO(agentid_agent_public_key(lines[1].agents[0], &holder, &error));
}

void renew_proof(agentid_bytes *proof, int line, int links)
{
    agentid_bytes_free(proof);
    DO(agentid_agent_prove(lines[line].agents[links - 1], TOOL, sizeof TOOL - 1, CALL, sizeof CALL - 1, "files", 5,
                           proof, &error));
}

void show_chain(int line, int links)
{
    agentid_admission *admission;
    const agentid_bytes *chain = &lines[line].chains[links - 1];
    DO(agentid_guard_admit(keeping, chain->data, chain->len, NULL, 0, &admission, &error));
    agentid_admission_free(admission);
}

void authorize(agentid_guard *guard, int line, int links, const agentid_bytes *proof)
{
    const agentid_bytes *chain = &lines[line].chains[links - 1];
    DO(agentid_guard_authorize(guard, chain->data, chain->len, proof->data, proof->len, TOOL, sizeof TOOL - 1, CALL,
                               sizeof CALL - 1, NULL, &error));
}
