/* process: child processes with their own environment only, reaped through pidfd.
 *
 * A struct process_host runs one thread that starts all children (so that they die with the server,
 * PR_SET_PDEATHSIG, whatever ends it) and waits for them. Functions may be called from any thread;
 * callbacks come on the host's thread and must not block. Private to server/local. */
#ifndef STEPFLEET_LOCAL_PROCESS_H
#define STEPFLEET_LOCAL_PROCESS_H

#include "lib/base/error.h"
#include "lib/base/log.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct process_host;
struct process;

/* Starts the thread; `log` is borrowed. NULL with one sentence. One is enough for the server. */
struct process_host *process_host_start(const struct log *log, struct error *err);
/* Kills (SIGKILL) what still runs, reaps it, ends the thread. NULL-safe; returns NULL. */
struct process_host *process_host_stop(struct process_host *h);

struct process_options {
    const char *program;            /* path of the executable */
    const char *const *argv;        /* NULL-terminated, argv[0] included */
    const char *const *environment; /* "NAME=value", NULL-terminated; nothing is inherited */
    const char *log_path; /* stdout and stderr are appended to this file; NULL: null device */
    /* Called once when the child has ended: exit code, or the signal that killed it (else 0). The
     * struct process is gone afterwards. */
    void (*exited)(void *ctx, int exit_code, int signal);
    void *ctx;
};

/* Starts a child, in a session of its own. NULL with ERR_SYSTEM and a sentence (program missing,
 * not executable). The pointer is valid until `exited` returns, which may be before this function
 * does: let `exited` leave a mark that is looked at afterwards. Waits for the host's thread, so
 * hold no lock that an `exited` takes. */
struct process *process_start(struct process_host *h, const struct process_options *options,
                              struct error *err);
/* Also the number of its process group and session. For /proc: it may be reused once `exited` was
 * called. */
int64_t process_pid(const struct process *p);
/* SIGTERM now and SIGKILL to its whole process group after grace_ms; grace_ms 0: SIGKILL alone.
 * Harmless when it has ended. Use ids, not stale pointers: call only while `exited` has not
 * returned (hold the lock under which `exited` forgets the pointer). Never waits. */
void process_stop(struct process_host *h, struct process *p, int grace_ms);

#endif
