/* local_ecs: ECS tasks as processes, with metadata endpoint, exit codes and stop reasons.
 *
 * Records are in one SQLite file and are durable before RunTask answers. At most `concurrency`
 * processes run; tasks beyond it wait in PENDING. After a restart, tasks whose process died with
 * the server are STOPPED with that reason, tasks that had no process yet are started. Calls from
 * any thread. Private to server/local. */
#ifndef STEPFLEET_LOCAL_ECS_H
#define STEPFLEET_LOCAL_ECS_H

#include "lib/base/clock.h"
#include "lib/base/error.h"
#include "lib/base/log.h"
#include "server/local/call.h"
#include "server/local/process/process.h"

struct local_ecs;

struct local_ecs_options {
    const char *dir; /* folder of its own: ecs.db, logs/ */
    const char *region;
    struct process_host *processes; /* borrowed */
    const struct clock *clock;
    const struct log *log;
    int concurrency; /* 0: 8 per core, at most 64 */
};

/* Makes the folder and the file if they are missing, records tasks of the last run as stopped,
 * starts the runner. NULL with one sentence. */
struct local_ecs *local_ecs_open(const struct local_ecs_options *options, struct error *err);
/* What tasks reach AWS by (http://127.0.0.1:PORT of the gate). Tasks start only after this was
 * called. */
int local_ecs_start(struct local_ecs *e, const char *endpoint_url, struct error *err);
/* Kills the tasks' processes and waits for them, answers every call that waits, and frees. Records
 * stay: the next opening tells those tasks as stopped and starts the waiting ones. Watches are
 * dropped untold. No call may come any more. NULL-safe; returns NULL. */
struct local_ecs *local_ecs_close(struct local_ecs *e);

/* RunTask DescribeTasks ListTasks StopTask ListClusters DescribeClusters DescribeTaskDefinition
 * ListTaskDefinitions RegisterTaskDefinition; borrowed. Images of task definitions that are
 * registered over the wire must be known programs (local_ecs_image), else the task fails to start
 * with CannotPullContainerError. */
const struct local_service *local_ecs_service(struct local_ecs *e);

/* Does nothing when it exists. Durable when it returns. */
int local_ecs_ensure_cluster(struct local_ecs *e, const char *name, struct error *err);
/* An "image" name and the program that stands for it. Not recorded: say it at each start. */
int local_ecs_image(struct local_ecs *e, const char *image, const char *program, struct error *err);
/* Registers family:1 with one essential container unless the family exists. */
int local_ecs_ensure_definition(struct local_ecs *e, const char *family, const char *container,
                                const char *image, struct error *err);

/* Calls `stopped` once, from any thread, when the task is STOPPED (at once if it is already); for
 * .sync of the state machine engine. `task` is the wire's Task object, a new reference given to the
 * callee, NULL if there is no such task. Returns a number for local_ecs_unwatch. */
uint64_t local_ecs_watch(struct local_ecs *e, const char *task_arn,
                         void (*stopped)(void *ctx, json_t *task), void *ctx);
/* True: the watch was taken out and `stopped` will not be called; false: it has been, or is being
 * called right now by another thread. */
bool local_ecs_unwatch(struct local_ecs *e, uint64_t watch);

#endif
