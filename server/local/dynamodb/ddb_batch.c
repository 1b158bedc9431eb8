/* BatchWriteItem and BatchGetItem. A batch of writes is one job of the writer, so that here it is
 * all or nothing and UnprocessedItems stays empty; AWS promises less, and programs must not rely on
 * it. */
#include "server/local/dynamodb/ddb_fetch.h"
#include "server/local/dynamodb/ddb_group.h"

#include <stdio.h>
#include <string.h>

/* Ceilings of the API: requests in a write, keys in a get, bytes in an answer. */
enum { WRITES_MAX = 25, GETS_MAX = 100, ANSWER_BYTES_MAX = 16 * 1024 * 1024 };

/* Parameters of both batches. */
struct batch_input {
    json_t *tables; /* table -> requests */
    const char *capacity;
    const char *metrics;
};

static const struct field batch_fields[] = {
    {"RequestItems", FIELD_OBJECT, true, offsetof(struct batch_input, tables), 0, 0},
    {"ReturnConsumedCapacity", FIELD_STRING, false, offsetof(struct batch_input, capacity), 0, 0},
    {"ReturnItemCollectionMetrics", FIELD_STRING, false, offsetof(struct batch_input, metrics), 0,
     0},
};

/* BatchGetItem knows the first `fields` rows of the table. */
static int read_batch(json_t *input, size_t fields, struct batch_input *in, struct ddb_fault *f)
{
    if (ddb_input_read(batch_fields, fields, input, in, f) != 0 ||
        ddb_input_word(in->capacity, "returnConsumedCapacity", "NONE|TOTAL|INDEXES", f) != 0 ||
        ddb_input_word(in->metrics, "returnItemCollectionMetrics", "NONE|SIZE", f) != 0)
        return -1;
    if (json_object_size(in->tables) == 0)
        return ddb_invalid(f, "1 validation error detected: Value '{}' at 'requestItems' failed to "
                              "satisfy constraint: Member must have length greater than or equal "
                              "to 1");
    return 0;
}

/* --- BatchWriteItem ------------------------------------------------------------------------- */

/* Nothing is stored before all actions are prepared: a fault then has written nothing. */
static int run_batch(struct ddb_job *job, struct ddb_store *store)
{
    struct ddb_group *g = (struct ddb_group *)(void *)job;
    for (size_t i = 0; i < g->count; i++)
        if (ddb_action_prepare(&g->actions[i], store, &g->d->catalog, &job->fault) != 0)
            return -1;
    for (size_t i = 0; i < g->count; i++)
        if (ddb_action_store(&g->actions[i], store, &job->fault) != 0)
            return -1;
    job->output =
        json_pack("{s:{}, s:o*}", "UnprocessedItems", "ConsumedCapacity", ddb_group_capacity(g, 1));
    return job->output ? 0 : ddb_no_memory(&job->fault);
}

static const struct ddb_job_type batch_type = {.run = run_batch, .free = ddb_group_free};

static const struct field put_fields[] = {DDB_REQUIRED("Item", FIELD_OBJECT, item)};
static const struct field delete_fields[] = {DDB_REQUIRED("Key", FIELD_OBJECT, key)};

/* One element of the list: {"PutRequest": {"Item"}} or {"DeleteRequest": {"Key"}}. */
static int add_write(struct ddb_group *g, const char *table, json_t *request, struct ddb_fault *f)
{
    struct ddb_input in = {.table = table};
    json_t *put = json_object_get(request, "PutRequest");
    json_t *delete = json_object_get(request, "DeleteRequest");
    if (g->count == WRITES_MAX)
        return ddb_invalid(f, "Too many items requested for the BatchWriteItem call");
    if (json_object_size(request) != 1 || (!put && !delete))
        return ddb_invalid(f, "Supplied AttributeValue has more than one datatypes set or none: a "
                              "write request must contain exactly one of PutRequest and "
                              "DeleteRequest");
    if (ddb_input_read(put ? put_fields : delete_fields, 1, put ? put : delete, &in, f) != 0)
        return -1;
    return ddb_group_add(g, put ? ACTION_PUT : ACTION_DELETE, &in, f);
}

/* All requests of all tables count towards one limit. */
static int add_writes(struct ddb_group *g, json_t *tables, struct ddb_fault *f)
{
    for (void *at = json_object_iter(tables); at; at = json_object_iter_next(tables, at)) {
        json_t *requests = json_object_iter_value(at);
        if (json_array_size(requests) == 0)
            return ddb_invalid(f, "The batch write request list for a table cannot be null or "
                                  "empty");
        for (size_t i = 0; i < json_array_size(requests); i++)
            if (add_write(g, json_object_iter_key(at), json_array_get(requests, i), f) != 0)
                return -1;
    }
    if (ddb_group_has_duplicates(g))
        return ddb_invalid(f, "Provided list of item keys contains duplicates");
    return 0;
}

/* Requests come in the order of the input's members; it does not matter, for no item may be there
 * twice. */
struct ddb_job *ddb_batch_write_item(struct local_dynamodb *d, json_t *input, struct ddb_fault *f)
{
    struct batch_input in = {0};
    if (read_batch(input, 3, &in, f) != 0)
        return NULL;
    struct ddb_group *g = ddb_group_new(d, &batch_type, WRITES_MAX, f);
    if (!g)
        return NULL;
    if (in.capacity)
        (void)snprintf(g->capacity, sizeof g->capacity, "%s", in.capacity);
    if (add_writes(g, in.tables, f) == 0)
        return &g->job;
    ddb_job_free(&g->job);
    return NULL;
}

/* --- BatchGetItem --------------------------------------------------------------------------- */

/* What the answer to a BatchGetItem is made of. */
struct gathering {
    struct local_dynamodb *d;
    struct ddb_store *store;
    const char *capacity_mode;
    json_t *responses;
    json_t *unprocessed;
    json_t *capacity;
    size_t keys;
    size_t bytes;
    struct ddb_fault *fault;
};

/* What BatchGetItem asks of one table. */
struct table_input {
    json_t *keys;
    struct ddb_input in;
};

static const struct field table_fields[] = {
    {"Keys", FIELD_ARRAY, true, offsetof(struct table_input, keys), 0, 0},
    {"ConsistentRead", FIELD_BOOL, false, offsetof(struct table_input, in.consistent), 0, 0},
    {"ProjectionExpression", FIELD_STRING, false, offsetof(struct table_input, in.projection), 0,
     0},
    {"ExpressionAttributeNames", FIELD_OBJECT, false, offsetof(struct table_input, in.names), 0, 0},
};

/* A request's parameters with an empty list of keys, kept in `unprocessed`. Borrowed, or NULL. */
static json_t *start_rest(struct gathering *g, const char *table, json_t *request)
{
    json_t *rest = json_copy(request);
    if (!rest || json_object_set_new(g->unprocessed, table, rest) != 0 ||
        json_object_set_new(rest, "Keys", json_array()) != 0)
        return NULL;
    return rest;
}

/* Keys that no longer fit are handed back with the parameters they came with. */
static int hand_back(struct gathering *g, const char *table, json_t *request, json_t *key)
{
    json_t *rest = json_object_get(g->unprocessed, table);
    if (!rest)
        rest = start_rest(g, table, request);
    return json_array_append(json_object_get(rest, "Keys"), key) == 0 ? 0 : ddb_no_memory(g->fault);
}

/* One item of the answer; its size counts towards the 16 MB, projected or not. */
static int gather_key(struct gathering *g, const struct ddb_fetch *fetch, json_t *key,
                      json_t *items, bool consistent)
{
    json_t *item = NULL;
    size_t size = 0;
    if (ddb_fetch_item(fetch, g->store, key, &item, &size, g->fault) != 0)
        return -1;
    g->bytes += size;
    int rc = item ? json_array_append_new(items, item) : 0;
    if (rc == 0 && g->capacity)
        rc = ddb_capacity_add(g->capacity, g->capacity_mode, fetch->table->name,
                              ddb_read_units(size, consistent));
    return rc == 0 ? 0 : ddb_no_memory(g->fault);
}

/* The limit is for all tables together. Compared as written: [1] and [1.0] pass and are just
 * read twice. */
static int check_keys(struct gathering *g, json_t *keys)
{
    size_t count = json_array_size(keys);
    g->keys += count;
    if (count == 0 || g->keys > GETS_MAX)
        return ddb_invalid(g->fault, "Too many items requested for the BatchGetItem call, or none");
    for (size_t i = 1; i < count; i++)
        for (size_t j = 0; j < i; j++)
            if (json_equal(json_array_get(keys, i), json_array_get(keys, j)))
                return ddb_invalid(g->fault, "Provided list of item keys contains duplicates");
    return 0;
}

/* The table is in Responses even if none of its keys is found, as in AWS. */
static int gather_keys(struct gathering *g, const struct ddb_fetch *fetch, json_t *request,
                       const struct table_input *t)
{
    json_t *items = json_array();
    const char *table = fetch->table->name;
    if (!items || json_object_set_new(g->responses, table, items) != 0)
        return ddb_no_memory(g->fault);
    for (size_t i = 0; i < json_array_size(t->keys); i++) {
        json_t *key = json_array_get(t->keys, i);
        int rc = g->bytes > ANSWER_BYTES_MAX ? hand_back(g, table, request, key)
                                             : gather_key(g, fetch, key, items, t->in.consistent);
        if (rc != 0)
            return -1;
    }
    return 0;
}

/* A table's part of the request has its own projection and names. */
static int gather_table(struct gathering *g, const char *table, json_t *request)
{
    struct table_input t = {0};
    struct ddb_fetch fetch = {0};
    if (ddb_input_read(table_fields, sizeof table_fields / sizeof *table_fields, request, &t,
                       g->fault) != 0 ||
        check_keys(g, t.keys) != 0)
        return -1;
    t.in.table = table;
    int rc = ddb_fetch_compile(&fetch, &t.in, &g->d->catalog, g->fault);
    if (rc == 0)
        rc = gather_keys(g, &fetch, request, &t);
    ddb_fetch_close(&fetch);
    return rc;
}

int ddb_batch_get_item(struct local_dynamodb *d, json_t *input, json_t **output,
                       struct ddb_fault *f)
{
    struct batch_input in = {0};
    if (read_batch(input, 2, &in, f) != 0)
        return -1;
    bool counts = in.capacity && strcmp(in.capacity, "NONE") != 0;
    struct gathering g = {.d = d,
                          .store = ddb_readers_take(&d->readers),
                          .capacity_mode = in.capacity,
                          .responses = json_object(),
                          .unprocessed = json_object(),
                          .capacity = counts ? json_array() : NULL,
                          .fault = f};
    int rc = 0;
    for (void *at = json_object_iter(in.tables); at && rc == 0;
         at = json_object_iter_next(in.tables, at))
        rc = gather_table(&g, json_object_iter_key(at), json_object_iter_value(at));
    ddb_readers_give(&d->readers, g.store);
    if (rc == 0) {
        *output = json_pack("{s:O, s:O, s:O*}", "Responses", g.responses, "UnprocessedKeys",
                            g.unprocessed, "ConsumedCapacity", g.capacity);
        rc = *output ? 0 : ddb_no_memory(f);
    }
    json_decref(g.responses);
    json_decref(g.unprocessed);
    json_decref(g.capacity);
    return rc;
}
