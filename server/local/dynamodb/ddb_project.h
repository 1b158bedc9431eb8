/* ddb_project: the part of an item that a list of paths names. Pure.
 * Private to server/local/dynamodb. */
#ifndef STEPFLEET_DDB_PROJECT_H
#define STEPFLEET_DDB_PROJECT_H

#include "server/local/dynamodb/ddb_expr.h"

/* A new item with what the paths lead to (elements of a list close up, in their old order), empty
 * if nothing of it is there. The paths do not overlap. NULL when memory is out. */
json_t *ddb_project(const struct ddb_paths *paths, json_t *item);
/* The same for the paths an update names (UPDATED_OLD, UPDATED_NEW). */
json_t *ddb_project_update(const struct ddb_update *update, json_t *item);

#endif
