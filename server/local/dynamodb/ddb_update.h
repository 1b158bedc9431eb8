/* ddb_update: applying a compiled UpdateExpression to an item. Pure.
 * Private to server/local/dynamodb. */
#ifndef STEPFLEET_DDB_UPDATE_H
#define STEPFLEET_DDB_UPDATE_H

#include "server/local/dynamodb/ddb_expr.h"

/* The item after the update, a new reference that shares what did not change with `item`; `item`
 * (the old one, or its key alone when there was none) stays as it is. All right-hand sides see the
 * old item. NULL with ValidationException. */
json_t *ddb_update_apply(const struct ddb_update *update, json_t *item, struct ddb_fault *f);

#endif
