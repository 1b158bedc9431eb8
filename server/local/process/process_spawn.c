/* One child: what the parent opens for it, what it does to itself before execve, and how the parent
 * learns of a failure (through the memory they share until then). */
#include "server/local/process/process_spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the child reads and writes in its parent's memory. */
struct child_plan {
    const struct process_options *options;
    int input;  /* becomes 0 */
    int output; /* becomes 1 and 2 */
    pid_t parent;
    int failed; /* errno of the step that failed */
};

/* The kernel's own sigaction, all zero: SIG_DFL without flags. Larger than any architecture's. */
struct kernel_sigaction {
    unsigned long words[8];
};

enum { SIGNAL_COUNT = 64, KERNEL_SIGSET_BYTES = 8, FIRST_PRIVATE_FD = 3 };

#define NOT_SANITIZED __attribute__((no_sanitize("address", "thread", "undefined")))

/* glibc's clone by its other name: ThreadSanitizer takes every call of `clone` for a fork. */
int unwatched_clone(int (*fn)(void *), void *stack, int flags, void *arg, ...) __asm__("__clone");

/* Raw, because the sanitizers' interceptors of libc would note what the child does as done by the
 * parent. Handlers go first: once signals are open, none of the parent's may run here. */
NOT_SANITIZED static long reset_signals(void)
{
    const struct kernel_sigaction standard = {{0}};
    const unsigned long none = 0;
    for (int number = 1; number <= SIGNAL_COUNT; number++)
        (void)syscall(SYS_rt_sigaction, number, &standard, NULL, KERNEL_SIGSET_BYTES);
    return syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, KERNEL_SIGSET_BYTES);
}

/* The steps before execve. A parent that died before PR_SET_PDEATHSIG took effect is seen by
 * getppid. No new privileges: a set-user-id program would shed the death signal. */
NOT_SANITIZED static int prepare_child(const struct child_plan *plan)
{
    if (syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0 ||
        syscall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return -1;
    if (syscall(SYS_getppid) != plan->parent) {
        errno = ESRCH;
        return -1;
    }
    if (syscall(SYS_setsid) < 0 || syscall(SYS_dup3, plan->input, STDIN_FILENO, 0) < 0 ||
        syscall(SYS_dup3, plan->output, STDOUT_FILENO, 0) < 0 ||
        syscall(SYS_dup3, plan->output, STDERR_FILENO, 0) < 0)
        return -1;
    if (syscall(SYS_close_range, FIRST_PRIVATE_FD, ~0U, CLOSE_RANGE_CLOEXEC) != 0)
        return -1;
    return reset_signals() == 0 ? 0 : -1;
}

/* Where the child begins, on the borrowed stack. It returns only by execve or exit. */
NOT_SANITIZED static int child_main(void *ctx)
{
    struct child_plan *plan = ctx;
    if (prepare_child(plan) == 0)
        (void)syscall(SYS_execve, plan->options->program, plan->options->argv,
                      plan->options->environment);
    plan->failed = errno;
    (void)syscall(SYS_exit_group, 127);
    return 127;
}

/* Opens a file as a descriptor above the three standard ones, so that dup3 cannot meet itself. */
static int open_high(const char *path, int flags, struct error *err)
{
    int fd = open(path, flags | O_CLOEXEC | O_NOCTTY, 0600);
    if (fd < 0)
        return err_set_errno(err, "cannot open %s", path);
    int high = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_PRIVATE_FD);
    if (high < 0)
        (void)err_set_errno(err, "cannot duplicate the descriptor of %s", path);
    (void)close(fd);
    return high;
}

/* Makes the child; the calling thread sleeps until it has executed its program or given up. */
static int make_child(struct child_plan *plan, char *stack, struct spawned *out, struct error *err)
{
    const int flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD;
    const char *program = plan->options->program;
    out->pid = unwatched_clone(child_main, stack + SPAWN_STACK, flags, plan, &out->pidfd);
    if (out->pid < 0)
        return err_set_errno(err, "cannot make a process for %s", program);
    if (plan->failed == 0)
        return 0;
    (void)waitpid(out->pid, NULL, 0);
    (void)close(out->pidfd);
    errno = plan->failed;
    return err_set_errno(err, "cannot execute %s", program);
}

/* The two descriptors are the parent's only until the child has its copies. */
int process_spawn(const struct process_options *options, char *stack, struct spawned *out,
                  struct error *err)
{
    const char *log_path = options->log_path ? options->log_path : "/dev/null";
    struct child_plan plan = {.options = options, .parent = getpid()};
    int rc = -1;
    plan.input = open_high("/dev/null", O_RDONLY, err);
    if (plan.input < 0)
        return -1;
    plan.output = open_high(log_path, O_WRONLY | O_APPEND | O_CREAT, err);
    if (plan.output < 0)
        goto close_input;
    rc = make_child(&plan, stack, out, err);
    (void)close(plan.output);
close_input:
    (void)close(plan.input);
    return rc;
}
