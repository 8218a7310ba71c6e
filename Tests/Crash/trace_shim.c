/*
 * Records what a process does to the files below one directory: what is written, what is synced, and when. LD_PRELOAD.
 *
 * CRASH_TRACE_ROOT names the directory, absolute and without links; CRASH_TRACE_FILE the trace, which lies elsewhere.
 * A record is a `struct record` and its bytes; disk.py reads them. What this shim cannot record ends the process.
 * This half has the trace and the names; trace_content.c has what is in files.
 *
 * A mapped file shows no writes: at each sync of it, at each mark and when it is unmapped, what differs from the view
 * before is recorded as if it were written then. A sync has two records, for what was written while it ran may be kept or
 * not. sync_file_range promises nothing and is not recorded. SQLite rebuilds its -shm file: it is left out.
 */
#include "trace_shim.h"

#include <dirent.h>
#include <stdio.h>

struct record {
    uint32_t kind, file;
    uint64_t a, b, length;
};

struct descriptor trace_descriptors[MOST_DESCRIPTORS];
int trace_file = -1;
pthread_mutex_t trace_lock = PTHREAD_MUTEX_INITIALIZER;

/* Files are known by number, given when a name is made: an inode's number may come back. */
static struct { ino_t inode; int is_gone; } files[MOST_FILES];
static uint32_t file_count = 1;
static char root[PATH_MAX];
static size_t root_length;

void trace_fail(const char *what) {
    dprintf(2, "trace_shim: %s\n", what);
    _exit(99);
}

void trace_emit(enum kind kind, uint32_t file, uint64_t a, uint64_t b, const void *bytes, size_t length) {
    struct record record = {kind, file, a, b, length};
    struct iovec parts[2] = {{&record, sizeof record}, {(void *)bytes, length}};
    if (syscall(SYS_writev, trace_file, parts, length ? 2 : 1) != (long)(sizeof record + length)) trace_fail("the trace cannot be written");
}

static uint32_t new_file(ino_t inode);

/* Records what a file holds already. */
static void content(uint32_t number, const char *path) {
    static unsigned char piece[1 << 16], zeroes[1 << 16];
    int file = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    if (file < 0) trace_fail("what is there cannot be read");
    long count;
    for (off_t at = 0; (count = syscall(SYS_pread64, file, piece, sizeof piece, at)) > 0; at += count)
        if (memcmp(piece, zeroes, (size_t)count)) trace_emit(WRITE, number, (uint64_t)at, 0, piece, (size_t)count);
    syscall(SYS_close, file);
}

/* Records what is below the root already, as if it had been made and synced just now. */
static void there(const char *path, const char *name) {
    static uint64_t ticket = TICKETS_OF_BEFORE;
    DIR *directory = opendir(path);
    if (!directory) trace_fail("what is there cannot be listed");
    for (struct dirent *entry; (entry = readdir(directory));) {
        char place[PATH_MAX], inner[PATH_MAX];
        struct stat status;
        size_t length = strlen(entry->d_name);
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
        if (length > 4 && !strcmp(entry->d_name + length - 4, "-shm")) continue;
        if (snprintf(place, sizeof place, "%s/%s", path, entry->d_name) >= PATH_MAX
            || snprintf(inner, sizeof inner, "%s%s%s", name, *name ? "/" : "", entry->d_name) >= PATH_MAX
            || lstat(place, &status)) trace_fail("what is there cannot be looked at");
        if (S_ISDIR(status.st_mode)) {
            trace_emit(MKDIR, 0, 0, 0, inner, strlen(inner));
            there(place, inner);
            continue;
        }
        uint32_t number = new_file(status.st_ino);
        trace_emit(CREATE, number, 0, 0, inner, strlen(inner));
        trace_emit(SIZE, number, (uint64_t)status.st_size, 0, NULL, 0);
        content(number, place);
        ticket++;
        trace_emit(SYNC, number, 0, UINT64_MAX, &ticket, sizeof ticket);
        trace_emit(SYNCED, number, ticket, 0, NULL, 0);
    }
    closedir(directory);
    ticket++;
    trace_emit(SYNC_NAMES, 0, ticket, 0, name, strlen(name));
    trace_emit(SYNCED_NAMES, 0, ticket, 0, NULL, 0);
}

__attribute__((constructor)) static void begin(void) {
    const char *directory = getenv("CRASH_TRACE_ROOT"), *path = getenv("CRASH_TRACE_FILE");
    if (!directory || !path) return;
    root_length = strlen(directory);
    if (root_length >= sizeof root) trace_fail("CRASH_TRACE_ROOT is too long");
    memcpy(root, directory, root_length + 1);
    int file = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
    trace_file = fcntl(file, F_DUPFD_CLOEXEC, 900);
    if (trace_file < 0) trace_fail("CRASH_TRACE_FILE cannot be opened");
    syscall(SYS_close, file);
    unsetenv("LD_PRELOAD");
    there(root, "");
}

/* The path below the root, in `out`; NULL where it is none of ours. */
static const char *below(int directory, const char *path, char out[PATH_MAX]) {
    if (trace_file < 0 || !path) return NULL;
    if (path[0] == '/') {
        if (strlen(path) >= PATH_MAX) return NULL;
        strcpy(out, path);
    } else {
        char link[64], base[PATH_MAX];
        if (directory == AT_FDCWD) strcpy(link, "/proc/self/cwd");
        else snprintf(link, sizeof link, "/proc/self/fd/%d", directory);
        ssize_t length = readlink(link, base, sizeof base - 1);
        if (length < 0) return NULL;
        base[length] = 0;
        if ((size_t)length + strlen(path) + 2 > PATH_MAX) return NULL;
        strcpy(stpcpy(stpcpy(out, base), "/"), path);
    }
    size_t length = strlen(out);
    while (length > 1 && (out[length - 1] == '/' || (out[length - 1] == '.' && out[length - 2] == '/'))) out[--length] = 0;
    if (strncmp(out, root, root_length) || (out[root_length] != '/' && out[root_length])) return NULL;
    if (strstr(out, "/../") || strstr(out, "/./") || strstr(out, "//")) trace_fail("a path that is not plain");
    if (length > 4 && !strcmp(out + length - 4, "-shm")) return NULL;
    return out[root_length] ? out + root_length + 1 : out + root_length;
}

static uint32_t new_file(ino_t inode) {
    if (file_count == MOST_FILES) trace_fail("too many files");
    files[file_count].inode = inode;
    return file_count++;
}

static uint32_t known_file(ino_t inode) {
    for (uint32_t file = 1; file < file_count; file++)
        if (files[file].inode == inode && !files[file].is_gone) return file;
    return 0;
}

/* ------------------------------------------------------------------------------------------------------------ Opening */

static int open_at(int directory, const char *path, int flags, mode_t mode) {
    char buffer[PATH_MAX];
    const char *name = below(directory, path, buffer);
    if (!name) return (int)syscall(SYS_openat, directory, path, flags, mode);
    pthread_mutex_lock(&trace_lock);
    int was_there = syscall(SYS_faccessat, directory, path, F_OK) == 0;
    int file = (int)syscall(SYS_openat, directory, path, flags, mode), error = errno;
    struct stat status;
    if (file >= 0) {
        if (file >= MOST_DESCRIPTORS || fstat(file, &status)) trace_fail("a descriptor that cannot be followed");
        if (S_ISDIR(status.st_mode)) {
            trace_descriptors[file].directory = strdup(name);
        } else {
            uint32_t number = known_file(status.st_ino);
            if (!was_there) trace_emit(CREATE, number = new_file(status.st_ino), 0, 0, name, strlen(name));
            if (!number) trace_fail("a file that was there before the trace began");
            if (was_there && flags & O_TRUNC) trace_emit(SIZE, number, 0, 0, NULL, 0);
            trace_descriptors[file].file = number;
        }
    }
    pthread_mutex_unlock(&trace_lock);
    errno = error;
    return file;
}

#define OPEN(name, parameters, directory)                                                                                     \
    int name parameters {                                                                                                      \
        mode_t mode = 0;                                                                                                       \
        if (flags & (O_CREAT | __O_TMPFILE)) {                                                                                 \
            va_list list;                                                                                                      \
            va_start(list, flags);                                                                                             \
            mode = va_arg(list, mode_t);                                                                                       \
            va_end(list);                                                                                                      \
        }                                                                                                                      \
        return open_at(directory, path, flags, mode);                                                                          \
    }
OPEN(open, (const char *path, int flags, ...), AT_FDCWD)
OPEN(open64, (const char *path, int flags, ...), AT_FDCWD)
OPEN(openat, (int directory, const char *path, int flags, ...), directory)
OPEN(openat64, (int directory, const char *path, int flags, ...), directory)
int creat(const char *path, mode_t mode) { return open_at(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, mode); }
int creat64(const char *path, mode_t mode) { return creat(path, mode); }

int close(int file) {
    if (trace_file >= 0 && file >= 0 && file < MOST_DESCRIPTORS) {
        if (file == trace_file) trace_fail("the trace was closed");
        pthread_mutex_lock(&trace_lock);
        free(trace_descriptors[file].directory);
        trace_descriptors[file].directory = NULL;
        trace_descriptors[file].file = 0;
        pthread_mutex_unlock(&trace_lock);
    }
    return (int)syscall(SYS_close, file);
}

/* -------------------------------------------------------------------------------------------------------------- Names */

static int remove_at(int directory, const char *path, int flags) {
    char buffer[PATH_MAX];
    const char *name = below(directory, path, buffer);
    if (!name) return (int)syscall(SYS_unlinkat, directory, path, flags);
    pthread_mutex_lock(&trace_lock);
    struct stat status;
    int is_known = fstatat(directory, path, &status, AT_SYMLINK_NOFOLLOW) == 0;
    int result = (int)syscall(SYS_unlinkat, directory, path, flags), error = errno;
    if (result == 0) {
        uint32_t number = is_known ? known_file(status.st_ino) : 0;
        if (number && status.st_nlink == 1) files[number].is_gone = 1;
        trace_emit(flags & AT_REMOVEDIR ? RMDIR : UNLINK, 0, 0, 0, name, strlen(name));
    }
    pthread_mutex_unlock(&trace_lock);
    errno = error;
    return result;
}
int unlink(const char *path) { return remove_at(AT_FDCWD, path, 0); }
int unlinkat(int directory, const char *path, int flags) { return remove_at(directory, path, flags); }
int rmdir(const char *path) { return remove_at(AT_FDCWD, path, AT_REMOVEDIR); }

static int make_at(int directory, const char *path, mode_t mode) {
    char buffer[PATH_MAX];
    const char *name = below(directory, path, buffer);
    pthread_mutex_lock(&trace_lock);
    int result = (int)syscall(SYS_mkdirat, directory, path, mode), error = errno;
    if (result == 0 && name) trace_emit(MKDIR, 0, 0, 0, name, strlen(name));
    pthread_mutex_unlock(&trace_lock);
    errno = error;
    return result;
}
int mkdir(const char *path, mode_t mode) { return make_at(AT_FDCWD, path, mode); }
int mkdirat(int directory, const char *path, mode_t mode) { return make_at(directory, path, mode); }

/* A rename or a link: two names, between them a NUL. */
static int two_names(enum kind kind, long call, int from, const char *old, int to, const char *new, int flags) {
    char names[2 * PATH_MAX], second[PATH_MAX];
    const char *a = below(from, old, names), *b = below(to, new, second);
    if (!a != !b) trace_fail("a name that leaves or enters the directory");
    pthread_mutex_lock(&trace_lock);
    struct stat replaced;
    int was_there = b && fstatat(to, new, &replaced, AT_SYMLINK_NOFOLLOW) == 0;
    int result = (int)syscall(call, from, old, to, new, flags), error = errno;
    if (result == 0 && a) {
        /* One that replaces nothing differs from a plain one only where it fails. */
        if (flags & ~(kind == RENAME ? RENAME_NOREPLACE : 0)) trace_fail("a rename or link with flags");
        uint32_t number = was_there ? known_file(replaced.st_ino) : 0;
        if (number && replaced.st_nlink == 1) files[number].is_gone = 1;
        char both[2 * PATH_MAX];
        size_t length = strlen(a);
        memcpy(both, a, length + 1);
        strcpy(both + length + 1, b);
        trace_emit(kind, 0, 0, 0, both, length + 1 + strlen(b));
    }
    pthread_mutex_unlock(&trace_lock);
    errno = error;
    return result;
}
int rename(const char *old, const char *new) { return two_names(RENAME, SYS_renameat2, AT_FDCWD, old, AT_FDCWD, new, 0); }
int renameat(int from, const char *old, int to, const char *new) { return two_names(RENAME, SYS_renameat2, from, old, to, new, 0); }
int renameat2(int from, const char *old, int to, const char *new, unsigned flags) {
    return two_names(RENAME, SYS_renameat2, from, old, to, new, (int)flags);
}
int link(const char *old, const char *new) { return two_names(LINK, SYS_linkat, AT_FDCWD, old, AT_FDCWD, new, 0); }
int linkat(int from, const char *old, int to, const char *new, int flags) { return two_names(LINK, SYS_linkat, from, old, to, new, flags); }
