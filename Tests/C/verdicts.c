/* One list of cases for every language: reads Tests/Verdicts/cases.json as Tests/Verdicts/lines.py prints it. */
#include "expect.h"

#include <agentid_lifecycle.h>

enum { MOST = 16 };

/* What a case has made, by name. */
typedef struct {
    char name[32];
    agentid_agent *agent;
    agentid_bytes id, chain;
    agentid_guard *guard;
    agentid_bytes proof;
    char text[64]; /* what is taken for a proof, or for a chain */
    agentid_admission *admission;
} thing;

static agentid_authority *acme;
static thing things[MOST];
static char *step[MOST];
static int members;

static const char *member(const char *name)
{
    size_t length = strlen(name);
    for (int i = 0; i < members; i++)
        if (strncmp(step[i], name, length) == 0 && step[i][length] == '=') return step[i] + length + 1;
    return NULL;
}

static const char *given(const char *name)
{
    const char *value = member(name);
    return value != NULL ? value : "";
}

/* The thing that a member names; an agent, a guard, a proof and an admission may have one name. */
static thing *named(const char *kind)
{
    char name[32];
    snprintf(name, sizeof name, "%s %s", kind, given(strcmp(kind, "parent") == 0 ? "parent" : kind));
    if (strncmp(name, "parent ", 7) == 0) snprintf(name, sizeof name, "agent %s", given("parent"));
    for (int i = 0; i < MOST; i++)
        if (strcmp(things[i].name, name) == 0) return &things[i];
    for (int i = 0; i < MOST; i++)
        if (things[i].name[0] == 0) {
            snprintf(things[i].name, sizeof things[i].name, "%s", name);
            return &things[i];
        }
    fprintf(stderr, "more than %d things in a case\n", MOST);
    exit(1);
}

static void begin(void)
{
    agentid_authority_options options;
    agentid_profile_options profile;
    agentid_authority_options_init(&options, sizeof options);
    agentid_profile_options_init(&profile, sizeof profile);
    options.trust_domain = "acme.example";
    profile.owner = "team:research@acme.example";
    profile.ceiling = "read_file(path under '/data'); search(query: *, limit?: *)";
    DONE(agentid_authority_open("", 0, &options, &acme, &error));
    DONE(agentid_authority_put_profile(acme, AGENTID_TEXT("researcher"), &profile, &error));
}

static void finish(void)
{
    for (int i = 0; i < MOST; i++) {
        agentid_admission_free(things[i].admission);
        agentid_agent_close(things[i].agent);
        agentid_guard_close(things[i].guard);
        agentid_bytes_free(&things[i].id);
        agentid_bytes_free(&things[i].chain);
        agentid_bytes_free(&things[i].proof);
    }
    memset(things, 0, sizeof things);
    agentid_authority_close(acme);
    acme = NULL;
}

static agentid_status know(thing *agent, agentid_error **error)
{
    agentid_bytes_free(&agent->chain);
    agent->text[0] = 0;
    if (agent->id.data == NULL) {
        agentid_status status = agentid_agent_id(agent->agent, &agent->id, error);
        if (status != AGENTID_OK) return status;
    }
    return agentid_agent_chain(agent->agent, &agent->chain, error);
}

static agentid_status start(agentid_error **error)
{
    thing *agent = named("agent");
    const char *profile = member("profile") != NULL ? member("profile") : "researcher";
    agentid_agent_options options = AGENTID_AGENT_OPTIONS_INIT;
    options.principal = "user:alice@acme.example";
    options.task = "review";
    options.scope = member("scope");
    agentid_status status = agentid_authority_start_agent(acme, TEXT(profile), &options, &agent->agent, error);
    return status == AGENTID_OK ? know(agent, error) : status;
}

static agentid_status spawn(agentid_error **error)
{
    thing *agent = named("agent");
    agentid_delegation_options options = AGENTID_DELEGATION_OPTIONS_INIT;
    options.scope = member("scope");
    options.same_scope = member("same_scope") != NULL;
    agentid_status status = agentid_agent_spawn(named("parent")->agent, AGENTID_TEXT("reader"), &options, &agent->agent, error);
    return status == AGENTID_OK ? know(agent, error) : status;
}

static agentid_status open_guard(agentid_error **error)
{
    agentid_guard_options options = AGENTID_GUARD_OPTIONS_INIT;
    options.audience = member("audience");
    options.any_audience = member("any_audience") != NULL;
    return agentid_authority_guard(acme, &options, &named("guard")->guard, error);
}

static agentid_status prove(agentid_error **error)
{
    thing *agent = named("agent"), *proof = named("proof");
    agentid_status status = agentid_agent_prove(agent->agent, TEXT(given("tool")), TEXT(given("args")),
                                                TEXT(given("audience")), &proof->proof, error);
    return status == AGENTID_OK ? know(agent, error) : status;
}

/* From now on the chain's reference, or what is given for one, stands for the agent's chain. */
static agentid_status refer(thing *agent, agentid_error **error)
{
    agentid_bytes chain, reference;
    agentid_status status = agentid_agent_chain(agent->agent, &chain, error);
    if (status != AGENTID_OK) return status;
    agentid_bytes_free(&agent->chain);
    status = agentid_agent_chain_reference(agent->agent, &agent->chain, error);
    EXPECT(status == AGENTID_OK && agentid_chain_reference(chain.data, chain.len, &reference, NULL) == AGENTID_OK);
    EXPECT(reference.len == 51 && strcmp(reference.data, agent->chain.data) == 0);
    agentid_bytes_free(&reference);
    agentid_bytes_free(&chain);
    snprintf(agent->text, sizeof agent->text, "%s", given("text"));
    return status;
}

/* What stands for the agent's chain. */
static const char *chain_of(const thing *agent) { return agent->text[0] != 0 ? agent->text : agent->chain.data; }

static agentid_status by_guard(agentid_decision **decision, agentid_error **error)
{
    thing *chain = named("agent"), *proof = named("proof");
    const char *text = proof->text[0] != 0 ? proof->text : proof->proof.data;
    return agentid_guard_authorize(named("guard")->guard, TEXT(chain_of(chain)), TEXT(text),
                                   TEXT(given("tool")), TEXT(given("args")), decision, error);
}

static agentid_status permits(agentid_error **error)
{
    agentid_scope *scope = NULL;
    agentid_status status = agentid_scope_parse(TEXT(given("scope")), &scope, error);
    if (status != AGENTID_OK) return status;
    status = agentid_scope_permits(scope, TEXT(given("tool")), TEXT(given("args")), error);
    agentid_scope_free(scope);
    return status;
}

static agentid_status revoke(agentid_error **error)
{
    const agentid_bytes *id = &named("agent")->id;
    if (strcmp(given("op"), "guard_revoke") == 0)
        return agentid_guard_revoke(named("guard")->guard, AGENTID_REVOKE_AGENT, id->data, id->len, error);
    return agentid_authority_revoke(acme, AGENTID_REVOKE_AGENT, id->data, id->len, NULL, error);
}

static agentid_status life(const char *op, agentid_error **error)
{
    thing *agent = named("agent");
    const char *id = member("id") != NULL ? member("id") : agent->id.data;
    if (strcmp(op, "suspend") == 0) return agentid_authority_suspend(acme, TEXT(id), AGENTID_TEXT("look into it"), error);
    if (strcmp(op, "resume") == 0) return agentid_authority_resume(acme, TEXT(id), error);
    if (strcmp(op, "deprovision") == 0)
        return agentid_authority_deprovision(acme, TEXT(id), AGENTID_TEXT("done"), NULL, error);
    if (strcmp(op, "rotate") == 0) return agentid_agent_rotate_key(agent->agent, error);
    if (strcmp(op, "park") == 0) return agentid_agent_park(agent->agent, 60, error);
    if (strcmp(op, "unpark") == 0) {
        agentid_agent *taken = NULL;
        agentid_status status = agentid_authority_unpark(acme, TEXT(id), &taken, error);
        if (status == AGENTID_OK) agentid_agent_close(agent->agent);
        if (status == AGENTID_OK) agent->agent = taken;
        return status;
    }
    if (strcmp(op, "end") == 0) return agentid_agent_end(agent->agent, AGENTID_TEXT("done"), NULL, error);
    agentid_bytes report;
    agentid_status status = agentid_authority_verify_gone(acme, TEXT(id), &report, error);
    EXPECT((report.len > 0) == (status == AGENTID_OK || status == AGENTID_NO));
    agentid_bytes_free(&report);
    return status;
}

/* Carries a step out; what it says where it succeeds is put into `done`. */
static agentid_status act(const char **done, agentid_decision **decision, agentid_error **error)
{
    const char *op = given("op");
    *done = "ok";
    if (strcmp(op, "start") == 0) return start(error);
    if (strcmp(op, "spawn") == 0) return spawn(error);
    if (strcmp(op, "guard") == 0) return open_guard(error);
    if (strcmp(op, "prove") == 0) return prove(error);
    if (strcmp(op, "refer") == 0) return refer(named("agent"), error);
    if (strcmp(op, "revoke") == 0 || strcmp(op, "guard_revoke") == 0) return revoke(error);
    if (strcmp(op, "admit") == 0)
        return agentid_guard_admit(named("guard")->guard, TEXT(chain_of(named("agent"))), "", 0,
                                   &named("admission")->admission, error);
    if (strcmp(op, "close") == 0 || strcmp(op, "keep") == 0) {
        if (*op == 'c') agentid_agent_close(named("agent")->agent);
        else snprintf(named("proof")->text, sizeof named("proof")->text, "%s", given("text"));
        return AGENTID_OK;
    }
    *done = "permit";
    if (strcmp(op, "authorize") == 0 || strcmp(op, "check") == 0)
        return agentid_agent_authorize(named("agent")->agent, TEXT(given("tool")), TEXT(given("args")), decision, error);
    if (strcmp(op, "guard_agent") == 0)
        return agentid_guard_authorize_agent(named("guard")->guard, named("agent")->agent, TEXT(given("tool")),
                                             TEXT(given("args")), decision, error);
    if (strcmp(op, "guard_authorize") == 0 || strcmp(op, "guard_check") == 0) return by_guard(decision, error);
    if (strcmp(op, "admission") == 0)
        return agentid_admission_authorize(named("admission")->admission, TEXT(named("proof")->proof.data),
                                           TEXT(given("tool")), TEXT(given("args")), decision, error);
    if (strcmp(op, "permits") == 0) return permits(error);
    *done = strcmp(op, "verify_gone") == 0 ? "gone" : "ok";
    return life(op, error);
}

static void run(const char *name)
{
    const char *done = "", *wanted = member("expect") != NULL ? member("expect") : "ok";
    agentid_decision *decision = NULL;
    agentid_error *error = NULL;
    agentid_status status = act(&done, &decision, &error);
    const char *got = status == AGENTID_OK ? done : agentid_error_name(error);
    if (status == AGENTID_DENIED && strcmp(given("op"), "permits") == 0) got = "deny";
    if (strcmp(got, wanted) != 0) {
        fprintf(stderr, "%s: %s: expected %s, got %s: %s\n", name, given("op"), wanted, got, agentid_error_message(error));
        failures++;
    }
    if (decision != NULL) EXPECT(agentid_decision_permitted(decision) == (status == AGENTID_OK));
    if (decision != NULL && status == AGENTID_DENIED) EXPECT(strcmp(agentid_decision_reason(decision), wanted) == 0);
    agentid_decision_free(decision);
    agentid_error_free(error);
}

int main(void)
{
    static char line[1 << 14], name[128];
    int cases = 0;
    while (fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\n")] = 0;
        members = 0;
        for (char *part = strtok(line, "\t"); part != NULL && members < MOST; part = strtok(NULL, "\t")) step[members++] = part;
        if (member("case") != NULL) {
            if (cases++ > 0) finish();
            snprintf(name, sizeof name, "%s", member("case"));
            begin();
        }
        run(name);
    }
    if (cases > 0) finish();
    EXPECT(cases > 30);
    return ended("verdicts");
}
