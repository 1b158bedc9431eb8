/* First a census, then rounds over the tasks that it found leaving. */
#include "server/control/linger.h"

#include "lib/aws/ecs.h"
#include "lib/json/json_read.h"
#include "server/store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TRIES_MAX = 5, NOTE_MAX = 64 };
/* The longest stopTimeout of Fargate, and as much again as its default for ECS to come to it. */
#define LINGER_MAX (150 * CLOCK_SECOND)
#define ROUND_MIN (250 * CLOCK_MS)
#define ROUND_MAX (4 * CLOCK_SECOND)
/* Most tasks end before a person could read that they are waited for. */
#define NOTE_AFTER (1 * CLOCK_SECOND)

struct linger {
    const struct loop *loop;
    int64_t run_id;
    char *cluster;
    struct quota *calls;
    struct census *census;
    bool counted;   /* the census is over */
    json_t *tasks;  /* ARNs of the round at hand; NULL before the first */
    json_t *still;  /* of them, those that ECS has described and that have not ended */
    size_t asked;   /* of the round's tasks, answered */
    size_t asking;  /* behind those, in the call in flight; 0: there is none */
    size_t left;    /* after the last whole round */
    int64_t rounds; /* whole ones */
    int64_t failures;
    int64_t began, not_before;
    bool done, blind, noted;
};

struct linger *linger_begin(const struct loop *loop, int64_t run_id, const char *cluster,
                            struct quota *calls, struct error *err)
{
    struct linger *l = calloc(1, sizeof *l);
    if (!l || !(l->cluster = strdup(cluster)) || !(l->still = json_array())) {
        err_set(err, ERR_MEMORY, "out of memory for tasks that are stopping");
        return linger_free(l);
    }
    l->census = census_begin(loop, run_id, cluster, err);
    if (!l->census)
        return linger_free(l);
    l->loop = loop;
    l->run_id = run_id;
    l->calls = calls;
    l->began = loop_now(loop);
    return l;
}

struct linger *linger_free(struct linger *l)
{
    if (!l)
        return NULL;
    census_free(l->census);
    json_decref(l->tasks);
    json_decref(l->still);
    free(l->cluster);
    free(l);
    return NULL;
}

const struct census *linger_census(const struct linger *l)
{
    return l->counted ? l->census : NULL;
}

size_t linger_left(const struct linger *l)
{
    return l->left;
}

bool linger_done(const struct linger *l)
{
    return l->done;
}

bool linger_blind(const struct linger *l)
{
    return l->blind;
}

bool linger_idle(const struct linger *l)
{
    return !l || (l->asking == 0 && (l->counted || !census_busy(l->census)));
}

/* A note that cannot be written now is written with the next round. */
static void tell(struct linger *l)
{
    char text[NOTE_MAX];
    struct error err = {0};
    if (loop_now(l->loop) - l->began < NOTE_AFTER)
        return;
    (void)snprintf(text, sizeof text, "%zu %s stopping", l->left,
                   l->left == 1 ? "task is" : "tasks are");
    if (store_run_note(l->loop->store, l->run_id, text, &err) == 0)
        l->noted = true;
}

static void finish(struct linger *l)
{
    struct error err = {0};
    l->done = true;
    if (l->noted)
        (void)store_run_note(l->loop->store, l->run_id, NULL, &err);
    if (l->left > 0)
        log_warn(l->loop->log, "tasks that were told to stop are not waited for any longer",
                 LOG_INT("run_id", l->run_id), LOG_INT("tasks", (int64_t)l->left));
}

/* Those that are left make up the next round. */
static void end_round(struct linger *l)
{
    bool fewer = json_array_size(l->still) != l->left;
    json_t *tasks = l->tasks;
    l->tasks = l->still;
    l->still = tasks;
    (void)json_array_clear(l->still);
    l->asked = 0;
    l->left = json_array_size(l->tasks);
    l->rounds++;
    l->not_before = loop_now(l->loop) + pace_backoff(ROUND_MIN, ROUND_MAX, l->rounds);
    if (l->left == 0)
        finish(l);
    else if (fewer || !l->noted)
        tell(l);
}

/* After some refusals, or when the time is up, what the rows say must do. */
static void failed(struct linger *l, const struct error *err)
{
    l->failures++;
    l->not_before = loop_now(l->loop) + pace_backoff(ROUND_MIN, ROUND_MAX, l->failures);
    if ((l->failures & (l->failures - 1)) == 0)
        log_warn(l->loop->log, "tasks that are stopping cannot be described",
                 LOG_INT("run_id", l->run_id), LOG_INT("failures", l->failures),
                 LOG_STR("error", err->message));
    if (loop_fault(err) == LOOP_PASSING || l->failures < TRIES_MAX)
        return;
    l->blind = true;
    finish(l);
}

/* One that ECS does not describe is over, and forgotten. */
static bool goes_on(const struct aws_response *response, const char *arn)
{
    json_t *item;
    size_t i;
    json_array_foreach (ecs_tasks(response), i, item) {
        struct ecs_task task;
        struct error err = {0};
        if (ecs_task_read(item, &task, &err) == 0 && strcmp(task.arn, arn) == 0)
            return !ecs_task_over(&task);
    }
    return false;
}

static int take_answer(struct linger *l, size_t count, const struct aws_response *response,
                       struct error *err)
{
    size_t before = json_array_size(l->still);
    for (size_t i = 0; i < count; i++) {
        json_t *arn = json_array_get(l->tasks, l->asked + i);
        if (!goes_on(response, json_string_value(arn)) || json_array_append(l->still, arn) == 0)
            continue;
        while (json_array_size(l->still) > before)
            (void)json_array_remove(l->still, before);
        return err_set(err, ERR_MEMORY, "out of memory for tasks that are stopping");
    }
    l->asked += count;
    return 0;
}

static void tasks_came(void *ctx, struct aws_response *response, const struct error *err)
{
    struct linger *l = ctx;
    struct error why = {0};
    size_t count = l->asking;
    l->asking = 0;
    loop_note(l->loop, err);
    if (err || take_answer(l, count, response, &why)) {
        failed(l, err ? err : &why);
        return;
    }
    l->failures = 0;
    if (l->asked == json_array_size(l->tasks))
        end_round(l);
}

static void ask(struct linger *l)
{
    const char *arns[ECS_DESCRIBE_MAX];
    struct aws_request request = {0};
    struct error err = {0};
    size_t count = 0;
    while (count < ECS_DESCRIBE_MAX && l->asked + count < json_array_size(l->tasks)) {
        arns[count] = json_string_value(json_array_get(l->tasks, l->asked + count));
        count++;
    }
    if (ecs_describe_tasks(&request, l->cluster, arns, count, &err) ||
        aws_send(l->loop->aws, &request, tasks_came, l, &err)) {
        aws_request_free(&request);
        failed(l, &err);
        return;
    }
    l->asking = count;
}

/* The census counts as the round before the first. One that was given up is still believed about
 * the tasks that it had found. */
static void take_census(struct linger *l)
{
    l->tasks = census_take_leaving(l->census);
    l->counted = true;
    l->left = json_array_size(l->tasks);
    l->blind = l->left == 0 && census_failed(l->census);
    l->not_before = loop_now(l->loop) + ROUND_MIN;
    if (l->left == 0)
        finish(l);
}

static int64_t count(struct linger *l)
{
    int64_t next = census_step(l->census);
    if (!census_done(l->census))
        return next;
    take_census(l);
    return loop_now(l->loop);
}

int64_t linger_step(struct linger *l)
{
    int64_t now = loop_now(l->loop);
    int64_t until = l->began + LINGER_MAX;
    int64_t next;
    if (l->done || l->asking > 0)
        return LOOP_NEVER;
    if (now < l->not_before && now < until)
        return loop_earlier(l->not_before, until);
    if (!l->counted)
        return count(l);
    if (now >= until) {
        finish(l);
        return now;
    }
    if (!quota_take(l->calls, now, &next))
        return loop_earlier(next, until);
    ask(l);
    return l->asking > 0 ? LOOP_NEVER : l->not_before;
}
