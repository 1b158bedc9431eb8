/* control: the loop that drives runs: starts executions (submit), finds those that others started
 * (discover), follows them (watch), mirrors the audit tables (mirror), stops the tasks of what was
 * cancelled, and closes runs with the truth.
 *
 * One thread with one struct aws of its own; it sleeps in aws_poll until something answers, a
 * time has come, or it is woken. The struct belongs to whoever started it. */
#ifndef STEPFLEET_CONTROL_H
#define STEPFLEET_CONTROL_H

#include "lib/aws/aws.h"
#include "server/services.h"
#include "server/store/store.h"

struct control;

struct control_options {
    struct store *store;           /* borrowed, must outlive the loop */
    struct aws_options aws;        /* for the loop's own client */
    const char *machine_arn[3];    /* state machines by pattern, index 1 and 2; NULL: none */
    const struct clock *clock;     /* borrowed */
    const struct log *log;         /* borrowed; may be NULL */
    struct control_health *health; /* borrowed; may be NULL */
    int starts_in_flight;          /* StartExecution calls at a time; 0: 16 */
    double calls_per_second;       /* of DescribeExecution, of GetExecutionHistory; 0: 10 */
    int list_above;                /* active runs above which executions are listed; 0: 10 */
    int64_t mirror_interval;       /* shortest time between two passes, us; 0: 250 ms */
    /* The deployment's audit tables by pattern, whose streams are followed; NULL: not known. */
    const char *summary_table[3], *summary_range_key[3], *details_table[3];
    int64_t stream_interval; /* shortest time between reads of a shard, us; 0: 400 ms */
    int64_t stream_retry;    /* until a stream is looked for again, us; 0: 60 s */
    int64_t retention;       /* tasks and events of runs that ended are kept so long, us; 0: ever */
    bool discover;           /* look for runs that were started elsewhere */
    int64_t discover_interval; /* between looks where there is no stream, us; 0: 10 s */
};

/* Copies what it needs of the options. NULL with ERR_ARGUMENT when region or credentials are not
 * to be found, or ERR_SYSTEM. */
struct control *control_start(const struct control_options *options, struct error *err);
/* Something was put into the outbox, or cancelled. Any thread. `control` is a struct control
 * (as services.wake_control wants it). */
void control_wake(void *control);
/* Begins nothing new, waits at most 3 s for what is in flight, ends the thread and frees. What was
 * cut off is done again after the next start. NULL-safe; returns NULL. */
struct control *control_stop(struct control *c);

#endif
