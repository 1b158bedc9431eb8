/* Parallel and Map: how their children begin. How they end is in engine_nest.c.
 *
 * Parallel starts all branches at once. Map starts as many iterations as may run, and one more
 * whenever one has ended; its nest counts them. A Map is set up from its state's input alone, so
 * that a restart can set it up once more (map_reopen). */
#include "lib/crypto/crypto.h"
#include "lib/json/json_read.h"
#include "server/local/sfn/engine.h"
#include "server/local/sfn/history.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A child that can move at once. It follows the state's Started event unless told otherwise. */
static struct frame *add_child(struct engine *e, struct frame *f, size_t number,
                               const struct machine_state *start, json_t *input)
{
    struct frame *child = frame_new(f->execution, f, (int64_t)number, start, input);
    if (!child)
        return NULL;
    child->silent = f->silent || (f->state->type == STATE_MAP && f->state->u.map.distributed);
    child->last_event = f->nest->started_event;
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
    for (size_t i = 0; f->nest && i < parallel->count; i++) {
        if (!add_child(e, f, i, parallel->branches[i].start, input))
            failure_no_memory(&failure);
        f->nest->next++;
    }
    json_decref(input);
    if (f->nest && !failure.error[0])
        return wait_for_children(e, f);
    while (f->first_child)
        frame_abort(e, f->first_child, false);
    failure_no_memory(&failure);
    return frame_failed(e, f, &failure);
}

/* A count that may come as a number or as the text of one, as paths give it. */
static int read_number(const struct asl_scope *where, json_t *value, const char *field,
                       const struct machine_number *number, bool whole, double *out,
                       struct asl_failure *failure)
{
    char *end = NULL;
    const char *text = json_string_value(value);
    bool fits = json_is_number(value);
    *out = json_number_value(value);
    if (text && *text) {
        *out = strtod(text, &end);
        fits = *end == '\0';
    }
    if (fits && isfinite(*out) && (!whole || floor(*out) == *out))
        return 0;
    struct text *dumped = text_of(value);
    asl_fail_in_state(failure, where, "States.Runtime",
                      "The %sPath field refers to value \"%s\" which is not a valid %s: %s", field,
                      text     ? text
                      : dumped ? dumped->raw
                               : "",
                      whole ? "integer" : "float", asl_path_text(number->path));
    text_release(dumped);
    return -1;
}

/* The number of a field; *out keeps its value when the field is absent. */
static int map_number(struct engine *e, struct frame *f, const struct machine_number *number,
                      const char *field, bool whole, double *out, struct asl_failure *failure)
{
    const struct asl_scope where = {.state = f->state->name, .entered_id = f->entered_event};
    json_t *value = NULL;
    if (!number->given)
        return 0;
    if (!number->path) {
        *out = number->literal;
        return 0;
    }
    if (data_number(e, f, number, f->nest->input, &value, failure))
        return -1;
    int rc = read_number(&where, value, field, number, whole, out, failure);
    json_decref(value);
    return rc;
}

/* How many iterations may run at a time: as asked, but not more than AWS runs. */
static int map_limit(struct engine *e, struct frame *f, struct asl_failure *failure)
{
    const struct machine_map *map = &f->state->u.map;
    size_t most = map->distributed ? DISTRIBUTED_CONCURRENCY : INLINE_CONCURRENCY;
    double wanted = 0;
    if (map_number(e, f, &map->concurrency, "MaxConcurrency", true, &wanted, failure))
        return -1;
    const struct asl_scope where = {.state = f->state->name, .entered_id = f->entered_event};
    if (wanted < 0)
        return asl_fail_in_state(failure, &where, "States.Runtime",
                                 "MaxConcurrency cannot be negative.");
    f->nest->limit = wanted >= 1 && wanted < (double)most ? (size_t)wanted : most;
    return 0;
}

/* Failures that are borne; read after MapStateStarted, as recorded. */
static int map_tolerance(struct engine *e, struct frame *f, struct asl_failure *failure)
{
    const struct asl_scope where = {.state = f->state->name, .entered_id = f->entered_event};
    const struct machine_map *map = &f->state->u.map;
    struct nest *nest = f->nest;
    if (map_number(e, f, &map->tolerated_count, "ToleratedFailureCount", true,
                   &nest->tolerated_count, failure) ||
        map_number(e, f, &map->tolerated_percentage, "ToleratedFailurePercentage", false,
                   &nest->tolerated_percentage, failure))
        return -1;
    if (map->tolerated_count.given && nest->tolerated_count < 0)
        return asl_fail_in_state(failure, &where, "States.Runtime",
                                 "ToleratedFailureCount cannot be negative.");
    if (map->tolerated_percentage.given &&
        !(nest->tolerated_percentage >= 0 && nest->tolerated_percentage <= 100))
        return asl_fail_in_state(failure, &where, "States.Runtime",
                                 "ToleratedFailurePercentage must be between 0 and 100.");
    return 0;
}

/* What is iterated over; new reference. */
static json_t *map_items(struct engine *e, struct frame *f, json_t *input,
                         struct asl_failure *failure)
{
    const struct machine_path *path = &f->state->u.map.items_path;
    struct scope scope;
    scope_open(e, f, input, &scope);
    json_t *items = path->path ? data_path(path->path, &scope.asl, failure) : json_incref(input);
    if (items && !json_is_array(items)) {
        json_decref(items);
        items = NULL;
        asl_fail_in_state(failure, &scope.asl, "States.Runtime",
                          "Reference path \"%s\" must point to array.",
                          path->path ? asl_path_text(path->path) : "$");
    }
    scope_close(&scope);
    return items;
}

/* Sets the nest up from the state's input. */
static int map_open(struct engine *e, struct frame *f, struct asl_failure *failure)
{
    json_t *input = data_input(e, f, failure);
    json_t *items = input ? map_items(e, f, input, failure) : NULL;
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
    return map_limit(e, f, failure);
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
        input ? add_child(e, f, number, f->state->u.map.processor.start, input) : NULL;
    json_decref(input);
    if (!child) {
        json_decref(item);
        if (!failure->error[0])
            failure_no_memory(failure);
        return -1;
    }
    child->item = item;
    nest->next++;
    if (f->state->u.map.distributed) {
        json_decref(child->variables);
        child->variables = NULL;
    }
    int64_t previous = number < nest->limit ? nest->started_event : nest->last_inner;
    child->last_event = history_iteration(e, child, "MapIterationStarted",
                                          "mapIterationStartedEventDetails", previous);
    return 0;
}

/* Called at the start and whenever an iteration has made room. */
int map_spawn(struct engine *e, struct frame *f, struct asl_failure *failure)
{
    while (f->nest->next < f->nest->count && f->nest->running < f->nest->limit)
        if (spawn_one(e, f, failure))
            return -1;
    return 0;
}

/* A distributed Map tells its run instead of its iterations. */
static int map_run_started(struct engine *e, struct frame *f, struct asl_failure *failure)
{
    char arn[512];
    char run[UUID_TEXT];
    char label[UUID_TEXT];
    const char *machine = strrchr(f->execution->machine_arn, ':');
    const char *given = json_str(f->state->source, "Label", NULL);
    if (crypto_uuid(run, NULL) || crypto_uuid(label, NULL)) {
        failure_no_memory(failure);
        return -1;
    }
    (void)snprintf(arn, sizeof arn, "arn:aws:states:%s:%s:mapRun:%s/%s:%s", e->region,
                   LOCAL_ACCOUNT, machine ? machine + 1 : "", given ? given : label, run);
    f->last_event = history_map_run_started(e, f, f->last_event, arn);
    return 0;
}

/* No items: done at once. */
static enum step map_empty(struct engine *e, struct frame *f)
{
    if (f->state->u.map.distributed)
        f->last_event = history_plain(e, f, "MapRunSucceeded", f->last_event);
    (void)history_plain(e, f, "MapStateSucceeded", f->last_event);
    f->nest = nest_free(f->nest);
    return frame_complete(e, f, json_array());
}

/* Problems with the items come before MapStateStarted, those with tolerances after it (recorded).
 */
enum step state_map(struct engine *e, struct frame *f)
{
    struct asl_failure failure = {0};
    if (map_open(e, f, &failure) == 0) {
        f->last_event = history_map_started(e, f, f->last_event, f->nest->count);
        if (map_tolerance(e, f, &failure) == 0 &&
            (!f->state->u.map.distributed || map_run_started(e, f, &failure) == 0)) {
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
