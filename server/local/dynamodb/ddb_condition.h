/* ddb_condition: whether an item meets a compiled condition. Pure.
 * Private to server/local/dynamodb. */
#ifndef STEPFLEET_DDB_CONDITION_H
#define STEPFLEET_DDB_CONDITION_H

#include "server/local/dynamodb/ddb_expr.h"

/* 1 yes, 0 no, -1 memory is out. `item` may be NULL (there is none); a NULL node is met. */
int ddb_condition_test(const struct ddb_node *node, json_t *item);

#endif
