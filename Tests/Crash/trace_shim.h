/* What the two halves of the shim share: the trace, and which descriptors are followed. See trace_shim.c. */
#ifndef TRACE_SHIM_H
#define TRACE_SHIM_H

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind { CREATE = 1, MKDIR, UNLINK, RENAME, LINK, RMDIR, WRITE, SIZE, ALLOCATE, SYNC, SYNCED, SYNC_NAMES, SYNCED_NAMES, MARK };

enum { MOST_FILES = 4096, MOST_DESCRIPTORS = 4096, MOST_MAPPINGS = 256, SECTOR = 512 };

/* Syncs of what was there before the trace began have this number, or a higher one. */
#define TICKETS_OF_BEFORE (1ull << 62)

/* The file or the directory below the root that a descriptor stands for. */
struct descriptor {
    uint32_t file;
    char *directory;
};

extern struct descriptor trace_descriptors[MOST_DESCRIPTORS];
extern int trace_file; /* -1: nothing is recorded */
extern pthread_mutex_t trace_lock;

/* Ends the process: a trace with something missing would prove nothing. */
void trace_fail(const char *what);

/* Writes one record; the lock is held. */
void trace_emit(enum kind kind, uint32_t file, uint64_t a, uint64_t b, const void *bytes, size_t length);

static inline uint32_t followed(int file) {
    return trace_file >= 0 && file >= 0 && file < MOST_DESCRIPTORS ? trace_descriptors[file].file : 0;
}

#endif
