/* The whole life of a chain through the header alone, in C99: from an authority on disk to its last revocation. */
#include "expect.h"
#include <stddef.h>
#include <unistd.h>

static const char INSIDE[] = "{\"path\":\"/data/q3/public/a.csv\"}";
static const char OUTSIDE[] = "{\"path\":\"/data/q3/secret.csv\"}";
static int64_t seconds = 1790000000;
static int released;

static int32_t now(int64_t *milliseconds, void *user_data)
{
    (void)user_data;
    *milliseconds = seconds * 1000;
    return AGENTID_CALLBACK_OK;
}

static void release(void *user_data)
{
    (void)user_data;
    released++;
}

static const agentid_clock clock_of_ours = {sizeof(agentid_clock), now, release, NULL};

static void expect_reason(const agentid_decision *decision, const char *reason)
{
    EXPECT(strcmp(agentid_decision_reason(decision), reason) == 0);
    EXPECT(agentid_decision_permitted(decision) == (*reason == 0));
}

static agentid_authority *open_authority(const char *directory, const char *passphrase)
{
    agentid_authority *authority = NULL;
    agentid_authority_options options = AGENTID_AUTHORITY_OPTIONS_INIT;
    options.trust_domain = "acme.example";
    options.passphrase = passphrase;
    options.clock = &clock_of_ours;
    DONE(agentid_authority_open(TEXT(directory), &options, &authority, &error));
    return authority;
}

static agentid_agent *start(agentid_authority *authority)
{
    agentid_agent *agent = NULL;
    agentid_agent_options options = AGENTID_AGENT_OPTIONS_INIT;
    options.principal = "user:alice@acme.example";
    options.task = "Q3 review";
    options.intent = "Summarise the third quarter";
    options.scope = "read_file(path under \"/data/q3\")";
    options.entitlements = "read_file(path under \"/data\"); search";
    options.labels = "[\"confidential\"]";
    DONE(agentid_authority_start_agent(authority, TEXT("researcher"), &options, &agent, &error));
    return agent;
}

/* When grants end, and options that are cut short. */
static void end_of_grants(agentid_authority *authority)
{
    agentid_agent *agent = NULL;
    agentid_bytes chain, proof;
    int64_t expires = 0;
    agentid_agent_options options = AGENTID_AGENT_OPTIONS_INIT;
    options.principal = "user:alice@acme.example";
    options.task = "Q3 review";
    options.scope = "read_file(path under \"/data/q3\")";
    options.until = seconds;
    ANSWERS(AGENTID_E_ARGUMENT, agentid_authority_start_agent(authority, TEXT("researcher"), &options, &agent, &error));
    options.struct_size = offsetof(agentid_agent_options, until); /* of no header that was ever released */
    ANSWERS(AGENTID_E_ARGUMENT, agentid_authority_start_agent(authority, TEXT("researcher"), &options, &agent, &error));
    options.struct_size = sizeof options;
    options.until = seconds + 7;
    DONE(agentid_authority_start_agent(authority, TEXT("researcher"), &options, &agent, &error));
    DONE(agentid_agent_expires(agent, &expires, &error));
    EXPECT(expires == seconds + 7);
    DONE(agentid_agent_present(agent, TEXT("read_file"), TEXT(INSIDE), TEXT("files"), &chain, &proof, &error));
    EXPECT(strlen(chain.data) == chain.len && strlen(proof.data) == proof.len && proof.len > 0);
    agentid_bytes_free(&chain);
    agentid_bytes_free(&proof);
    ANSWERS(AGENTID_E_MALFORMED, agentid_agent_present(agent, TEXT("read_file"), TEXT("["), TEXT("files"), &chain, &proof, &error));
    EXPECT(chain.data == NULL && proof.data == NULL);
    agentid_agent_close(agent);
    ANSWERS(AGENTID_E_HANDLE, agentid_agent_expires(agent, &expires, &error));
    EXPECT(expires == 0);
}

/* For whom grants and proofs are, what a guard hands out, and the object that carries both. */
static void presentations(agentid_authority *authority)
{
    agentid_guard_options options = AGENTID_GUARD_OPTIONS_INIT;
    agentid_delegation_options narrower = AGENTID_DELEGATION_OPTIONS_INIT;
    agentid_proof_options how = AGENTID_PROOF_OPTIONS_INIT;
    agentid_agent *agent = start(authority), *elsewhere = NULL;
    agentid_guard *guard = NULL, *plain = NULL;
    agentid_decision *decision = NULL;
    agentid_bytes nonce = {NULL, 0, 0}, made = {NULL, 0, 0}, chain = {NULL, 0, 0};
    options.audience = "files";
    options.clock = &clock_of_ours;
    DONE(agentid_authority_guard(authority, &options, &plain, &error));
    ANSWERS(AGENTID_E_STATE, agentid_guard_nonce(plain, &nonce, &error));
    EXPECT(nonce.data == NULL);
    options.require_nonce = 1;
    DONE(agentid_authority_guard(authority, &options, &guard, &error));
    DONE(agentid_guard_nonce(guard, &nonce, &error));
    EXPECT(nonce.len == 43);
    how.audience = "files";
    DONE(agentid_agent_presentation(agent, TEXT("read_file"), TEXT(INSIDE), &how, &made, &error));
    EXPECT(strncmp(made.data, "{\"aat_chain\":[\"", 15) == 0);
    ANSWERS(AGENTID_DENIED, agentid_guard_authorize_presentation(guard, made.data, made.len, TEXT("read_file"), TEXT(INSIDE), &decision, &error));
    expect_reason(decision, "nonce_required");
    agentid_decision_free(decision);
    DONE(agentid_guard_authorize_presentation(plain, made.data, made.len, TEXT("read_file"), TEXT(INSIDE), NULL, &error));
    ANSWERS(AGENTID_DENIED, agentid_guard_authorize_presentation(plain, made.data, made.len - 1, TEXT("read_file"), TEXT(INSIDE), &decision, &error));
    expect_reason(decision, "presentation_malformed");
    agentid_decision_free(decision);
    agentid_bytes_free(&made);
    how.nonce = nonce.data;
    DONE(agentid_agent_presentation(agent, TEXT("read_file"), TEXT(INSIDE), &how, &made, &error));
    DONE(agentid_guard_authorize_presentation(guard, made.data, made.len, TEXT("read_file"), TEXT(INSIDE), NULL, &error));
    agentid_bytes_free(&made);
    DONE(agentid_agent_prove_with(agent, TEXT("read_file"), TEXT(INSIDE), &how, &made, &error));
    DONE(agentid_agent_chain(agent, &chain, &error));
    ANSWERS(AGENTID_DENIED, agentid_guard_authorize(guard, chain.data, chain.len, made.data, made.len, TEXT("read_file"), TEXT(INSIDE), &decision, &error));
    expect_reason(decision, "replayed");
    agentid_decision_free(decision);
    agentid_bytes_free(&made);
    narrower.same_scope = 1;
    narrower.audiences = "[\"mail\"]";
    DONE(agentid_agent_spawn(agent, TEXT("mailer"), &narrower, &elsewhere, &error));
    how.nonce = NULL;
    DONE(agentid_agent_presentation(elsewhere, TEXT("read_file"), TEXT(INSIDE), &how, &made, &error));
    ANSWERS(AGENTID_DENIED, agentid_guard_authorize_presentation(plain, made.data, made.len, TEXT("read_file"), TEXT(INSIDE), &decision, &error));
    expect_reason(decision, "chain_audience_mismatch");
    agentid_decision_free(decision);
    agentid_agent_close(elsewhere);
    narrower.audiences = "mail";
    ANSWERS(AGENTID_E_MALFORMED, agentid_agent_spawn(agent, TEXT("wrong"), &narrower, &elsewhere, &error));
    agentid_bytes_free(&made);
    agentid_bytes_free(&chain);
    agentid_bytes_free(&nonce);
    agentid_guard_close(guard);
    agentid_guard_close(plain);
    EXPECT(elsewhere == NULL);
    agentid_agent_close(agent);
}

static void live(agentid_authority *authority)
{
    agentid_profile_options profile = AGENTID_PROFILE_OPTIONS_INIT;
    agentid_delegation_options narrower = AGENTID_DELEGATION_OPTIONS_INIT, whole = AGENTID_DELEGATION_OPTIONS_INIT;
    agentid_guard_options options = AGENTID_GUARD_OPTIONS_INIT;
    agentid_agent *agent, *reader = NULL, *opened = NULL;
    agentid_guard *guard = NULL, *alone = NULL;
    agentid_decision *decision = NULL;
    agentid_admission *admission = NULL;
    agentid_bytes bytes, chain, proof, key, id;

    profile.owner = "team:research@acme.example";
    profile.ceiling = "read_file(path under \"/data\"); search(query: *)";
    DONE(agentid_authority_put_profile(authority, TEXT("researcher"), &profile, &error));
    DONE(agentid_authority_profiles(authority, &bytes, &error));
    EXPECT(strstr(bytes.data, "team:research@acme.example") != NULL && strlen(bytes.data) == bytes.len);
    agentid_bytes_free(&bytes);
    EXPECT(bytes.data == NULL && bytes.len == 0);
    agentid_bytes_free(&bytes);

    end_of_grants(authority);

    /* A sub-agent may do less, and in this process needs no proof. */
    agent = start(authority);
    ANSWERS(AGENTID_E_ARGUMENT, agentid_agent_spawn(agent, TEXT("reader"), &narrower, &reader, &error)); /* of what? */
    EXPECT(reader == NULL);
    whole.same_scope = 1;
    narrower.scope = "read_file(path under \"/data/q3/public\")";
    DONE(agentid_agent_spawn(agent, TEXT("reader"), &narrower, &reader, &error));
    DONE(agentid_agent_authorize_z(reader, "read_file", INSIDE, &decision, &error));
    expect_reason(decision, "");
    agentid_decision_free(decision);
    ANSWERS(AGENTID_DENIED, agentid_agent_authorize(reader, TEXT("read_file"), TEXT(OUTSIDE), &decision, &error));
    expect_reason(decision, "argument_constraint_violated");
    DONE(agentid_decision_document(decision, &bytes, &error));
    EXPECT(strstr(bytes.data, "\"argument\":\"path\"") != NULL && strstr(bytes.data, "secret") == NULL);
    agentid_bytes_free(&bytes);
    DONE(agentid_decision_explain(decision, &bytes, &error));
    EXPECT(strstr(bytes.data, "user:alice@acme.example") != NULL);
    agentid_bytes_free(&bytes);
    agentid_decision_free(decision);
    narrower.scope = "read_file(path under \"/etc\")";
    ANSWERS(AGENTID_E_SCOPE, agentid_agent_spawn(agent, TEXT("reader"), &narrower, &opened, &error));
    EXPECT(opened == NULL);

    /* Elsewhere the chain goes with a proof, to a guard that knows the bundle. */
    options.audience = "files";
    options.require_claim = 1;
    options.clock = &clock_of_ours;
    DONE(agentid_guard_open(&options, &alone, &error));
    DONE(agentid_authority_bundle(authority, &bytes, &error));
    DONE(agentid_guard_add_bundle(alone, TEXT("acme.example"), bytes.data, bytes.len, &error));
    agentid_bytes_free(&bytes);
    DONE(agentid_agent_chain(reader, &chain, &error));
    DONE(agentid_agent_prove(reader, TEXT("read_file"), TEXT(INSIDE), TEXT("files"), &proof, &error));
    DONE(agentid_guard_authorize_z(alone, chain.data, proof.data, "read_file", INSIDE, &decision, &error));
    expect_reason(decision, "");
    agentid_decision_free(decision);
    ANSWERS(AGENTID_DENIED, agentid_guard_authorize(alone, chain.data, chain.len, proof.data, proof.len,
                                                    TEXT("read_file"), TEXT(INSIDE), &decision, &error));
    expect_reason(decision, "replayed");
    agentid_decision_free(decision);
    agentid_bytes_free(&proof);
    DONE(agentid_guard_admit(alone, chain.data, chain.len, NULL, 0, &admission, &error));
    DONE(agentid_agent_prove(reader, TEXT("read_file"), TEXT(INSIDE), TEXT("files"), &proof, &error));
    DONE(agentid_admission_authorize(admission, proof.data, proof.len, TEXT("read_file"), TEXT(INSIDE), NULL, &error));
    agentid_bytes_free(&proof);
    agentid_admission_free(admission);
    DONE(agentid_guard_statistics(alone, &bytes, &error));
    EXPECT(strstr(bytes.data, "\"permitted\":2") != NULL);
    agentid_bytes_free(&bytes);
    DONE(agentid_chain_decode(chain.data, chain.len, &bytes, &error));
    EXPECT(strstr(bytes.data, "\"verified\":false") != NULL);
    agentid_bytes_free(&bytes);

    /* A key held elsewhere: issued to, delegated to, taken up again. */
    DONE(agentid_key_generate(&key, &error));
    {
        agentid_bytes grant, credential, public_key;
        agentid_agent_options asked = AGENTID_AGENT_OPTIONS_INIT;
        agentid_open_agent_options taken = AGENTID_OPEN_AGENT_OPTIONS_INIT;
        asked.principal = "user:alice@acme.example";
        asked.task = "elsewhere";
        asked.scope = "search(query == \"x\")";
        ANSWERS(AGENTID_E_MALFORMED, agentid_authority_issue(authority, TEXT("researcher"), key.data, key.len, &asked,
                                                             &grant, &credential, &error));
        DONE(agentid_agent_public_key(reader, &public_key, &error));
        /* Without a place for a credential none is signed. */
        DONE(agentid_authority_issue(authority, TEXT("researcher"), public_key.data, public_key.len, &asked, &grant, NULL,
                                     &error));
        agentid_bytes_free(&grant);
        DONE(agentid_authority_issue(authority, TEXT("researcher"), public_key.data, public_key.len, &asked, &grant,
                                     &credential, &error));
        agentid_bytes_free(&key);
        DONE(agentid_agent_export_key(reader, &key, &error));
        taken.key = key.data;
        taken.chain = grant.data;
        taken.credential = credential.data;
        taken.clock = &clock_of_ours;
        DONE(agentid_agent_open(&taken, &opened, &error));
        DONE(agentid_guard_authorize_agent(alone, opened, TEXT("search"), TEXT("{\"query\":\"x\"}"), NULL, &error));
        ANSWERS(AGENTID_E_STATE, agentid_agent_authorize_z(opened, "search", "{\"query\":\"x\"}", NULL, &error));
        taken.chain = chain.data;
        agentid_agent_close(opened);
        DONE(agentid_agent_open(&taken, &opened, &error));
        agentid_agent_close(opened);
        ANSWERS(AGENTID_E_ARGUMENT, agentid_agent_delegate(reader, public_key.data, public_key.len, &whole, &bytes, &error));
        DONE(agentid_agent_delegate(agent, public_key.data, public_key.len, &whole, &bytes, &error));
        ANSWERS(AGENTID_DENIED, agentid_guard_admit(alone, bytes.data, bytes.len, NULL, 0, &admission, &error));
        EXPECT(admission == NULL); /* this guard wants every holder named */
        agentid_bytes_free(&bytes);
        DONE(agentid_agent_id(reader, &id, &error));
        narrower.scope = NULL;
        narrower.same_scope = 1;
        narrower.agent = id.data;
        DONE(agentid_agent_delegate(agent, public_key.data, public_key.len, &narrower, &bytes, &error));
        agentid_bytes_free(&id);
        DONE(agentid_guard_admit(alone, bytes.data, bytes.len, NULL, 0, &admission, &error));
        agentid_admission_free(admission);
        agentid_bytes_free(&bytes);
        agentid_bytes_free(&grant);
        agentid_bytes_free(&credential);
        agentid_bytes_free(&public_key);
        agentid_bytes_free(&key);
    }

    /* Keys change, chains stay good. */
    DONE(agentid_agent_rotate_key(agent, &error));
    DONE(agentid_agent_authorize_z(agent, "read_file", OUTSIDE, NULL, &error));
    DONE(agentid_agent_authorize_z(reader, "read_file", INSIDE, NULL, &error));
    DONE(agentid_agent_credential(agent, &bytes, &error));
    EXPECT(bytes.len > 0);
    agentid_bytes_free(&bytes);
    DONE(agentid_authority_publish_key(authority, &error));
    ANSWERS(AGENTID_E_STATE, agentid_authority_publish_key(authority, &error));
    DONE(agentid_authority_activate_key(authority, &error));
    ANSWERS(AGENTID_E_STATE, agentid_authority_activate_key(authority, &error));
    DONE(agentid_authority_guard(authority, &options, &guard, &error));
    DONE(agentid_guard_authorize_agent(guard, reader, TEXT("read_file"), TEXT(INSIDE), NULL, &error));

    /* What is revoked takes all below it along, at once. */
    DONE(agentid_agent_id(agent, &id, &error));
    DONE(agentid_authority_revoke(authority, AGENTID_REVOKE_AGENT, id.data, id.len, NULL, &error));
    ANSWERS(AGENTID_DENIED, agentid_guard_authorize_agent(guard, reader, TEXT("read_file"), TEXT(INSIDE), NULL, &error));
    ANSWERS(AGENTID_DENIED, agentid_agent_authorize_z(reader, "read_file", INSIDE, NULL, &error));
    DONE(agentid_guard_authorize_agent(alone, reader, TEXT("read_file"), TEXT(INSIDE), NULL, &error));
    DONE(agentid_guard_revoke(alone, AGENTID_REVOKE_AGENT, id.data, id.len, &error));
    ANSWERS(AGENTID_DENIED, agentid_guard_authorize_agent(alone, reader, TEXT("read_file"), TEXT(INSIDE), NULL, &error));
    agentid_bytes_free(&id);
    seconds += 301;
    ANSWERS(AGENTID_E_STATE, agentid_agent_spawn(agent, TEXT("late"), &whole, &opened, &error));

    agentid_bytes_free(&chain);
    agentid_agent_close(reader);
    ANSWERS(AGENTID_E_HANDLE, agentid_agent_rotate_key(reader, &error));
    agentid_agent_close(agent);
    agentid_guard_close(guard);
    agentid_guard_close(alone);
}

static void scopes(void)
{
    agentid_scope *a = NULL, *b = NULL, *meet = NULL;
    agentid_bytes bytes;
    DONE(agentid_scope_parse(TEXT("pay(amount >= 0 <= 500)"), &a, &error));
    DONE(agentid_scope_parse(TEXT("pay(amount <= 100); search"), &b, &error));
    DONE(agentid_scope_meet(a, b, &meet, &error));
    DONE(agentid_scope_permits(meet, TEXT("pay"), TEXT("{\"amount\":100}"), &error));
    ANSWERS(AGENTID_DENIED, agentid_scope_permits(meet, TEXT("pay"), TEXT("{\"amount\":101}"), &error));
    ANSWERS(AGENTID_DENIED, agentid_scope_subsumes(meet, a, &error));
    DONE(agentid_scope_text(meet, &bytes, &error));
    EXPECT(strcmp(bytes.data, "pay(amount all(>= 0 <= 100))") == 0);
    agentid_bytes_free(&bytes);
    DONE(agentid_scope_json(meet, &bytes, &error));
    agentid_scope_free(b);
    DONE(agentid_scope_parse(bytes.data, bytes.len, &b, &error));
    DONE(agentid_scope_subsumes(b, meet, &error));
    agentid_bytes_free(&bytes);
    DONE(agentid_scope_explain(meet, &bytes, &error));
    agentid_bytes_free(&bytes);
    agentid_scope_free(meet);
    agentid_scope_free(a);
    agentid_scope_free(b);
}

int main(void)
{
    const char *directory = new_directory();
    char path[1100], command[1100];
    agentid_authority *authority;
    EXPECT(agentid_abi_version() == AGENTID_ABI_VERSION);
    DONE(agentid_selftest(&error));
    scopes();
    authority = open_authority("", NULL);
    live(authority);
    presentations(authority);
    agentid_authority_close(authority);

    EXPECT(directory != NULL);
    snprintf(path, sizeof path, "%s/acme", directory);
    seconds = 1790000000;
    authority = open_authority(path, "correct horse");
    live(authority);
    agentid_authority_close(authority);
    {
        agentid_authority_options wrong = AGENTID_AUTHORITY_OPTIONS_INIT;
        wrong.passphrase = "wrong";
        ANSWERS(AGENTID_E_PASSPHRASE, agentid_authority_open(TEXT(path), &wrong, &authority, &error));
        EXPECT(authority == NULL);
    }
    authority = open_authority(path, "correct horse");
    agentid_authority_close(authority);
    snprintf(command, sizeof command, "rm -rf %s", directory);
    EXPECT(system(command) == 0);
    EXPECT(released > 0);
    return ended("chain_life");
}
