/* Task: the call goes out, its answer comes back, or time is up.
 *
 * A call goes out only after the commit that holds its Scheduled event and the frame's checkpoint
 * with the names of the attempt (client token, task token) and its parameters. So after a crash the
 * same call is made again, and services that take a client token do not act twice.
 *
 * Whoever stops waiting (timeout, abort) cuts the tie between frame and call; the call itself comes
 * back later and finds nobody. Jobs that run on behalf of .sync are stopped. */
#include "lib/crypto/crypto.h"
#include "server/local/sfn/history.h"
#include "server/local/sfn/task.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TOKEN_BYTES = 48 };

/* The frame's state is a Task. */
static const struct machine_task *task_of(const struct frame *f)
{
    return &f->state->u.task;
}

void task_clear(struct engine *e, struct frame *f)
{
    timers_cancel(&e->timers, &f->timeout);
    timers_cancel(&e->timers, &f->heartbeat);
    if (f->token)
        names_remove(&e->tokens, f->token);
    frame_clear_task(f);
}

/* The names of this attempt: what others complete it by, and what makes its call idempotent. */
static int name_attempt(struct engine *e, struct frame *f)
{
    unsigned char random[TOKEN_BYTES];
    char uuid[UUID_TEXT];
    task_clear(e, f);
    if (crypto_uuid(uuid, NULL) || crypto_random(random, sizeof random, NULL))
        return -1;
    f->client_token = strdup(uuid);
    if (!f->client_token)
        return -1;
    if (task_of(f)->pattern != TASK_TOKEN)
        return 0;
    f->token = malloc(crypto_base64_size(sizeof random));
    if (!f->token)
        return -1;
    crypto_base64(random, sizeof random, f->token);
    if (names_add(&e->tokens, f->token, f) == 0)
        return 0;
    free(f->token);
    f->token = NULL;
    return -1;
}

/* TimeoutSeconds or HeartbeatSeconds; 0: none. */
static int read_seconds(struct engine *e, struct frame *f, const struct machine_number *number,
                        const char *field, int64_t *seconds, struct asl_failure *failure)
{
    const struct asl_scope where = {.state = f->state->name, .entered_id = f->entered_event};
    json_t *input;
    json_t *value = NULL;
    *seconds = 0;
    if (!number->given)
        return 0;
    input = data_input(e, f, failure);
    if (!input || data_number(e, f, number, input, &value, failure)) {
        json_decref(input);
        return -1;
    }
    double given = json_number_value(value);
    bool fits = json_is_number(value) && given >= 1 && given <= 99999999 && floor(given) == given;
    json_decref(value);
    json_decref(input);
    if (!fits)
        return asl_fail_in_state(failure, &where, "States.Runtime",
                                 "The %sPath parameter does not reference a positive integer.",
                                 field);
    *seconds = (int64_t)given;
    return 0;
}

/* Timeouts count from the scheduling of this attempt. */
static int arm(struct engine *e, struct frame *f, const struct task_timing *timing)
{
    f->heartbeat_every = timing->heartbeat * CLOCK_SECOND;
    if (timing->timeout &&
        timers_arm(&e->timers, &f->timeout, e->now + timing->timeout * CLOCK_SECOND))
        return -1;
    return timing->heartbeat ? timers_arm(&e->timers, &f->heartbeat, e->now + f->heartbeat_every)
                             : 0;
}

/* What the call gets: InputPath, Parameters, and what the service adds. New reference. */
static json_t *make_parameters(struct engine *e, struct frame *f, struct asl_failure *failure)
{
    const struct machine_task *task = task_of(f);
    json_t *parameters = data_effective(e, f, failure);
    if (!parameters || !task->kind->prepare)
        return parameters;
    json_t *own = json_copy(parameters);
    json_decref(parameters);
    if (!own) {
        failure_no_memory(failure);
        return NULL;
    }
    if (task->kind->prepare(task, own, failure) == 0)
        return own;
    json_decref(own);
    return NULL;
}

/* Scheduled and Started events; the call goes out after the commit. */
static int schedule(struct engine *e, struct frame *f, json_t *parameters,
                    const struct task_timing *timing, struct asl_failure *failure)
{
    struct text *text = text_of(parameters);
    if (data_too_large(f, text, "is called with parameters", failure)) {
        text_release(text);
        return -1;
    }
    struct task_call *call = task_call_new(e, f, CALL_START, parameters);
    if (!call || arm(e, f, timing)) {
        text_release(text);
        failure_no_memory(failure);
        return -1;
    }
    f->last_event = history_task_scheduled(e, f, f->last_event, text, timing);
    f->last_event = history_task_started(e, f, f->last_event);
    text_release(text);
    f->parameters = json_incref(parameters);
    task_call_send(e, call);
    return 0;
}

enum step state_task(struct engine *e, struct frame *f)
{
    const struct machine_task *task = task_of(f);
    struct asl_failure failure = {0};
    struct task_timing timing = {0};
    json_t *parameters = NULL;
    int rc = name_attempt(e, f);
    if (rc)
        failure_no_memory(&failure);
    if (rc == 0)
        parameters = make_parameters(e, f, &failure);
    if (!parameters ||
        read_seconds(e, f, &task->timeout, "TimeoutSeconds", &timing.timeout, &failure) ||
        read_seconds(e, f, &task->heartbeat, "HeartbeatSeconds", &timing.heartbeat, &failure) ||
        schedule(e, f, parameters, &timing, &failure))
        rc = -1;
    json_decref(parameters);
    if (rc) {
        task_abandon(e, f);
        task_clear(e, f);
        return frame_failed(e, f, &failure);
    }
    f->phase = FRAME_CALL;
    frame_touch(e, f, DIRTY_STATE);
    return STEP_STOP;
}

/* Failed event, then retry, catch or the end. Clears the failure. */
static enum step fail(struct engine *e, struct frame *f, struct asl_failure *failure)
{
    task_clear(e, f);
    f->last_event = history_task_failed(e, f, f->last_event, false, failure);
    return frame_failed(e, f, failure);
}

/* Succeeded event, then the result. Takes over output. */
static enum step succeed(struct engine *e, struct frame *f, json_t *output)
{
    const struct machine_task *task = task_of(f);
    struct asl_failure failure = {0};
    struct text *text = text_of(output);
    if (text_fits(text, STATE_BYTES_MAX, STATE_DEPTH_MAX)) {
        f->last_event = history_task_succeeded(e, f, f->last_event, text);
        text_release(text);
        task_clear(e, f);
        return frame_complete(e, f, output);
    }
    asl_fail(&failure, "States.DataLimitExceeded",
             "The state/task '%s' returned a result with a size exceeding the maximum number of "
             "bytes service limit.",
             task_is_function(task->kind) ? task->arn : task->resource_type);
    text_release(text);
    json_decref(output);
    return fail(e, f, &failure);
}

/* From now on a restart watches the job instead of starting another. */
static enum step wait_for_job(struct engine *e, struct frame *f)
{
    struct asl_failure failure = {0};
    struct task_call *call = task_call_new(e, f, CALL_WATCH, f->parameters);
    if (!call) {
        failure_no_memory(&failure);
        return fail(e, f, &failure);
    }
    task_call_send(e, call);
    f->phase = FRAME_JOB;
    frame_touch(e, f, DIRTY_STATE);
    return STEP_STOP;
}

/* The service took it: .sync waits for the job's end, .waitForTaskToken for SendTask*. */
static enum step submitted(struct engine *e, struct frame *f, struct task_call *call)
{
    struct asl_failure failure = {0};
    if (call->pattern != TASK_TOKEN) {
        f->job = call->kind->submitted(call, &failure);
        if (!f->job)
            return fail(e, f, &failure);
    }
    struct text *text = text_of(call->result.output);
    f->last_event = history_task_submitted(e, f, f->last_event, text);
    text_release(text);
    if (call->pattern != TASK_TOKEN)
        return wait_for_job(e, f);
    f->phase = FRAME_TOKEN;
    frame_touch(e, f, DIRTY_STATE);
    return STEP_STOP;
}

/* Nobody waits for it any more: what it started is stopped. */
static void arrived_late(struct engine *e, struct task_call *call)
{
    struct asl_failure failure = {0};
    bool sync = call->pattern == TASK_SYNC || call->pattern == TASK_SYNC2;
    if (call->stage == CALL_START && sync && call->result.output) {
        call->job = call->kind->submitted(call, &failure);
        if (call->job)
            task_stop(e, call);
    }
    asl_failure_free(&failure);
}

void task_arrived(struct engine *e, struct task_call *call)
{
    struct frame *f = call->frame;
    enum step step;
    if (!f && call->stopping) {
        call->arrived = true;
        return;
    }
    if (!f) {
        arrived_late(e, call);
        task_call_end(e, call);
        return;
    }
    f->call = NULL;
    json_t *output = call->result.output;
    if (!output) {
        step = fail(e, f, &call->result.failure);
    } else if (call->stage == CALL_START && call->pattern != TASK_RESPONSE) {
        step = submitted(e, f, call);
    } else {
        call->result.output = NULL;
        step = succeed(e, f, output);
    }
    if (step == STEP_ON)
        engine_queue(e, f);
    task_call_end(e, call);
}

/* Once it is durable that nobody waits for the job. */
static void stop_release(struct effect *self, struct engine *e)
{
    struct task_call *call =
        (struct task_call *)((char *)self - offsetof(struct task_call, effect));
    call->stopping = false;
    if (call->arrived)
        task_call_end(e, call);
}

/* The engine closes: the job goes on, and is watched again after the next start. */
static void stop_drop(struct effect *self)
{
    (void)self;
}

void task_abandon(struct engine *e, struct frame *f)
{
    struct task_call *call = f->call;
    if (!call)
        return;
    f->call = NULL;
    call->frame = NULL;
    if (call->stage == CALL_WATCH)
        task_stop(e, call);
    /* The watch stays until the job has stopped: then the call ends too. */
    if (call->stage == CALL_WATCH && call->sent) {
        call->effect = (struct effect){.release = stop_release, .drop = stop_drop};
        call->stopping = true;
        engine_effect(e, &call->effect);
    }
}

enum step task_timed_out(struct engine *e, struct frame *f, bool heartbeat)
{
    struct asl_failure told = {0};
    struct asl_failure failure = {0};
    (void)snprintf(told.error, sizeof told.error, "States.Timeout");
    (void)snprintf(failure.error, sizeof failure.error, "%s",
                   heartbeat ? HEARTBEAT_TIMEOUT : "States.Timeout");
    task_abandon(e, f);
    task_clear(e, f);
    f->last_event = history_task_failed(e, f, f->last_event, true, &told);
    return frame_failed(e, f, &failure);
}

void task_token_used(struct engine *e, struct frame *f, json_t *output, struct asl_failure *failure)
{
    task_abandon(e, f);
    enum step step = output ? succeed(e, f, output) : fail(e, f, failure);
    if (step == STEP_ON)
        engine_queue(e, f);
}

void task_resume(struct engine *e, struct frame *f)
{
    struct asl_failure failure = {0};
    enum call_stage stage = f->phase == FRAME_JOB ? CALL_WATCH : CALL_START;
    struct task_call *call = f->parameters ? task_call_new(e, f, stage, f->parameters) : NULL;
    if (call) {
        task_call_send(e, call);
        return;
    }
    failure_no_memory(&failure);
    if (fail(e, f, &failure) == STEP_ON)
        engine_queue(e, f);
}
