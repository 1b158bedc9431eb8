/* First the stopped tasks, then the running ones, so that a task that stops meanwhile is seen. */
#include "server/control/census.h"

#include "lib/aws/ecs.h"
#include "lib/json/json_read.h"
#include "server/loop/pace.h"
#include "server/loop/task_page.h"

#include <stdlib.h>
#include <string.h>

enum { TRIES_MAX = 5 };
#define RETRY_MIN (250 * CLOCK_MS)
#define RETRY_MAX (5 * CLOCK_SECOND)
/* For what may pass: without a census, rows of started tasks would say that they never were. */
#define PATIENCE (2 * 60 * CLOCK_SECOND)

struct census {
    const struct loop *loop;
    int64_t run_id;
    char *cluster;
    bool running;          /* which tasks are listed: false: the stopped ones */
    struct task_page page; /* without ARNs once it was described */
    json_t *ids;           /* what was found, by name */
    json_t *leaving;       /* ARNs of those that are to stop and have not ended */
    bool busy, done, given_up;
    int failures; /* in a row */
    int64_t failing_since;
    int64_t not_before;
};

struct census *census_begin(const struct loop *loop, int64_t run_id, const char *cluster,
                            struct error *err)
{
    struct census *c = calloc(1, sizeof *c);
    if (!c || !(c->cluster = strdup(cluster)) || !(c->ids = json_object()) ||
        !(c->leaving = json_array())) {
        err_set(err, ERR_MEMORY, "out of memory for the tasks of a run");
        return census_free(c);
    }
    c->loop = loop;
    c->run_id = run_id;
    return c;
}

struct census *census_free(struct census *c)
{
    if (!c)
        return NULL;
    task_page_free(&c->page);
    json_decref(c->ids);
    json_decref(c->leaving);
    free(c->cluster);
    free(c);
    return NULL;
}

bool census_done(const struct census *c)
{
    return c->done;
}

bool census_busy(const struct census *c)
{
    return c->busy;
}

bool census_failed(const struct census *c)
{
    return c->given_up;
}

json_t *census_take_leaving(struct census *c)
{
    json_t *leaving = c->leaving;
    c->leaving = NULL;
    return leaving;
}

const char *census_id(const struct census *c, const char *task_name)
{
    return c ? json_str(c->ids, task_name, NULL) : NULL;
}

/* After some tries, or some time, what is known must do. */
static void failed(struct census *c, const struct error *err)
{
    if (c->failures++ == 0)
        c->failing_since = loop_now(c->loop);
    c->not_before = loop_now(c->loop) + pace_backoff(RETRY_MIN, RETRY_MAX, c->failures);
    log_warn(c->loop->log, "tasks of an ended run cannot be listed", LOG_INT("run_id", c->run_id),
             LOG_STR("error", err->message));
    c->given_up = loop_fault(err) == LOOP_PASSING ? loop_now(c->loop) - c->failing_since > PATIENCE
                                                  : c->failures >= TRIES_MAX;
    c->done = c->given_up;
}

/* A page is done: the next one, the running tasks, or the end. */
static void page_done(struct census *c)
{
    json_decref(c->page.arns);
    c->page.arns = NULL;
    if (!c->page.last)
        return;
    c->done = c->running;
    c->running = true;
    c->page.last = false;
}

static int take_list(struct census *c, const struct aws_response *response, struct error *err)
{
    if (task_page_take(&c->page, response, err))
        return -1;
    if (json_array_size(c->page.arns) == 0)
        page_done(c);
    return 0;
}

static void list_came(void *ctx, struct aws_response *response, const struct error *err)
{
    struct census *c = ctx;
    struct error why = {0};
    c->busy = false;
    loop_note(c->loop, err);
    if (err || take_list(c, response, &why))
        failed(c, err ? err : &why);
    else
        c->failures = 0;
}

/* A task that is listed as one to be stopped goes on for as long as its stopTimeout lets it. */
static int take_task(struct census *c, const struct ecs_task *task, const char *name,
                     struct error *err)
{
    bool leaving = !c->running && !ecs_task_over(task);
    if (json_object_set_new(c->ids, name, json_string(ecs_task_id(task->arn))) ||
        (leaving && json_array_append_new(c->leaving, json_string(task->arn))))
        return err_set(err, ERR_MEMORY, "out of memory for the tasks of a run");
    return 0;
}

/* Tasks without our variable are not ours to judge. */
static int take_tasks(struct census *c, const struct aws_response *response, struct error *err)
{
    json_t *item;
    size_t i;
    json_array_foreach (ecs_tasks(response), i, item) {
        struct ecs_task task;
        const char *name = ecs_task_env(item, "task_name");
        if (!name || ecs_task_read(item, &task, err))
            continue;
        if (take_task(c, &task, name, err))
            return -1;
    }
    return 0;
}

static void tasks_came(void *ctx, struct aws_response *response, const struct error *err)
{
    struct census *c = ctx;
    struct error why = {0};
    c->busy = false;
    loop_note(c->loop, err);
    if (err || take_tasks(c, response, &why))
        failed(c, err ? err : &why);
    else {
        c->failures = 0;
        page_done(c);
    }
}

/* A page of ListTasks has 100 ARNs at most, just what DescribeTasks takes. */
static int build_describe(const struct census *c, struct aws_request *request, struct error *err)
{
    const char *tasks[ECS_DESCRIBE_MAX];
    size_t count = 0;
    const json_t *arn;
    size_t i;
    json_array_foreach (c->page.arns, i, arn) {
        if (count < ECS_DESCRIBE_MAX && json_is_string(arn))
            tasks[count++] = json_string_value(arn);
    }
    return ecs_describe_tasks(request, c->cluster, tasks, count, err);
}

int64_t census_step(struct census *c)
{
    struct aws_request request = {0};
    struct error err = {0};
    if (c->busy || c->done)
        return LOOP_NEVER;
    if (loop_now(c->loop) < c->not_before)
        return c->not_before;
    const bool listed = c->page.arns != NULL;
    int rc = listed ? build_describe(c, &request, &err)
                    : task_page_ask(&c->page, c->cluster, c->run_id,
                                    c->running ? "RUNNING" : "STOPPED", &request, &err);
    if (rc || aws_send(c->loop->aws, &request, listed ? tasks_came : list_came, c, &err)) {
        aws_request_free(&request);
        failed(c, &err);
        return c->done ? LOOP_NEVER : c->not_before;
    }
    c->busy = true;
    return LOOP_NEVER;
}
