/* What must be the same however often Lambda repeats a function: the run's id and its start. Both
 * come from the execution, and the summary row's start_time tells a repeat from a stranger. */
#include "workers/run/plan.h"

#include <string.h>

/* What the spec may leave to the place it runs in. */
static json_t *place_defaults(const struct worker *w)
{
    return json_pack("{s:s}", "region", aws_region(w->aws));
}

/* The spec, with all its problems in one line: a Lambda error has room for one message. */
static int read_spec(struct plan *p, const struct worker *w, json_t *tree, int pattern,
                     struct error *err)
{
    struct json_problems problems = {0};
    struct buf text;
    buf_init(&text, BUF_MAX_LINE);
    json_t *defaults = place_defaults(w);
    int rc = spec_read(tree, pattern, defaults, &p->spec, &problems, err);
    if (rc != 0 && err->code == ERR_SPEC_INVALID) {
        spec_problems_text(&problems, &text);
        err_set(err, ERR_SPEC_INVALID, "%s", buf_str(&text));
    }
    json_decref(defaults);
    json_problems_free(&problems);
    buf_free(&text);
    return rc;
}

/* The spec's own run id, or the one that follows from the execution. */
static int settle_run_id(struct plan *p, const json_t *execution, struct error *err)
{
    if (p->spec.workflow_run_id != 0)
        return 0;
    const char *name = json_str(execution, "name", NULL);
    const char *start = json_str(execution, "startTime", NULL);
    if (!name || !start)
        return err_set(err, ERR_ARGUMENT,
                       "the spec has no workflowRunId and the event no execution to derive it "
                       "from");
    if (run_id_of_execution(name, start, &p->spec.workflow_run_id, err) != 0)
        return -1;
    json_t *id = json_integer(p->spec.workflow_run_id);
    if (json_object_set_new(p->spec.root, "workflowRunId", id) != 0)
        return err_set(err, ERR_MEMORY, "out of memory while planning the run");
    return 0;
}

/* When the run began: the execution's start, which no retry changes, else now. */
static int settle_start(struct plan *p, const struct worker *w, const json_t *execution,
                        struct error *err)
{
    const char *start = json_str(execution, "startTime", NULL);
    p->run.start_time = clock_wall(w->clock);
    return start ? clock_parse_rfc3339(start, &p->run.start_time, err) : 0;
}

/* An event with "spec" comes from the state machine; one without is a spec somebody typed in. */
int plan_open(struct plan *p, const struct worker *w, json_t *event, int pattern, struct error *err)
{
    *p = (struct plan){0};
    json_t *inner = json_object_get(event, "spec");
    json_t *execution = json_object_get(event, "execution");
    if (read_spec(p, w, inner ? inner : event, pattern, err) != 0)
        return -1;
    int rc = settle_run_id(p, execution, err);
    if (rc == 0) {
        run_from_spec(&p->spec, &p->run);
        rc = settle_start(p, w, execution, err);
    }
    if (rc != 0)
        plan_close(p);
    return rc;
}

void plan_close(struct plan *p)
{
    spec_free(&p->spec);
    *p = (struct plan){0};
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

/* ConditionalCheckFailedException only says that a row is there; whose it is, the row itself tells.
 */
int plan_write_summary(const struct plan *p, const struct worker *w, struct error *err)
{
    struct aws_request request = {0};
    struct buf specs;
    buf_init(&specs, BUF_MAX_PAYLOAD);
    json_dump(&specs, p->spec.root);
    const struct audit_summary row = {
        .workflow_name = p->run.workflow_name,
        .workflow_run_id = p->run.workflow_run_id,
        .workflow_specs = buf_str(&specs),
        .number_of_tasks = p->run.number_of_tasks,
        .status = AUDIT_RUNNING,
        .start_time = p->run.start_time,
        .update_time = clock_wall(w->clock),
    };
    int rc = buf_check(&specs, err);
    if (rc == 0)
        rc = audit_summary_create(&request, &p->run.summary, &row, err);
    if (rc == 0)
        rc = worker_tell(w, &request, err);
    aws_request_free(&request);
    buf_free(&specs);
    if (rc != 0 && err_is_remote(err, "ConditionalCheckFailedException"))
        return plan_check_summary(p, w, err);
    return rc;
}
