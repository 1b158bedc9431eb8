/* ddb_fetch: reading one item by its key, for GetItem and its batch forms.
 * Private to server/local/dynamodb. */
#ifndef STEPFLEET_DDB_FETCH_H
#define STEPFLEET_DDB_FETCH_H

#include "server/local/dynamodb/ddb.h"

/* A table, and what to show of its items. */
struct ddb_fetch {
    struct ddb_table *table;
    struct ddb_scope scope;
    bool projects;
    struct ddb_paths projection;
};

/* Uses table, names and projection of `in`. Zero it before, close it in any case. */
int ddb_fetch_compile(struct ddb_fetch *fetch, const struct ddb_input *in,
                      struct ddb_catalog *catalog, struct ddb_fault *f);
/* Releases all it holds; also for one that failed to compile. */
void ddb_fetch_close(struct ddb_fetch *fetch);
/* The item of a Key parameter, projected: a new reference in *item, or NULL if there is none. */
int ddb_fetch_item(const struct ddb_fetch *fetch, struct ddb_store *store, json_t *key,
                   json_t **item, size_t *size, struct ddb_fault *f);

#endif
