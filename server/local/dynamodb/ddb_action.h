/* ddb_action: one write (or check) of one item: compiled on the caller's thread, carried out on the
 * writer's. In steps, so that a transaction can prepare all its actions before it stores one.
 * Private to server/local/dynamodb. */
#ifndef STEPFLEET_DDB_ACTION_H
#define STEPFLEET_DDB_ACTION_H

#include "server/local/dynamodb/ddb_expr.h"
#include "server/local/dynamodb/ddb_input.h"
#include "server/local/dynamodb/ddb_store.h"

enum ddb_action_kind { ACTION_PUT, ACTION_UPDATE, ACTION_DELETE, ACTION_CHECK };

struct ddb_action {
    enum ddb_action_kind kind;
    struct ddb_table *table;
    struct ddb_key key;
    json_t *item; /* PUT: the item; else the key's attributes */
    size_t size;  /* of `item` */
    struct ddb_scope scope;
    struct ddb_node *condition; /* NULL: none */
    bool updates;               /* there is an UpdateExpression */
    struct ddb_update update;
    char returns[16]; /* ReturnValues */
    bool old_on_failure;
    /* after ddb_action_prepare */
    json_t *old_image; /* NULL: there was no item */
    json_t *new_image; /* NULL: there will be none (of CHECK: as before) */
    size_t old_size;
    size_t new_size;
};

/* Compiles the parameters for a write of this kind. The action must be zero before and closed
 * afterwards in any case. -1 with DynamoDB's faults. */
int ddb_action_compile(struct ddb_action *a, enum ddb_action_kind kind, const struct ddb_input *in,
                       struct ddb_catalog *catalog, struct ddb_fault *f);
/* Reads the old item, tests the condition, makes the new item. */
int ddb_action_prepare(struct ddb_action *a, struct ddb_store *store, struct ddb_catalog *catalog,
                       struct ddb_fault *f);
/* Writes the new item, and what has changed to the table's stream. The one place where calls change
 * items. */
int ddb_action_store(struct ddb_action *a, struct ddb_store *store, struct ddb_fault *f);
/* What ReturnValues asks for: 0 with a copy that shares nothing with the call's input (they may end
 * on different threads), or NULL if that is nothing; -1 when memory is out. */
int ddb_action_attributes(const struct ddb_action *a, json_t **attributes);
/* Write units: those of the larger image. After ddb_action_prepare. */
double ddb_action_units(const struct ddb_action *a);
/* Releases all it holds; also for one that failed to compile, or is zero. */
void ddb_action_close(struct ddb_action *a);

#endif
