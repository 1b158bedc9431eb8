/* Projections, built in one walk over the sorted paths. */
#include "server/local/dynamodb/ddb_project.h"

#include "server/local/dynamodb/ddb_value.h"

#include <stdlib.h>

/* For qsort over pointers. */
static int compare_paths(const void *a, const void *b)
{
    const struct ddb_path *const *x = a;
    const struct ddb_path *const *y = b;
    return ddb_path_compare(*x, *y);
}

static json_t *pick(const struct ddb_path **list, size_t count, size_t depth, json_t *value);

/* How many paths from the front take the same step at this depth. */
static size_t same_step(const struct ddb_path **list, size_t count, size_t depth)
{
    size_t n = 1;
    const struct ddb_path front = {.count = 1, .steps = &list[0]->steps[depth]};
    while (n < count) {
        const struct ddb_path other = {.count = 1, .steps = &list[n]->steps[depth]};
        if (ddb_path_compare(&front, &other) != 0)
            break;
        n++;
    }
    return n;
}

/* Adds to `out` (a map's or a list's content, of the kind of `from`) what the sorted paths pick. */
static int pick_into(json_t *out, json_t *from, const struct ddb_path **list, size_t count,
                     size_t depth)
{
    for (size_t i = 0; i < count;) {
        const struct ddb_step *step = &list[i]->steps[depth];
        size_t group = same_step(list + i, count - i, depth);
        json_t *child = NULL;
        if (step->name && json_is_object(from))
            child = json_object_get(from, step->name);
        else if (!step->name && json_is_array(from))
            child = json_array_get(from, step->index);
        json_t *part = child ? pick(list + i, group, depth + 1, child) : NULL;
        if (child && !part)
            return -1;
        int rc = 0;
        if (part && !json_is_null(part))
            rc = step->name ? json_object_set_nocheck(out, step->name, part)
                            : json_array_append(out, part);
        json_decref(part);
        if (rc != 0)
            return -1;
        i += group;
    }
    return 0;
}

/* What paths with `depth` steps behind them pick of a value: the value itself at a path's end, else
 * a map or list with parts of it; JSON null if there are none. NULL: memory is out. */
static json_t *pick(const struct ddb_path **list, size_t count, size_t depth, json_t *value)
{
    enum ddb_type type = ddb_type_of(value);
    if (list[0]->count == depth)
        return json_incref(value);
    if (type != DDB_M && type != DDB_L)
        return json_null();
    json_t *content = type == DDB_M ? json_object() : json_array();
    if (!content || pick_into(content, ddb_content(value), list, count, depth) != 0) {
        json_decref(content);
        return NULL;
    }
    if (json_object_size(content) + json_array_size(content) == 0) {
        json_decref(content);
        return json_null();
    }
    return ddb_value_new(type, content);
}

/* Sorted paths lie together by their first steps, and list indexes rise: one walk builds the
 * result. */
json_t *ddb_project(const struct ddb_paths *paths, json_t *item)
{
    const struct ddb_path **sorted = calloc(paths->count + 1, sizeof(*sorted));
    json_t *out = json_object();
    if (sorted && out) {
        for (size_t i = 0; i < paths->count; i++)
            sorted[i] = paths->list[i];
        qsort(sorted, paths->count, sizeof(*sorted), compare_paths);
    }
    if (!sorted || !out || pick_into(out, item, sorted, paths->count, 0) != 0) {
        json_decref(out);
        out = NULL;
    }
    free(sorted);
    return out;
}

/* An action's path is what UPDATED_OLD and UPDATED_NEW show. */
json_t *ddb_project_update(const struct ddb_update *update, json_t *item)
{
    struct ddb_paths paths = {.count = update->count};
    paths.list = calloc(update->count + 1, sizeof(*paths.list));
    if (!paths.list)
        return NULL;
    for (size_t i = 0; i < update->count; i++)
        paths.list[i] = update->list[i].path;
    json_t *out = ddb_project(&paths, item);
    free(paths.list);
    return out;
}
