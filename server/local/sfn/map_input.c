/* What a child gets: an item through ItemSelector, or a batch of them. */
#include "server/local/sfn/map_run.h"

#include "lib/json/json_write.h"

#include <math.h>

enum { BATCH_ITEMS_MAX = 100000000 };

/* $$.Map of one item. */
static json_t *select_item(struct engine *e, struct map_run *run, json_t *item, int64_t index,
                           struct asl_failure *failure)
{
    struct scope scope;
    struct frame *f = run->frame;
    const struct asl_template *selector = f->state->u.map.item_selector;
    if (!selector)
        return json_incref(item);
    scope_open(e, f, run->input, &scope);
    if (scope.context)
        json_object_set_new(scope.context, "Map", map_item((size_t)index, item));
    json_t *input = asl_template_eval(selector, &scope.asl, failure);
    scope_close(&scope);
    return input;
}

/* The item as its child sees it; new reference. */
static json_t *item_at(struct engine *e, struct map_run *run, int64_t index,
                       struct asl_failure *failure)
{
    struct error err = {0};
    json_t *item = map_items_get(&run->items, e->db, index, &err);
    if (!item) {
        asl_fail(failure, "States.Runtime", "Item %lld cannot be read: %s", (long long)index,
                 err.message);
        return NULL;
    }
    json_t *selected = select_item(e, run, item, index, failure);
    json_decref(item);
    return selected;
}

static size_t size_of(const json_t *value)
{
    struct text *text = text_of(value);
    size_t len = text ? text->len : SIZE_MAX / 2;
    text_release(text);
    return len;
}

/* Whether one more item of this size still fits; the first one always does. */
static bool fits(const struct map_run *run, int64_t count, size_t bytes)
{
    if (count == 0)
        return true;
    return (!run->batch_items || count < run->batch_items) &&
           (!run->batch_bytes || bytes <= (size_t)run->batch_bytes);
}

/* As many items as fit; NULL with the failure. */
static json_t *fill(struct engine *e, struct map_run *run, json_t *items, size_t bytes,
                    int64_t *count, struct asl_failure *failure)
{
    while (run->taken + *count < run->total && fits(run, *count, 0)) {
        json_t *item = item_at(e, run, run->taken + *count, failure);
        if (!item)
            return NULL;
        bytes += run->batch_bytes ? size_of(item) + 1 : 0;
        if (!fits(run, *count, bytes)) {
            json_decref(item);
            break;
        }
        json_array_append_new(items, item);
        ++*count;
    }
    return items;
}

/* {"BatchInput": ..., "Items": [...]} */
static json_t *next_batch(struct engine *e, struct map_run *run, int64_t *count,
                          struct asl_failure *failure)
{
    json_t *items = json_array();
    json_t *batch = json_object();
    if (run->batch_input)
        json_object_set(batch, "BatchInput", run->batch_input);
    size_t bytes = size_of(batch) + sizeof "\"Items\":[]";
    json_object_set_new(batch, "Items", items);
    if (batch && items && fill(e, run, items, bytes, count, failure))
        return batch;
    json_decref(batch);
    return NULL;
}

json_t *map_run_next_input(struct engine *e, struct map_run *run, int64_t *count,
                           struct asl_failure *failure)
{
    *count = 0;
    if (run->batch_items || run->batch_bytes)
        return next_batch(e, run, count, failure);
    *count = 1;
    return item_at(e, run, run->taken, failure);
}

/* A number that is at least one; 0 when it is not given. */
static int read_bound(struct engine *e, struct map_run *run, const struct map_number *field,
                      double most, int64_t *out, struct asl_failure *failure)
{
    const struct asl_scope where = {.state = run->frame->state->name,
                                    .entered_id = run->frame->entered_event};
    double value = 0;
    if (!field->number->given)
        return 0;
    if (map_number(e, run->frame, field, run->input, &value, failure))
        return -1;
    if (value < 1)
        return asl_fail_in_state(failure, &where, "States.Runtime", "field %s must be positive",
                                 field->name);
    *out = (int64_t)fmin(value, most);
    return 0;
}

int map_run_read_batcher(struct engine *e, struct map_run *run, struct asl_failure *failure)
{
    struct scope scope;
    const struct machine_batcher *batcher = &map_run_spec(run)->batcher;
    const struct map_number items = {&batcher->max_items, "MaxItemsPerBatch", true};
    const struct map_number bytes = {&batcher->max_bytes, "MaxInputBytesPerBatch", true};
    if (read_bound(e, run, &items, BATCH_ITEMS_MAX, &run->batch_items, failure) ||
        read_bound(e, run, &bytes, STATE_BYTES_MAX, &run->batch_bytes, failure))
        return -1;
    if (!batcher->input)
        return 0;
    scope_open(e, run->frame, run->input, &scope);
    run->batch_input = asl_template_eval(batcher->input, &scope.asl, failure);
    scope_close(&scope);
    return run->batch_input ? 0 : -1;
}
