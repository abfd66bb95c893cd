/*
 * syncfs, which Rust's `rustix` calls past libc: the kernel refuses it with a signal, and the signal's handler says that
 * it is done. (It need not be: what matters is what the model says is on the disk.)
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>

#include "shim.h"

static void on_syncfs(int signal, siginfo_t *info, void *given)
{
    (void)signal, (void)info;
    ucontext_t *context = given;
    all_is_synced();
#if defined(__x86_64__)
    context->uc_mcontext.gregs[REG_RAX] = 0;
#elif defined(__aarch64__)
    context->uc_mcontext.regs[0] = 0;
#else
#error "where does a system call leave its result on this machine?"
#endif
}

void trap_syncfs(void)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_syncfs, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof filter / sizeof filter[0], filter};
    struct sigaction action = {.sa_sigaction = on_syncfs, .sa_flags = SA_SIGINFO};
    if (sigaction(SIGSYS, &action, NULL) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) {
        fprintf(stderr, "shim: cannot trap syncfs: %s\n", strerror(errno));
        abort();
    }
}
