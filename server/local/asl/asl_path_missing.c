/* Words for paths that lead nowhere. They are those of Jayway's JsonPath, which the service hands
 * through: names in brackets, and a sentence that depends on where the path ended. States fail with
 * these words in their causes, and programs match on them. */
#include "server/local/asl/asl_path.h"

#include "lib/json/json_read.h"

#include <inttypes.h>
#include <stdlib.h>

/* 'a','b' */
static void write_names(struct buf *out, const struct asl_step *s)
{
    for (size_t i = 0; i < s->count; i++)
        buf_addf(out, "%s'%s'", i ? "," : "", s->names[i]);
}

/* One step in the normal form: brackets throughout, "[?]" for any filter. */
static void write_step(struct buf *out, const struct asl_step *s)
{
    if (s->descend)
        buf_adds(out, "..");
    if (s->kind == ASL_STEP_LENGTH) {
        buf_adds(out, ".length()");
        return;
    }
    buf_addc(out, '[');
    if (s->kind == ASL_STEP_NAMES)
        write_names(out, s);
    for (size_t i = 0; s->kind == ASL_STEP_INDEXES && i < s->count; i++)
        buf_addf(out, "%s%" PRId64, i ? "," : "", s->indexes[i]);
    if (s->kind == ASL_STEP_SLICE && s->from != INT64_MIN)
        buf_addf(out, "%" PRId64, s->from);
    if (s->kind == ASL_STEP_SLICE)
        buf_addc(out, ':');
    if (s->kind == ASL_STEP_SLICE && s->to != INT64_MAX)
        buf_addf(out, "%" PRId64, s->to);
    if (s->kind == ASL_STEP_ALL)
        buf_addc(out, '*');
    if (s->kind == ASL_STEP_FILTER)
        buf_addc(out, '?');
    buf_addc(out, ']');
}

/* The first `count` steps with every name in brackets: $['a'][0]['b']. A variable keeps its name;
 * the context object is "$" here, because that is the document the service searches. */
static void write_path(struct buf *out, const struct asl_path *p, size_t count)
{
    buf_addf(out, "$%s", p->variable ? p->variable : "");
    for (size_t i = 0; i < count; i++)
        write_step(out, &p->steps[i]);
}

/* The service leaks its library's wording here, the document included. */
static void write_not_an_array(struct buf *out, const struct asl_step *s, const json_t *at)
{
    buf_adds(out, "Filter: ");
    write_step(out, s);
    buf_adds(out, " can only be applied to arrays. Current context is: ");
    json_dump(out, at);
}

/* What one step of a definite path says when it finds nothing at `at`. */
static void write_miss(struct buf *out, const struct asl_path *p, size_t step, const json_t *at)
{
    const struct asl_step *s = &p->steps[step];
    if (s->kind == ASL_STEP_INDEXES && !json_is_array(at)) {
        write_not_an_array(out, s, at);
    } else if (s->kind == ASL_STEP_NAMES && !json_is_object(at)) {
        buf_adds(out, "Property [");
        write_names(out, s);
        buf_adds(out, "] not found in path ");
        write_path(out, p, step);
    } else if (s->kind == ASL_STEP_NAMES && step + 1 < p->count) {
        buf_adds(out, "Missing property in path ");
        write_path(out, p, step + 1);
    } else {
        buf_adds(out, "No results for path: ");
        write_path(out, p, p->count);
    }
}

/* Repeats the evaluation step by step to find where it ended; only called after a failure. */
void asl_path_missing(const struct asl_path *p, const struct asl_scope *scope, struct buf *out)
{
    json_t *at = asl_path_root(p, scope);
    size_t step = 0;
    for (; at && p->definite && step < p->count; step++) {
        const struct asl_step *s = &p->steps[step];
        json_t *next = NULL;
        if (s->kind == ASL_STEP_NAMES && s->count == 1)
            next = json_object_get(at, s->names[0]);
        else if (s->kind == ASL_STEP_INDEXES && json_is_array(at))
            next = asl_array_at(at, s->indexes[0]);
        if (!next) {
            write_miss(out, p, step, at);
            return;
        }
        at = next;
    }
    buf_adds(out, "No results for path: ");
    write_path(out, p, p->count);
}
