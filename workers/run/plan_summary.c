/* The run's summary row as launcher and planner need it: made once, claimed chunk by chunk. */
#include "workers/run/plan.h"

static int has_rows(const struct plan *p, const struct worker *w, bool *out, struct error *err)
{
    struct aws_request request = {0};
    struct aws_response response = {0};
    int rc = audit_detail_query_any(&request, &p->run.details, p->run.workflow_run_id, err);
    if (rc == 0)
        rc = worker_call(w, &request, &response, err);
    *out = rc == 0 && json_array_size(dynamodb_items(&response)) > 0;
    aws_request_free(&request);
    aws_response_free(&response);
    return rc;
}

/* Rows of a run whose summary is there are for plan_check_summary to judge. */
int plan_check_unused(const struct plan *p, const struct worker *w, struct error *err)
{
    struct aws_request request = {0};
    struct aws_response response = {0};
    const struct run *run = &p->run;
    bool used;
    if (has_rows(p, w, &used, err) != 0)
        return -1;
    if (!used)
        return 0;
    int rc =
        audit_summary_get(&request, &run->summary, run->workflow_name, run->workflow_run_id, err);
    if (rc == 0)
        rc = worker_call(w, &request, &response, err);
    if (rc == 0 && !dynamodb_item(&response))
        rc = err_set(err, ERR_CONFLICT,
                     "%s has rows of run %lld already, of another workflow or an earlier run: use "
                     "another workflowRunId",
                     run->details.table, (long long)run->workflow_run_id);
    aws_request_free(&request);
    aws_response_free(&response);
    return rc;
}

/* A row is there: ours from an earlier try, or somebody else's? Times are kept to milliseconds. */
int plan_check_summary(const struct plan *p, const struct worker *w, struct error *err)
{
    struct aws_request request = {0};
    struct aws_response response = {0};
    struct audit_summary row;
    const struct run *run = &p->run;
    int rc =
        audit_summary_get(&request, &run->summary, run->workflow_name, run->workflow_run_id, err);
    if (rc == 0)
        rc = worker_call(w, &request, &response, err);
    json_t *item = rc == 0 ? dynamodb_item(&response) : NULL;
    if (item)
        rc = audit_summary_read(item, &run->summary, &row, err);
    if (rc == 0 && item &&
        (audit_status_final(row.status) || row.start_time / CLOCK_MS != run->start_time / CLOCK_MS))
        rc = err_set(err, ERR_CONFLICT,
                     "run %lld of workflow %s is there already (status %s): use another "
                     "workflowRunId",
                     (long long)run->workflow_run_id, run->workflow_name,
                     audit_status_name(row.status));
    aws_request_free(&request);
    aws_response_free(&response);
    return rc;
}

/* The spec as the execution was given it: with the manifest's reference where the tasks are in one.
 */
static int dump_spec(const struct plan *p, struct buf *out, struct error *err)
{
    json_t *given = json_copy(p->spec.root);
    int bad = !given;
    if (!bad && p->manifest) {
        (void)json_object_del(given, "taskList");
        bad = json_object_set(given, "taskManifest", p->manifest);
    }
    if (!bad)
        json_dump(out, given);
    json_decref(given);
    return bad ? err_set(err, ERR_MEMORY, "out of memory for the run's spec") : buf_check(out, err);
}

/* ConditionalCheckFailedException only says that a row is there; whose it is, the row itself tells.
 */
int plan_write_summary(struct plan *p, const struct worker *w, struct error *err)
{
    struct aws_request request = {0};
    struct buf specs;
    buf_init(&specs, BUF_MAX_PAYLOAD);
    int rc = plan_check_unused(p, w, err);
    if (rc == 0)
        rc = dump_spec(p, &specs, err);
    const struct audit_summary row = {
        .workflow_name = p->run.workflow_name,
        .workflow_run_id = p->run.workflow_run_id,
        .workflow_specs = buf_str(&specs),
        .number_of_tasks = p->run.number_of_tasks,
        .status = AUDIT_RUNNING,
        .start_time = p->run.start_time,
        .update_time = clock_wall(w->clock),
    };
    if (rc == 0)
        rc = audit_summary_create(&request, &p->run.summary, &row, err);
    if (rc == 0)
        rc = worker_tell(w, &request, err);
    aws_request_free(&request);
    buf_free(&specs);
    if (rc == 0 || !err_is_remote(err, "ConditionalCheckFailedException"))
        return rc;
    p->repeated = true;
    return plan_check_summary(p, w, err);
}

int plan_claim_chunk(struct plan *p, const struct worker *w, int64_t chunk, struct error *err)
{
    struct aws_request request = {0};
    const struct run *run = &p->run;
    int rc = audit_summary_claim(&request, &run->summary, run->workflow_name, run->workflow_run_id,
                                 chunk, err);
    if (rc == 0)
        rc = worker_tell(w, &request, err);
    aws_request_free(&request);
    if (rc == 0 || !err_is_remote(err, "ConditionalCheckFailedException"))
        return rc;
    p->repeated = true;
    return plan_check_summary(p, w, err);
}
