/* process_spawn: the system calls that turn a program into a child process. Private to this room.
 *
 * The child is made with clone(CLONE_VM | CLONE_VFORK), never fork: it borrows the caller's memory
 * until it has called execve, so it only makes raw system calls. It gets SIGKILL when the *thread*
 * that made it ends (PR_SET_PDEATHSIG), which is why one thread makes all of them. */
#ifndef STEPFLEET_LOCAL_PROCESS_SPAWN_H
#define STEPFLEET_LOCAL_PROCESS_SPAWN_H

#include "server/local/process/process.h"

#include <sys/types.h>

enum { SPAWN_STACK = 64 * 1024 };

struct spawned {
    pid_t pid; /* also its process group and session */
    int pidfd; /* close-on-exec; readable when the child has ended */
};

/* Starts options->program. `stack` is SPAWN_STACK bytes that nobody else uses meanwhile.
 * -1 with ERR_SYSTEM when a file cannot be opened or the program cannot be executed. */
int process_spawn(const struct process_options *options, char *stack, struct spawned *out,
                  struct error *err);

#endif
