/* ddb_change: what happened to an item, told to its table's stream. On the writer's thread, inside
 * the transaction that changes the item. Private to server/local/dynamodb. */
#ifndef STEPFLEET_DDB_CHANGE_H
#define STEPFLEET_DDB_CHANGE_H

#include "server/local/dynamodb/ddb_store.h"

/* All borrowed. */
struct ddb_change {
    const struct ddb_table *table;
    json_t *old_image; /* NULL: there was no item */
    json_t *new_image; /* NULL: there is none any more */
    size_t old_size;
    size_t new_size;
    bool expired; /* it was TimeToLive that removed it */
};

/* Appends the record; nothing if the table has no stream, or both images are equal. */
int ddb_change_record(const struct ddb_change *c, struct ddb_store *store, struct ddb_fault *f);

#endif
