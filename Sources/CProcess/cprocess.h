// What glibc offers for processes and Swift's Glibc module leaves out, and the keeper of a command.
#ifndef AGENTID_CPROCESS_H
#define AGENTID_CPROCESS_H
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern int memfd_create(const char *name, unsigned int flags);
extern int pipe2(int ends[2], int flags);
extern void closefrom(int from);
extern int fallocate(int file, int mode, off_t offset, off_t length);
extern int renameat2(int from, const char *path, int to, const char *target, unsigned int flags);
extern int pthread_cond_clockwait(pthread_cond_t *condition, pthread_mutex_t *mutex, clockid_t clock,
                                  const struct timespec *end);
extern long syscall(long number, ...);
extern pid_t vfork(void);
extern int setresuid(uid_t real, uid_t effective, uid_t saved);
extern int setresgid(gid_t real, gid_t effective, gid_t saved);
extern int getresuid(uid_t *real, uid_t *effective, uid_t *saved);
extern int getresgid(gid_t *real, gid_t *effective, gid_t *saved);

enum { CPROCESS_MFD_CLOEXEC = 0x1, CPROCESS_WALL = 0x40000000, CPROCESS_RENAME_NOREPLACE = 1, CPROCESS_KEEP_SIZE = 1 };

/// The processor's own count, which costs no call of the kernel; of other processors a nanosecond clock.
static inline uint64_t cprocess_ticks(void)
{
#if defined(__x86_64__)
    return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
    uint64_t count;
    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(count));
    return count;
#else
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
#endif
}

/// At most 10 microseconds of that count: processors of x86-64 count 2 to 6 times a nanosecond.
static inline uint64_t cprocess_ticks_of_10_us(void)
{
#if defined(__aarch64__)
    uint64_t rate;
    __asm__ volatile("mrs %0, cntfrq_el0" : "=r"(rate));
    return rate / 100000;
#elif defined(__x86_64__)
    return 20000;
#else
    return 10000;
#endif
}

/// From now on no program that is executed gains rights by its mode or its capabilities.
static inline int cprocess_gain_nothing(void) { return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); }

/// A connection whose ends keep messages apart.
static inline int cprocess_connection(int ends[2])
{
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends);
}

/// A keeper's only message: how the command ended.
enum { CPROCESS_ENDED = 1, CPROCESS_TIMED_OUT, CPROCESS_STOPPED, CPROCESS_CANNOT_START };
typedef struct {
    int32_t what;
    /// The status from waitpid, or an errno.
    int32_t value;
} cprocess_report;

/// A command to keep. All descriptors are above 2.
typedef struct {
    /// Paths to try in this order, ended by NULL.
    char *const *programs;
    char *const *arguments;
    char *const *environment;
    int input, output, errors, control;
    /// On CLOCK_MONOTONIC, in milliseconds.
    int64_t deadline;
} cprocess_command;

static inline int64_t cprocess_now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/// Kills a command with all that descends from it, what left its group too: that comes to the keeper as its children.
static inline void cprocess_kill_all(pid_t command)
{
    char path[64], text[4096];
    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    kill(-command, SIGKILL);
    for (int64_t end = cprocess_now() + 3000; cprocess_now() < end;) {
        pid_t ended;
        while ((ended = waitpid(-1, NULL, CPROCESS_WALL | WNOHANG)) > 0) {}
        if (ended < 0 && errno == ECHILD) return;
        int list = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t count = list < 0 ? 0 : read(list, text, sizeof text - 1);
        if (list >= 0) close(list);
        text[count < 0 ? 0 : count] = 0;
        // A number that is cut off has no space after it.
        for (char *next = text, *rest; ; next = rest) {
            long child = strtol(next, &rest, 10);
            if (rest == next || *rest != ' ') break;
            // Not waited for yet: the number is nobody else's.
            if (child > 1) kill((pid_t)child, SIGKILL);
        }
        poll(NULL, 0, 1);
    }
}

/// The keeper's whole life. It has a copy of the host's memory and uses nothing of it but what it was given; it calls
/// only what may be called after a fork in a process with threads.
static inline _Noreturn void cprocess_keep(const cprocess_command *command, pid_t host)
{
    // All zero is the default; glibc would leave out signals that are its own.
    const uint64_t byDefault[8] = {0};
    for (long number = 1; number < 65; number++) syscall(SYS_rt_sigaction, number, byDefault, NULL, 8L);
    // Not in the host's session: a terminal's signals are for the host.
    setsid();
    prctl(PR_SET_NAME, "agentid-command", 0, 0, 0);
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    cprocess_report report = {CPROCESS_CANNOT_START, EIO};
    const int control = 3;
    if (dup2(command->input, 0) < 0 || dup2(command->output, 1) < 0 || dup2(command->errors, 2) < 0) _exit(1);
    if (dup2(command->control, control) < 0) _exit(1);
    fcntl(control, F_SETFD, FD_CLOEXEC);
    closefrom(4);
    if (chdir("/") != 0) {}
    // Zero where the host is in another namespace, and then for ever.
    if (getppid() == 0) host = 0;
    const pid_t keeper = getpid();
    // The child of a vfork has this memory until it is another program.
    volatile int failure = 0;
    pid_t child = vfork();
    if (child == 0) {
        setsid();
        // A signal that kills the keeper kills the command.
        prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
        if (getppid() != keeper) _exit(1);
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        int reason = ENOENT;
        for (char *const *program = command->programs; *program; program++) {
            execve(*program, command->arguments, command->environment);
            if (errno == ENOENT || errno == ENOTDIR) continue;
            reason = errno;
            if (reason != EACCES) break;
        }
        failure = reason;
        _exit(127);
    }
    if (child < 0) failure = errno;
    for (int number = 0; number < 3; number++) close(number);
    siginfo_t information;
    for (int nap = 1; child > 0; nap = nap < 25 ? 2 * nap : 50) {
        information.si_pid = 0;
        if (waitid(P_PID, (id_t)child, &information, WEXITED | WNOHANG | WNOWAIT) == 0 && information.si_pid == child) {
            int status = 0;
            // Its number is still its own, and so is its group's.
            kill(-child, SIGKILL);
            waitpid(child, &status, 0);
            report.what = CPROCESS_ENDED;
            report.value = status;
            break;
        }
        struct pollfd ask = {control, POLLIN, 0};
        int64_t left = command->deadline - cprocess_now();
        int told = left > 0 ? poll(&ask, 1, (int)(left < nap ? left : nap)) : 0;
        // The host says nothing to its keeper: what there is to read is its end, or its wish to stop.
        int is_gone = told > 0 || getppid() != host;
        if (!is_gone && left > 0) continue;
        report.what = is_gone ? CPROCESS_STOPPED : CPROCESS_TIMED_OUT;
        report.value = 0;
        cprocess_kill_all(child);
        break;
    }
    if (failure != 0) {
        report.what = CPROCESS_CANNOT_START;
        report.value = failure;
    }
    send(control, &report, sizeof report, MSG_NOSIGNAL);
    _exit(0);
}

/// Starts the keeper of a command, -1 with errno where it cannot.
///
/// It is not a child as others are: it sends no signal when it ends, and what waits for any child, or ignores SIGCHLD, does
/// not get it. `waitpid` with CPROCESS_WALL takes it.
static inline pid_t cprocess_start(const cprocess_command *command)
{
    sigset_t all, before;
    sigfillset(&all);
    // No handler of the host's runs in its copy.
    pthread_sigmask(SIG_BLOCK, &all, &before);
    const pid_t host = getpid();
    // Not `fork`, whose handlers wait for locks, and not with SIGCHLD.
    const long keeper = syscall(SYS_clone, 0L, 0L, 0L, 0L, 0L);
    if (keeper == 0) cprocess_keep(command, host);
    const int reason = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = reason;
    return (pid_t)keeper;
}

#endif
