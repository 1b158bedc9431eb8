/* One RunTask a task. The client token makes every repetition harmless, so a lost answer is simply
 * asked for again. */
#include "lib/aws/ecs.h"
#include "lib/base/utf8.h"
#include "lib/json/json_read.h"
#include "lib/spec/spec_env.h"
#include "workers/launch/launch_private.h"

#include <stdio.h>

enum {
    CALL_MS = 10000,   /* all attempts together well below the reserve: rounds do the retrying, */
    CALL_ATTEMPTS = 2, /* and rows are still to be written */
    STARVED_MAX = 10,  /* refusals for capacity after which a round goes no further */
};

/* All subnets at first. When there is no capacity each alone in turn, since ECS chooses one by
 * itself and may go on choosing the zone that is full; then all again. */
static void offer_subnets(const struct launch *l, struct ecs_run *run)
{
    size_t turn = (size_t)l->cursor->rotation % (l->subnet_count + 1);
    run->subnets = (const char *const *)l->subnets + (turn > 0 ? turn - 1 : 0);
    run->subnet_count = turn > 0 ? 1 : l->subnet_count;
}

static int build_run_task(void *ctx, size_t i, struct aws_request *request, struct error *err)
{
    struct launch *l = ctx;
    const struct spec *spec = &l->plan->spec;
    const struct spec_task *task = &spec->tasks[l->todo[i]];
    char token[SHA256_HEX], started_by[RUN_STARTED_BY_MAX], run_id[RUN_ID_TEXT_MAX];
    struct ecs_env environment[SPEC_ENV_COUNT];
    (void)snprintf(run_id, sizeof run_id, "%lld", (long long)spec->workflow_run_id);
    for (size_t k = 0; k < SPEC_ENV_COUNT; k++)
        environment[k] = (struct ecs_env){spec_env_name(k), spec_env_value(k, spec, task, run_id)};
    if (run_client_token(spec->workflow_run_id, task->task_name, token, err) != 0)
        return -1;
    struct ecs_run run = {
        .cluster = spec->cluster_name,
        .task_definition = spec->task_definition,
        .container = spec->container_name,
        .security_groups = (const char *const *)l->groups,
        .security_group_count = l->group_count,
        .environment = environment,
        .environment_count = SPEC_ENV_COUNT,
        .client_token = token,
        .started_by = run_started_by(spec->workflow_run_id, started_by),
    };
    offer_subnets(l, &run);
    bucket_take(&l->bucket, 1);
    int rc = ecs_run_task(request, &run, err);
    request->timeout_ms = CALL_MS;
    request->max_attempts = CALL_ATTEMPTS;
    return rc;
}

static void launched(struct launch *l, struct target *t)
{
    t->outcome = LAUNCHED;
    l->round_launched++;
}

/* What may pass waits for the next round. */
static void refused(struct launch *l, struct target *t, enum refusal kind)
{
    t->kind = kind;
    t->outcome = kind == REFUSAL_FINAL ? REFUSED : WAITING;
    if (kind == REFUSAL_CAPACITY)
        l->round_starved++;
    if (kind == REFUSAL_THROTTLED)
        bucket_drain(&l->bucket);
}

/* RunTask answers 200 even when it started nothing: only a task in the answer counts. */
static void judge_answer(struct launch *l, struct target *t, const struct aws_response *response)
{
    if (json_array_size(ecs_tasks(response)) > 0) {
        launched(l, t);
        return;
    }
    const json_t *failure = json_array_get(ecs_failures(response), 0);
    const char *detail = json_str(failure, "detail", "");
    (void)snprintf(t->reason, sizeof t->reason, "%s%s%s",
                   json_str(failure, "reason", "ECS started no task and gave no reason"),
                   *detail ? ": " : "", detail);
    utf8_mend(t->reason);
    refused(l, t, refusal_of_reason(t->reason));
}

static void run_task_done(void *ctx, size_t i, struct aws_response *response,
                          const struct error *err)
{
    struct launch *l = ctx;
    struct target *t = &l->targets[l->todo[i]];
    if (response && response->attempts > 1)
        bucket_take(&l->bucket, (size_t)response->attempts - 1);
    if (!err) {
        judge_answer(l, t, response);
        return;
    }
    enum refusal kind = refusal_of_error(err);
    (void)snprintf(t->reason, sizeof t->reason, "%s", err->message);
    utf8_mend(t->reason);
    if (kind == REFUSAL_STARTED)
        launched(l, t);
    else
        refused(l, t, kind);
}

int64_t launch_ms_left(const struct launch *l)
{
    int64_t left = worker_ms_left(l->w);
    return left > l->options.reserve_ms ? left - l->options.reserve_ms : 0;
}

/* Winds down rather than drops: an answer that still comes tells whether a task was started. */
static enum worker_go while_it_makes_sense(void *ctx)
{
    const struct launch *l = ctx;
    bool sense = launch_ms_left(l) > 0 && launch_run_seconds_left(l) > 0;
    return sense && l->round_starved < STARVED_MAX ? WORKER_GO_ON : WORKER_WIND_DOWN;
}

static size_t as_the_bucket_allows(void *ctx)
{
    struct launch *l = ctx;
    return bucket_level(&l->bucket, clock_mono(l->w->clock));
}

int launch_round(struct launch *l, struct error *err)
{
    const struct worker_batch batch = {
        .count = l->todo_count,
        .limit = l->options.in_flight,
        .ctx = l,
        .build = build_run_task,
        .done = run_task_done,
        .go = while_it_makes_sense,
        .allowance = as_the_bucket_allows,
    };
    l->round_launched = 0;
    l->round_starved = 0;
    return worker_run_batch(l->w, &batch, err);
}
