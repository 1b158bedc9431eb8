/* Walking, writing and comparing paths. Values are {"type": content}, so each step goes
 * through a content. */
#include "server/local/dynamodb/ddb_path.h"

#include "server/local/dynamodb/ddb_value.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One step down from a value (a map or a list, else NULL). */
static json_t *child(json_t *value, const struct ddb_step *step)
{
    enum ddb_type type = ddb_type_of(value);
    if (step->name && type == DDB_M)
        return json_object_get(ddb_content(value), step->name);
    if (!step->name && type == DDB_L)
        return json_array_get(ddb_content(value), step->index);
    return NULL;
}

/* The value after the first `count` steps. */
static json_t *descend(const struct ddb_path *path, size_t count, json_t *item)
{
    json_t *value = json_object_get(item, path->steps[0].name);
    for (size_t i = 1; i < count && value; i++)
        value = child(value, &path->steps[i]);
    return value;
}

json_t *ddb_path_get(const struct ddb_path *path, json_t *item)
{
    return descend(path, path->count, item);
}

/* Cut when it is too long: it is for messages only. */
char *ddb_path_text(const struct ddb_path *path, char out[DDB_PATH_TEXT_MAX])
{
    size_t len = 0;
    for (size_t i = 0; i < path->count && len < DDB_PATH_TEXT_MAX; i++) {
        const struct ddb_step *step = &path->steps[i];
        const char *before = i ? ", " : "[";
        int added =
            step->name
                ? snprintf(out + len, DDB_PATH_TEXT_MAX - len, "%s%s", before, step->name)
                : snprintf(out + len, DDB_PATH_TEXT_MAX - len, "%s[%zu]", before, step->index);
        len += added > 0 ? (size_t)added : 0;
    }
    if (len < DDB_PATH_TEXT_MAX)
        (void)snprintf(out + len, DDB_PATH_TEXT_MAX - len, "]");
    return out;
}

/* Names by their bytes, indexes by value; indexes before names. */
static int compare_steps(const struct ddb_step *a, const struct ddb_step *b)
{
    if (a->name && b->name)
        return strcmp(a->name, b->name);
    if (a->name || b->name)
        return a->name ? 1 : -1;
    return (a->index > b->index) - (a->index < b->index);
}

/* How many steps both begin with. */
static size_t common_steps(const struct ddb_path *a, const struct ddb_path *b)
{
    size_t i = 0;
    while (i < a->count && i < b->count && compare_steps(&a->steps[i], &b->steps[i]) == 0)
        i++;
    return i;
}

int ddb_path_compare(const struct ddb_path *a, const struct ddb_path *b)
{
    size_t common = common_steps(a, b);
    if (common == a->count || common == b->count)
        return (a->count > b->count) - (a->count < b->count);
    return compare_steps(&a->steps[common], &b->steps[common]);
}

/* Paths that part with a name on one side and an index on the other cannot both be right. */
static int check_pair(const struct ddb_path *a, const struct ddb_path *b, const char *what,
                      struct ddb_fault *f)
{
    char one[DDB_PATH_TEXT_MAX];
    char two[DDB_PATH_TEXT_MAX];
    size_t common = common_steps(a, b);
    const char *verb = NULL;
    if (common == a->count || common == b->count)
        verb = "overlap";
    else if (!a->steps[common].name != !b->steps[common].name)
        verb = "conflict";
    if (!verb)
        return 0;
    return ddb_invalid(f,
                       "Invalid %s: Two document paths %s with each other; must remove or rewrite "
                       "one of these paths; path one: %s, path two: %s",
                       what, verb, ddb_path_text(a, one), ddb_path_text(b, two));
}

/* At most some 2,000 paths fit an expression: all pairs are compared. */
int ddb_paths_check(const struct ddb_path *const *paths, size_t count, const char *what,
                    struct ddb_fault *f)
{
    for (size_t i = 1; i < count; i++)
        for (size_t j = 0; j < i; j++)
            if (check_pair(paths[j], paths[i], what, f) != 0)
                return -1;
    return 0;
}

/* Nothing makes the maps and lists on the way: DynamoDB refuses such updates. */
static int no_container(struct ddb_fault *f)
{
    return ddb_invalid(f, "The document path provided in the update expression is invalid for "
                          "update");
}

/* What the last step of the path points into: the content of a map or a list, or NULL. */
static json_t *container_of(const struct ddb_path *path, json_t *item)
{
    const struct ddb_step *last = &path->steps[path->count - 1];
    if (path->count == 1)
        return item;
    json_t *value = descend(path, path->count - 1, item);
    return ddb_type_of(value) == (last->name ? DDB_M : DDB_L) ? ddb_content(value) : NULL;
}

/* An index behind the end of a list appends, whatever its number, as in DynamoDB. */
int ddb_path_set(const struct ddb_path *path, json_t *item, json_t *value, struct ddb_fault *f)
{
    const struct ddb_step *last = &path->steps[path->count - 1];
    json_t *container = container_of(path, item);
    int rc;
    if (!container)
        return no_container(f);
    if (last->name)
        rc = json_object_set_nocheck(container, last->name, value);
    else if (last->index < json_array_size(container))
        rc = json_array_set(container, last->index, value);
    else
        rc = json_array_append(container, value);
    return rc == 0 ? 0 : ddb_no_memory(f);
}

int ddb_path_remove(const struct ddb_path *path, json_t *item, struct ddb_fault *f)
{
    const struct ddb_step *last = &path->steps[path->count - 1];
    json_t *container = container_of(path, item);
    if (!container)
        return no_container(f);
    if (last->name)
        (void)json_object_del(container, last->name);
    else
        (void)json_array_remove(container, last->index);
    return 0;
}
