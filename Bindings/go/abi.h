/*
 * The C header as Go calls it: a handle is a number, never a pointer that Go's collector would look at; a text is a Go
 * string, not copied; what comes back, comes back by value, so that no variable of Go's moves to the heap for it.
 *
 * Each file wraps the functions it calls with the macros below.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENTID_GO_ABI_H
#define AGENTID_GO_ABI_H

#include <agentid.h>
#include <agentid_audit.h>
#include <agentid_lifecycle.h>
#include <agentid_operations.h>
#include <agentid_policy.h>
#include <string.h>

#if AGENTID_ABI_VERSION != 1
#error "this package is written for ABI 1 of libagentid: build it against the agentid.h that came with it"
#endif

/* What a call answers: its status, the error's handle, and what was made or counted. */
typedef struct go_answer {
    agentid_status status;
    uintptr_t error;
    uintptr_t handle;
    int64_t count;
} go_answer;

/* As go_answer, for a call that gives texts. */
typedef struct go_texts {
    agentid_status status;
    uintptr_t error;
    agentid_bytes first;
    agentid_bytes second;
} go_texts;

/* How much comes along with a decision. */
enum {
    GO_BARE = 0, /* what the error says, and the ID */
    GO_TOLD = 1, /* of a denial its documents too */
    GO_HELD = 2  /* of a permit that it stays in the library */
};

/* What a call that decides answers, copied. `held` is a permit that stays. */
typedef struct go_decision {
    agentid_status status;
    uint32_t id_len;
    uintptr_t error;
    uintptr_t held;
    agentid_bytes document, explanation;
    int64_t retry_after;
    uint32_t approval_len; /* of the request that a denied call waits for */
    char approval[64];
    char id[64];
} go_decision;

/* A handle of that type. */
#define AS(type, handle) ((agentid_##type *)(handle))

/* A Go string as pointer and length. */
#define TEXT(text) _GoStringPtr(text), _GoStringLen(text)

/* A text for an option struct, with the NUL that Go has put after it; NULL for an empty one, which was not given. */
static inline const char *go_option(_GoString_ text) { return _GoStringLen(text) > 0 ? _GoStringPtr(text) : NULL; }

/* The body of a wrapper: a call that only succeeds or fails; that makes `made`; that counts in `count`; that gives texts;
 * that decides. */
#define DO(call)                                                                                                       \
    agentid_error *error = NULL;                                                                                       \
    agentid_status status = (call);                                                                                    \
    return (go_answer){status, (uintptr_t)error, 0, 0}
#define MAKE(type, call)                                                                                               \
    agentid_##type *made = NULL;                                                                                       \
    agentid_error *error = NULL;                                                                                       \
    agentid_status status = (call);                                                                                    \
    return (go_answer){status, (uintptr_t)error, (uintptr_t)made, 0}
#define COUNT(call)                                                                                                    \
    int64_t count = 0;                                                                                                 \
    agentid_error *error = NULL;                                                                                       \
    agentid_status status = (call);                                                                                    \
    return (go_answer){status, (uintptr_t)error, 0, count}
#define TAKE(call)                                                                                                     \
    agentid_bytes first = {NULL, 0, 0}, second = {NULL, 0, 0};                                                         \
    agentid_error *error = NULL;                                                                                       \
    agentid_status status = (call);                                                                                    \
    return (go_texts){status, (uintptr_t)error, first, second}

#define DECIDE(along, call)                                                                                            \
    agentid_decision *made = NULL;                                                                                     \
    agentid_error *error = NULL;                                                                                       \
    agentid_status status = (call);                                                                                    \
    return go_decided(status, error, made, along)

static inline go_decision go_decided(agentid_status status, agentid_error *error, agentid_decision *made, int along) {
    go_decision answer = {.status = status, .error = (uintptr_t)error};
    if (made == NULL) return answer;
    answer.retry_after = agentid_decision_retry_after(made);
    if (status == AGENTID_DENIED) {
        const char *approval = agentid_decision_approval(made);
        answer.approval_len = (uint32_t)strnlen(approval, sizeof answer.approval);
        memcpy(answer.approval, approval, answer.approval_len);
    }
    const char *id = agentid_decision_id(made);
    answer.id_len = (uint32_t)strnlen(id, sizeof answer.id);
    memcpy(answer.id, id, answer.id_len);
    if (status == AGENTID_DENIED && (along & GO_TOLD) != 0) { /* where one of them fails it is empty, and the error says what was denied all the same */
        if (agentid_decision_document(made, &answer.document, NULL) != AGENTID_OK) answer.document.len = 0;
        if (agentid_decision_explain(made, &answer.explanation, NULL) != AGENTID_OK) answer.explanation.len = 0;
    }
    if (status == AGENTID_OK && (along & GO_HELD) != 0) {
        answer.held = (uintptr_t)made;
    } else {
        agentid_decision_free(made);
    }
    return answer;
}

/* What the library calls back; `user_data` is a cgo.Handle. Defined in callbacks.c. */
int32_t agentid_go_now(int64_t *milliseconds, void *user_data);
int32_t agentid_go_sign(const uint8_t *message, size_t message_len, uint8_t signature[64], void *user_data);
int32_t agentid_go_run(const char *event, size_t event_len, void *user_data);
int32_t agentid_go_approve(const char *request, size_t request_len, void *user_data);
int32_t agentid_go_acquire(const char *request, size_t request_len, char *secret, size_t capacity, size_t *secret_len,
                   void *user_data);
int32_t agentid_go_give_back(const char *lease, size_t lease_len, void *user_data);
void agentid_go_line(agentid_log_level level, const char *reason, const char *message, void *user_data);
void agentid_go_progress(uint64_t entries, void *user_data);
void agentid_go_release(void *user_data);

/* The cgo.Handle of the call that acquires a secret on this thread, 0 for none: its provider says there why it failed. */
extern _Thread_local uintptr_t agentid_go_acquiring;

/* How many clocks this thread is in at once: a clock runs on another thread than the call that asks it. */
extern _Thread_local int agentid_go_clocks;

static inline agentid_clock go_clock(uintptr_t clock) {
    return (agentid_clock){sizeof(agentid_clock), agentid_go_now, agentid_go_release, (void *)clock};
}

#endif
