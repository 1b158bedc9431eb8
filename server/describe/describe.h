/* describe: asks ECS about the tasks of runs and keeps what it says in the store, because ECS
 * forgets a stopped task after an hour.
 *
 * A task is described when its audit row is final, again until ECS says STOPPED, and now and then
 * while it runs. One that has no row some seconds after the run began is looked for by ListTasks.
 * DescribeTasks takes a hundred at a time and there is one call at a time, so the monitor's quota
 * is hardly touched. It goes on after a run was closed, also after a restart: on Fargate a task is
 * not STOPPED before its network is taken down. What was said before is not written again. All of
 * it is best effort: no run waits for it. Used by the control thread only; callbacks run inside
 * aws_poll. */
#ifndef STEPFLEET_DESCRIBE_H
#define STEPFLEET_DESCRIBE_H

#include "lib/base/buf.h"
#include "server/loop/loop.h"

struct describe;

struct describe_options {
    const struct loop *loop; /* borrowed, must outlive it */
    double calls_per_second; /* 0: 2 */
};

/* Takes up the runs that ended within the last hour. NULL when memory is out. */
struct describe *describe_new(const struct describe_options *options, struct error *err);
/* Call after the struct aws was freed (its callbacks point here). NULL-safe; returns NULL. */
struct describe *describe_free(struct describe *d);

/* Begins with a run that is going on; a run that is known already goes on. `cluster` is copied. -1:
 * ERR_MEMORY. */
int describe_follow(struct describe *d, int64_t run_id, const char *cluster, struct error *err);
/* Rows of the run changed. A run that is not known is passed over. */
void describe_moved(struct describe *d, int64_t run_id);
/* The run was closed: tasks that are not stopped yet are asked about for another hour. */
void describe_closed(struct describe *d, int64_t run_id);

/* Sends what is due; returns the monotonic time to be called again. */
int64_t describe_step(struct describe *d);

/* Appends a description as it is kept, at most STORE_DESCRIPTION_MAX bytes: whole, or with its
 * largest members replaced by a text that says how long they were (true). */
bool describe_text(const json_t *task, struct buf *out);

#endif
