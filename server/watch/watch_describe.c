/* DescribeExecution and StopExecution of one run. */
#include "server/watch/watch_private.h"

#include "lib/aws/sfn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* When a listing tells of ended executions, a run is still described now and then. */
#define DESCRIBE_LISTED (60 * CLOCK_SECOND)
/* Between looks at an execution that is not known yet. */
#define UNKNOWN_WAIT (500 * CLOCK_MS)

/* Keeps copies for the close of the run; `status` is the run's own buffer. */
static int set_end(struct watch_run *r, const struct store_execution *e, struct error *err)
{
    char *error = e->error ? strdup(e->error) : NULL;
    char *cause = e->cause ? strdup(e->cause) : NULL;
    if ((e->error && !error) || (e->cause && !cause)) {
        free(error);
        free(cause);
        return err_set(err, ERR_MEMORY, "out of memory for the end of an execution");
    }
    free(r->error);
    free(r->cause);
    r->error = error;
    r->cause = cause;
    r->end = (struct watch_end){r->status, r->error, r->cause, e->stopped_at};
    return 0;
}

/* Stores what was said, when it is news. */
static int take(struct watch_run *r, const struct store_execution *e, bool *moved,
                struct error *err)
{
    *moved = strcmp(r->status, e->status) != 0;
    if (!*moved)
        return 0;
    if (set_end(r, e, err) || store_execution_set(r->watch->loop->store, r->id, e, err))
        return -1;
    (void)snprintf(r->status, sizeof r->status, "%s", e->status);
    return 0;
}

/* Straight after its start an execution may be unknown; later that is its end. */
static void unknown(struct watch_run *r)
{
    const struct loop *loop = r->watch->loop;
    struct error err = {0};
    bool moved;
    struct store_execution gone = {
        .status = "FAILED",
        .error = "ExecutionDoesNotExist",
        .cause = "Step Functions does not know this execution: it was deleted, or it ended so long "
                 "ago that its history is gone",
    };
    if (clock_wall(loop->clock) - r->started_at < WATCH_GRACE ||
        loop_now(loop) - r->since < WATCH_UNKNOWN_MIN) {
        r->trouble.not_before = loop_now(loop) + UNKNOWN_WAIT;
        return;
    }
    if (take(r, &gone, &moved, &err)) {
        watch_failed(r, "the state of the execution cannot be kept", &err);
        return;
    }
    r->terminal = true;
    watch_finish(r);
}

/* A change is also a reason to read the history now. */
static void described(void *ctx, struct aws_response *response, const struct error *err)
{
    struct watch_run *r = ctx;
    struct sfn_execution execution;
    struct error why = {0};
    bool moved = false;
    if (!watch_back(r, err))
        return;
    if (err && err_is_remote(err, "ExecutionDoesNotExist")) {
        unknown(r);
        return;
    }
    if (err) {
        watch_failed(r, "the execution cannot be described", err);
        return;
    }
    int rc = sfn_describe_result(response, &execution, &why);
    struct store_execution e = {.status = execution.status,
                                .started_at = execution.start_time,
                                .stopped_at = execution.stop_time,
                                .error = execution.error,
                                .cause = execution.cause};
    if (rc || take(r, &e, &moved, &why)) {
        watch_failed(r, "the state of the execution cannot be kept", &why);
        return;
    }
    int64_t now = loop_now(r->watch->loop);
    int64_t floor = watch_lists(r->watch) ? DESCRIBE_LISTED : watch_floor(r->watch);
    r->terminal = strcmp(e.status, "RUNNING") != 0;
    pace_looked(&r->describe, now, moved, floor);
    if (moved)
        r->history.due = now;
}

/* DescribeExecution: status, times, error and cause. */
void watch_describe(struct watch_run *r)
{
    struct aws_request request = {0};
    struct error err = {0};
    int rc = sfn_describe_execution(&request, r->arn, &err);
    watch_send(r, &request, rc, described, &err);
}

/* An execution that ended meanwhile answers 200 as well. Until the next try it is described: it may
 * have ended, or DescribeExecution tells whether it is not known yet or gone. */
static void stopped(void *ctx, struct aws_response *response, const struct error *err)
{
    struct watch_run *r = ctx;
    const struct loop *loop = r->watch->loop;
    (void)response;
    if (!watch_back(r, err))
        return;
    r->stopped = !err;
    if (!err)
        trouble_over(&r->stopping, loop, r->id);
    else if (!err_is_remote(err, "ExecutionDoesNotExist"))
        trouble_add(&r->stopping, loop, r->id, "the execution cannot be stopped", err);
    if (err && r->stopping.not_before < loop_now(loop) + CLOCK_SECOND)
        r->stopping.not_before = loop_now(loop) + CLOCK_SECOND;
    watch_hint(r);
}

void watch_stop(struct watch_run *r)
{
    struct aws_request request = {0};
    struct error err = {0};
    int rc = sfn_stop_execution(&request, r->arn, "Stepfleet.Cancelled",
                                r->why[0] ? r->why : "cancelled on request", &err);
    watch_send(r, &request, rc, stopped, &err);
}
