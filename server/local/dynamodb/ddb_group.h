/* ddb_group: a job of several actions, for BatchWriteItem and TransactWriteItems.
 * Private to server/local/dynamodb. */
#ifndef STEPFLEET_DDB_GROUP_H
#define STEPFLEET_DDB_GROUP_H

#include "server/local/dynamodb/ddb.h"

/* Its actions are compiled one by one and carried out together. */
struct ddb_group {
    struct ddb_job job;
    struct local_dynamodb *d;
    char capacity[8]; /* ReturnConsumedCapacity */
    char *token;      /* ClientRequestToken, or NULL */
    char *digest;     /* of the request, with a token */
    size_t count;
    struct ddb_action *actions;
};

/* A job with room for `room` actions (count starts at 0); NULL with a fault. */
struct ddb_group *ddb_group_new(struct local_dynamodb *d, const struct ddb_job_type *type,
                                size_t room, struct ddb_fault *f);
void ddb_group_free(struct ddb_job *job); /* for the job's type */
/* Compiles one more action; -1 with a fault. */
int ddb_group_add(struct ddb_group *g, enum ddb_action_kind kind, const struct ddb_input *in,
                  struct ddb_fault *f);
/* True if two of the actions are about the same item. */
bool ddb_group_has_duplicates(const struct ddb_group *g);
/* A list of ConsumedCapacity, one for each table; NULL if none is asked for. `factor` is 2 for
 * transactions. */
json_t *ddb_group_capacity(const struct ddb_group *g, double factor);
/* A short list: for tables that `list` names already, adds the units; else appends. */
int ddb_capacity_add(json_t *list, const char *mode, const char *table, double units);

#endif
