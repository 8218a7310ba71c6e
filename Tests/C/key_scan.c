/*
 * After use no copy of a private seed is left: the program's own memory is searched for the 32 bytes and for their
 * base64url. The seed is remembered masked, so that the search does not find itself.
 */
#include "expect.h"
#include <sys/uio.h>
#include <unistd.h>

enum { SEED = 32, TEXT_LENGTH = 43 };
static const unsigned char MASK = 0xA5;
static unsigned char masked_seed[SEED], masked_text[TEXT_LENGTH];

static int value_of(char c)
{
    const char *alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    return (int)(strchr(alphabet, c) - alphabet);
}

/* Remembers the `d` of a private JWK, masked. */
static void remember(const char *jwk)
{
    const char *d = strstr(jwk, "\"d\":\"") + 5;
    unsigned bits = 0;
    int held = 0, out = 0;
    for (int i = 0; i < TEXT_LENGTH; i++) {
        masked_text[i] = (unsigned char)d[i] ^ MASK;
        bits = (bits << 6 | (unsigned)value_of(d[i])) & 0xFFFF;
        held += 6;
        if (held >= 8 && out < SEED) masked_seed[out++] = (unsigned char)(bits >> (held -= 8)) ^ MASK;
    }
    bits = 0;
}

static int has(const unsigned char *memory, size_t size, const unsigned char *masked, size_t length)
{
    for (size_t i = 0; i + length <= size; i++) {
        size_t j = 0;
        while (j < length && (unsigned char)(memory[i + j] ^ MASK) == masked[j]) j++;
        if (j == length) return 1;
    }
    return 0;
}

/* How many mappings hold the seed in either form; reads as the kernel does, so that guard pages are passed over. */
static int copies(void)
{
    static unsigned char block[1 << 16];
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[512];
    int found = 0;
    while (maps != NULL && fgets(line, sizeof line, maps) != NULL) {
        unsigned long start, end;
        char mode[8];
        if (sscanf(line, "%lx-%lx %7s", &start, &end, mode) != 3 || mode[1] != 'w') continue;
        for (unsigned long at = start; at < end; at += sizeof block - 64) {
            struct iovec to = {block, sizeof block}, from = {(void *)at, end - at < sizeof block ? end - at : sizeof block};
            ssize_t got = process_vm_readv(getpid(), &to, 1, &from, 1, 0);
            if (got <= 0 || (at <= (unsigned long)block && (unsigned long)block < at + (unsigned long)got)) continue;
            found += has(block, (size_t)got, masked_seed, SEED) || has(block, (size_t)got, masked_text, TEXT_LENGTH);
            memset(block, 0, sizeof block);
        }
    }
    if (maps != NULL) fclose(maps);
    return found;
}

int main(void)
{
    agentid_authority *authority = NULL;
    agentid_agent *agent = NULL, *taken = NULL;
    agentid_bytes key, chain, proof;
    agentid_authority_options options = AGENTID_AUTHORITY_OPTIONS_INIT;
    agentid_profile_options profile = AGENTID_PROFILE_OPTIONS_INIT;
    agentid_agent_options task = AGENTID_AGENT_OPTIONS_INIT;
    agentid_open_agent_options take = AGENTID_OPEN_AGENT_OPTIONS_INIT;
    options.trust_domain = "acme.example";
    profile.owner = "team:x";
    profile.ceiling = task.scope = "search(query: *)";
    task.principal = "user:alice@acme.example";
    task.task = "scan";
    DONE(agentid_authority_open("", 0, &options, &authority, &error));
    DONE(agentid_authority_put_profile(authority, TEXT("p"), &profile, &error));
    DONE(agentid_authority_start_agent(authority, TEXT("p"), &task, &agent, &error));
    DONE(agentid_agent_export_key(agent, &key, &error));
    remember(key.data);
    EXPECT(copies() > 0); /* while it is in use: the search finds what is there */

    /* In and out through every door there is. */
    DONE(agentid_agent_chain(agent, &chain, &error));
    take.key = key.data;
    take.chain = chain.data;
    DONE(agentid_agent_open(&take, &taken, &error));
    agentid_bytes_free(&key);
    for (int i = 0; i < 10; i++) {
        DONE(agentid_agent_prove(taken, TEXT("search"), TEXT("{\"query\":\"x\"}"), "", 0, &proof, &error));
        agentid_bytes_free(&proof);
    }
    DONE(agentid_agent_export_key(taken, &key, &error));
    agentid_bytes_free(&key);
    agentid_agent_close(taken);
    agentid_agent_close(agent);
    agentid_authority_close(authority);
    agentid_bytes_free(&chain);
    EXPECT(copies() == 0);
    return ended("key_scan");
}
