/*
 * Uses every operation that touches a secret key, for valgrind with ctime_shim.c preloaded. With the argument `leak` it
 * branches on a key on purpose: valgrind must report that, or the check is blind.
 */
#include "expect.h"

int main(int count, char **arguments)
{
    agentid_authority *authority = NULL;
    agentid_agent *agent = NULL, *child = NULL;
    agentid_bytes bytes;
    agentid_authority_options options = AGENTID_AUTHORITY_OPTIONS_INIT;
    agentid_profile_options profile = AGENTID_PROFILE_OPTIONS_INIT;
    agentid_agent_options task = AGENTID_AGENT_OPTIONS_INIT;
    options.trust_domain = "acme.example";
    profile.owner = "team:x";
    profile.ceiling = task.scope = "search(query: *)";
    task.principal = "user:alice@acme.example";
    task.task = "constant time";
    DONE(agentid_authority_open("", 0, &options, &authority, &error));
    DONE(agentid_authority_put_profile(authority, TEXT("p"), &profile, &error));
    DONE(agentid_authority_start_agent(authority, TEXT("p"), &task, &agent, &error));
    agentid_delegation_options whole = AGENTID_DELEGATION_OPTIONS_INIT;
    whole.same_scope = 1;
    DONE(agentid_agent_spawn(agent, TEXT("child"), &whole, &child, &error));
    DONE(agentid_agent_prove(child, TEXT("search"), TEXT("{\"query\":\"x\"}"), TEXT("here"), &bytes, &error));
    agentid_bytes_free(&bytes);
    DONE(agentid_agent_authorize_z(child, "search", "{\"query\":\"x\"}", NULL, &error));
    DONE(agentid_agent_rotate_key(agent, &error));
    DONE(agentid_authority_publish_key(authority, &error));
    DONE(agentid_authority_activate_key(authority, &error));
    DONE(agentid_agent_export_key(child, &bytes, &error));
    if (count > 1 && strcmp(arguments[1], "leak") == 0 && strstr(bytes.data, "\"d\":\"A") != NULL) puts("a rare key");
    agentid_bytes_free(&bytes);
    agentid_agent_close(child);
    agentid_agent_close(agent);
    agentid_authority_close(authority);
    return ended("ctime");
}
