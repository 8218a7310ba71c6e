/*
 * libagentid: for operators: what a process has to tell, and the state of an authority in numbers. See docs/monitoring.md.
 *
 * The conventions of agentid.h hold here.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENTID_OPERATIONS_H
#define AGENTID_OPERATIONS_H

#include "agentid.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How much a line of the log matters. */
typedef int32_t agentid_log_level;
enum {
    AGENTID_LOG_INFO = 1,    /* something went back to normal */
    AGENTID_LOG_WARNING = 2, /* it keeps working, and somebody should look */
    AGENTID_LOG_ERROR = 3    /* calls are denied, or something is lost */
};

/* A receiver of lines: a level, a stable name, and a printable text for people, both valid until it returns. */
typedef void (*agentid_log_line)(agentid_log_level level, const char *reason, const char *message, void *user_data);

/*
 * Sets the receiver of the lines that this process's operator should see, replacing an earlier one: a decision that is not in
 * the audit log, a directory that was replaced, a hook that failed, a clock that stepped, an audit log that is not integrated,
 * a policy that cannot be read, a lease or grant that is not renewed. docs/monitoring.md lists their reasons.
 *
 * `line` is called on a thread of the library's own, one line at a time, and never under a lock of the library: it may call
 * every function, this one too, and the lines that it causes follow after it has returned. Of one subject at most one line a
 * second is handed over, one a minute if it goes on: the latest, with the number of lines that it stands for.
 * Args:
 *   least      lines of lower levels are left out: an AGENTID_LOG_...
 *   line       NULL: nobody receives lines.
 *   release    called once, when the library no longer needs `user_data`, on that thread, or here if this fails; may be NULL.
 *              A call of `line` that is under way when this function returns may still run until then, and none begins.
 *   user_data  passed to both.
 * Returns: AGENTID_OK; AGENTID_E_ARGUMENT (level), AGENTID_E_INTERNAL (no thread).
 */
agentid_status agentid_set_log(agentid_log_level least, agentid_log_line line, void (*release)(void *user_data),
                               void *user_data, agentid_error **error) AGENTID_MUST_CHECK;

/*
 * The state of an authority in numbers: agents by standing, leases that lapse soon, deliveries of hooks that wait, entries of
 * the audit log that are not integrated, how full the memories of used proofs and of rates are, and the decisions that its
 * agents' own handles asked for in this process. For a guard's numbers: agentid_guard_statistics(). Reads the registry and the
 * end of the audit log: call it now and then, not for each call.
 * Args: statistics  out: docs/schemas/statistics.json.
 * Returns: AGENTID_OK; AGENTID_E_STATE, AGENTID_E_IO.
 */
agentid_status agentid_authority_statistics(agentid_authority *authority, agentid_bytes *statistics,
                                            agentid_error **error) AGENTID_MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif
