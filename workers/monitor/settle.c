/* Rows come first and stopping second: a task that is being stopped writes a farewell of its own,
 * which knows nothing of the reason. A task whose row is final by then is not stopped: it has ended
 * by itself. Should this process die in between, the next look stops what is left. */
#include "workers/monitor/settle.h"

#include "lib/aws/ecs.h"
#include "lib/base/utf8.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    ROOM_FIRST = 16,
    IN_FLIGHT = 10,
    ROW_ATTEMPTS = 8,      /* a table of 5 write units takes 10 rows in some seconds */
    THROTTLED_ENOUGH = 10, /* rows given up for throttling, then the others are left, too */
    STOP_REASON_MAX = 255, /* StopTask's limit */
    RESERVE_MS = 240000,   /* of Lambda's time: to stop the tasks of written rows, and to answer */
};

/* The pointer is good until the next one is added. */
struct settlement *settlements_add(struct settlements *s, const char *task_id,
                                   const char *task_name, struct error *err)
{
    if (!s->list || s->count == s->room) {
        size_t room = s->room ? s->room * 2 : ROOM_FIRST;
        struct settlement *list = reallocarray(s->list, room, sizeof *list);
        if (!list) {
            err_set(err, ERR_MEMORY, "out of memory for %zu tasks to settle", room);
            return NULL;
        }
        s->list = list;
        s->room = room;
    }
    struct settlement *one = &s->list[s->count++];
    *one = (struct settlement){.exit_code = -1};
    (void)snprintf(one->task_id, sizeof one->task_id, "%s", task_id);
    (void)snprintf(one->task_name, sizeof one->task_name, "%s", task_name);
    return one;
}

void settlement_say(struct settlement *one, const char *stop_code, const char *reason)
{
    (void)snprintf(one->stop_code, sizeof one->stop_code, "%s", stop_code);
    (void)snprintf(one->reason, sizeof one->reason, "%s", reason);
    utf8_mend(one->reason);
}

void settlements_free(struct settlements *s)
{
    free(s->list);
    *s = (struct settlements){0};
}

/* Shared by the calls of one settle(). */
struct settling {
    const struct settlements *s;
    const struct worker *w;
    const struct run *run;
    struct task_rows *rows;
    size_t *writes; /* indices of those with a row to write */
    size_t write_count;
    size_t *stops; /* of those to stop: their rows are written */
    size_t stop_count;
    size_t changed, written, throttled;
    int64_t reserve_ms;
    struct error first;
};

/* --- rows ------------------------------------------------------------------------------------- */

static enum audit_status status_of(const struct settlement *one)
{
    return one->row == SETTLE_EXPLAIN ? AUDIT_CANCELLED : AUDIT_FAILED;
}

static int build_write(const struct settling *c, enum settle_row how,
                       const struct audit_detail *row, struct aws_request *request,
                       struct error *err)
{
    if (how == SETTLE_EXPLAIN)
        return audit_detail_explain(request, &c->run->details, row, err);
    return how == SETTLE_FINISH ? audit_detail_finish(request, &c->run->details, row, err)
                                : audit_detail_put(request, &c->run->details, row, err);
}

/* start_time is for new rows only; updates leave it alone. */
static int build_row(void *ctx, size_t i, struct aws_request *request, struct error *err)
{
    const struct settling *c = ctx;
    const struct settlement *one = &c->s->list[c->writes[i]];
    int64_t now = clock_wall(c->w->clock);
    const struct audit_detail row = {
        .workflow_run_id = c->run->workflow_run_id,
        .ecs_task_id = one->task_id,
        .task_name = one->task_name,
        .status = status_of(one),
        .start_time = one->started_at > 0 ? one->started_at : now,
        .update_time = one->update_time > 0 ? one->update_time : now,
        .exec_time_in_seconds = -1,
        .bytes = -1,
        .stop_code = one->stop_code,
        .stopped_reason = one->reason,
        .exit_code = one->exit_code,
        .created_at = one->created_at,
        .pull_started_at = one->pull_started_at,
        .pull_stopped_at = one->pull_stopped_at,
        .container_started_at = one->started_at,
    };
    int rc = build_write(c, one->row, &row, request, err);
    request->max_attempts = ROW_ATTEMPTS;
    return rc;
}

/* The row is written: the picture in memory follows. */
static void remember(struct settling *c, const struct settlement *one)
{
    const struct task_row row = {
        .task_id = one->task_id,
        .task_name = one->task_name,
        .reason = one->reason,
        .stop_code = one->stop_code,
        .status = status_of(one),
        .update_time = one->update_time,
        .exit_code = one->exit_code,
    };
    struct error err;
    if (task_rows_set(c->rows, &row, &err) != 0 && c->first.code == ERR_NONE)
        c->first = err;
}

/* A refused condition is good news: the task has spoken for itself. */
static void row_done(void *ctx, size_t i, struct aws_response *response, const struct error *err)
{
    struct settling *c = ctx;
    const struct settlement *one = &c->s->list[c->writes[i]];
    (void)response;
    if (!err) {
        log_info(c->w->log, "settled a task", LOG_INT("run_id", c->run->workflow_run_id),
                 LOG_STR("task_id", one->task_id), LOG_STR("stopped_reason", one->reason),
                 LOG_STR("aws_request_id", c->w->request_id));
        remember(c, one);
        c->written++;
        if (one->stop)
            c->stops[c->stop_count++] = c->writes[i];
    } else if (err_is_remote(err, "ConditionalCheckFailedException")) {
        c->changed++;
    } else if (aws_is_throttle(err)) {
        c->throttled++;
    } else if (c->first.code == ERR_NONE) {
        c->first = *err;
    }
}

/* Ten thousand rows at once are more than a small table takes within one look, or within the time
 * of one invocation: killed there, the look would have counted nothing. */
static enum worker_go while_the_table_takes_them(void *ctx)
{
    const struct settling *c = ctx;
    bool time_left = worker_ms_left(c->w) > c->reserve_ms;
    return time_left && c->throttled < THROTTLED_ENOUGH ? WORKER_GO_ON : WORKER_WIND_DOWN;
}

/* --- stopping --------------------------------------------------------------------------------- */

/* The reason is shown by ECS as the task's stoppedReason. */
static int build_stop(void *ctx, size_t i, struct aws_request *request, struct error *err)
{
    const struct settling *c = ctx;
    const struct settlement *one = &c->s->list[c->stops[i]];
    char reason[STOP_REASON_MAX + 1];
    (void)snprintf(reason, sizeof reason, "%s", one->reason);
    utf8_mend(reason);
    return ecs_stop_task(request, c->run->cluster_name, one->task_id, reason, err);
}

/* No error: mostly it has just ended. If it has not, the next look stops it, or the control plane
 * when the run ends. */
static void stop_done(void *ctx, size_t i, struct aws_response *response, const struct error *err)
{
    const struct settling *c = ctx;
    const struct settlement *one = &c->s->list[c->stops[i]];
    (void)response;
    if (err)
        log_warn(c->w->log, "could not stop a task", LOG_STR("task_id", one->task_id),
                 LOG_STR("aws_request_id", c->w->request_id), LOG_STR("error", err->message));
}

/* A task that has just ended cannot be stopped; its row is settled all the same. */
static int stop_tasks(struct settling *c, struct error *err)
{
    const struct worker_batch batch = {
        .count = c->stop_count,
        .limit = IN_FLIGHT,
        .ctx = c,
        .build = build_stop,
        .done = stop_done,
    };
    return worker_run_batch(c->w, &batch, err);
}

/* --- the whole -------------------------------------------------------------------------------- */

/* Where there is no row to write, the stop can be noted at once. */
static int sort_out(struct settling *c, struct error *err)
{
    const struct settlements *s = c->s;
    c->writes = calloc(s->count + 1, sizeof *c->writes);
    c->stops = calloc(s->count + 1, sizeof *c->stops);
    if (!c->writes || !c->stops)
        return err_set(err, ERR_MEMORY, "out of memory for %zu tasks to settle", s->count);
    for (size_t i = 0; i < s->count; i++) {
        if (s->list[i].row != SETTLE_NO_ROW)
            c->writes[c->write_count++] = i;
        else if (s->list[i].stop)
            c->stops[c->stop_count++] = i;
    }
    return 0;
}

static int write_rows(struct settling *c, struct error *err)
{
    const struct worker_batch batch = {
        .count = c->write_count,
        .limit = IN_FLIGHT,
        .ctx = c,
        .build = build_row,
        .done = row_done,
        .go = while_the_table_takes_them,
    };
    return worker_run_batch(c->w, &batch, err);
}

/* All rows first, then all stops, so that the order holds for each task. */
int settle(const struct settlements *s, const struct worker *w, const struct run *run,
           struct task_rows *rows, struct settled *out, struct error *err)
{
    struct settling c = {.s = s, .w = w, .run = run, .rows = rows};
    int64_t half = worker_ms_left(w) / 2;
    c.reserve_ms = half < RESERVE_MS ? half : RESERVE_MS;
    int rc = sort_out(&c, err);
    if (rc == 0)
        rc = write_rows(&c, err);
    if (rc == 0)
        rc = stop_tasks(&c, err);
    free(c.writes);
    free(c.stops);
    *out = (struct settled){.changed = c.changed, .left = c.write_count - c.written - c.changed};
    if (rc != 0 || c.first.code == ERR_NONE)
        return rc;
    if (err)
        *err = c.first;
    return err_wrap(err, "rows of tasks that ended without a word");
}
