/* The table of operations, opening and closing, and the seeding of tables. */
#include "server/local/dynamodb/local_dynamodb.h"

#include "server/local/dynamodb/ddb.h"

#include <stdlib.h>
#include <string.h>

/* An operation reads or writes; see ddb.h. */
struct operation {
    const char *name;
    int (*read)(struct local_dynamodb *d, json_t *input, json_t **output, struct ddb_fault *f);
    struct ddb_job *(*write)(struct local_dynamodb *d, json_t *input, struct ddb_fault *f);
};

static const struct operation operations[] = {
    {"BatchGetItem", ddb_batch_get_item, NULL},
    {"BatchWriteItem", NULL, ddb_batch_write_item},
    {"CreateTable", NULL, ddb_create_table},
    {"DeleteItem", NULL, ddb_delete_item},
    {"DeleteTable", NULL, ddb_delete_table},
    {"DescribeTable", ddb_describe_table, NULL},
    {"DescribeTimeToLive", ddb_describe_time_to_live, NULL},
    {"GetItem", ddb_get_item, NULL},
    {"ListTables", ddb_list_tables, NULL},
    {"PutItem", NULL, ddb_put_item},
    {"Query", ddb_query, NULL},
    {"Scan", ddb_scan, NULL},
    {"TransactGetItems", ddb_transact_get_items, NULL},
    {"TransactWriteItems", NULL, ddb_transact_write_items},
    {"UpdateItem", NULL, ddb_update_item},
    {"UpdateTable", NULL, ddb_update_table},
    {"UpdateTimeToLive", NULL, ddb_update_time_to_live},
};

/* DynamoDB Streams is a service of its own, on the same data. */
static const struct operation stream_operations[] = {
    {"DescribeStream", ddb_describe_stream, NULL},
    {"GetRecords", ddb_get_records, NULL},
    {"GetShardIterator", ddb_get_shard_iterator, NULL},
    {"ListStreams", ddb_list_streams, NULL},
};
#define COUNT(table) (sizeof(table) / sizeof *(table))

static const struct operation *find_operation(const struct operation *list, size_t count,
                                              const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i].name, name) == 0)
            return &list[i];
    return NULL;
}

/* On the caller's thread. */
static void answer_read(struct local_dynamodb *d, const struct operation *op,
                        struct local_call *call)
{
    struct ddb_fault f = {0};
    json_t *output = NULL;
    if (op->read(d, call->input, &output, &f) == 0)
        local_reply(call, output);
    else
        ddb_fault_answer(&f, call);
    ddb_fault_clear(&f);
}

/* Checked and compiled on the caller's thread, done and answered on the writer's. */
static void start_write(struct local_dynamodb *d, const struct operation *op,
                        struct local_call *call)
{
    struct ddb_fault f = {0};
    struct ddb_job *job = op->write(d, call->input, &f);
    if (job) {
        job->call = call;
        ddb_writer_submit(&d->writer, job);
        return;
    }
    ddb_fault_answer(&f, call);
    ddb_fault_clear(&f);
}

/* Runs on whatever thread calls; the kind of operation decides who answers. */
static void start(struct local_dynamodb *d, const struct operation *op, struct local_call *call)
{
    if (!op)
        local_fault(call, 400, "UnknownOperationException",
                    "The operation %s is not offered by this local endpoint", call->operation);
    else if (op->read)
        answer_read(d, op, call);
    else
        start_write(d, op, call);
}

static void handle_call(void *self, struct local_call *call)
{
    start(self, find_operation(operations, COUNT(operations), call->operation), call);
}

static void handle_streams_call(void *self, struct local_call *call)
{
    start(self, find_operation(stream_operations, COUNT(stream_operations), call->operation), call);
}

/* Writer before readers: it makes the file that they open. */
struct local_dynamodb *local_dynamodb_open(const struct local_dynamodb_options *options,
                                           struct error *err)
{
    struct local_dynamodb *d = calloc(1, sizeof *d);
    if (!d || !(d->region = strdup(options->region))) {
        err_set(err, ERR_MEMORY, "out of memory");
        goto free_self;
    }
    d->clock = options->clock;
    d->service = (struct local_service){.name = "dynamodb", .self = d, .call = handle_call};
    d->streams =
        (struct local_service){.name = "dynamodbstreams", .self = d, .call = handle_streams_call};
    if (ddb_catalog_open(&d->catalog, err) != 0)
        goto free_self;
    if (ddb_writer_open(&d->writer, options->path, &d->catalog, options->clock, options->log,
                        err) != 0)
        goto close_catalog;
    if (ddb_readers_open(&d->readers, options->path, err) != 0)
        goto close_writer;
    return d;
close_writer:
    ddb_writer_close(&d->writer);
close_catalog:
    ddb_catalog_close(&d->catalog);
free_self:
    if (d)
        free(d->region);
    free(d);
    return NULL;
}

/* The readers' connections close before the writer's, which is the last and so folds the WAL into
 * the file. */
struct local_dynamodb *local_dynamodb_close(struct local_dynamodb *d)
{
    if (!d)
        return NULL;
    ddb_readers_close(&d->readers);
    ddb_writer_close(&d->writer);
    ddb_catalog_close(&d->catalog);
    free(d->region);
    free(d);
    return NULL;
}

const struct local_service *local_dynamodb_service(struct local_dynamodb *d)
{
    return &d->service;
}

const struct local_service *local_dynamodb_streams(struct local_dynamodb *d)
{
    return &d->streams;
}
