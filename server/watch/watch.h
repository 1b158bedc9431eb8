/* watch: follows executions: what DescribeExecution says and the events of their history.
 *
 * Each run is looked at in intervals that grow from 200 ms to 5 s while nothing changes. When many
 * runs are active, ListExecutions of the running ones finds those that have ended, and the calls
 * of all runs share a ceiling a second. What is read goes to the store. A run has ended here when
 * its execution is terminal and its history was read to its end. Used by the control thread only;
 * callbacks run inside aws_poll. */
#ifndef STEPFLEET_WATCH_H
#define STEPFLEET_WATCH_H

#include "server/loop/loop.h"
#include "server/store/store.h"

struct watch;
struct watch_run;

struct watch_options {
    const struct loop *loop;    /* borrowed, must outlive the watcher */
    const char *machine_arn[3]; /* index 1 and 2, for ListExecutions; may be NULL; copied */
    double calls_per_second;    /* of each of DescribeExecution and GetExecutionHistory; 0: 10 */
    int list_above;             /* with more active runs than that executions are listed; 0: 10 */
};

/* NULL when memory is out. */
struct watch *watch_new(const struct watch_options *options, struct error *err);
/* Call after the struct aws was freed (its callbacks point here). NULL-safe; returns NULL. */
struct watch *watch_free(struct watch *w);

/* Begins to follow a run; due at once. Copies what it needs of `active`. */
struct watch_run *watch_follow(struct watch *w, const struct store_active *active,
                               struct error *err);
/* Stops following; the run must not be used any more. NULL-safe. */
void watch_leave(struct watch_run *r);

/* Sends what is due for all runs; returns the monotonic time to be called again. */
int64_t watch_step(struct watch *w);

/* Something moved elsewhere (audit rows): look soon. */
void watch_hint(struct watch_run *r);
/* StopExecution, until the execution has ended; `cause` is copied, NULL for none of one's own. */
void watch_cancel(struct watch_run *r, const char *cause);

/* How the execution ended. Texts belong to the run. */
struct watch_end {
    const char *status; /* SUCCEEDED FAILED TIMED_OUT ABORTED */
    const char *error;  /* NULL */
    const char *cause;  /* NULL */
    int64_t stopped_at; /* wall us; 0: not known */
};
/* NULL until the execution is terminal and its history was read to its end. */
const struct watch_end *watch_ended(const struct watch_run *r);

/* Appends the JSON of an event's details. Above WATCH_DETAILS_MAX bytes long strings (inputs and
 * outputs) are cut and say so; nothing is appended for NULL. */
enum { WATCH_DETAILS_MAX = 8192, WATCH_TEXT_KEPT = 1024 };
/* See above; json_t is borrowed, the ceiling of `out` should be above WATCH_DETAILS_MAX. */
void watch_details(const json_t *details, struct buf *out);

#endif
