/* Parallel and Map: how their children begin. How they end is in engine_nest.c.
 *
 * Parallel starts all branches at once. Map starts as many iterations as may run, and one more
 * whenever one has ended; its nest counts them (a distributed Map has a run instead, map_run.h). A
 * Map is set up from its state's input alone, so that a restart can set it up once more
 * (map_reopen). */
#include "server/local/sfn/engine.h"
#include "server/local/sfn/history.h"
#include "server/local/sfn/map_run.h"

/* A child that can move at once. It follows the state's Started event unless told otherwise. NULL
 * with the failure: its input is too large, or memory is out. */
static struct frame *add_child(struct engine *e, struct frame *f, size_t number,
                               const struct machine_state *start, json_t *input,
                               struct asl_failure *failure)
{
    struct frame *child = frame_new(f->execution, f, (int64_t)number, start, input);
    if (!child) {
        failure_no_memory(failure);
        return NULL;
    }
    child->last_event = f->nest->started_event;
    if (data_too_large(f, frame_text(child), "passes on an input", failure)) {
        frame_unlink(child);
        frame_free(child);
        return NULL;
    }
    f->nest->running++;
    engine_queue(e, child);
    return child;
}

/* The state goes on when its children have ended (engine_nest.c). */
static enum step wait_for_children(struct engine *e, struct frame *f)
{
    f->phase = FRAME_CHILDREN;
    frame_touch(e, f, DIRTY_STATE);
    return STEP_STOP;
}

/* All branches begin with the same input, in their order. */
enum step state_parallel(struct engine *e, struct frame *f)
{
    const struct machine_parallel *parallel = &f->state->u.parallel;
    struct asl_failure failure = {0};
    json_t *input = data_effective(e, f, &failure);
    if (!input)
        return frame_failed(e, f, &failure);
    f->nest = nest_new(f->execution, parallel->count);
    if (f->nest) {
        f->last_event = history_plain(e, f, "ParallelStateStarted", f->last_event);
        f->nest->started_event = f->last_event;
    }
    if (!f->nest)
        failure_no_memory(&failure);
    for (size_t i = 0; i < parallel->count && !failure.error[0]; i++) {
        (void)add_child(e, f, i, parallel->branches[i].start, input, &failure);
        f->nest->next++;
    }
    json_decref(input);
    if (!failure.error[0])
        return wait_for_children(e, f);
    while (f->first_child)
        frame_abort(e, f->first_child, false);
    return frame_failed(e, f, &failure);
}

/* Sets the nest up from the state's input. */
static int map_open(struct engine *e, struct frame *f, struct asl_failure *failure)
{
    json_t *input = data_input(e, f, failure);
    json_t *items = input ? map_find_items(e, f, input, failure) : NULL;
    if (items)
        f->nest = nest_new(f->execution, json_array_size(items));
    if (!items || !f->nest) {
        if (items)
            failure_no_memory(failure);
        json_decref(input);
        json_decref(items);
        return -1;
    }
    f->nest->input = input;
    f->nest->items = items;
    if (map_read_concurrency(e, f, input, &f->nest->limits, failure))
        return -1;
    f->nest->slots = map_slots(&f->nest->limits, INLINE_CONCURRENCY);
    return 0;
}

static int map_tolerance(struct engine *e, struct frame *f, struct asl_failure *failure)
{
    return map_read_tolerance(e, f, f->nest->input, &f->nest->limits, failure);
}

/* No events: they were written when the state began. */
int map_reopen(struct engine *e, struct frame *f, struct asl_failure *failure)
{
    return map_open(e, f, failure) || map_tolerance(e, f, failure) ? -1 : 0;
}

/* Under "Map" of the context object while the iteration runs. */
json_t *map_item(size_t index, json_t *value)
{
    return json_pack("{s:{s:I, s:O}}", "Item", "Index", (json_int_t)index, "Value", value);
}

/* The iteration's input: ItemSelector, else the item itself. New reference. */
static json_t *item_input(struct engine *e, struct frame *f, json_t *item, json_t *value,
                          struct asl_failure *failure)
{
    struct scope scope;
    const struct asl_template *selector = f->state->u.map.item_selector;
    if (!selector)
        return json_incref(value);
    scope_open(e, f, f->nest->input, &scope);
    if (scope.context)
        json_object_set(scope.context, "Map", item);
    json_t *input = asl_template_eval(selector, &scope.asl, failure);
    scope_close(&scope);
    return input;
}

/* The next iteration. The first ones follow MapStateStarted, each later one the last event inside
 * the iteration that made room for it (recorded). */
static int spawn_one(struct engine *e, struct frame *f, struct asl_failure *failure)
{
    struct nest *nest = f->nest;
    size_t number = nest->next;
    json_t *value = json_array_get(nest->items, number);
    json_t *item = map_item(number, value);
    json_t *input = item ? item_input(e, f, item, value, failure) : NULL;
    struct frame *child =
        input ? add_child(e, f, number, f->state->u.map.processor.start, input, failure) : NULL;
    json_decref(input);
    if (!child) {
        json_decref(item);
        if (!failure->error[0])
            failure_no_memory(failure);
        return -1;
    }
    child->item = item;
    nest->next++;
    int64_t previous = number < nest->slots ? nest->started_event : nest->last_inner;
    child->last_event = history_iteration(e, child, "MapIterationStarted",
                                          "mapIterationStartedEventDetails", previous);
    return 0;
}

/* Called at the start and whenever an iteration has made room. */
int map_spawn(struct engine *e, struct frame *f, struct asl_failure *failure)
{
    while (f->nest->next < f->nest->count && f->nest->running < f->nest->slots)
        if (spawn_one(e, f, failure))
            return -1;
    return 0;
}

/* No items: done at once. */
static enum step map_empty(struct engine *e, struct frame *f)
{
    (void)history_plain(e, f, "MapStateSucceeded", f->last_event);
    f->nest = nest_free(f->nest);
    return frame_complete(e, f, json_array());
}

/* Problems with the items come before MapStateStarted, those with tolerances after it (recorded).
 */
enum step state_map(struct engine *e, struct frame *f)
{
    struct asl_failure failure = {0};
    if (f->state->u.map.distributed)
        return state_map_distributed(e, f);
    if (map_open(e, f, &failure) == 0) {
        f->last_event = history_map_started(e, f, f->last_event, f->nest->count);
        if (map_tolerance(e, f, &failure) == 0) {
            f->nest->started_event = f->nest->last_inner = f->last_event;
            if (f->nest->count == 0)
                return map_empty(e, f);
            if (map_spawn(e, f, &failure) == 0)
                return wait_for_children(e, f);
            while (f->first_child)
                frame_abort(e, f->first_child, true);
            return frame_failed(e, f, &failure);
        }
    }
    /* Before the first iteration there is no MapStateFailed. */
    f->nest = nest_free(f->nest);
    return frame_failed(e, f, &failure);
}
