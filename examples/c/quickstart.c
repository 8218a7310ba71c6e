/*
 * One agent, one sub-agent, one permitted call and one denied, through the C header alone.
 *   cc quickstart.c $(pkg-config --cflags --libs agentid) && ./a.out
 */
#include <agentid.h>
#include <stdio.h>
#include <string.h>

/* Prints what went wrong and where, frees the error, and gives the exit status. */
static int failed(agentid_error *error) {
    fprintf(stderr, "%s: %s (%s)\n", agentid_error_name(error), agentid_error_message(error), agentid_error_where(error));
    agentid_error_free(error);
    return 1;
}

int main(void) {
    agentid_error *error = NULL;

    /* The root of trust; an empty directory name keeps everything in memory. */
    agentid_authority *acme = NULL;
    agentid_authority_options options = AGENTID_AUTHORITY_OPTIONS_INIT;
    options.trust_domain = "acme.example";
    if (agentid_authority_open("", 0, &options, &acme, &error) != AGENTID_OK) return failed(error);

    /* What an agent of this kind may at most be, and who answers for it. */
    agentid_profile_options profile = AGENTID_PROFILE_OPTIONS_INIT;
    profile.owner = "team:research@acme.example";
    profile.ceiling = "read_file(path under '/data')";
    if (agentid_authority_put_profile(acme, "researcher", 10, &profile, &error) != AGENTID_OK) return failed(error);

    /* One running instance, for one task of one human. */
    agentid_agent *agent = NULL;
    agentid_agent_options task = AGENTID_AGENT_OPTIONS_INIT;
    task.principal = "user:alice@acme.example";
    task.task = "Q3 review";
    task.scope = "read_file(path under '/data/q3')";
    if (agentid_authority_start_agent(acme, "researcher", 10, &task, &agent, &error) != AGENTID_OK) return failed(error);

    /* A sub-agent gets less, offline. */
    agentid_agent *reader = NULL;
    agentid_delegation_options less = AGENTID_DELEGATION_OPTIONS_INIT;
    less.scope = "read_file(path under '/data/q3/public')";
    if (agentid_agent_spawn(agent, "reader", 6, &less, &reader, &error) != AGENTID_OK) return failed(error);

    /* Every tool call is asked first. Anything but AGENTID_OK means no. */
    if (agentid_agent_authorize_z(reader, "read_file", "{\"path\":\"/data/q3/public/a.csv\"}", NULL, &error) != AGENTID_OK)
        return failed(error);
    puts("permitted: /data/q3/public/a.csv");
    if (agentid_agent_authorize_z(reader, "read_file", "{\"path\":\"/data/q3/secret.csv\"}", NULL, &error) != AGENTID_DENIED)
        return 1;
    printf("denied: %s\n", agentid_error_message(error));
    agentid_error_free(error);

    /* Closing wipes the key and revokes what was held. */
    agentid_agent_close(reader);
    agentid_agent_close(agent);
    agentid_authority_close(acme);
    return 0;
}
