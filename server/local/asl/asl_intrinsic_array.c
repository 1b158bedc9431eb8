/* The functions on arrays. Results share their elements with the arguments; no argument is ever
 * changed. Numbers with a fraction are cut, unlike in MathAdd. */
#include "server/local/asl/asl_intrinsic.h"

#include <stdlib.h>

/* Appends a borrowed value; on failure drops the array and answers NULL. */
static json_t *append(json_t *array, json_t *value)
{
    if (array && json_array_append(array, value) == 0)
        return array;
    json_decref(array);
    return NULL;
}

/* Any values, any number of them. */
json_t *asl_states_array(const struct asl_call *call)
{
    json_t *out = json_array();
    for (size_t i = 0; out && i < call->count; i++)
        out = append(out, call->args[i]);
    return asl_call_result(call, out);
}

/* Chunks of `size`; the last one holds what is left. */
json_t *asl_states_array_partition(const struct asl_call *call)
{
    int64_t size;
    if (!json_is_array(call->args[0]) || asl_call_integer(call, 1, ASL_ROUND_CUT, &size) ||
        size < 1)
        return asl_call_refuse(call, NULL);
    json_t *out = json_array(), *value, *chunk = NULL;
    size_t i;
    json_array_foreach (call->args[0], i, value) {
        if (i % (size_t)size == 0) {
            chunk = json_array();
            if (!out || json_array_append_new(out, chunk) != 0)
                break;
        }
        if (json_array_append(chunk, value) != 0)
            break;
    }
    if (out && i < json_array_size(call->args[0])) {
        json_decref(out);
        out = NULL;
    }
    return asl_call_result(call, out);
}

/* Deep equality; 1 and 1.0 are different values here, as they are for the service's JSON. */
static bool contains(const json_t *array, const json_t *wanted)
{
    size_t i;
    json_t *value;
    json_array_foreach (array, i, value)
        if (json_equal(value, wanted))
            return true;
    return false;
}

/* An empty array contains nothing, not even an empty array. */
json_t *asl_states_array_contains(const struct asl_call *call)
{
    if (!json_is_array(call->args[0]))
        return asl_call_refuse(call, NULL);
    return json_boolean(contains(call->args[0], call->args[1]));
}

/* From first to last, both included where the step meets them. */
json_t *asl_states_array_range(const struct asl_call *call)
{
    int64_t first, last, step;
    if (asl_call_integer(call, 0, ASL_ROUND_CUT, &first) ||
        asl_call_integer(call, 1, ASL_ROUND_CUT, &last) ||
        asl_call_integer(call, 2, ASL_ROUND_CUT, &step) || step == 0)
        return asl_call_refuse(call, NULL);
    int64_t span;
    /* INT64_MIN / -1 is the one division that overflows. */
    if (__builtin_sub_overflow(last, first, &span) || span == INT64_MIN)
        return asl_call_refuse(call, "the range is too large");
    bool empty = step > 0 ? span < 0 : span > 0;
    if (!empty && span / step >= ASL_RANGE_ITEMS_MAX)
        return asl_call_refuse(call, "the range has more than 1000 items");
    int64_t items = empty ? 0 : span / step + 1;
    json_t *out = json_array();
    for (int64_t i = 0; out && i < items; i++)
        if (json_array_append_new(out, json_integer(first + i * step)) != 0) {
            json_decref(out);
            out = NULL;
        }
    return asl_call_result(call, out);
}

/* Counted from 0; negative positions are refused, unlike in paths. */
json_t *asl_states_array_get_item(const struct asl_call *call)
{
    int64_t index;
    if (!json_is_array(call->args[0]) || asl_call_integer(call, 1, ASL_ROUND_CUT, &index))
        return asl_call_refuse(call, NULL);
    int64_t size = (int64_t)json_array_size(call->args[0]);
    if (size == 0 && index >= 0)
        return json_null(); /* what AWS answers for an empty array, though not for others */
    if (index < 0 || index >= size)
        return asl_call_refuse(call, "the index is outside the array");
    return json_incref(json_array_get(call->args[0], (size_t)index));
}

/* Only arrays have a length here; for texts and objects there is .length() in paths. */
json_t *asl_states_array_length(const struct asl_call *call)
{
    if (!json_is_array(call->args[0]))
        return asl_call_refuse(call, NULL);
    return asl_call_result(call, json_integer((json_int_t)json_array_size(call->args[0])));
}

/* Notes the value in `seen`, by a text that equal values have in common. 1: it is new there, 0: it
 * is not, -1: memory is out. */
static int note(json_t *seen, const json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_SORT_KEYS);
    int rc = !text ? -1 : json_object_get(seen, text) == NULL;
    if (rc == 1 && json_object_set_new(seen, text, json_true()) != 0)
        rc = -1;
    free(text);
    return rc;
}

/* The first of equal elements stays, in its place. To compare each with each would take minutes
 * where a state's input is full of them. */
json_t *asl_states_array_unique(const struct asl_call *call)
{
    if (!json_is_array(call->args[0]))
        return asl_call_refuse(call, NULL);
    json_t *out = json_array(), *seen = json_object(), *value;
    size_t i;
    int rc = out && seen ? 0 : -1;
    json_array_foreach (call->args[0], i, value) {
        rc = rc < 0 ? rc : note(seen, value);
        if (rc == 1 && json_array_append(out, value) != 0)
            rc = -1;
    }
    json_decref(seen);
    if (rc < 0) {
        json_decref(out);
        out = NULL;
    }
    return asl_call_result(call, out);
}
