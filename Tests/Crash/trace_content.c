/*
 * What is written into files, and synced, by call or through a mapping. The other half of trace_shim.c.
 */
#include "trace_shim.h"

#include <dlfcn.h>

static struct { unsigned char *start, *shadow; size_t length; uint64_t offset; uint32_t file; } mappings[MOST_MAPPINGS];
static uint64_t tickets;

#define REAL(name, ...) ((__typeof__(&name))real(#name))(__VA_ARGS__)

static void *real(const char *name) {
    void *found = dlsym(RTLD_NEXT, name);
    if (!found) trace_fail(name);
    return found;
}

/* What changed in one mapping since it was last looked at. */
static void view(int i) {
    for (size_t page = 0; page < mappings[i].length; page += 4096) {
        size_t end = page + 4096 < mappings[i].length ? page + 4096 : mappings[i].length;
        if (!memcmp(mappings[i].start + page, mappings[i].shadow + page, end - page)) continue;
        for (size_t at = page; at < end; at += SECTOR) {
            size_t length = end - at < SECTOR ? end - at : SECTOR;
            if (!memcmp(mappings[i].start + at, mappings[i].shadow + at, length)) continue;
            memcpy(mappings[i].shadow + at, mappings[i].start + at, length);
            trace_emit(WRITE, mappings[i].file, mappings[i].offset + at, 0, mappings[i].shadow + at, length);
        }
    }
}

/* Pages beyond a file's end are there no more: whoever looks at them gets SIGBUS. */
static void shorten(uint32_t file, uint64_t size) {
    uint64_t end = (size + 4095) / 4096 * 4096;
    for (int i = 0; i < MOST_MAPPINGS; i++)
        if (mappings[i].file == file && mappings[i].offset + mappings[i].length > end)
            mappings[i].length = end > mappings[i].offset ? end - mappings[i].offset : 0;
}

static void view_all(uint32_t file) {
    for (int i = 0; i < MOST_MAPPINGS; i++)
        if (mappings[i].shadow && (!file || mappings[i].file == file)) view(i);
}

/* Says that a thing happened, at its place among all that was written and synced. Called by the program under test. */
void crash_trace_mark(const char *text) {
    pthread_mutex_lock(&trace_lock);
    if (trace_file >= 0) {
        view_all(0);
        trace_emit(MARK, 0, 0, 0, text, strlen(text));
    }
    pthread_mutex_unlock(&trace_lock);
}

/* ------------------------------------------------------------------------------------------------------------ Writing */

ssize_t pwrite(int file, const void *bytes, size_t count, off_t offset) {
    uint32_t number = followed(file);
    if (!number) return syscall(SYS_pwrite64, file, bytes, count, offset);
    pthread_mutex_lock(&trace_lock);
    ssize_t written = syscall(SYS_pwrite64, file, bytes, count, offset);
    int error = errno;
    if (written > 0) trace_emit(WRITE, number, (uint64_t)offset, 0, bytes, (size_t)written);
    pthread_mutex_unlock(&trace_lock);
    errno = error;
    return written;
}
ssize_t pwrite64(int file, const void *bytes, size_t count, off64_t offset) { return pwrite(file, bytes, count, offset); }

ssize_t write(int file, const void *bytes, size_t count) {
    uint32_t number = followed(file);
    if (!number) return syscall(SYS_write, file, bytes, count);
    pthread_mutex_lock(&trace_lock);
    int appends = fcntl(file, F_GETFL) & O_APPEND;
    off_t offset = lseek(file, 0, appends ? SEEK_END : SEEK_CUR);
    ssize_t written = syscall(SYS_write, file, bytes, count);
    int error = errno;
    if (written > 0) trace_emit(WRITE, number, (uint64_t)offset, 0, bytes, (size_t)written);
    pthread_mutex_unlock(&trace_lock);
    errno = error;
    return written;
}

/* In one piece: a short write of several is as allowed as any. */
ssize_t writev(int file, const struct iovec *parts, int count) {
    if (!followed(file)) return syscall(SYS_writev, file, parts, count);
    for (int i = 0; i < count; i++)
        if (parts[i].iov_len) return write(file, parts[i].iov_base, parts[i].iov_len);
    return 0;
}
ssize_t pwritev(int file, const struct iovec *parts, int count, off_t offset) {
    if (!followed(file)) return REAL(pwritev, file, parts, count, offset);
    for (int i = 0; i < count; i++)
        if (parts[i].iov_len) return pwrite(file, parts[i].iov_base, parts[i].iov_len, offset);
    return 0;
}
ssize_t pwritev64(int file, const struct iovec *parts, int count, off64_t offset) { return pwritev(file, parts, count, offset); }

int ftruncate(int file, off_t size) {
    uint32_t number = followed(file);
    if (!number) return (int)syscall(SYS_ftruncate, file, size);
    pthread_mutex_lock(&trace_lock);
    int result = (int)syscall(SYS_ftruncate, file, size), error = errno;
    if (result == 0) {
        trace_emit(SIZE, number, (uint64_t)size, 0, NULL, 0);
        shorten(number, (uint64_t)size);
    }
    pthread_mutex_unlock(&trace_lock);
    errno = error;
    return result;
}
int ftruncate64(int file, off64_t size) { return ftruncate(file, size); }

int fallocate(int file, int mode, off_t offset, off_t length) {
    uint32_t number = followed(file);
    if (!number) return (int)syscall(SYS_fallocate, file, mode, offset, length);
    // Room beyond the end changes nothing that anybody reads.
    if (mode == FALLOC_FL_KEEP_SIZE) return (int)syscall(SYS_fallocate, file, mode, offset, length);
    if (mode != 0) trace_fail("fallocate with a mode");
    pthread_mutex_lock(&trace_lock);
    int result = (int)syscall(SYS_fallocate, file, mode, offset, length), error = errno;
    if (result == 0) trace_emit(ALLOCATE, number, (uint64_t)offset, (uint64_t)length, NULL, 0);
    pthread_mutex_unlock(&trace_lock);
    errno = error;
    return result;
}
int fallocate64(int file, int mode, off64_t offset, off64_t length) { return fallocate(file, mode, offset, length); }
int posix_fallocate(int file, off_t offset, off_t length) {
    if (!followed(file)) return REAL(posix_fallocate, file, offset, length);
    return fallocate(file, 0, offset, length) ? errno : 0;
}
int posix_fallocate64(int file, off64_t offset, off64_t length) { return posix_fallocate(file, offset, length); }

/* ------------------------------------------------------------------------------------------------------------ Syncing */

static int sync_file(long call, int file) {
    uint32_t number = followed(file);
    pthread_mutex_lock(&trace_lock);
    char *directory = trace_file >= 0 && file >= 0 && file < MOST_DESCRIPTORS ? trace_descriptors[file].directory : NULL;
    uint64_t ticket = ++tickets;
    if (number) {
        view_all(number);
        trace_emit(SYNC, number, 0, UINT64_MAX, &ticket, sizeof ticket);
    } else if (directory) {
        trace_emit(SYNC_NAMES, 0, ticket, 0, directory, strlen(directory));
    }
    pthread_mutex_unlock(&trace_lock);
    int result = (int)syscall(call, file), error = errno;
    if (result == 0 && (number || directory)) {
        pthread_mutex_lock(&trace_lock);
        trace_emit(number ? SYNCED : SYNCED_NAMES, number, ticket, 0, NULL, 0);
        pthread_mutex_unlock(&trace_lock);
    }
    errno = error;
    return result;
}
int fsync(int file) { return sync_file(SYS_fsync, file); }
int fdatasync(int file) { return sync_file(SYS_fdatasync, file); }

/* One mapping at a time, as all callers here do; MS_ASYNC promises nothing. */
int msync(void *start, size_t length, int flags) {
    uint64_t ticket = 0;
    pthread_mutex_lock(&trace_lock);
    uint32_t number = 0;
    for (int i = 0; trace_file >= 0 && flags & MS_SYNC && i < MOST_MAPPINGS; i++) {
        unsigned char *from = start;
        if (!mappings[i].file || from < mappings[i].start || from >= mappings[i].start + mappings[i].length) continue;
        number = mappings[i].file;
        view_all(number);
        ticket = ++tickets;
        trace_emit(SYNC, number, mappings[i].offset + (uint64_t)(from - mappings[i].start), length, &ticket, sizeof ticket);
        break;
    }
    pthread_mutex_unlock(&trace_lock);
    int result = (int)syscall(SYS_msync, start, length, flags), error = errno;
    if (result == 0 && number) {
        pthread_mutex_lock(&trace_lock);
        trace_emit(SYNCED, number, ticket, 0, NULL, 0);
        pthread_mutex_unlock(&trace_lock);
    }
    errno = error;
    return result;
}

/* ------------------------------------------------------------------------------------------------------------ Mapping */

/* Two mappings of the same pages are looked at once. */
static void follow(int i) {
    for (int j = 0; j < MOST_MAPPINGS; j++)
        if (j != i && mappings[j].shadow && mappings[j].file == mappings[i].file && mappings[j].offset == mappings[i].offset
            && mappings[j].length >= mappings[i].length) return;
    mappings[i].shadow = malloc(mappings[i].length);
    if (!mappings[i].shadow) trace_fail("no memory for a view");
    memcpy(mappings[i].shadow, mappings[i].start, mappings[i].length);
}

void *mmap(void *hint, size_t length, int protection, int flags, int file, off_t offset) {
    void *start = (void *)syscall(SYS_mmap, hint, length, protection, flags, file, offset);
    uint32_t number = flags & MAP_SHARED && protection & PROT_WRITE ? followed(file) : 0;
    if (!number || start == MAP_FAILED) return start;
    pthread_mutex_lock(&trace_lock);
    int i = 0;
    while (i < MOST_MAPPINGS && mappings[i].file) i++;
    if (i == MOST_MAPPINGS) trace_fail("too many mappings");
    mappings[i].start = start;
    mappings[i].length = length;
    mappings[i].offset = (uint64_t)offset;
    mappings[i].file = number;
    follow(i);
    pthread_mutex_unlock(&trace_lock);
    return start;
}
void *mmap64(void *hint, size_t length, int protection, int flags, int file, off64_t offset) {
    return mmap(hint, length, protection, flags, file, offset);
}

int munmap(void *start, size_t length) {
    pthread_mutex_lock(&trace_lock);
    for (int i = 0; i < MOST_MAPPINGS; i++) {
        if (!mappings[i].file || mappings[i].start != start) continue;
        uint32_t file = mappings[i].file;
        unsigned char *shadow = mappings[i].shadow;
        if (shadow) view(i);
        memset(&mappings[i], 0, sizeof mappings[i]);
        for (int j = 0; shadow && j < MOST_MAPPINGS; j++)
            if (mappings[j].file == file && !mappings[j].shadow) follow(j);
        free(shadow);
        break;
    }
    pthread_mutex_unlock(&trace_lock);
    return (int)syscall(SYS_munmap, start, length);
}
void *mremap(void *start, size_t old, size_t new, int flags, ...) {
    for (int i = 0; i < MOST_MAPPINGS; i++)
        if (mappings[i].file && mappings[i].start == start) trace_fail("mremap of a file");
    va_list list;
    va_start(list, flags);
    void *hint = flags & MREMAP_FIXED ? va_arg(list, void *) : NULL;
    va_end(list);
    return (void *)syscall(SYS_mremap, start, old, new, flags, hint);
}
