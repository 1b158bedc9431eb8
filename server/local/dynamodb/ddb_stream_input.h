/* ddb_stream_input: what the operations of DynamoDB Streams have in common.
 * Private to server/local/dynamodb. */
#ifndef STEPFLEET_DDB_STREAM_INPUT_H
#define STEPFLEET_DDB_STREAM_INPUT_H

#include "server/local/dynamodb/ddb.h"
#include "server/local/dynamodb/ddb_stream.h"

/* Parameters of all operations; borrowed. */
struct ddb_stream_input {
    const char *table;
    const char *arn;
    const char *start; /* ExclusiveStartStreamArn, ExclusiveStartShardId */
    const char *shard;
    const char *type;
    const char *sequence;
    const char *iterator;
    json_t *filter;
    int64_t limit;
};

#define DDB_STREAM_ROW(name, type, required, member, min, max)                                     \
    {                                                                                              \
        name, type, required, offsetof(struct ddb_stream_input, member), min, max                  \
    }

/* The stream of an ARN; -1 with ValidationException or ResourceNotFoundException. Close it. */
int ddb_stream_need(struct local_dynamodb *d, struct ddb_store *store, const char *arn,
                    struct ddb_stream *stream, struct ddb_fault *f);
/* A shard of it by name; -1 with ValidationException or ResourceNotFoundException. */
int ddb_shard_need(struct ddb_store *store, const struct ddb_stream *stream, const char *name,
                   struct ddb_shard *shard, struct ddb_fault *f);

#endif
