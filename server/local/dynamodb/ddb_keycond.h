/* ddb_keycond: a KeyConditionExpression as bounds on stored keys. Pure.
 * Private to server/local/dynamodb. */
#ifndef STEPFLEET_DDB_KEYCOND_H
#define STEPFLEET_DDB_KEYCOND_H

#include "server/local/dynamodb/ddb_expr.h"
#include "server/local/dynamodb/ddb_store.h"

/* Turns the compiled expression into bounds; -1 with ValidationException if it is not one equality
 * on the hash key with, at most, one condition on the range key. */
int ddb_keycond_bounds(const struct ddb_schema *schema, const struct ddb_node *node,
                       struct ddb_bounds *bounds, struct ddb_fault *f);
/* Narrows the bounds to what lies behind `start` in the direction of the walk; -1 if `start` is
 * outside of them. */
int ddb_keycond_start(struct ddb_bounds *bounds, const struct ddb_key *start, bool upward,
                      struct ddb_fault *f);

#endif
