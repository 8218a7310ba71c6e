/* A machine that slept: its clocks but CLOCK_MONOTONIC are ahead by the seconds that the file CRASH_SLEPT_FILE begins with, eight
   bytes. LD_PRELOAD. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static volatile int64_t *slept;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("CRASH_SLEPT_FILE");
    int file = path ? (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC) : -1;
    void *page = file < 0 ? MAP_FAILED : mmap(NULL, sizeof *slept, PROT_READ, MAP_SHARED, file, 0);
    if (page != MAP_FAILED) slept = page;
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    int status = (int)syscall(SYS_clock_gettime, clock, time);
    if (status == 0 && slept && (clock == CLOCK_BOOTTIME || clock == CLOCK_REALTIME)) time->tv_sec += *slept;
    return status;
}
