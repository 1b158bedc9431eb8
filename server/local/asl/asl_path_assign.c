/* ResultPath: a value put into a copy of a document. Only the objects and arrays on the way are
 * copied, one level each; everything beside the way is shared with the old document. */
#include "server/local/asl/asl_path.h"

#include <stdlib.h>

/* Why a place could not be made: the step that failed and the value it met. */
struct obstacle {
    const struct asl_step *step;
    json_t *met;
};

/* Copy of `at` with `value` put in at steps[0..count); NULL with the obstacle told, or with no
 * obstacle when memory is out. `at` is NULL where nothing exists yet. */
static json_t *place(const struct asl_step *steps, size_t count, json_t *at, json_t *value,
                     struct obstacle *why);

/* The copy once it has taken `inner` in; NULL when that failed. Gives up the reference to inner. */
static json_t *settle(json_t *copy, json_t *inner, int failed)
{
    json_decref(inner);
    if (!failed)
        return copy;
    json_decref(copy);
    return NULL;
}

/* Members are made where they are missing; a value that is no object is in the way. */
static json_t *place_member(const struct asl_step *steps, size_t count, json_t *at, json_t *value,
                            struct obstacle *why)
{
    const char *name = steps[0].names[0];
    if (at && !json_is_object(at)) {
        *why = (struct obstacle){&steps[0], at};
        return NULL;
    }
    json_t *inner = place(steps + 1, count - 1, json_object_get(at, name), value, why);
    if (!inner)
        return NULL;
    json_t *copy = at ? json_copy(at) : json_object();
    return settle(copy, inner, copy ? json_object_set(copy, name, inner) : -1);
}

/* Arrays neither grow nor come into being: the service refuses an index that does not exist. */
static json_t *place_element(const struct asl_step *steps, size_t count, json_t *at, json_t *value,
                             struct obstacle *why)
{
    json_t *old = json_is_array(at) ? asl_array_at(at, steps[0].indexes[0]) : NULL;
    if (!old) {
        *why = (struct obstacle){&steps[0], at};
        return NULL;
    }
    json_t *inner = place(steps + 1, count - 1, old, value, why);
    if (!inner)
        return NULL;
    int64_t index = steps[0].indexes[0];
    if (index < 0)
        index += (int64_t)json_array_size(at);
    json_t *copy = json_copy(at);
    return settle(copy, inner, copy ? json_array_set(copy, (size_t)index, inner) : -1);
}

/* Recursion is bounded by ASL_PATH_STEPS_MAX. */
static json_t *place(const struct asl_step *steps, size_t count, json_t *at, json_t *value,
                     struct obstacle *why)
{
    if (count == 0)
        return json_incref(value);
    if (steps[0].kind == ASL_STEP_NAMES)
        return place_member(steps, count, at, value, why);
    return place_element(steps, count, at, value, why);
}

/* Fills the failure from the obstacle. */
static void explain(const struct asl_path *p, const struct obstacle *why,
                    const struct asl_scope *scope, struct asl_failure *f)
{
    char *met = asl_quote_value(why->met);
    if (why->step->kind == ASL_STEP_NAMES)
        (void)asl_fail_in_state(f, scope, ASL_ERROR_RESULT_PATH,
                                "Unable to apply step \"%s\" to input %s", why->step->names[0],
                                met ? met : "");
    else
        (void)asl_fail_in_state(f, scope, ASL_ERROR_RESULT_PATH,
                                "Unable to apply path '%s' to input %s", p->text, met ? met : "");
    free(met);
}

/* A definition check should have refused other paths already; this only keeps the promise. */
json_t *asl_path_assign(const struct asl_path *p, json_t *root, json_t *value,
                        const struct asl_scope *scope, struct asl_failure *f)
{
    struct obstacle why = {NULL, NULL};
    if (!p->reference || p->root != ASL_ROOT_INPUT) {
        (void)asl_fail_in_state(f, scope, ASL_ERROR_RESULT_PATH,
                                "'%s' is not a reference path into the input", p->text);
        return NULL;
    }
    json_t *out = place(p->steps, p->count, root, value, &why);
    if (!out && why.step)
        explain(p, &why, scope, f);
    else if (!out)
        (void)asl_fail_memory(f);
    return out;
}
