/* Rows of tasks that could not be started. */
#include "workers/launch/launch_private.h"

enum {
    ROW_IN_FLIGHT = 5, /* small tables take five rows a second */
    ROW_ATTEMPTS = 8,
    ROW_ATTEMPTS_LATE = 2, /* near the deadline: pauses of many attempts would outlast it */
    ROW_MS = 5000,
};

static int build_row(void *ctx, size_t i, struct aws_request *request, struct error *err)
{
    const struct launch *l = ctx;
    const struct spec_task *task = &l->plan->spec.tasks[l->todo[i]];
    int rc = refusal_row(request, &l->plan->run, task->task_name, task->object_key,
                         l->targets[l->todo[i]].reason, clock_wall(l->w->clock), err);
    request->timeout_ms = ROW_MS;
    request->max_attempts =
        worker_ms_left(l->w) > 2 * l->options.reserve_ms ? ROW_ATTEMPTS : ROW_ATTEMPTS_LATE;
    return rc;
}

/* A final row that is there already is from an earlier try of this launch. A table that takes no
 * more rows now takes them later, behind the pause before the next round. */
static void row_done(void *ctx, size_t i, struct aws_response *response, const struct error *err)
{
    struct launch *l = ctx;
    (void)response;
    if (!err || err_is_remote(err, "ConditionalCheckFailedException")) {
        l->targets[l->todo[i]].outcome = RECORDED;
        l->cursor->refused++;
    } else if (!aws_is_throttle(err) && l->row_error.code == ERR_NONE) {
        l->row_error = *err;
    }
}

/* Those without a row by then are handed on as waiting, and tried once more. */
static enum worker_go while_there_is_time(void *ctx)
{
    const struct launch *l = ctx;
    return worker_ms_left(l->w) > l->options.reserve_ms / 2 ? WORKER_GO_ON : WORKER_WIND_DOWN;
}

int launch_record_refused(struct launch *l, struct error *err)
{
    l->todo_count = 0;
    for (size_t i = 0; i < l->plan->spec.task_count; i++)
        if (l->targets[i].outcome == REFUSED)
            l->todo[l->todo_count++] = i;
    const struct worker_batch batch = {
        .count = l->todo_count,
        .limit = ROW_IN_FLIGHT,
        .ctx = l,
        .build = build_row,
        .done = row_done,
        .go = while_there_is_time,
    };
    if (worker_run_batch(l->w, &batch, err) != 0)
        return -1;
    if (l->row_error.code == ERR_NONE)
        return 0;
    if (err)
        *err = l->row_error;
    return err_wrap(err, "rows of tasks that could not be started");
}
