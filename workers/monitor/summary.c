/* The summary row is read only when it must be: when a write was refused, when names of tasks are
 * needed, and before a run is closed. */
#include "workers/monitor/summary.h"

#include "lib/json/json_read.h"
#include "workers/run/plan.h"

#include <string.h>

/* On failure the view is closed already. */
int summary_open(struct summary_view *v, const struct worker *w, const struct run *run,
                 struct error *err)
{
    struct aws_request request = {0};
    *v = (struct summary_view){0};
    int rc =
        audit_summary_get(&request, &run->summary, run->workflow_name, run->workflow_run_id, err);
    if (rc == 0)
        rc = worker_call(w, &request, &v->response, err);
    aws_request_free(&request);
    json_t *item = rc == 0 ? dynamodb_item(&v->response) : NULL;
    if (item)
        rc = audit_summary_read(item, &run->summary, &v->row, err);
    v->found = rc == 0 && item;
    if (rc != 0)
        summary_close(v);
    return rc;
}

void summary_close(struct summary_view *v)
{
    aws_response_free(&v->response);
    *v = (struct summary_view){0};
}

/* The list of the spec, or of its manifest: a new reference. */
static int task_list(const struct worker *w, json_t *spec, json_t **list, struct error *err)
{
    struct manifest_ref ref;
    struct error why = {0};
    if (manifest_ref_read(spec, &ref, &why) == 0)
        return plan_fetch_list(w, &ref, list, err);
    if (why.code == ERR_NOT_FOUND) {
        *list = json_incref(json_object_get(spec, "taskList"));
        return 0;
    }
    if (err)
        *err = why;
    return -1;
}

/* The spec was written by plan_write_summary, so its task list is well formed. */
static int names_of(const struct worker *w, const char *specs, json_t *names, struct error *err)
{
    json_t *spec, *list = NULL, *task;
    size_t i;
    if (json_parse(specs, strlen(specs), &spec, err) != 0)
        return err_wrap(err, "the spec in the summary row");
    int rc = task_list(w, spec, &list, err);
    json_array_foreach (list, i, task) {
        json_t *name = json_object_get(task, "taskName");
        if (json_is_string(name) && json_array_append(names, name) != 0)
            rc = err_set(err, ERR_MEMORY, "out of memory for task names");
    }
    json_decref(list);
    json_decref(spec);
    return rc;
}

json_t *summary_task_names(const struct worker *w, const struct run *run, struct error *err)
{
    struct summary_view v;
    if (summary_open(&v, w, run, err) != 0)
        return NULL;
    json_t *names = json_array();
    int rc = names ? 0 : err_set(err, ERR_MEMORY, "out of memory for task names");
    if (rc == 0 && v.found && v.row.workflow_specs)
        rc = names_of(w, v.row.workflow_specs, names, err);
    summary_close(&v);
    if (rc == 0)
        return names;
    json_decref(names);
    return NULL;
}

/* Counts and status in one write: who reads the row never sees them disagree. */
static int send_update(const struct worker *w, const struct run *run, enum audit_status status,
                       const char *reason, struct error *err)
{
    struct aws_request request = {0};
    const struct audit_summary row = {
        .workflow_name = run->workflow_name,
        .workflow_run_id = run->workflow_run_id,
        .number_of_tasks = run->number_of_tasks,
        .completed_tasks = run->completed,
        .failed_tasks = run->failed,
        .running_tasks = run->running,
        .status = status,
        .reason = reason,
        .start_time = run->start_time,
        .update_time = clock_wall(w->clock),
    };
    int rc = audit_summary_update(&request, &run->summary, &row, err);
    if (rc == 0)
        rc = worker_tell(w, &request, err);
    aws_request_free(&request);
    return rc;
}

/* A refused write is the answer to a question: the row is final or gone, and is read to tell which.
 */
int summary_move(const struct worker *w, const struct run *run, enum audit_status *status,
                 const char *reason, struct error *err)
{
    if (send_update(w, run, *status, reason, err) == 0)
        return 0;
    if (!err_is_remote(err, "ConditionalCheckFailedException"))
        return -1;
    struct summary_view v;
    if (summary_open(&v, w, run, err) != 0)
        return -1;
    if (v.found)
        *status = v.row.status;
    else
        log_warn(w->log, "the summary row is gone", LOG_INT("run_id", run->workflow_run_id),
                 LOG_STR("aws_request_id", w->request_id));
    summary_close(&v);
    return 0;
}
