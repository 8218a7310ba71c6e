/*
 * One hostile input of a kind and a size, for whoever counts instructions: `linear KIND SIZE`.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <agentid.h>
#include "expect.h"

static char *filled(const char *head, const char *unit, size_t count, const char *tail)
{
    size_t step = strlen(unit);
    char *text = malloc(strlen(head) + count * step + strlen(tail) + 1), *end = text + strlen(head);
    strcpy(text, head);
    for (size_t i = 0; i < count; i++, end += step) memcpy(end, unit, step);
    strcpy(end, tail);
    return text;
}

/* Whether a scope permits the tool `t` with these arguments. */
static void decide(const char *scope_text, const char *arguments)
{
    agentid_scope *scope = NULL;
    EXPECT(agentid_scope_parse(scope_text, strlen(scope_text), &scope, NULL) == AGENTID_OK);
    (void)!agentid_scope_permits(scope, "t", 1, arguments, strlen(arguments), NULL);
    agentid_scope_free(scope);
}

int main(int count, char **words)
{
    if (count != 3) return 2;
    const char *kind = words[1];
    size_t size = strtoul(words[2], NULL, 10);
    char *text = NULL;
    if (strcmp(kind, "dots") == 0 || strcmp(kind, "links") == 0) {
        agentid_guard_options options = AGENTID_GUARD_OPTIONS_INIT;
        agentid_guard *guard = NULL;
        options.any_audience = 1;
        text = filled("", *kind == 'd' ? "." : "eyJhbGciOiJFZERTQSJ9.e30.~", size, "");
        DONE(agentid_guard_open(&options, &guard, &error));
        EXPECT(agentid_guard_authorize(guard, TEXT(text), "", 0, "t", 1, "{}", 2, NULL, NULL) == AGENTID_DENIED);
        agentid_guard_close(guard);
    } else if (strcmp(kind, "brackets") == 0) {
        decide("t(a: *)", text = filled("{\"a\":", "[", size, ""));
    } else if (strcmp(kind, "names") == 0) {
        text = malloc(size * 16 + 16);
        char *end = text + sprintf(text, "{");
        for (size_t i = 0; i < size; i++) end += sprintf(end, "%s\"n%zu\":1", i == 0 ? "" : ",", i);
        strcpy(end, "}");
        decide("t", text);
    } else if (strcmp(kind, "stars") == 0) {
        decide("t(a like \"*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b\")", text = filled("{\"a\":\"", "a", size, "\"}"));
    } else if (strcmp(kind, "segments") == 0) {
        decide("t(a under \"/data\")", text = filled("{\"a\":\"/data", "/x/..", size, "\"}"));
    } else if (strcmp(kind, "escapes") == 0) {
        decide("t(a: *)", text = filled("{\"a\":\"", "\\u0061", size, "\"}"));
    } else {
        return 2;
    }
    free(text);
    return failures == 0 ? 0 : 1;
}
