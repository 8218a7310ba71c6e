/*
 * Constraints are compiled once: deciding a call allocates for the call, and no more for a scope of many constraints
 * than for one of a few. Counts the library's calls of malloc() and its kin, which come here first.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <agentid.h>
#include <errno.h>
#include <stdlib.h>
#include "expect.h"

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

static long allocations;

void *malloc(size_t size)
{
    allocations++;
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    allocations++;
    return __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
    allocations++;
    return __libc_realloc(old, size);
}

int posix_memalign(void **out, size_t alignment, size_t size)
{
    allocations++;
    *out = __libc_memalign(alignment, size);
    return *out == NULL ? ENOMEM : 0;
}

static const char CALL[] =
    "{\"query\":\"weather in Oslo\",\"limit\":5,\"path\":\"/data/q3/a.csv\",\"url\":\"https://api.acme.example/v1/x\","
    "\"host\":\"10.1.2.3\",\"amount\":\"12.50\",\"tags\":[\"a\",\"b\"]}";

/* How often a decision by this scope allocates, once everything is warm. */
static long count(const char *text)
{
    agentid_scope *scope = NULL;
    EXPECT(agentid_scope_parse(text, strlen(text), &scope, NULL) == AGENTID_OK);
    long before = 0;
    for (int i = 0; i < 4; i++) {
        before = allocations;
        EXPECT(agentid_scope_permits(scope, "search", 6, CALL, sizeof CALL - 1, NULL) == AGENTID_OK);
    }
    long made = allocations - before;
    agentid_scope_free(scope);
    return made;
}

int main(void)
{
    long open = count("search");
    long few = count("search(query: *, limit: *, path: *, url: *, host: *, amount: *, tags: *)");
    long many = count(
        "search(query all(like \"weather*\", like \"*Oslo\", not in [\"x\"], any(== \"weather in Oslo\", in [\"y\",\"z\"])),"
        " limit all(>= 0, <= 100, in [1,2,3,4,5], number), path all(under \"/\", under \"/data\", like \"/data/**\"),"
        " url all(uri {\"hosts\":[\"*.acme.example\"],\"schemes\":[\"https\"],\"ports\":[443],\"path\":\"/v1\"}, like \"https:**\"),"
        " host all(cidr [\"10.0.0.0/8\",\"192.168.0.0/16\"], like \"10.*\"), amount all(decimal >= \"0.01\" <= \"500\", *),"
        " tags all(contains [\"a\"], subset of [\"a\",\"b\",\"c\"]))");
    EXPECT(few == open);
    EXPECT(many == open);
    printf("allocations a decision: %ld open, %ld with few constraints, %ld with many\n", open, few, many);
    return ended("allocations");
}
