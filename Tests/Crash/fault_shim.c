/* Makes one call of a process fail, once: preloaded. FAULT_CALL names the call, FAULT_AT which of them (from 1), FAULT_ERROR
 * the errno, FAULT_IN the directory whose files are meant. FAULT_SAID is a file that gets a byte when it has failed.
 * FAULT_AT=0 means each of them, FAULT_END the end of the files' names, FAULT_WHILE a file that must be there. With
 * FAULT_STOP the process is stopped before that call, which does not fail. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

static atomic_long seen;

static int is_in(const char *path)
{
    const char *directory = getenv("FAULT_IN");
    if (directory == NULL || strncmp(path, directory, strlen(directory)) != 0) return 0;
    const char *end = getenv("FAULT_END"), *file = getenv("FAULT_WHILE");
    if (end != NULL && (strlen(path) < strlen(end) || strcmp(path + strlen(path) - strlen(end), end) != 0)) return 0;
    return file == NULL || access(file, F_OK) == 0;
}

static int is_file_in(int file)
{
    char name[64], path[4096];
    snprintf(name, sizeof name, "/proc/self/fd/%d", file);
    const ssize_t length = readlink(name, path, sizeof path - 1);
    if (length <= 0) return 0;
    path[length] = 0;
    return is_in(path);
}

static int is_below(int directory, const char *path)
{
    if (path[0] == '/' || directory < 0) return is_in(path);
    char name[64], whole[8192];
    snprintf(name, sizeof name, "/proc/self/fd/%d", directory);
    const ssize_t length = readlink(name, whole, 4095);
    if (length <= 0) return 0;
    snprintf(whole + length, sizeof whole - (size_t)length, "/%s", path);
    return is_in(whole);
}

/* Whether this call is the one. */
static int fails(const char *call)
{
    const char *wanted = getenv("FAULT_CALL"), *at = getenv("FAULT_AT"), *error = getenv("FAULT_ERROR"), *said = getenv("FAULT_SAID");
    if (wanted == NULL || at == NULL || error == NULL || strcmp(wanted, call) != 0) return 0;
    if (atomic_fetch_add(&seen, 1) + 1 != atol(at) && atol(at) != 0) return 0;
    if (said != NULL) {
        const int file = (int)syscall(SYS_openat, AT_FDCWD, said, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        if (file >= 0) {
            syscall(SYS_write, file, "!", 1L);
            syscall(SYS_close, file);
        }
    }
    if (getenv("FAULT_STOP") != NULL) {
        raise(SIGSTOP);
        return 0;
    }
    errno = atoi(error);
    return 1;
}

#define NEXT(type, name, ...) ((type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name))

ssize_t write(int file, const void *bytes, size_t count)
{
    if (file > 2 && is_file_in(file) && fails("write")) return -1;
    return NEXT(ssize_t, write, int, const void *, size_t)(file, bytes, count);
}
ssize_t pwrite(int file, const void *bytes, size_t count, off_t at)
{
    if (is_file_in(file) && fails("write")) return -1;
    return NEXT(ssize_t, pwrite, int, const void *, size_t, off_t)(file, bytes, count, at);
}
ssize_t pwrite64(int file, const void *bytes, size_t count, off64_t at)
{
    if (is_file_in(file) && fails("write")) return -1;
    return NEXT(ssize_t, pwrite64, int, const void *, size_t, off64_t)(file, bytes, count, at);
}
int fsync(int file)
{
    if (is_file_in(file) && fails("fsync")) return -1;
    return NEXT(int, fsync, int)(file);
}
int fdatasync(int file)
{
    if (is_file_in(file) && fails("fsync")) return -1;
    return NEXT(int, fdatasync, int)(file);
}
void *mmap(void *where, size_t count, int protection, int flags, int file, off_t at)
{
    if (file >= 0 && is_file_in(file) && fails("mmap")) return MAP_FAILED;
    return NEXT(void *, mmap, void *, size_t, int, int, int, off_t)(where, count, protection, flags, file, at);
}
void *mmap64(void *where, size_t count, int protection, int flags, int file, off64_t at)
{
    if (file >= 0 && is_file_in(file) && fails("mmap")) return MAP_FAILED;
    return NEXT(void *, mmap64, void *, size_t, int, int, int, off64_t)(where, count, protection, flags, file, at);
}
int rename(const char *from, const char *to)
{
    if (is_in(to) && fails("rename")) return -1;
    return NEXT(int, rename, const char *, const char *)(from, to);
}
int renameat(int from, const char *path, int to, const char *target)
{
    if (is_below(to, target) && fails("rename")) return -1;
    return NEXT(int, renameat, int, const char *, int, const char *)(from, path, to, target);
}
int renameat2(int from, const char *path, int to, const char *target, unsigned flags)
{
    if (is_below(to, target) && fails("rename")) return -1;
    return NEXT(int, renameat2, int, const char *, int, const char *, unsigned)(from, path, to, target, flags);
}

#define OPENS(name)                                                                   \
    int name(const char *path, int flags, ...)                                        \
    {                                                                                 \
        va_list more;                                                                 \
        va_start(more, flags);                                                        \
        const mode_t mode = (mode_t)va_arg(more, int);                                \
        va_end(more);                                                                 \
        if (is_in(path) && fails("open")) return -1;                                  \
        return NEXT(int, name, const char *, int, ...)(path, flags, mode);            \
    }
OPENS(open)
OPENS(open64)

#define OPENS_AT(name)                                                                          \
    int name(int directory, const char *path, int flags, ...)                                   \
    {                                                                                           \
        va_list more;                                                                           \
        va_start(more, flags);                                                                  \
        const mode_t mode = (mode_t)va_arg(more, int);                                          \
        va_end(more);                                                                           \
        if (is_below(directory, path) && fails("open")) return -1;                              \
        return NEXT(int, name, int, const char *, int, ...)(directory, path, flags, mode);      \
    }
OPENS_AT(openat)
OPENS_AT(openat64)
