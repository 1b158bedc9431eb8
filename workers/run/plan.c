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
    json_t *inner = json_object_get(event, "spec"), *tree;
    json_t *execution = json_object_get(event, "execution");
    *p = (struct plan){0};
    if (plan_fetch_tasks(p, w, inner ? inner : event, &tree, err) != 0)
        return -1;
    int rc = read_spec(p, w, tree, pattern, err);
    json_decref(tree);
    if (rc == 0)
        rc = settle_run_id(p, execution, err);
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
    json_decref(p->manifest);
    *p = (struct plan){0};
}
