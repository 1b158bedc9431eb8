/* Tasks are found by startedBy, not by lists of ARNs in the state: those would fill its 256 KiB
 * with some hundred tasks. */
#include "workers/monitor/ecs_view.h"

/* ECS answers 20 such calls a second, whoever asks: those that it throttles come again behind
 * pauses. */
enum { DESCRIBE_IN_FLIGHT = 4, ATTEMPTS = 8 };

int ecs_view_open(struct ecs_view *v, struct error *err)
{
    v->records = json_object();
    return v->records ? 0 : err_set(err, ERR_MEMORY, "out of memory for ECS's answers");
}

void ecs_view_close(struct ecs_view *v)
{
    json_decref(v->records);
    v->records = NULL;
}

/* A cluster that was deleted has no tasks: that must not keep a run from its end. */
static bool is_no_cluster(const struct error *err)
{
    return err_is_remote(err, "ClusterNotFoundException");
}

/* Only the last part of an ARN: rows are keyed by it. */
static int add_ids(const json_t *arns, json_t *ids, struct error *err)
{
    json_t *arn;
    size_t i;
    json_array_foreach (arns, i, arn) {
        const char *text = json_string_value(arn);
        if (text && json_array_append_new(ids, json_string(ecs_task_id(text))) != 0)
            return err_set(err, ERR_MEMORY, "out of memory for task ids");
    }
    return 0;
}

/* A page is kept until the next one was asked for: its token is borrowed from it. */
int ecs_view_list(const struct worker *w, const struct run *run, const char *desired_status,
                  json_t *ids, struct error *err)
{
    char started_by[RUN_STARTED_BY_MAX];
    struct aws_response page = {0};
    const char *next = NULL;
    int rc;
    run_started_by(run->workflow_run_id, started_by);
    do {
        struct aws_request request = {0};
        struct aws_response response = {0};
        rc = ecs_list_tasks(&request, run->cluster_name, started_by, desired_status, next, err);
        request.max_attempts = ATTEMPTS;
        if (rc == 0)
            rc = worker_call(w, &request, &response, err);
        aws_request_free(&request);
        aws_response_free(&page);
        page = response; /* `next` is borrowed from it */
        if (rc == 0)
            rc = add_ids(ecs_list_arns(&page), ids, err);
        next = rc == 0 ? ecs_list_next(&page) : NULL;
    } while (next);
    aws_response_free(&page);
    return rc != 0 && is_no_cluster(err) ? 0 : rc;
}

/* Shared by the calls of one ecs_view_describe. */
struct describing {
    struct ecs_view *view;
    const struct run *run;
    const json_t *ids;
    struct error first;
};

/* Call number `chunk` asks for the next hundred ids. */
static int build_describe(void *ctx, size_t chunk, struct aws_request *request, struct error *err)
{
    const struct describing *d = ctx;
    const char *ids[ECS_DESCRIBE_MAX];
    size_t from = chunk * ECS_DESCRIBE_MAX, count = 0;
    while (count < ECS_DESCRIBE_MAX && from + count < json_array_size(d->ids)) {
        ids[count] = json_string_value(json_array_get(d->ids, from + count));
        count++;
    }
    int rc = ecs_describe_tasks(request, d->run->cluster_name, ids, count, err);
    request->max_attempts = ATTEMPTS;
    return rc;
}

/* What ECS calls MISSING simply has no record afterwards. */
static void describe_done(void *ctx, size_t chunk, struct aws_response *response,
                          const struct error *err)
{
    struct describing *d = ctx;
    (void)chunk;
    if (err) {
        if (d->first.code == ERR_NONE && !is_no_cluster(err))
            d->first = *err;
        return;
    }
    json_t *task;
    size_t i;
    json_array_foreach (ecs_tasks(response), i, task) {
        struct ecs_task t;
        if (ecs_task_read(task, &t, &d->first) == 0 &&
            json_object_set(d->view->records, ecs_task_id(t.arn), task) != 0)
            err_set(&d->first, ERR_MEMORY, "out of memory for ECS's answers");
    }
}

/* A hundred ids a call, four calls at a time. */
int ecs_view_describe(struct ecs_view *v, const struct worker *w, const struct run *run,
                      const json_t *ids, struct error *err)
{
    struct describing d = {.view = v, .run = run, .ids = ids};
    const struct worker_batch batch = {
        .count = (json_array_size(ids) + ECS_DESCRIBE_MAX - 1) / ECS_DESCRIBE_MAX,
        .limit = DESCRIBE_IN_FLIGHT,
        .ctx = &d,
        .build = build_describe,
        .done = describe_done,
    };
    if (worker_run_batch(w, &batch, err) != 0)
        return -1;
    if (d.first.code == ERR_NONE)
        return 0;
    if (err)
        *err = d.first;
    return -1;
}

json_t *ecs_view_find(const struct ecs_view *v, const char *task_id)
{
    return json_object_get(v->records, task_id);
}

const char *ecs_view_task_name(json_t *record)
{
    return ecs_task_env(record, "task_name");
}
