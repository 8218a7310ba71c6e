/*
 * What a server answers to each reason: the lines of Tests/Verdicts/reasons.tsv on standard input, as every language answers.
 */
#include "expect.h"

static const char *const categories[] = {"forbidden", "unauthorized", "undecided"};

/* Cuts a line at its next tab. */
static char *cut(char *line)
{
    char *tab = strchr(line, '\t');
    EXPECT(tab != NULL);
    *tab = 0;
    return tab + 1;
}

int main(void)
{
    char line[256];
    size_t count = 0;
    agentid_bytes list, challenge;
    EXPECT(agentid_reason_list(&list, NULL) == AGENTID_OK);
    while (fgets(line, sizeof line, stdin) != NULL) {
        char quoted[300], *category = cut(line), *status = cut(category), *expected = cut(status);
        expected[strcspn(expected, "\n")] = 0;
        agentid_category is = agentid_reason_category(TEXT(line));
        EXPECT(is >= AGENTID_FORBIDDEN && is <= AGENTID_UNDECIDED && strcmp(categories[is], category) == 0);
        snprintf(quoted, sizeof quoted, "%d", (int)agentid_reason_http_status(TEXT(line)));
        EXPECT(strcmp(quoted, status) == 0);
        EXPECT(agentid_reason_challenge(TEXT(line), &challenge, NULL) == AGENTID_OK);
        EXPECT(strcmp(challenge.len == 0 ? "" : challenge.data, expected) == 0);
        agentid_bytes_free(&challenge);
        snprintf(quoted, sizeof quoted, "\"reason\":\"%s\"", line);
        EXPECT(strstr(list.data, quoted) != NULL);
        count++;
    }
    size_t listed = 0;
    for (const char *at = list.data; (at = strstr(at, "\"reason\":")) != NULL; at++) listed++;
    EXPECT(count > 70 && listed == count);
    agentid_bytes_free(&list);

    /* Of a newer library, of nobody, not text: forbidden. */
    EXPECT(agentid_reason_category(TEXT("of_a_newer_library")) == AGENTID_FORBIDDEN);
    EXPECT(agentid_reason_category(NULL, 0) == AGENTID_FORBIDDEN && agentid_reason_http_status(NULL, 5) == 403);
    EXPECT(agentid_reason_http_status(TEXT("repla\xffyed")) == 403 && agentid_reason_http_status("replayed", (size_t)-1) == 403);
    EXPECT(agentid_reason_challenge(TEXT("x\" y=\""), &challenge, NULL) == AGENTID_OK && challenge.len == 0);
    agentid_bytes_free(&challenge);
    return ended("reasons");
}
