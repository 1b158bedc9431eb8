/* Rounds of RunTask: each round tries all tasks that still wait, then those whose refusal may pass
 * wait for the next round behind a jittered pause, until nothing waits or time is nearly up. The
 * client token makes every repetition harmless, so a lost answer is simply asked for again. */
#include "workers/launch/launch.h"

#include "lib/aws/ecs.h"
#include "workers/monitor/rows.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    IN_FLIGHT = 20, /* Fargate: RunTask 20 calls a second, burst and sustained */
    BACKOFF_MS = 1000,
    BACKOFF_MAX_MS = 20000,
    RESERVE_MS = 30000,
    ROW_IN_FLIGHT = 10,
    REASON_MAX = 320,
    CALL_MS = 15000, /* below the reserve: rounds do the retrying */
    CALL_ATTEMPTS = 2,
};

/* WAITING -> LAUNCHED | REFUSED. A refusal that may pass leaves a target WAITING for the next
 * round; when time is up, what still waits is REFUSED. */
enum outcome { WAITING, LAUNCHED, REFUSED };

struct target {
    enum outcome outcome;
    char reason[REASON_MAX]; /* why it is not launched (yet) */
};

struct launch {
    struct plan *plan;
    const struct worker *w;
    struct launch_options options;
    char **subnets, **groups;
    size_t subnet_count, group_count;
    struct target *targets; /* one per task */
    size_t *todo;           /* indices of a round, or of refused tasks */
    size_t todo_count;
    bool held;              /* nothing is started now: the run may have ended */
    struct error row_error; /* first failure to write a row */
};

/* --- what may pass by itself ------------------------------------------------------------------ */

bool launch_reason_may_pass(const char *reason)
{
    static const char *const passing[] = {
        "RESOURCE:",                    /* no room on the instances now */
        "AGENT",                        /* an instance's agent is not connected */
        "Capacity is unavailable",      /* Fargate */
        "Rate exceeded",                /* throttling in disguise */
        "limit on the number of tasks", /* Fargate's concurrent tasks */
    };
    for (size_t i = 0; i < sizeof passing / sizeof passing[0]; i++)
        if (strstr(reason, passing[i]))
            return true;
    return false;
}

/* The call itself failed; RunTask's own refusals come in the answer instead. */
bool launch_error_may_pass(const struct error *err)
{
    if (err->code == ERR_NETWORK || err->code == ERR_TIMEOUT || err->code == ERR_BUSY)
        return true;
    return err->code == ERR_REMOTE && (err->http_status >= 500 || aws_is_throttle(err) ||
                                       launch_reason_may_pass(err->message));
}

/* --- one RunTask ------------------------------------------------------------------------------ */

/* The environment is the starter kit's: nine variables, by which its own task could run as well. */
static int build_run_task(void *ctx, size_t i, struct aws_request *request, struct error *err)
{
    const struct launch *l = ctx;
    const struct spec *spec = &l->plan->spec;
    const struct spec_task *task = &spec->tasks[l->todo[i]];
    char token[SHA256_HEX], started_by[RUN_STARTED_BY_MAX], run_id[RUN_ID_TEXT_MAX];
    (void)snprintf(run_id, sizeof run_id, "%lld", (long long)spec->workflow_run_id);
    if (run_client_token(spec->workflow_run_id, task->task_name, token, err) != 0)
        return -1;
    const struct ecs_env environment[] = {
        {"region", spec->region},
        {"workflow_details_ddb_table_name", spec->details_table},
        {"workflow_details_hash_key", spec->details_hash_key},
        {"workflow_details_range_key", spec->details_range_key},
        {"workflow_name", spec->workflow_name},
        {"workflow_run_id", run_id},
        {"task_name", task->task_name},
        {"s3_bucket_name", task->s3_bucket_name},
        {"object_key", task->object_key},
    };
    int rc = ecs_run_task(request,
                          &(struct ecs_run){
                              .cluster = spec->cluster_name,
                              .task_definition = spec->task_definition,
                              .container = spec->container_name,
                              .subnets = (const char *const *)l->subnets,
                              .subnet_count = l->subnet_count,
                              .security_groups = (const char *const *)l->groups,
                              .security_group_count = l->group_count,
                              .environment = environment,
                              .environment_count = sizeof environment / sizeof environment[0],
                              .client_token = token,
                              .started_by = run_started_by(spec->workflow_run_id, started_by),
                          },
                          err);
    request->timeout_ms = CALL_MS;
    request->max_attempts = CALL_ATTEMPTS;
    return rc;
}

/* RunTask answers 200 even when it started nothing: only a task in the answer counts. */
static void run_task_done(void *ctx, size_t i, struct aws_response *response,
                          const struct error *err)
{
    struct launch *l = ctx;
    struct target *t = &l->targets[l->todo[i]];
    if (err) {
        (void)snprintf(t->reason, sizeof t->reason, "%s", err->message);
        t->outcome = launch_error_may_pass(err) ? WAITING : REFUSED;
        return;
    }
    if (json_array_size(ecs_tasks(response)) > 0) {
        t->outcome = LAUNCHED;
        return;
    }
    const json_t *failure = json_array_get(ecs_failures(response), 0);
    const char *detail = json_str(failure, "detail", "");
    (void)snprintf(t->reason, sizeof t->reason, "%s%s%s",
                   json_str(failure, "reason", "ECS started no task and gave no reason"),
                   *detail ? ": " : "", detail);
    t->outcome = launch_reason_may_pass(t->reason) ? WAITING : REFUSED;
}

/* --- rounds ----------------------------------------------------------------------------------- */

/* What is left for launching: the deadline less what writing rows may take. */
static int64_t ms_to_launch(const struct launch *l)
{
    int64_t left = worker_ms_left(l->w);
    return left > l->options.reserve_ms ? left - l->options.reserve_ms : 0;
}

/* Winds down rather than drops: an answer that still comes tells whether a task was started. */
static enum worker_go while_time_is_left(void *ctx)
{
    return ms_to_launch(ctx) > 0 ? WORKER_GO_ON : WORKER_WIND_DOWN;
}

/* Makes the to-do list of all tasks with that outcome. */
static void select_outcome(struct launch *l, enum outcome outcome)
{
    l->todo_count = 0;
    for (size_t i = 0; i < l->plan->spec.task_count; i++)
        if (l->targets[i].outcome == outcome)
            l->todo[l->todo_count++] = i;
}

/* Full jitter: anything between nothing and the doubled pause, but not beyond the deadline. */
static void pause_before_round(const struct launch *l, unsigned round)
{
    int64_t ceiling = l->options.backoff_ms << (round < 10 ? round - 1 : 9);
    if (ceiling > BACKOFF_MAX_MS)
        ceiling = BACKOFF_MAX_MS;
    int64_t ms = (int64_t)(crypto_random_unit() * (double)ceiling);
    if (ms > ms_to_launch(l))
        ms = ms_to_launch(l);
    (void)poll(NULL, 0, (int)ms);
}

/* StopExecution does not reach a launcher, but the summary row of a run that was cancelled
 * meanwhile does. A row that cannot be read now is no reason to start tasks, nor to fail. */
static int look_at_run(struct launch *l, struct error *err)
{
    struct error why = {0};
    l->held = plan_check_summary(l->plan, l->w, &why) != 0;
    if (!l->held || launch_error_may_pass(&why))
        return 0;
    if (err)
        *err = why;
    return -1;
}

static int launch_round(struct launch *l, struct error *err)
{
    const struct worker_batch batch = {
        .count = l->todo_count,
        .limit = l->options.in_flight,
        .ctx = l,
        .build = build_run_task,
        .done = run_task_done,
        .go = while_time_is_left,
    };
    return worker_run_batch(l->w, &batch, err);
}

/* Until no task waits, or time is up. */
static int launch_rounds(struct launch *l, struct error *err)
{
    for (unsigned round = 0; ms_to_launch(l) > 0; round++) {
        select_outcome(l, WAITING);
        if (l->todo_count == 0)
            return 0;
        int rc = 0;
        if (round > 0) {
            pause_before_round(l, round);
            rc = look_at_run(l, err);
        }
        if (rc == 0 && !l->held)
            rc = launch_round(l, err);
        if (rc != 0)
            return rc;
    }
    return 0;
}

/* What is still waiting when time is up is refused, with its last reason. */
static void give_up_waiting(struct launch *l)
{
    for (size_t i = 0; i < l->plan->spec.task_count; i++) {
        struct target *t = &l->targets[i];
        if (t->outcome != WAITING)
            continue;
        char last[REASON_MAX];
        memcpy(last, t->reason, sizeof last);
        t->outcome = REFUSED;
        (void)snprintf(t->reason, sizeof t->reason,
                       "the launcher's time was up before this task could be started%s%.200s",
                       *last ? ": " : "", last);
    }
}

/* --- rows of refused tasks -------------------------------------------------------------------- */

/* The id is made of run and task, so a repeated launch writes the same row and not a second one. */
static int build_refused_row(void *ctx, size_t i, struct aws_request *request, struct error *err)
{
    const struct launch *l = ctx;
    const struct spec_task *task = &l->plan->spec.tasks[l->todo[i]];
    const struct run *run = &l->plan->run;
    char id[RUN_TASK_ID_MAX];
    if (run_stand_in_id("not-started", run->workflow_run_id, task->task_name, id, err) != 0)
        return -1;
    int64_t now = clock_wall(l->w->clock);
    const struct audit_detail row = {
        .workflow_run_id = run->workflow_run_id,
        .ecs_task_id = id,
        .task_name = task->task_name,
        .status = AUDIT_FAILED,
        .start_time = now,
        .update_time = now,
        .exec_time_in_seconds = -1,
        .object_key = task->object_key,
        .bytes = -1,
        .stop_code = "TaskFailedToStart",
        .stopped_reason = l->targets[l->todo[i]].reason,
        .exit_code = -1,
    };
    return audit_detail_put(request, &run->details, &row, err);
}

/* A final row that is there already is from an earlier try of this launch. */
static void refused_row_done(void *ctx, size_t i, struct aws_response *response,
                             const struct error *err)
{
    struct launch *l = ctx;
    (void)i, (void)response;
    if (err && !err_is_remote(err, "ConditionalCheckFailedException") &&
        l->row_error.code == ERR_NONE)
        l->row_error = *err;
}

static int write_refused(struct launch *l, struct error *err)
{
    select_outcome(l, REFUSED);
    l->plan->run.refused = (int64_t)l->todo_count;
    l->plan->run.launched = l->plan->run.number_of_tasks - (int64_t)l->todo_count;
    const struct worker_batch batch = {
        .count = l->todo_count,
        .limit = ROW_IN_FLIGHT,
        .ctx = l,
        .build = build_refused_row,
        .done = refused_row_done,
    };
    if (worker_run_batch(l->w, &batch, err) != 0)
        return -1;
    if (l->row_error.code == ERR_NONE)
        return 0;
    if (err)
        *err = l->row_error;
    return err_wrap(err, "rows of tasks that could not be started");
}

/* --- the whole -------------------------------------------------------------------------------- */

static void settle_options(struct launch *l, const struct launch_options *given)
{
    l->options = given ? *given : (struct launch_options){0};
    if (l->options.in_flight == 0)
        l->options.in_flight = IN_FLIGHT;
    if (l->options.backoff_ms == 0)
        l->options.backoff_ms = BACKOFF_MS;
    if (l->options.reserve_ms == 0) {
        int64_t quarter = worker_ms_left(l->w) / 4;
        l->options.reserve_ms = quarter < RESERVE_MS ? quarter : RESERVE_MS;
    }
}

static int launch_open(struct launch *l, struct error *err)
{
    const struct spec *spec = &l->plan->spec;
    l->targets = calloc(spec->task_count, sizeof *l->targets);
    l->todo = calloc(spec->task_count, sizeof *l->todo);
    if (!l->targets || !l->todo)
        return err_set(err, ERR_MEMORY, "out of memory for %zu tasks", spec->task_count);
    if (spec_split(spec->subnet_id_literal, spec->separator, &l->subnets, &l->subnet_count, err))
        return -1;
    return spec_split(spec->security_group_id, spec->separator, &l->groups, &l->group_count, err);
}

/* A refusal that an earlier try of this launch has put on record stands: its row is final, and a
 * task started now would contradict it. */
static int recall_refusals(struct launch *l, struct error *err)
{
    const struct spec *spec = &l->plan->spec;
    struct task_rows rows;
    if (task_rows_read(&rows, l->w, &l->plan->run, err) != 0)
        return err_wrap(err, "rows of an earlier try");
    int rc = 0;
    for (size_t i = 0; rc == 0 && rows.count > 0 && i < spec->task_count; i++) {
        char id[RUN_TASK_ID_MAX];
        rc = run_stand_in_id("not-started", spec->workflow_run_id, spec->tasks[i].task_name, id,
                             err);
        const struct task_row *row = rc == 0 ? task_rows_find(&rows, id) : NULL;
        if (!row)
            continue;
        l->targets[i].outcome = REFUSED;
        (void)snprintf(l->targets[i].reason, REASON_MAX, "%s", row->reason);
    }
    task_rows_free(&rows);
    return rc;
}

/* Refusals that are on record, rounds of RunTask, rows for what was refused; in this order. */
int launch_tasks(struct plan *p, const struct worker *w, const struct launch_options *options,
                 struct error *err)
{
    struct launch l = {.plan = p, .w = w};
    settle_options(&l, options);
    int rc = launch_open(&l, err);
    if (rc == 0)
        rc = recall_refusals(&l, err);
    if (rc == 0)
        rc = launch_rounds(&l, err);
    if (rc == 0) {
        give_up_waiting(&l);
        rc = write_refused(&l, err);
    }
    free(l.targets);
    free(l.todo);
    free(l.subnets);
    free(l.groups);
    return rc;
}

/* The summary row comes first: whatever happens to the launch, the run can be seen. */
int launch_handle(const struct worker *w, json_t *event, json_t **answer, struct error *err)
{
    struct plan p;
    if (plan_open(&p, w, event, 1, err) != 0)
        return -1;
    int rc = plan_write_summary(&p, w, err);
    if (rc == 0)
        rc = launch_tasks(&p, w, NULL, err);
    if (rc == 0) {
        log_info(w->log, "launched", LOG_STR("aws_request_id", w->request_id),
                 LOG_INT("run_id", p.run.workflow_run_id), LOG_INT("launched", p.run.launched),
                 LOG_INT("refused", p.run.refused));
        *answer = run_write(&p.run);
        if (!*answer)
            rc = err_set(err, ERR_MEMORY, "out of memory while answering");
    }
    plan_close(&p);
    return rc;
}
