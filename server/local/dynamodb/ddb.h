/* ddb: the service's parts, and its operations. Private to server/local/dynamodb.
 *
 * An operation is one of two kinds. A reading one answers at once, on the caller's thread. A
 * writing one checks and compiles its input on the caller's thread and gives a job to the writer.
 */
#ifndef STEPFLEET_DDB_H
#define STEPFLEET_DDB_H

#include "server/local/dynamodb/ddb_action.h"
#include "server/local/dynamodb/ddb_writer.h"
#include "server/local/dynamodb/local_dynamodb.h"

struct local_dynamodb {
    const struct clock *clock;
    char *region;
    struct ddb_catalog catalog;
    struct ddb_writer writer;
    struct ddb_readers readers;
    struct local_service service;
    struct local_service streams;
};

/* Readers: 0 with a new reference in *output, or -1 with a fault. */
int ddb_get_item(struct local_dynamodb *d, json_t *input, json_t **output, struct ddb_fault *f);
/* One hash key's items in the order of their range keys: a page of them. */
int ddb_query(struct local_dynamodb *d, json_t *input, json_t **output, struct ddb_fault *f);
/* A page of all items of a table, or of one of its segments. */
int ddb_scan(struct local_dynamodb *d, json_t *input, json_t **output, struct ddb_fault *f);
/* Up to 100 items of several tables; those beyond 16 MB come back as UnprocessedKeys. */
int ddb_batch_get_item(struct local_dynamodb *d, json_t *input, json_t **output,
                       struct ddb_fault *f);
/* Up to 100 items as of one moment. */
int ddb_transact_get_items(struct local_dynamodb *d, json_t *input, json_t **output,
                           struct ddb_fault *f);
/* The description with exact counts. */
int ddb_describe_table(struct local_dynamodb *d, json_t *input, json_t **output,
                       struct ddb_fault *f);
/* Names, sorted, in pages of up to 100. */
int ddb_list_tables(struct local_dynamodb *d, json_t *input, json_t **output, struct ddb_fault *f);
/* ENABLED with the attribute, or DISABLED. */
int ddb_describe_time_to_live(struct local_dynamodb *d, json_t *input, json_t **output,
                              struct ddb_fault *f);

/* Readers of DynamoDB Streams. A page of the streams of all tables, or of one. */
int ddb_list_streams(struct local_dynamodb *d, json_t *input, json_t **output, struct ddb_fault *f);
/* A stream with a page of its shards. */
int ddb_describe_stream(struct local_dynamodb *d, json_t *input, json_t **output,
                        struct ddb_fault *f);
/* Where reading of a shard may begin. */
int ddb_get_shard_iterator(struct local_dynamodb *d, json_t *input, json_t **output,
                           struct ddb_fault *f);
/* A page of a shard's records, and where the next one begins. */
int ddb_get_records(struct local_dynamodb *d, json_t *input, json_t **output, struct ddb_fault *f);

/* Writers: a job to submit, or NULL with a fault. */
struct ddb_job *ddb_put_item(struct local_dynamodb *d, json_t *input, struct ddb_fault *f);
/* Changes an item by UpdateExpression, or makes it. */
struct ddb_job *ddb_update_item(struct local_dynamodb *d, json_t *input, struct ddb_fault *f);
/* Removes an item; it need not be there. */
struct ddb_job *ddb_delete_item(struct local_dynamodb *d, json_t *input, struct ddb_fault *f);
/* Up to 25 puts and deletes without conditions. */
struct ddb_job *ddb_batch_write_item(struct local_dynamodb *d, json_t *input, struct ddb_fault *f);
/* Up to 100 actions, all or none; repeated tokens are done once. */
struct ddb_job *ddb_transact_write_items(struct local_dynamodb *d, json_t *input,
                                         struct ddb_fault *f);
/* The table is ACTIVE at once. */
struct ddb_job *ddb_create_table(struct local_dynamodb *d, json_t *input, struct ddb_fault *f);
/* The table goes with its items at once. */
struct ddb_job *ddb_delete_table(struct local_dynamodb *d, json_t *input, struct ddb_fault *f);
/* Turns the table's stream on or off. */
struct ddb_job *ddb_update_table(struct local_dynamodb *d, json_t *input, struct ddb_fault *f);
/* Turns expiry by an attribute on or off. */
struct ddb_job *ddb_update_time_to_live(struct local_dynamodb *d, json_t *input,
                                        struct ddb_fault *f);

#endif
