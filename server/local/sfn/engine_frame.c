/* A frame on its way from state to state.
 *
 * Handlers of states answer whether the frame goes on at once (STEP_ON) or not (STEP_STOP). After
 * STEP_STOP the frame may be gone: nobody touches it any more. */
#include "server/local/sfn/engine.h"
#include "server/local/sfn/history.h"
#include "server/local/sfn/map_run.h"

#include <stdlib.h>
#include <string.h>

void failure_no_memory(struct asl_failure *failure)
{
    asl_fail(failure, "States.Runtime", "The local endpoint ran out of memory.");
}

/* What the state does once it has been entered, or once more after a retry. */
static enum step run_state(struct engine *e, struct frame *f)
{
    switch (f->state->type) {
    case STATE_PASS:
        return state_pass(e, f);
    case STATE_CHOICE:
        return state_choice(e, f);
    case STATE_WAIT:
        return state_wait(e, f);
    case STATE_SUCCEED:
        return state_succeed(e, f);
    case STATE_FAIL:
        return state_fail(e, f);
    case STATE_TASK:
        return state_task(e, f);
    case STATE_PARALLEL:
        return state_parallel(e, f);
    case STATE_MAP:
        return state_map(e, f);
    }
    return STEP_STOP;
}

/* A state begins: its attempts are counted from nothing, its Entered event is written. */
static enum step enter_state(struct engine *e, struct frame *f)
{
    free(f->attempts);
    f->attempts = NULL;
    f->retries = 0;
    f->entered_time = e->now;
    f->entered_event = history_entered(e, f, f->last_event);
    f->last_event = f->entered_event;
    return run_state(e, f);
}

/* The bound that ends executions that would go on for ever; the last event is the failure. Express
 * executions have no such bound, but theirs is not kept for ever either. */
static bool history_is_full(const struct execution *x)
{
    return x->next_event >= (x->express ? EVENTS_EXPRESS_MAX : EVENTS_PER_EXECUTION_MAX);
}

static void end_full(struct engine *e, struct execution *x)
{
    struct asl_failure failure = {0};
    asl_fail(&failure, "States.Runtime",
             "The execution reached the maximum number of history events (%d).",
             x->express ? EVENTS_EXPRESS_MAX : EVENTS_PER_EXECUTION_MAX);
    execution_fail(e, x, &failure);
    asl_failure_free(&failure);
}

void frame_run(struct engine *e, struct frame *f)
{
    enum step step = STEP_ON;
    for (int i = 0; step == STEP_ON; i++) {
        if (history_is_full(f->execution)) {
            end_full(e, f->execution);
            return;
        }
        if (i >= FRAME_STEPS_MAX || engine_turn_full(e)) {
            frame_touch(e, f, DIRTY_STATE);
            engine_queue(e, f);
            return;
        }
        step = f->phase == FRAME_AGAIN ? run_state(e, f) : enter_state(e, f);
    }
}

void frame_end(struct engine *e, struct frame *f)
{
    struct execution *x = f->execution;
    timers_cancel(&e->timers, &f->delay);
    timers_cancel(&e->timers, &f->timeout);
    timers_cancel(&e->timers, &f->heartbeat);
    task_abandon(e, f);
    task_clear(e, f);
    f->run = map_run_leave(e, f->run);
    f->phase = FRAME_OVER;
    if (f->stored && x->status == EXECUTION_RUNNING) {
        if (x->gone_count == x->gone_capacity) {
            size_t capacity = x->gone_capacity ? x->gone_capacity * 2 : 16;
            int64_t *gone = realloc(x->gone, capacity * sizeof *gone);
            if (gone) {
                x->gone = gone;
                x->gone_capacity = capacity;
            }
        }
        /* Without memory the row stays until the execution ends; it names no state that runs. */
        if (x->gone_count < x->gone_capacity)
            x->gone[x->gone_count++] = f->id;
        engine_touch(e, x);
    }
    frame_unlink(f);
    if (!f->queued && !f->listed)
        frame_free(f);
}

/* The chain is over: the root's output is the execution's, a child's goes to its parent. */
static void end_chain(struct engine *e, struct frame *f, json_t *output, struct text *text)
{
    if (f->parent)
        nest_child_done(e, f, output, text);
    else
        execution_succeed(e, f->execution, output, text);
}

/* The text of an output: the input's own when it is the very same value. New reference. */
static struct text *output_text(struct frame *f, const json_t *output)
{
    return output == f->input ? text_hold(frame_text(f)) : text_of(output);
}

enum step frame_exit(struct engine *e, struct frame *f, json_t *output, json_t *assigned,
                     const struct machine_state *next)
{
    struct asl_failure failure = {0};
    struct text *text = output_text(f, output);
    if (data_too_large(f, text, "returned a result", &failure)) {
        text_release(text);
        json_decref(output);
        json_decref(assigned);
        return frame_failed(e, f, &failure);
    }
    f->last_event = history_exited(e, f, f->last_event, text, assigned);
    json_decref(assigned);
    if (next) {
        frame_set_input(f, output, text);
        f->state = next;
        f->phase = FRAME_READY;
        f->dirty |= DIRTY_STATE;
    } else {
        end_chain(e, f, output, text);
    }
    text_release(text);
    json_decref(output);
    return next ? STEP_ON : STEP_STOP;
}

/* ResultSelector, Assign, ResultPath, OutputPath; NULL with the failure. */
static json_t *shape_result(struct engine *e, struct frame *f, json_t *result, json_t **assigned,
                            struct asl_failure *failure)
{
    json_t *output = NULL;
    json_t *merged = NULL;
    json_t *selected = data_select_result(e, f, result, failure);
    if (selected && data_assign(e, f, f->state->assign, selected, assigned, failure) == 0)
        merged = data_merge(e, f, &f->state->result_path, selected, failure);
    if (merged)
        output = data_output(e, f, merged, failure);
    json_decref(merged);
    json_decref(selected);
    return output;
}

enum step frame_complete(struct engine *e, struct frame *f, json_t *result)
{
    struct asl_failure failure = {0};
    json_t *assigned = NULL;
    json_t *output = shape_result(e, f, result, &assigned, &failure);
    json_decref(result);
    if (output)
        return frame_exit(e, f, output, assigned, f->state->next);
    json_decref(assigned);
    return frame_failed(e, f, &failure);
}

/* {"Error": ..., "Cause": ...} as catchers get it. */
static json_t *error_output(const struct asl_failure *failure)
{
    bool heartbeat = strcmp(failure->error, HEARTBEAT_TIMEOUT) == 0;
    json_t *output = json_object();
    if (output && failure->error[0])
        json_object_set_new(output, "Error",
                            json_string(heartbeat ? "States.Timeout" : failure->error));
    if (output && failure->cause)
        json_object_set_new(output, "Cause", json_string(failure->cause));
    return output;
}

/* Nobody takes the failure: it goes to whoever waits for the chain. Clears it. */
static enum step fail_chain(struct engine *e, struct frame *f, struct asl_failure *failure)
{
    if (f->parent)
        nest_child_failed(e, f, failure);
    else
        execution_fail(e, f->execution, failure);
    asl_failure_free(failure);
    return STEP_STOP;
}

/* A failure of the catcher itself is not caught again. */
static enum step catch_failure(struct engine *e, struct frame *f,
                               const struct machine_catcher *catcher, struct asl_failure *failure)
{
    struct asl_failure again = {0};
    json_t *assigned = NULL;
    json_t *merged = NULL;
    json_t *error = error_output(failure);
    asl_failure_free(failure);
    if (!error)
        failure_no_memory(&again);
    else if (data_assign(e, f, catcher->assign, error, &assigned, &again) == 0)
        merged = data_merge(e, f, &catcher->result_path, error, &again);
    json_decref(error);
    if (merged)
        return frame_exit(e, f, merged, assigned, catcher->next);
    json_decref(assigned);
    return fail_chain(e, f, &again);
}

enum step frame_failed(struct engine *e, struct frame *f, struct asl_failure *failure)
{
    const struct machine_catcher *catcher;
    const char *nested = f->state->type == STATE_MAP ? "MapStateFailed" : "ParallelStateFailed";
    bool had_children = f->nest || f->run;
    f->nest = nest_free(f->nest);
    f->run = map_run_leave(e, f->run);
    if (frame_retry(e, f, failure)) {
        asl_failure_free(failure);
        return STEP_STOP;
    }
    if (had_children)
        f->last_event = history_plain(e, f, nested, f->last_event);
    catcher = frame_catcher(f, failure);
    if (catcher)
        return catch_failure(e, f, catcher, failure);
    return fail_chain(e, f, failure);
}

void frame_timer(struct engine *e, struct frame *f, enum timer_kind kind)
{
    enum step step = STEP_STOP;
    if (kind == TIMER_TIMEOUT || kind == TIMER_HEARTBEAT) {
        step = task_timed_out(e, f, kind == TIMER_HEARTBEAT);
    } else if (f->phase == FRAME_WAIT) {
        step = state_wait_over(e, f);
    } else if (f->phase == FRAME_RETRY) {
        f->phase = FRAME_AGAIN;
        frame_touch(e, f, DIRTY_STATE);
        step = STEP_ON;
    }
    if (step == STEP_ON)
        engine_queue(e, f);
}
