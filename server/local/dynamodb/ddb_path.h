/* ddb_path: document paths such as a.b[3].c, with placeholders resolved. Borrowed from the scope
 * they were compiled in. Pure functions. Private to server/local/dynamodb. */
#ifndef STEPFLEET_DDB_PATH_H
#define STEPFLEET_DDB_PATH_H

#include "server/local/dynamodb/ddb_fault.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum { DDB_PATH_TEXT_MAX = 200 };

/* A member of a map, or an element of a list. */
struct ddb_step {
    const char *name; /* NULL: an index */
    size_t index;
};

struct ddb_path {
    size_t count; /* at least 1; the first step is a name */
    const struct ddb_step *steps;
};

/* The value at the path, borrowed, or NULL. `item` may be NULL. */
json_t *ddb_path_get(const struct ddb_path *path, json_t *item);
/* "[a, b, [3]]" as DynamoDB writes paths in messages; returns out. */
char *ddb_path_text(const struct ddb_path *path, char out[DDB_PATH_TEXT_MAX]);

/* < 0, 0, > 0: an order in which a later index of a list comes after an earlier one. A path comes
 * right before those it leads to. */
int ddb_path_compare(const struct ddb_path *a, const struct ddb_path *b);
/* -1 with ValidationException when one path leads to the other, or they disagree about whether
 * something is a map or a list. `what` names the expression. */
int ddb_paths_check(const struct ddb_path *const *paths, size_t count, const char *what,
                    struct ddb_fault *f);

/* Both change `item`, which is the caller's own; containers that the path goes through must be its
 * own as well. `set` beyond a list's end appends. -1 with "The document path provided in the update
 * expression is invalid for update" if a container is missing; removing what is not there is fine.
 */
int ddb_path_set(const struct ddb_path *path, json_t *item, json_t *value, struct ddb_fault *f);
/* Removes the value at the path; later elements of a list move up. */
int ddb_path_remove(const struct ddb_path *path, json_t *item, struct ddb_fault *f);

#endif
