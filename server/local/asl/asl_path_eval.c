/* Evaluation of paths. Definite paths, which are nearly all, walk down without allocating; the
 * others visit the document depth first and collect what they reach in an array.
 *
 * The result of an indefinite path is always an array, empty when nothing matches, even when a
 * name on the way does not exist: recorded executions show [] for "$.items[1:].x" on {}.
 *
 * A descent ("..") in a path can visit a value many times, and each further one multiplies that.
 * struct asl_effort bounds the sum over the whole evaluation, filters included. */
#include "server/local/asl/asl_path.h"

#include "lib/json/json_read.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { EFFORT_MAX = 1000000 }; /* values one evaluation may visit: far more than 256 KiB hold */

/* One evaluation of an indefinite path. */
struct walk {
    const struct asl_path *p;
    json_t *document; /* "$" inside filters */
    json_t *found;    /* array of results */
    struct asl_effort *effort;
};

/* Takes one visit from the budget; false when it is used up. */
static bool spend(struct asl_effort *effort)
{
    if (effort->left == 0)
        effort->exhausted = true;
    else
        effort->left--;
    return !effort->exhausted;
}

/* As Jayway: -1 is the last element. */
json_t *asl_array_at(const json_t *array, int64_t index)
{
    int64_t size = (int64_t)json_array_size(array);
    if (index < 0)
        index += size;
    return index >= 0 && index < size ? json_array_get(array, (size_t)index) : NULL;
}

/* .length(): elements, members or characters. A new reference, NULL for other types. */
static json_t *length_of(const json_t *at)
{
    if (json_is_array(at))
        return json_integer((json_int_t)json_array_size(at));
    if (json_is_object(at))
        return json_integer((json_int_t)json_object_size(at));
    if (!json_is_string(at))
        return NULL;
    json_int_t characters = 0;
    const char *text = json_string_value(at);
    for (size_t i = 0; i < json_string_length(at); i++)
        characters += ((unsigned char)text[i] & 0xc0) != 0x80;
    return json_integer(characters);
}

/* ['a','b'] at the end of a definite path: the members that exist, as one object. */
static json_t *pick(const struct asl_step *s, const json_t *at)
{
    json_t *out = json_is_object(at) ? json_object() : NULL;
    for (size_t i = 0; out && i < s->count; i++) {
        json_t *member = json_object_get(at, s->names[i]);
        if (member && json_object_set(out, s->names[i], member) != 0) {
            json_decref(out);
            return NULL;
        }
    }
    return out;
}

/* One step of a path that names one place; borrowed result. */
static json_t *single_step(const struct asl_step *s, json_t *at)
{
    if (s->kind == ASL_STEP_NAMES && s->count == 1)
        return json_object_get(at, s->names[0]);
    return s->kind == ASL_STEP_INDEXES && json_is_array(at) ? asl_array_at(at, s->indexes[0])
                                                            : NULL;
}

/* A path without wildcards; the two kinds of steps that make new values can only be its last. */
static bool select_definite(const struct asl_path *p, json_t *at, json_t **out)
{
    for (size_t i = 0; at && i < p->count; i++) {
        const struct asl_step *s = &p->steps[i];
        if (s->kind == ASL_STEP_LENGTH || (s->kind == ASL_STEP_NAMES && s->count > 1)) {
            *out = s->kind == ASL_STEP_LENGTH ? length_of(at) : pick(s, at);
            return *out != NULL;
        }
        at = single_step(s, at);
    }
    *out = json_incref(at);
    return at != NULL;
}

static void visit(struct walk *w, size_t step, json_t *at);

/* The visitors apply one kind of step to `at` and go on with the step behind it; values that the
 * kind does not fit are passed over in silence, as everywhere in an indefinite path. */
static void visit_names(struct walk *w, size_t step, json_t *at)
{
    const struct asl_step *s = &w->p->steps[step];
    for (size_t i = 0; i < s->count; i++)
        visit(w, step + 1, json_object_get(at, s->names[i]));
}

static void visit_indexes(struct walk *w, size_t step, json_t *at)
{
    const struct asl_step *s = &w->p->steps[step];
    for (size_t i = 0; json_is_array(at) && i < s->count; i++)
        visit(w, step + 1, asl_array_at(at, s->indexes[i]));
}

/* An edge of a slice as an index into the array: negative ones count from the end, and edges
 * beyond either end mean that end. */
static int64_t slice_edge(int64_t edge, int64_t size)
{
    if (edge < 0 && edge != INT64_MIN)
        edge += size;
    return edge < 0 ? 0 : edge > size ? size : edge;
}

/* The end is excluded; edges that cross select nothing. */
static void visit_slice(struct walk *w, size_t step, json_t *at)
{
    const struct asl_step *s = &w->p->steps[step];
    int64_t size = (int64_t)json_array_size(at);
    int64_t to = slice_edge(s->to, size);
    for (int64_t i = slice_edge(s->from, size); i < to; i++)
        visit(w, step + 1, json_array_get(at, (size_t)i));
}

/* An object's members or an array's elements; one of the two loops does nothing. */
static void visit_all(struct walk *w, size_t step, json_t *at)
{
    const char *name;
    json_t *value;
    size_t i;
    json_object_foreach (at, name, value)
        visit(w, step + 1, value);
    json_array_foreach (at, i, value)
        visit(w, step + 1, value);
}

/* Elements of an array are tested one by one; an object is tested itself, as Jayway does. */
static void visit_filter(struct walk *w, size_t step, json_t *at)
{
    const struct asl_filter *filter = w->p->steps[step].filter;
    size_t i;
    json_t *value;
    if (json_is_object(at) && asl_filter_accepts(filter, at, w->document, w->effort))
        visit(w, step + 1, at);
    json_array_foreach (at, i, value)
        if (asl_filter_accepts(filter, value, w->document, w->effort))
            visit(w, step + 1, value);
}

/* A step like the others: its value has no place in the document. */
static void visit_length(struct walk *w, size_t step, json_t *at)
{
    json_t *length = length_of(at);
    if (length)
        visit(w, step + 1, length);
    json_decref(length);
}

/* Dispatches a step to its visitor; a "descend" mark is dealt with before this. */
static void apply(struct walk *w, size_t step, json_t *at)
{
    static void (*const visitors[])(struct walk *, size_t, json_t *) = {
        [ASL_STEP_NAMES] = visit_names,   [ASL_STEP_INDEXES] = visit_indexes,
        [ASL_STEP_SLICE] = visit_slice,   [ASL_STEP_ALL] = visit_all,
        [ASL_STEP_FILTER] = visit_filter, [ASL_STEP_LENGTH] = visit_length,
    };
    visitors[w->p->steps[step].kind](w, step, at);
}

/* Behind ".." every object is met on its own, so a filter must not test it as an element too. */
static void apply_descending(struct walk *w, size_t step, json_t *at)
{
    /* Arrays are passed over here; their elements get their turn one level down. */
    if (w->p->steps[step].kind != ASL_STEP_FILTER || json_is_object(at))
        apply(w, step, at);
}

/* "..": the step is applied to the value and to everything inside it, outer values first. */
static void descend(struct walk *w, size_t step, json_t *at, unsigned depth)
{
    const char *name;
    json_t *value;
    size_t i;
    if (depth > ASL_DOCUMENT_DEPTH_MAX)
        w->effort->exhausted = true;
    if (!spend(w->effort))
        return;
    apply_descending(w, step, at);
    json_object_foreach (at, name, value)
        descend(w, step, value, depth + 1);
    json_array_foreach (at, i, value)
        descend(w, step, value, depth + 1);
}

/* Goes on with a value that the steps before `step` have reached. */
static void visit(struct walk *w, size_t step, json_t *at)
{
    if (!at || !spend(w->effort))
        return;
    if (step == w->p->count) {
        if (json_array_append(w->found, at) != 0)
            w->effort->exhausted = true;
    } else if (w->p->steps[step].descend) {
        descend(w, step, at, 0);
    } else {
        apply(w, step, at);
    }
}

/* An exhausted effort voids the result: half a list must not pass for the whole. */
bool asl_path_select(const struct asl_path *p, json_t *doc, json_t *document, json_t **out,
                     struct asl_effort *effort)
{
    if (p->definite)
        return spend(effort) && select_definite(p, doc, out);
    struct walk w = {p, document, json_array(), effort};
    if (!w.found) {
        effort->exhausted = true;
        return false;
    }
    visit(&w, 0, doc);
    if (effort->exhausted) {
        json_decref(w.found);
        return false;
    }
    *out = w.found;
    return true;
}

/* A variable that was never assigned, and a scope without variables, give NULL. */
json_t *asl_path_root(const struct asl_path *p, const struct asl_scope *scope)
{
    switch (p->root) {
    case ASL_ROOT_CONTEXT:
        return scope->context;
    case ASL_ROOT_VARIABLE:
        return json_object_get(scope->variables, p->variable);
    case ASL_ROOT_INPUT:
    case ASL_ROOT_ELEMENT:
        break;
    }
    return scope->input;
}

/* Filters see the path's own document as "$", also when that is a variable or the context. */
int asl_path_eval(const struct asl_path *p, const struct asl_scope *scope, json_t **out,
                  struct asl_failure *f)
{
    /* Every evaluation starts afresh: a costly path must not spoil the next one. */
    struct asl_effort effort = {.left = EFFORT_MAX};
    json_t *root = asl_path_root(p, scope);
    *out = NULL;
    if (asl_path_select(p, root, root, out, &effort))
        return 1;
    if (!effort.exhausted)
        return 0;
    return asl_fail_in_state(f, scope, ASL_ERROR_TOO_LARGE,
                             "The JSONPath '%s' selects more than can be evaluated.", p->text);
}

/* Only asked after a path has found nothing, so that its cost does not matter. */
bool asl_path_outside_array(const struct asl_path *p, const struct asl_scope *scope)
{
    json_t *at = asl_path_root(p, scope);
    if (!p->reference || p->count == 0 || p->steps[p->count - 1].kind != ASL_STEP_INDEXES)
        return false;
    for (size_t i = 0; at && i + 1 < p->count; i++)
        at = single_step(&p->steps[i], at);
    return json_is_array(at) && !single_step(&p->steps[p->count - 1], at);
}
