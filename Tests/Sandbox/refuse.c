/* Runs a program to which the kernel refuses one call: refuse NUMBER ARGUMENT VALUE ERRNO PROGRAM...
 *
 * ARGUMENT is which argument of the call must have VALUE, or -1: whatever they are. As a container's seccomp profile
 * or an old kernel refuses it. */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    if (argc < 6) return 2;
    const long number = atol(argv[1]), argument = atol(argv[2]), value = atol(argv[3]), error = atol(argv[4]);
    const unsigned at = (unsigned)(offsetof(struct seccomp_data, args) + 8 * (size_t)(argument < 0 ? 0 : argument));
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)number, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, at),
        BPF_JUMP(argument < 0 ? BPF_JMP | BPF_JGE | BPF_K : BPF_JMP | BPF_JEQ | BPF_K, argument < 0 ? 0 : (unsigned)value,
                 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ((unsigned)error & SECCOMP_RET_DATA)),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return 3;
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) return 3;
    execvp(argv[5], argv + 5);
    perror(argv[5]);
    return 127;
}
