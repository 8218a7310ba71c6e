/* Another run of the machine: whoever asks the kernel for its run's ID reads that of the file CRASH_BOOT_FILE. LD_PRELOAD. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char *of(const char *path) {
    const char *other = getenv("CRASH_BOOT_FILE");
    return other && path && strcmp(path, "/proc/sys/kernel/random/boot_id") == 0 ? other : path;
}

#define MODE(flags) \
    mode_t mode = 0; \
    if ((flags) & (O_CREAT | O_TMPFILE)) { \
        va_list list; \
        va_start(list, flags); \
        mode = va_arg(list, mode_t); \
        va_end(list); \
    }

int open(const char *path, int flags, ...) {
    MODE(flags)
    return (int)syscall(SYS_openat, AT_FDCWD, of(path), flags, mode);
}

int open64(const char *path, int flags, ...) {
    MODE(flags)
    return (int)syscall(SYS_openat, AT_FDCWD, of(path), flags, mode);
}

int openat(int directory, const char *path, int flags, ...) {
    MODE(flags)
    return (int)syscall(SYS_openat, directory, of(path), flags, mode);
}
