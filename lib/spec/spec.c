/* Reading a spec in three steps: merge the deployment's attributes into a copy of the user's,
 * check the whole (spec_check.c), fill in what is left out. The copy keeps the user's order of
 * members, so that a person recognises the spec in the state machine's input. */
#include "lib/spec/spec.h"

#include "lib/spec/spec_check.h"

#include <stdlib.h>
#include <string.h>

/* A copy of the user's spec with the deployment's attributes added where the user gave none. */
static json_t *merge(const json_t *tree, const json_t *defaults)
{
    json_t *root = json_deep_copy(tree);
    if (!root || !json_is_object(root) || !defaults)
        return root;
    const char *name;
    json_t *value;
    json_object_foreach ((json_t *)defaults, name, value) {
        const json_t *given = json_object_get(root, name);
        if (given && !json_is_null(given))
            continue;
        if (json_object_set_new(root, name, json_deep_copy(value)) != 0) {
            json_decref(root);
            return NULL;
        }
    }
    return root;
}

/* Removes members that are null: to the tables they are absent, to a state machine they are not. */
static void drop_nulls(json_t *object)
{
    const char *name;
    json_t *value;
    void *next;
    json_object_foreach_safe (object, next, name, value) {
        if (json_is_null(value))
            (void)json_object_del(object, name);
    }
}

/* Writes what the table has read or defaulted; equal to what the user gave, if anything. */
static int set_int(json_t *root, const char *name, int64_t value)
{
    return json_object_set_new(root, name, json_integer(value));
}

/* Fills in whatever state machines and workers rely on. */
static int complete(struct spec *s, struct error *err)
{
    drop_nulls(s->root);
    json_t *separator = json_object_get(s->root, "separator");
    int bad = separator ? 0 : json_object_set_new(s->root, "separator", json_string(s->separator));
    bad |= set_int(s->root, "maxConcurrency", s->max_concurrency);
    bad |= set_int(s->root, "monitorIntervalSeconds", s->monitor_interval_seconds);
    bad |= set_int(s->root, "taskTimeoutSeconds", s->task_timeout_seconds);
    bad |= set_int(s->root, "runTimeoutSeconds", s->run_timeout_seconds);
    bad |= set_int(s->root, "toleratedFailures", s->tolerated_failures);
    bad |= set_int(s->root, "pattern", s->pattern);
    json_t *bucket = json_object_get(s->root, "s3BucketName");
    json_t *task;
    size_t i;
    json_array_foreach (json_object_get(s->root, "taskList"), i, task) {
        drop_nulls(task);
        if (!json_object_get(task, "s3BucketName"))
            bad |= json_object_set(task, "s3BucketName", bucket);
    }
    return bad ? err_set(err, ERR_MEMORY, "out of memory while completing the spec") : 0;
}

/* The separator may be the default's constant until the root has its own copy. */
static void borrow_separator(struct spec *s)
{
    s->separator = json_string_value(json_object_get(s->root, "separator"));
}

/* One line for those who have no room for the list: the first problem and how many more. */
static int refuse(const struct json_problems *problems, struct error *err)
{
    if (problems->count == 0)
        return err_set(err, ERR_SPEC_INVALID, "the spec has errors");
    const struct json_problem *first = &problems->list[0];
    size_t more = problems->count + problems->dropped - 1;
    const char *place = *first->pointer ? first->pointer : "the spec";
    if (more == 0)
        return err_set(err, ERR_SPEC_INVALID, "%s %s", place, first->detail);
    return err_set(err, ERR_SPEC_INVALID, "%s %s (and %zu more)", place, first->detail, more);
}

/* On failure *out is emptied: what was read of a bad spec is of no use to anybody. */
int spec_read(const json_t *tree, int pattern, const json_t *defaults, struct spec *out,
              struct json_problems *problems, struct error *err)
{
    *out = (struct spec){.root = merge(tree, defaults)};
    if (!out->root)
        return err_set(err, ERR_MEMORY, "out of memory while reading the spec");
    size_t before = problems->count + problems->dropped;
    int rc = spec_check(out, tree, pattern, problems, err);
    if (rc == 0 && problems->count + problems->dropped > before)
        rc = refuse(problems, err);
    if (rc == 0)
        rc = complete(out, err);
    if (rc == 0)
        borrow_separator(out);
    else
        spec_free(out);
    return rc;
}

int spec_parse(const char *text, size_t len, int pattern, const json_t *defaults, struct spec *out,
               struct json_problems *problems, struct error *err)
{
    *out = (struct spec){0};
    json_t *tree;
    if (json_parse(text, len, &tree, err) != 0)
        return -1;
    int rc = spec_read(tree, pattern, defaults, out, problems, err);
    json_decref(tree);
    return rc;
}

void spec_free(struct spec *s)
{
    if (!s)
        return;
    json_decref(s->root);
    free(s->tasks);
    *s = (struct spec){0};
}

/* 1 or 2 if the name says so, 3 if it says both, 0 if it says nothing. */
static int pattern_in_name(const char *name)
{
    bool one = strcasestr(name, "pattern-1") || strcasestr(name, "pattern_1");
    bool two = strcasestr(name, "pattern-2") || strcasestr(name, "pattern_2");
    return (one ? 1 : 0) | (two ? 2 : 0);
}

/* The request's word goes before the spec's own, and that before what names suggest. */
int spec_guess_pattern(const json_t *tree, int hint)
{
    if (hint != 0)
        return hint == 1 || hint == 2 ? hint : 0;
    if (json_object_get(tree, "pattern") && !json_is_null(json_object_get(tree, "pattern"))) {
        int64_t own = json_int(tree, "pattern", 0);
        return own == 1 || own == 2 ? (int)own : 0;
    }
    static const char *const names[] = {"workflowName", "ddbTableNameWFSummary",
                                        "ddbTableNameWFDetails"};
    /* Names that contradict each other tell nothing. */
    int seen = 0;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        seen |= pattern_in_name(json_str(tree, names[i], ""));
    return seen == 1 || seen == 2 ? seen : 0;
}

/* For logs and for the Cause of a failed execution, which are one text. */
void spec_problems_text(const struct json_problems *problems, struct buf *out)
{
    for (size_t i = 0; i < problems->count; i++) {
        const struct json_problem *p = &problems->list[i];
        buf_addf(out, "%s%s %s", i ? "; " : "", *p->pointer ? p->pointer : "the spec", p->detail);
    }
    if (problems->dropped)
        buf_addf(out, "; and %zu more", problems->dropped);
}
