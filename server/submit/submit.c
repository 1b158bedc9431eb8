/* Taking rows from the outbox and sending their calls. */
#include "server/submit/submit_private.h"

#include "lib/aws/sfn.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { IN_FLIGHT = 16 };
/* No row is put off for so long, so the wall clock was set back since. */
#define DUE_MAX (120 * CLOCK_SECOND)

/* A pattern without a state machine is fine: its runs are refused with a sentence. */
struct submit *submit_new(const struct submit_options *options, struct error *err)
{
    struct submit *s = calloc(1, sizeof *s);
    if (!s) {
        err_set(err, ERR_MEMORY, "out of memory for the submitter");
        return NULL;
    }
    s->loop = options->loop;
    s->max_in_flight = options->in_flight > 0 ? options->in_flight : IN_FLIGHT;
    s->started = options->started;
    s->ctx = options->ctx;
    s->look = true;
    for (int pattern = 1; pattern <= 2; pattern++) {
        const char *arn = options->machine_arn[pattern];
        s->machine_arn[pattern] = arn ? strdup(arn) : NULL;
        if (arn && !s->machine_arn[pattern]) {
            err_set(err, ERR_MEMORY, "out of memory for the submitter");
            return submit_free(s);
        }
    }
    return s;
}

struct submit *submit_free(struct submit *s)
{
    if (!s)
        return NULL;
    while (s->starts)
        start_free(s->starts);
    for (int pattern = 1; pattern <= 2; pattern++)
        free(s->machine_arn[pattern]);
    free(s);
    return NULL;
}

void submit_wake(struct submit *s)
{
    s->look = true;
}

/* Rows stay in the outbox while their call is in flight. */
static bool under_way(const struct submit *s, int64_t run_id)
{
    for (const struct start *start = s->starts; start; start = start->next)
        if (start->run_id == run_id)
            return true;
    return false;
}

/* NULL when memory is out. */
static struct start *start_new(struct submit *s, const struct store_outbox_row *row)
{
    struct start *start = calloc(1, sizeof *start);
    if (!start)
        return NULL;
    start->submit = s;
    start->run_id = row->run_id;
    start->attempts = row->attempts;
    start->pattern = row->pattern;
    start->cancelled = row->cancelled;
    (void)snprintf(start->name, sizeof start->name, "%s", row->execution_name);
    start->next = s->starts;
    s->starts = start;
    s->in_flight++;
    return start;
}

/* Whether the execution found under our name is this run's. */
static bool is_ours(const struct start *start, const struct sfn_execution *execution)
{
    struct buf input;
    struct error err = {0};
    if (!execution->input)
        return false;
    buf_init(&input, BUF_MAX_PAYLOAD);
    bool ours = store_run_input(start->submit->loop->store, start->run_id, &input, &err) == 0 &&
                submit_same_input(execution->input, buf_str(&input));
    buf_free(&input);
    return ours;
}

/* Whether the name is an Idempotency-Key's. */
static bool has_key(const struct start *start)
{
    return strncmp(start->name, "key-", 4) == 0;
}

/* The name is taken by another run. */
static void refuse_name(struct start *start)
{
    char reason[512];
    if (has_key(start))
        (void)snprintf(reason, sizeof reason,
                       "the idempotency key was used with another request, at another control "
                       "plane (execution %s): use a new key",
                       start->name);
    else
        (void)snprintf(reason, sizeof reason,
                       "an execution named %s exists already and has another input: submit the "
                       "run again, so that it gets another name",
                       start->name);
    start_refuse(start, reason);
}

/* After ExecutionAlreadyExists, or to learn whether a cancelled run was started. */
static void described(void *ctx, struct aws_response *response, const struct error *err)
{
    struct start *start = ctx;
    struct sfn_execution execution;
    struct error why = {0};
    loop_note(start->submit->loop, err);
    if (err && start->cancelled && err_is_remote(err, "ExecutionDoesNotExist")) {
        start_cancelled(start);
        return;
    }
    if (err || sfn_describe_result(response, &execution, &why)) {
        /* What exists by name but cannot be found yet will be found: nothing is final here. */
        struct error again = err ? *err : why;
        again.code = ERR_NETWORK;
        start_failed(start, &again);
        return;
    }
    if (is_ours(start, &execution)) {
        start_adopt(start, execution.execution_arn, execution.start_time);
        return;
    }
    refuse_name(start);
}

/* The ARN is derived: the answer that would have told it was lost. */
static void describe(struct start *start)
{
    struct aws_request request = {0};
    struct error err = {0};
    const struct loop *loop = start->submit->loop;
    if (sfn_describe_execution(&request, start->arn, &err) ||
        aws_send(loop->aws, &request, described, start, &err)) {
        aws_request_free(&request);
        start_failed(start, &err);
    }
}

/* StartExecution's answer. */
static void answered(void *ctx, struct aws_response *response, const struct error *err)
{
    struct start *start = ctx;
    struct sfn_started started;
    struct error why = {0};
    loop_note(start->submit->loop, err);
    if (err && err_is_remote(err, "ExecutionAlreadyExists"))
        describe(start);
    else if (err)
        start_failed(start, err);
    else if (sfn_start_result(response, &started, &why))
        start_failed(start, &why);
    else
        start_adopt(start, started.execution_arn, started.start_time);
}

/* A cancelled run is not started, but it may have been before a crash: look. */
static int build(const struct start *start, const char *input, size_t len,
                 struct aws_request *request, struct error *err)
{
    if (start->cancelled)
        return sfn_describe_execution(request, start->arn, err);
    return sfn_start_execution(request, start->submit->machine_arn[start->pattern], start->name,
                               input, len, err);
}

/* --- the same key with the other pattern --- */

/* Who may not look there starts all the same. */
static void other_described(void *ctx, struct aws_response *response, const struct error *err)
{
    struct start *start = ctx;
    (void)response;
    loop_note(start->submit->loop, err);
    if (!err)
        refuse_name(start);
    else if (loop_fault(err) == LOOP_PASSING)
        start_failed(start, err);
    else
        start_again(start);
}

/* 1: asked; 0: there is nothing to ask; -1. */
static int ask_other(struct start *start, struct error *err)
{
    struct aws_request request = {0};
    char arn[SUBMIT_ARN_MAX];
    const char *machine = start->submit->machine_arn[3 - start->pattern];
    bool wanted = machine && has_key(start) && !start->cancelled && !start->checked;
    start->checked = true;
    if (!wanted || submit_execution_arn(machine, start->name, arn, err))
        return 0;
    int rc = sfn_describe_execution(&request, arn, err);
    if (!rc)
        rc = aws_send(start->submit->loop->aws, &request, other_described, start, err);
    if (rc)
        aws_request_free(&request);
    return rc ? -1 : 1;
}

void start_again(struct start *start)
{
    struct buf input;
    struct error err = {0};
    buf_init(&input, BUF_MAX_STATE);
    if (store_run_input(start->submit->loop->store, start->run_id, &input, &err))
        start_failed(start, &err);
    else
        start_send(start, buf_str(&input), input.len);
    buf_free(&input);
}

void start_send(struct start *start, const char *input, size_t len)
{
    struct aws_request request = {0};
    struct error err = {0};
    aws_done_fn done = start->cancelled ? described : answered;
    int asked = ask_other(start, &err);
    if (asked < 0)
        start_failed(start, &err);
    if (asked)
        return;
    if (build(start, input, len, &request, &err) ||
        aws_send(start->submit->loop->aws, &request, done, start, &err)) {
        aws_request_free(&request);
        start_failed(start, &err);
    }
}

/* Sends the call for a row that is due. */
static void take_row(void *ctx, const struct store_outbox_row *row)
{
    struct submit *s = ctx;
    struct error err = {0};
    bool store = !row->cancelled && start_has_manifest(row);
    if (s->in_flight >= s->max_in_flight || under_way(s, row->run_id) ||
        (store && s->storing >= SUBMIT_STORING_MAX))
        return;
    struct start *start = start_new(s, row);
    if (!start) {
        s->paused_until = loop_now(s->loop) + SUBMIT_PAUSE;
        return;
    }
    const char *machine =
        row->pattern == 1 || row->pattern == 2 ? s->machine_arn[row->pattern] : NULL;
    if (!machine) {
        start_refuse(start, "this server has no state machine for the run's pattern: start it with "
                            "--state-machine-1 and --state-machine-2, then submit the spec again");
        return;
    }
    if (submit_execution_arn(machine, start->name, start->arn, &err)) {
        start_refuse(start, err.message);
        return;
    }
    if (store)
        start_store(start, row);
    else
        start_send(start, row->input, row->input_len);
}

static bool clock_went_back(const struct submit *s, int64_t wall)
{
    return s->next_due > wall + DUE_MAX;
}

/* Sends what is due as far as there is room; the rest is seen when a call comes back. */
static void look(struct submit *s, int64_t wall)
{
    struct error err = {0};
    int64_t until = clock_went_back(s, wall) ? s->next_due : wall;
    s->look = false;
    /* Rows under way are still in the outbox and come along. */
    if (store_outbox_due(s->loop->store, until, s->max_in_flight + s->in_flight, take_row, s,
                         &s->next_due, &err) == 0)
        return;
    log_error(s->loop->log, "the outbox cannot be read", LOG_STR("error", err.message));
    s->look = true;
    s->paused_until = loop_now(s->loop) + SUBMIT_PAUSE;
}

/* Without anything to look for it sleeps until the next row is due (wall time, as rows outlive us)
 * or a callback has made room. */
int64_t submit_step(struct submit *s)
{
    int64_t now = loop_now(s->loop);
    int64_t wall = clock_wall(s->loop->clock);
    if (now < s->paused_until)
        return s->paused_until;
    if (s->next_due && (s->next_due <= wall || clock_went_back(s, wall)))
        s->look = true;
    if (s->look && s->in_flight < s->max_in_flight)
        look(s, wall);
    if (s->look && s->in_flight < s->max_in_flight)
        return loop_now(s->loop);
    return s->next_due ? now + (s->next_due > wall ? s->next_due - wall : 0) : LOOP_NEVER;
}
