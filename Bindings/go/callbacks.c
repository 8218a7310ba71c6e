/* What the library calls: each hands on to Go, with a number where C has `user_data`. */
#include "_cgo_export.h"

_Thread_local uintptr_t agentid_go_acquiring;
_Thread_local int agentid_go_clocks;

int32_t agentid_go_now(int64_t *milliseconds, void *user_data) {
    if (agentid_go_clocks >= 3) return AGENTID_CALLBACK_FAILED; /* it calls this library, which asks it again */
    return agentidGoNow(milliseconds, (uintptr_t)user_data, agentid_go_clocks + 1);
}

int32_t agentid_go_sign(const uint8_t *message, size_t message_len, uint8_t signature[64], void *user_data) {
    return agentidGoSign((uint8_t *)message, message_len, signature, (uintptr_t)user_data);
}

int32_t agentid_go_run(const char *event, size_t event_len, void *user_data) {
    return agentidGoRun((char *)event, event_len, (uintptr_t)user_data);
}

int32_t agentid_go_approve(const char *request, size_t request_len, void *user_data) {
    return agentidGoApprove((char *)request, request_len, (uintptr_t)user_data);
}

int32_t agentid_go_acquire(const char *request, size_t request_len, char *secret, size_t capacity, size_t *secret_len,
                           void *user_data) {
    return agentidGoAcquire((char *)request, request_len, secret, capacity, secret_len, agentid_go_acquiring,
                            (uintptr_t)user_data);
}

int32_t agentid_go_give_back(const char *lease, size_t lease_len, void *user_data) {
    return agentidGoGiveBack((char *)lease, lease_len, (uintptr_t)user_data);
}

void agentid_go_line(agentid_log_level level, const char *reason, const char *message, void *user_data) {
    agentidGoLine(level, (char *)reason, (char *)message, (uintptr_t)user_data);
}

void agentid_go_progress(uint64_t entries, void *user_data) { agentidGoProgress(entries, (uintptr_t)user_data); }

void agentid_go_release(void *user_data) { agentidGoRelease((uintptr_t)user_data); }
