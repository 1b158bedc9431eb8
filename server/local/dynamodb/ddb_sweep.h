/* ddb_sweep: what the writer does between jobs: items past their TimeToLive, stream records past
 * retention, old shards. On the writer's thread. Private to server/local/dynamodb. */
#ifndef STEPFLEET_DDB_SWEEP_H
#define STEPFLEET_DDB_SWEEP_H

#include "server/local/dynamodb/ddb_store.h"

/* One transaction, with store->now as its time: all of it, or nothing and -1. */
int ddb_sweep(struct ddb_store *store, struct ddb_catalog *catalog, struct error *err);

#endif
