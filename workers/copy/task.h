/* task: the S3-copy task's life: Running row, hold, copy, Completed or Failed row.
 *
 * The exit status says the same as the row: 0 only when the Completed row is written. */
#ifndef STEPFLEET_WORKERS_TASK_H
#define STEPFLEET_WORKERS_TASK_H

#include "workers/copy/copy.h"
#include "workers/copy/metadata.h"
#include "workers/copy/stop_signal.h"
#include "workers/copy/task_env.h"

enum { TASK_OK = 0, TASK_FAILED = 1, TASK_STOPPED = 143 };

struct task_options {
    struct aws_options aws;   /* region is the environment's */
    struct copy_options copy; /* stop and ctx are set by the task */
    const struct log *log;
    struct stop_signal *stop;
};

/* Runs the task that `me` is to its end; returns the exit status. */
int task_run(const struct task_env *env, const struct metadata *me,
             const struct task_options *options);

/* The program: everything from the environment. */
int task_main(void);

#endif
