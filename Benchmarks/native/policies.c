/*
 * Decisions by a policy beyond the chain: authorities in memory that differ in their policy alone.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "bench.h"
#include <agentid_policy.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RULES = 100 };

static agentid_agent *agents[5]; /* by enum policy */
static agentid_authority *authorities[5];

/* A policy of `count` rates for `tool`, none of which ever refuses; "" where there is none. */
static char *rates(const char *tool, int count)
{
    size_t room = 256 + (size_t)count * 160, used;
    char *text = malloc(room);
    if (text == NULL) exit(1);
    used = (size_t)snprintf(text, room, "{\"version\":1,\"mode\":\"enforce\",\"rules\":[");
    for (int i = 0; i < count; i++)
        used += (size_t)snprintf(text + used, room - used,
                                 "%s{\"id\":\"rate-%d\",\"match\":\"%s\",\"rate\":{\"calls\":500000,\"per\":\"1s\",\"for\":\"agent\"}}",
                                 i == 0 ? "" : ",", i, tool);
    snprintf(text + used, room - used, "]}");
    return text;
}

static void make_one(enum policy policy, char *text)
{
    agentid_authority_options options = AGENTID_AUTHORITY_OPTIONS_INIT;
    agentid_profile_options profile = AGENTID_PROFILE_OPTIONS_INIT;
    agentid_agent_options asked = AGENTID_AGENT_OPTIONS_INIT;
    agentid_authority *made;
    options.trust_domain = "acme.example";
    options.lease_duration = 86400;
    DO(agentid_authority_open("", 0, &options, &made, &error));
    profile.owner = "team:research@acme.example";
    profile.ceiling = CEILING;
    DO(agentid_authority_put_profile(made, "researcher", 10, &profile, &error));
    if (text != NULL) DO(agentid_authority_apply_policy(made, text, strlen(text), NULL, &error));
    free(text);
    asked.principal = "user:alice@acme.example";
    asked.task = "weather report";
    asked.scope = CEILING;
    asked.lifetime = 3600;
    DO(agentid_authority_start_agent(made, "researcher", 10, &asked, &agents[policy], &error));
    authorities[policy] = made;
}

void make_policies(void)
{
    make_one(POLICY_NONE, NULL);
    make_one(POLICY_EMPTY, rates(TOOL, 0));
    make_one(POLICY_OTHER, rates("read_file", RULES));
    make_one(POLICY_RATE, rates(TOOL, 1));
    make_one(POLICY_RATES, rates(TOOL, RULES));
}

void authorize_by_policy(const job *j, size_t i)
{
    (void)i;
    DO(agentid_agent_authorize_z(agents[j->policy], TOOL, CALL, NULL, &error));
}

void close_policies(void)
{
    for (int i = 0; i < 5; i++) {
        agentid_agent_close(agents[i]);
        agentid_authority_close(authorities[i]);
    }
}
