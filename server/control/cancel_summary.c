/* The summary row of a cancelled run. DynamoDB's condition decides the race with the monitor: who
 * writes a final status first has the last word. */
#include "server/control/cancel_private.h"

enum { REFUSALS_MAX = 3 };

/* What the store knows of the run goes into the row. */
static void read_row(void *ctx, const struct store_run *run)
{
    struct audit_summary *row = ctx;
    row->number_of_tasks = run->task_count;
    row->completed_tasks = run->completed_tasks;
    row->failed_tasks = run->failed_tasks;
    row->start_time = run->started_at;
}

/* The step that a failure for good leads to. */
static enum cancel_step step_without(enum cancel_step step)
{
    return step == CANCEL_RECOUNT ? CANCEL_DONE : CANCEL_SWEEP;
}

static void summary_failed(struct cancel *c, const struct error *err)
{
    trouble_add(&c->trouble, c->loop, c->run_id, "the summary row cannot be marked as cancelled",
                err);
    if (c->trouble.failures >= REFUSALS_MAX && loop_fault(err) != LOOP_PASSING) {
        c->step = step_without(c->step);
        c->trouble = (struct trouble){0};
    }
}

/* The row was refused: it is final and says how the run ended, or there is none. */
static void take_row(struct cancel *c, struct aws_response *response)
{
    struct error err = {0};
    struct audit_summary row;
    json_t *item = dynamodb_item(response);
    if (!item) {
        c->step = CANCEL_CREATE;
        return;
    }
    if (audit_summary_read(item, &c->tables.summary, &row, &err)) {
        summary_failed(c, &err);
        return;
    }
    c->step = audit_status_final(row.status) ? CANCEL_SWEEP : CANCEL_UPDATE;
    if (audit_status_final(row.status))
        c->verdict = row.status;
}

/* Refused as well as done, the answer leads on. */
static void summary_came(void *ctx, struct aws_response *response, const struct error *err)
{
    struct cancel *c = ctx;
    bool refused = err && err_is_remote(err, "ConditionalCheckFailedException");
    c->busy = false;
    loop_note(c->loop, refused ? NULL : err);
    if (err && !refused) {
        summary_failed(c, err);
        return;
    }
    trouble_over(&c->trouble, c->loop, c->run_id);
    if (c->step == CANCEL_READ)
        take_row(c, response);
    else if (c->step == CANCEL_RECOUNT)
        c->step = CANCEL_DONE;
    else if (c->step == CANCEL_UPDATE)
        c->step = refused ? CANCEL_READ : CANCEL_SWEEP;
    else {
        c->barred = !refused;
        c->step = refused ? CANCEL_UPDATE : CANCEL_SWEEP;
    }
}

static int build(struct cancel *c, struct aws_request *request, struct error *err)
{
    const struct mirror_tables *t = &c->tables;
    struct audit_summary row = {.workflow_name = t->workflow_name,
                                .workflow_run_id = c->run_id,
                                .status = AUDIT_CANCELLED,
                                .reason = c->reason,
                                .update_time = clock_wall(c->loop->clock)};
    if (c->step == CANCEL_READ)
        return audit_summary_get(request, &t->summary, t->workflow_name, c->run_id, err);
    if (store_run_get(c->loop->store, c->run_id, read_row, &row, err))
        return -1;
    if (c->step == CANCEL_CREATE)
        return audit_summary_create(request, &t->summary, &row, err);
    return audit_summary_cancel(request, &t->summary, &row, c->stopped_at, err);
}

void cancel_summary(struct cancel *c)
{
    struct aws_request request = {0};
    struct error err = {0};
    if (build(c, &request, &err) || aws_send(c->loop->aws, &request, summary_came, c, &err)) {
        aws_request_free(&request);
        summary_failed(c, &err);
        return;
    }
    c->busy = true;
}
