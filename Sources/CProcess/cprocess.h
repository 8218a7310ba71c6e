// What glibc offers for starting processes and Swift's Glibc module leaves out, for it is built without _GNU_SOURCE.
#ifndef AGENTID_CPROCESS_H
#define AGENTID_CPROCESS_H
#include <fcntl.h>
#include <spawn.h>

extern int memfd_create(const char *name, unsigned int flags);
extern int pipe2(int ends[2], int flags);
extern int posix_spawn_file_actions_addchdir_np(posix_spawn_file_actions_t *actions, const char *path);
extern int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *actions, int from);

enum { CPROCESS_MFD_CLOEXEC = 0x1, CPROCESS_SPAWN_SETSID = 0x80 };

#endif
