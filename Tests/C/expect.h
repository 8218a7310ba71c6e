/* What the C tests share: calls that must answer as expected, or the program says where they did not and fails. */
#ifndef EXPECT_H
#define EXPECT_H
#include <agentid.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failures;

#define EXPECT(holds)                                                                \
    do {                                                                             \
        if (!(holds)) {                                                              \
            fprintf(stderr, "%s:%d: expected %s\n", __FILE__, __LINE__, #holds);     \
            failures++;                                                              \
        }                                                                            \
    } while (0)

/* `call` names its error parameter `&error`. */
#define ANSWERS(expected, call)                                                                           \
    do {                                                                                                  \
        agentid_error *error = NULL;                                                                      \
        agentid_status status_ = (call);                                                                  \
        if (status_ != (expected)) {                                                                      \
            fprintf(stderr, "%s:%d: %s: %s: %s\n", __FILE__, __LINE__, #call, agentid_status_name(status_), \
                    agentid_error_message(error));                                                        \
            failures++;                                                                                   \
        }                                                                                                 \
        EXPECT((error == NULL) == (status_ == AGENTID_OK));                                               \
        EXPECT(error == NULL || agentid_error_code(error) == status_);                                    \
        agentid_error_free(error);                                                                        \
    } while (0)
#define DONE(call) ANSWERS(AGENTID_OK, call)

/* A text and its length, as two arguments. */
#define TEXT(text) (text), strlen(text)

/* A new directory below TMPDIR, or /tmp. Whoever runs the program removes it. */
static inline const char *new_directory(void)
{
    static char path[1024];
    const char *parent = getenv("TMPDIR");
    snprintf(path, sizeof path, "%s/agentid-XXXXXX", parent == NULL ? "/tmp" : parent);
    return mkdtemp(path);
}

static inline int ended(const char *name)
{
    if (failures == 0) printf("%s: all as expected\n", name);
    return failures == 0 ? 0 : 1;
}
#endif
