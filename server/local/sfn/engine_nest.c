/* What Parallel and Map have in common: children that end well or badly.
 *
 * A child that ends is freed before its parent goes on; the parent never runs inside its child, it
 * is put in the queue. So the depth of the stack depends on how states are nested in the
 * definition, not on how many of them run.
 *
 * Who follows whom in the history (previousEventId) is as recorded on AWS: an iteration's end
 * follows the last event inside it, and so do the next iteration's start and the failure of the
 * whole. */
#include "lib/json/json_write.h"
#include "server/local/sfn/engine.h"
#include "server/local/sfn/history.h"
#include "server/local/sfn/map_limits.h"

#include <string.h>

static bool is_map(const struct frame *f)
{
    return f->state->type == STATE_MAP;
}

/* Runs the frame on if it can. */
static void go_on(struct engine *e, struct frame *f, enum step step)
{
    if (step == STEP_ON)
        engine_queue(e, f);
}

/* The results in the order of the children; those of children that failed are left out. */
static json_t *collect_results(struct nest *nest)
{
    json_t *all = json_array();
    for (size_t i = 0; all && i < nest->count; i++)
        if (nest->results[i] && json_array_append(all, nest->results[i]) != 0) {
            json_decref(all);
            all = NULL;
        }
    return all;
}

/* All children have ended: their results are the state's result. */
static void finish(struct engine *e, struct frame *f)
{
    struct asl_failure failure = {0};
    json_t *results = collect_results(f->nest);
    /* The Exited event names the same predecessor as this one. */
    (void)history_plain(e, f, is_map(f) ? "MapStateSucceeded" : "ParallelStateSucceeded",
                        f->last_event);
    f->nest = nest_free(f->nest);
    if (results) {
        go_on(e, f, frame_complete(e, f, results));
        return;
    }
    failure_no_memory(&failure);
    go_on(e, f, frame_failed(e, f, &failure));
}

/* Children are taken out of the tree one by one; each goes with all below it. */
static void abort_children(struct engine *e, struct frame *f, bool events)
{
    while (f->first_child)
        frame_abort(e, f->first_child, events);
}

void frame_abort(struct engine *e, struct frame *f, bool events)
{
    abort_children(e, f, events);
    if (events && f->phase != FRAME_READY)
        f->last_event = history_aborted(e, f, f->last_event);
    if (events && f->parent && is_map(f->parent))
        (void)history_iteration(e, f, "MapIterationAborted", "mapIterationAbortedEventDetails",
                                f->last_event);
    f->nest = nest_free(f->nest);
    frame_end(e, f);
}

/* After a child has ended: the next ones, or the end of the state. */
static void after_child(struct engine *e, struct frame *f)
{
    struct asl_failure failure = {0};
    struct nest *nest = f->nest;
    if (nest->done == nest->count) {
        finish(e, f);
        return;
    }
    frame_touch(e, f, DIRTY_STATE);
    if (is_map(f) && map_spawn(e, f, &failure)) {
        abort_children(e, f, true);
        go_on(e, f, frame_failed(e, f, &failure));
    }
}

/* Kept in memory for the result, and as a line for the next commit. */
static void keep_result(struct nest *nest, int64_t number, json_t *output, const struct text *text)
{
    nest->results[number] = json_incref(output);
    json_int_text(&nest->unsaved, number);
    buf_addc(&nest->unsaved, ' ');
    buf_add(&nest->unsaved, text->raw, text->len);
    buf_addc(&nest->unsaved, '\n');
}

void nest_child_done(struct engine *e, struct frame *child, json_t *output, struct text *text)
{
    struct frame *f = child->parent;
    struct nest *nest = f->nest;
    nest->running--;
    nest->done++;
    nest->last_inner = child->last_event;
    keep_result(nest, child->number, output, text);
    e->turn_bytes += text->len;
    f->last_event = child->last_event;
    if (is_map(f))
        f->last_event = history_iteration(e, child, "MapIterationSucceeded",
                                          "mapIterationSucceededEventDetails", child->last_event);
    frame_end(e, child);
    after_child(e, f);
}

/* What a Map fails with when too many of its iterations did: their own error when it tolerates
 * none anyway. */
static void map_failure(const struct nest *nest, struct asl_failure *failure)
{
    if (nest->limits.tolerated_count < 0 && nest->limits.tolerated_percentage < 0)
        return;
    asl_failure_free(failure);
    asl_fail(failure, "States.ExceedToleratedFailureThreshold",
             "The specified tolerated failure threshold was exceeded");
}

void nest_child_failed(struct engine *e, struct frame *child, struct asl_failure *failure)
{
    struct frame *f = child->parent;
    struct nest *nest = f->nest;
    struct asl_failure mine = *failure;
    *failure = (struct asl_failure){0};
    nest->running--;
    nest->failed++;
    nest->last_inner = child->last_event;
    if (is_map(f))
        (void)history_iteration(e, child, "MapIterationFailed", "mapIterationFailedEventDetails",
                                child->last_event);
    else if (child->state->type == STATE_TASK)
        child->last_event = history_aborted(e, child, child->last_event);
    int64_t last = child->last_event;
    frame_end(e, child);
    if (is_map(f) && map_tolerates(&nest->limits, (int64_t)nest->failed, (int64_t)nest->count)) {
        asl_failure_free(&mine);
        nest->done++;
        f->last_event = last;
        after_child(e, f);
        return;
    }
    abort_children(e, f, true);
    f->last_event = last;
    if (is_map(f))
        map_failure(nest, &mine);
    go_on(e, f, frame_failed(e, f, &mine));
}
