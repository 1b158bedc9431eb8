/* The summary row. It is created once, before anything is launched, and moved by the monitor;
 * who comes second gets ConditionalCheckFailedException and reads what is there. */
#include "lib/audit/audit_expr.h"

static json_t *summary_key(const struct audit_table *t, const char *workflow_name, int64_t run_id)
{
    return audit_key(t, dynamodb_s(workflow_name), dynamodb_n(run_id));
}

/* The row as it is first written; NULL when memory is out. */
static json_t *summary_item(const struct audit_table *t, const struct audit_summary *row)
{
    json_t *item = summary_key(t, row->workflow_name, row->workflow_run_id);
    int bad = 0;
    if (row->workflow_specs)
        bad |= audit_item_set(item, "workflow_specs", dynamodb_s(row->workflow_specs));
    bad |= audit_item_set(item, "number_of_tasks", dynamodb_n(row->number_of_tasks));
    bad |= audit_item_set(item, "status", dynamodb_s(audit_status_name(row->status)));
    bad |= audit_item_set(item, "start_time", audit_value_time(row->start_time));
    bad |= audit_item_set(item, "update_time", audit_value_time(row->update_time));
    bad |= audit_item_set(item, "completed_tasks", dynamodb_n(row->completed_tasks));
    bad |= audit_item_set(item, "failed_tasks", dynamodb_n(row->failed_tasks));
    bad |= audit_item_set(item, "running_tasks", dynamodb_n(row->running_tasks));
    if (row->reason)
        bad |= audit_item_set(item, "reason", dynamodb_s(row->reason));
    if (!bad)
        return item;
    json_decref(item);
    return NULL;
}

/* Launchers and planners are retried: the row of an earlier try must not be reset by a later one.
 */
int audit_summary_create(struct aws_request *r, const struct audit_table *t,
                         const struct audit_summary *row, struct error *err)
{
    struct audit_expr e;
    audit_expr_init(&e, t);
    return audit_expr_put(&e, r, t, summary_item(t, row), "attribute_not_exists(#hash)", err);
}

/* What moves: the spec, the number of tasks and the start stay as they were created. */
static void summary_changes(struct audit_expr *e, const struct audit_summary *row)
{
    audit_expr_set(e, "status", dynamodb_s(audit_status_name(row->status)));
    audit_expr_set(e, "update_time", audit_value_time(row->update_time));
    audit_expr_set(e, "completed_tasks", dynamodb_n(row->completed_tasks));
    audit_expr_set(e, "failed_tasks", dynamodb_n(row->failed_tasks));
    audit_expr_set(e, "running_tasks", dynamodb_n(row->running_tasks));
    if (row->reason)
        audit_expr_set(e, "reason", dynamodb_s(row->reason));
}

int audit_summary_update(struct aws_request *r, const struct audit_table *t,
                         const struct audit_summary *row, struct error *err)
{
    struct audit_expr e;
    audit_expr_init(&e, t);
    summary_changes(&e, row);
    return audit_expr_update(&e, r, t, summary_key(t, row->workflow_name, row->workflow_run_id),
                             err);
}

/* Step Functions stops an execution, not the function it waits for: that one may still find the
 * tasks of the run gone and fail it. */
int audit_summary_cancel(struct aws_request *r, const struct audit_table *t,
                         const struct audit_summary *row, int64_t stopped_at, struct error *err)
{
    struct audit_expr e;
    audit_expr_init(&e, t);
    summary_changes(&e, row);
    audit_expr_value(&e, "stopped", audit_value_time(stopped_at));
    return audit_expr_update_if(&e, r, t, summary_key(t, row->workflow_name, row->workflow_run_id),
                                "attribute_exists(#hash) AND (NOT (" AUDIT_IS_FINAL
                                ") OR #status = :cancelled"
                                " OR (#status = :failed AND #update_time >= :stopped))",
                                err);
}

int audit_summary_claim(struct aws_request *r, const struct audit_table *t,
                        const char *workflow_name, int64_t workflow_run_id, int64_t chunk,
                        struct error *err)
{
    struct audit_expr e;
    audit_expr_init(&e, t);
    audit_expr_set(&e, "launch_chunk", dynamodb_n(chunk));
    return audit_expr_update_if(&e, r, t, summary_key(t, workflow_name, workflow_run_id),
                                "attribute_exists(#hash) AND NOT (" AUDIT_IS_FINAL
                                ") AND (attribute_not_exists(#launch_chunk)"
                                " OR #launch_chunk < :launch_chunk)",
                                err);
}

/* Consistent, because it is asked for right after a write was refused. */
int audit_summary_get(struct aws_request *r, const struct audit_table *t, const char *workflow_name,
                      int64_t workflow_run_id, struct error *err)
{
    json_t *key = summary_key(t, workflow_name, workflow_run_id);
    if (!key)
        return err_set(err, ERR_MEMORY, "out of memory while building an audit row's key");
    int rc = dynamodb_get_item(r, t->table, key, true, err);
    json_decref(key);
    return rc;
}

int audit_summary_read(json_t *item, const struct audit_table *t, struct audit_summary *out,
                       struct error *err)
{
    *out = (struct audit_summary){
        .workflow_name = dynamodb_get_s(item, t->hash_key, NULL),
        .workflow_run_id = dynamodb_get_n(item, t->range_key, 0),
        .workflow_specs = dynamodb_get_s(item, "workflow_specs", NULL),
        .number_of_tasks = dynamodb_get_n(item, "number_of_tasks", 0),
        .completed_tasks = dynamodb_get_n(item, "completed_tasks", 0),
        .failed_tasks = dynamodb_get_n(item, "failed_tasks", 0),
        .running_tasks = dynamodb_get_n(item, "running_tasks", 0),
        .reason = dynamodb_get_s(item, "reason", NULL),
        .start_time = audit_get_time(item, "start_time"),
        .update_time = audit_get_time(item, "update_time"),
    };
    if (!out->workflow_name || out->workflow_run_id <= 0)
        return err_set(err, ERR_SYNTAX, "an item of %s has no %s or %s", t->table, t->hash_key,
                       t->range_key);
    return audit_status_parse(dynamodb_get_s(item, "status", ""), &out->status, err);
}
