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
    {"UpdateTimeToLive", NULL, ddb_update_time_to_live},
};

static const struct operation *find_operation(const char *name)
{
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++)
        if (strcmp(operations[i].name, name) == 0)
            return &operations[i];
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
static void handle_call(void *self, struct local_call *call)
{
    struct local_dynamodb *d = self;
    const struct operation *op = find_operation(call->operation);
    if (!op)
        local_fault(call, 400, "UnknownOperationException",
                    "The operation %s is not offered by this local endpoint", call->operation);
    else if (op->read)
        answer_read(d, op, call);
    else
        start_write(d, op, call);
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

/* --- seeding -------------------------------------------------------------------------------- */

/* A call that somebody waits for. */
struct waited_call {
    struct local_call call;
    pthread_mutex_t lock;
    pthread_cond_t ended;
    bool done;
    bool created;
    struct error err;
};

/* Ends a waited_call. A table that was there already counts as made. */
static void wake(struct local_call *call, json_t *output, const struct local_fault *fault)
{
    struct waited_call *w = call->ctx;
    (void)pthread_mutex_lock(&w->lock);
    w->done = true;
    w->created = !fault || strcmp(fault->code, "ResourceInUseException") == 0;
    if (!w->created)
        err_set(&w->err, ERR_DATABASE, "%s", fault->message);
    (void)pthread_cond_signal(&w->ended);
    (void)pthread_mutex_unlock(&w->lock);
    json_decref(output);
}

/* Seeding may find the table there already, from an earlier run: that is success too. */
static int create_and_wait(struct local_dynamodb *d, json_t *input, struct error *err)
{
    struct waited_call w = {
        .call = {.operation = "CreateTable", .input = input, .done = wake, .ctx = &w},
        .lock = PTHREAD_MUTEX_INITIALIZER,
        .ended = PTHREAD_COND_INITIALIZER};
    handle_call(d, &w.call);
    (void)pthread_mutex_lock(&w.lock);
    while (!w.done)
        (void)pthread_cond_wait(&w.ended, &w.lock);
    (void)pthread_mutex_unlock(&w.lock);
    (void)pthread_cond_destroy(&w.ended);
    (void)pthread_mutex_destroy(&w.lock);
    if (w.created)
        return 0;
    return err_set(err, w.err.code, "%s", w.err.message);
}

/* A row of AttributeDefinitions or KeySchema. */
static json_t *key_row(const char *name, const char *member, const char *value)
{
    return json_pack("{s:s, s:s}", "AttributeName", name, member, value);
}

int local_dynamodb_ensure_table(struct local_dynamodb *d, const char *name, const char *hash_key,
                                char hash_type, const char *range_key, char range_type,
                                struct error *err)
{
    const char hash_text[] = {hash_type, '\0'};
    const char range_text[] = {range_type, '\0'};
    json_t *input = json_pack("{s:s, s:s, s:[o, o*], s:[o, o*]}", "TableName", name, "BillingMode",
                              "PAY_PER_REQUEST", "AttributeDefinitions",
                              key_row(hash_key, "AttributeType", hash_text),
                              range_key ? key_row(range_key, "AttributeType", range_text) : NULL,
                              "KeySchema", key_row(hash_key, "KeyType", "HASH"),
                              range_key ? key_row(range_key, "KeyType", "RANGE") : NULL);
    if (!input)
        return err_set(err, ERR_MEMORY, "out of memory making table %s", name);
    int rc = create_and_wait(d, input, err);
    json_decref(input);
    return rc == 0 ? 0 : err_wrap(err, "table %s", name);
}
