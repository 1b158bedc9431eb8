/* TransactWriteItems and TransactGetItems.
 *
 * A write transaction is one job: every condition is tested before anything is stored, and the
 * writer's own transaction makes it all or nothing. A ClientRequestToken is kept with a digest of
 * the request for ten minutes: the same request again succeeds without being done, another one
 * under the token is refused.
 * https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html */
#include "server/local/dynamodb/ddb_fetch.h"
#include "server/local/dynamodb/ddb_group.h"

#include "lib/crypto/crypto.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ACTIONS_MAX = 100, TOKEN_MAX = 36 };
/* How long a ClientRequestToken is remembered (aws: TransactWriteItems, ten minutes). */
#define TOKEN_LIFETIME (600 * CLOCK_SECOND)

/* --- carrying out --------------------------------------------------------------------------- */

/* The code a failed action has in CancellationReasons. */
static const char *reason_code(const struct ddb_fault *f)
{
    if (strcmp(f->code, "ConditionalCheckFailedException") == 0)
        return "ConditionalCheckFailed";
    return "ValidationError";
}

/* One element of CancellationReasons, in the order of the actions. */
static json_t *reason_of(const struct ddb_fault *f)
{
    if (!f->status)
        return json_pack("{s:s}", "Code", "None");
    return json_pack("{s:s, s:s, s:O*}", "Code", reason_code(f), "Message", f->message, "Item",
                     json_object_get(f->extra, "Item"));
}

/* Prepares every action. The number that failed, or -1 with an internal fault; fills `reasons` and
 * `codes` ("ConditionalCheckFailed, None"). */
static int prepare_all(struct ddb_group *g, struct ddb_store *store, json_t *reasons,
                       struct buf *codes)
{
    int failed = 0;
    for (size_t i = 0; i < g->count; i++) {
        struct ddb_fault f = {0};
        if (ddb_action_prepare(&g->actions[i], store, &g->d->catalog, &f) != 0)
            failed++;
        if (ddb_fault_is_internal(&f)) {
            g->job.fault = f;
            return -1;
        }
        buf_addf(codes, "%s%s", i ? ", " : "", f.status ? reason_code(&f) : "None");
        int rc = json_array_append_new(reasons, reason_of(&f));
        ddb_fault_clear(&f);
        if (rc != 0)
            return ddb_no_memory(&g->job.fault);
    }
    return failed;
}

/* -1, with the reasons as a member of the error's body. */
static int cancelled(struct ddb_group *g, json_t *reasons, const struct buf *codes)
{
    ddb_fault_set(&g->job.fault, "TransactionCanceledException",
                  "Transaction cancelled, please refer cancellation reasons for specific reasons "
                  "[%.800s]",
                  buf_str(codes));
    g->job.fault.extra = json_pack("{s:O}", "CancellationReasons", reasons);
    return g->job.fault.extra ? -1 : ddb_no_memory(&g->job.fault);
}

/* Only the database can fail here; then the whole group is rolled back. */
static int store_all(struct ddb_group *g, struct ddb_store *store)
{
    for (size_t i = 0; i < g->count; i++)
        if (ddb_action_store(&g->actions[i], store, &g->job.fault) != 0)
            return -1;
    return 0;
}

/* All conditions are tested against the state before the transaction; only then is anything
 * stored. */
static int carry_out(struct ddb_group *g, struct ddb_store *store)
{
    struct buf codes;
    json_t *reasons = json_array();
    buf_init(&codes, BUF_MAX_LINE);
    int failed = reasons ? prepare_all(g, store, reasons, &codes) : ddb_no_memory(&g->job.fault);
    int rc = failed;
    if (failed > 0)
        rc = cancelled(g, reasons, &codes);
    else if (failed == 0)
        rc = store_all(g, store);
    buf_free(&codes);
    json_decref(reasons);
    return rc;
}

/* 1: this very request was done before; 0: it is new; -1: fault. */
static int seen_before(struct ddb_group *g, struct ddb_store *store, int64_t now)
{
    char digest[SHA256_HEX];
    struct error err;
    if (!g->token)
        return 0;
    if (ddb_store_find_token(store, g->token, now - TOKEN_LIFETIME, digest, sizeof digest, &err) !=
        0)
        return ddb_internal(&g->job.fault, &err);
    if (digest[0] == '\0')
        return 0;
    if (strcmp(digest, g->digest) == 0)
        return 1;
    return ddb_fault_set(&g->job.fault, "IdempotentParameterMismatchException",
                         "The ClientRequestToken was used before with another request");
}

/* The token is stored in the same transaction as what it stands for. */
static int run_transaction(struct ddb_job *job, struct ddb_store *store)
{
    struct ddb_group *g = (struct ddb_group *)(void *)job;
    struct error err;
    int64_t now = clock_wall(g->d->clock);
    int seen = seen_before(g, store, now);
    if (seen < 0 || (seen == 0 && carry_out(g, store) != 0))
        return -1;
    if (seen == 0 && g->token && ddb_store_add_token(store, g->token, g->digest, now, &err) != 0)
        return ddb_internal(&job->fault, &err);
    job->output = json_pack("{s:o*}", "ConsumedCapacity", ddb_group_capacity(g, 2));
    return job->output ? 0 : ddb_no_memory(&job->fault);
}

static const struct ddb_job_type transaction_type = {.run = run_transaction,
                                                     .free = ddb_group_free};

/* --- compiling ------------------------------------------------------------------------------ */

#define ACTION_FIELDS                                                                              \
    DDB_EXPRESSION_FIELDS,                                                                         \
        DDB_OPTIONAL("ReturnValuesOnConditionCheckFailure", FIELD_STRING, on_failure)

static const struct field put_fields[] = {
    ACTION_FIELDS,
    DDB_REQUIRED("Item", FIELD_OBJECT, item),
    DDB_OPTIONAL("ConditionExpression", FIELD_STRING, condition),
};
static const struct field update_fields[] = {
    ACTION_FIELDS,
    DDB_REQUIRED("Key", FIELD_OBJECT, key),
    DDB_REQUIRED("UpdateExpression", FIELD_STRING, update),
    DDB_OPTIONAL("ConditionExpression", FIELD_STRING, condition),
};
static const struct field delete_fields[] = {
    ACTION_FIELDS,
    DDB_REQUIRED("Key", FIELD_OBJECT, key),
    DDB_OPTIONAL("ConditionExpression", FIELD_STRING, condition),
};
static const struct field check_fields[] = {
    ACTION_FIELDS,
    DDB_REQUIRED("Key", FIELD_OBJECT, key),
    DDB_REQUIRED("ConditionExpression", FIELD_STRING, condition),
};

/* One kind of action: its name on the wire and its parameters. */
struct action_row {
    const char *name;
    enum ddb_action_kind kind;
    const struct field *fields;
    size_t count;
};
#define ROW(name, kind, fields)                                                                    \
    {                                                                                              \
        name, kind, fields, sizeof(fields) / sizeof *(fields)                                      \
    }
static const struct action_row action_rows[] = {
    ROW("Put", ACTION_PUT, put_fields),
    ROW("Update", ACTION_UPDATE, update_fields),
    ROW("Delete", ACTION_DELETE, delete_fields),
    ROW("ConditionCheck", ACTION_CHECK, check_fields),
};
#undef ROW

/* Each element has exactly one member, whose name is the kind of action. */
static int add_action(struct ddb_group *g, json_t *request, struct ddb_fault *f)
{
    void *only = json_object_iter(request);
    const char *name = only ? json_object_iter_key(only) : "";
    struct ddb_input in = {0};
    for (size_t i = 0; i < sizeof action_rows / sizeof *action_rows; i++) {
        const struct action_row *row = &action_rows[i];
        if (json_object_size(request) != 1 || strcmp(row->name, name) != 0)
            continue;
        if (ddb_input_read(row->fields, row->count, json_object_iter_value(only), &in, f) != 0)
            return -1;
        return ddb_group_add(g, row->kind, &in, f);
    }
    return ddb_invalid(f, "TransactItems can only contain one of Check, Put, Update or Delete");
}

/* Parameters of both transactions. */
struct transact_input {
    json_t *items;
    const char *token;
    const char *capacity;
    const char *metrics;
};

static const struct field transact_fields[] = {
    {"TransactItems", FIELD_ARRAY, true, offsetof(struct transact_input, items), 1, ACTIONS_MAX},
    /* TransactGetItems knows these two rows alone. */
    {"ReturnConsumedCapacity", FIELD_STRING, false, offsetof(struct transact_input, capacity), 0,
     0},
    {"ClientRequestToken", FIELD_STRING, false, offsetof(struct transact_input, token), 1,
     TOKEN_MAX},
    {"ReturnItemCollectionMetrics", FIELD_STRING, false, offsetof(struct transact_input, metrics),
     0, 0},
};

/* A digest of the actions, their members in one order. */
static int digest_actions(json_t *items, char digest[SHA256_HEX], struct ddb_fault *f)
{
    struct error err;
    char *text = json_dumps(items, JSON_COMPACT | JSON_SORT_KEYS);
    if (!text)
        return ddb_no_memory(f);
    int rc = crypto_sha256_hex(text, strlen(text), digest, &err);
    free(text);
    return rc == 0 ? 0 : ddb_internal(f, &err);
}

/* Keeps the token with the request's digest, so that a repetition can be told from a misuse. */
static int take_token(struct ddb_group *g, const struct transact_input *in, struct ddb_fault *f)
{
    if (!in->token)
        return 0;
    g->token = strdup(in->token);
    g->digest = malloc(SHA256_HEX);
    if (!g->token || !g->digest)
        return ddb_no_memory(f);
    return digest_actions(in->items, g->digest, f);
}

/* In the order of the request, which is also that of CancellationReasons. */
static int add_actions(struct ddb_group *g, const struct transact_input *in, struct ddb_fault *f)
{
    for (size_t i = 0; i < json_array_size(in->items); i++)
        if (add_action(g, json_array_get(in->items, i), f) != 0)
            return -1;
    if (ddb_group_has_duplicates(g))
        return ddb_invalid(f, "Transaction request cannot include multiple operations on one item");
    return take_token(g, in, f);
}

struct ddb_job *ddb_transact_write_items(struct local_dynamodb *d, json_t *input,
                                         struct ddb_fault *f)
{
    struct transact_input in = {0};
    if (ddb_input_read(transact_fields, 4, input, &in, f) != 0 ||
        ddb_input_word(in.capacity, "returnConsumedCapacity", "NONE|TOTAL|INDEXES", f) != 0 ||
        ddb_input_word(in.metrics, "returnItemCollectionMetrics", "NONE|SIZE", f) != 0)
        return NULL;
    struct ddb_group *g = ddb_group_new(d, &transaction_type, ACTIONS_MAX, f);
    if (!g)
        return NULL;
    if (in.capacity)
        (void)snprintf(g->capacity, sizeof g->capacity, "%s", in.capacity);
    if (add_actions(g, &in, f) == 0)
        return &g->job;
    ddb_job_free(&g->job);
    return NULL;
}

/* --- TransactGetItems ----------------------------------------------------------------------- */

static const struct field get_fields[] = {
    DDB_REQUIRED("TableName", FIELD_STRING, table),
    DDB_REQUIRED("Key", FIELD_OBJECT, key),
    DDB_OPTIONAL("ProjectionExpression", FIELD_STRING, projection),
    DDB_OPTIONAL("ExpressionAttributeNames", FIELD_OBJECT, names),
};

/* What the answer to a TransactGetItems is made of. */
struct snapshot {
    struct local_dynamodb *d;
    struct ddb_store *store;
    const char *capacity_mode;
    json_t *responses;
    json_t *capacity;
    struct ddb_fault *fault;
};

/* An item that is not there is an empty object in Responses. */
static int get_one(struct snapshot *s, json_t *request)
{
    struct ddb_input in = {0};
    struct ddb_fetch fetch = {0};
    json_t *item = NULL;
    size_t size = 0;
    json_t *get = json_object_get(request, "Get");
    if (!get || json_object_size(request) != 1)
        return ddb_invalid(s->fault, "TransactItems can only contain Get");
    if (ddb_input_read(get_fields, sizeof get_fields / sizeof *get_fields, get, &in, s->fault) != 0)
        return -1;
    int rc = ddb_fetch_compile(&fetch, &in, &s->d->catalog, s->fault);
    if (rc == 0)
        rc = ddb_fetch_item(&fetch, s->store, in.key, &item, &size, s->fault);
    if (rc == 0 && json_array_append_new(s->responses, json_pack("{s:o*}", "Item", item)) != 0)
        rc = ddb_no_memory(s->fault);
    if (rc == 0 && s->capacity)
        (void)ddb_capacity_add(s->capacity, s->capacity_mode, in.table,
                               2 * ddb_read_units(size, true));
    ddb_fetch_close(&fetch);
    return rc;
}

/* All items as of one moment: inside one read transaction. */
static int get_all(struct snapshot *s, json_t *items)
{
    struct error err;
    if (db_begin(s->store->db, &err) != 0)
        return ddb_internal(s->fault, &err);
    int rc = 0;
    for (size_t i = 0; i < json_array_size(items) && rc == 0; i++)
        rc = get_one(s, json_array_get(items, i));
    db_rollback(s->store->db);
    return rc;
}

int ddb_transact_get_items(struct local_dynamodb *d, json_t *input, json_t **output,
                           struct ddb_fault *f)
{
    struct transact_input in = {0};
    if (ddb_input_read(transact_fields, 2, input, &in, f) != 0 ||
        ddb_input_word(in.capacity, "returnConsumedCapacity", "NONE|TOTAL|INDEXES", f) != 0)
        return -1;
    bool counts = in.capacity && strcmp(in.capacity, "NONE") != 0;
    struct snapshot s = {.d = d,
                         .store = ddb_readers_take(&d->readers),
                         .capacity_mode = in.capacity,
                         .responses = json_array(),
                         .capacity = counts ? json_array() : NULL,
                         .fault = f};
    int rc = get_all(&s, in.items);
    ddb_readers_give(&d->readers, s.store);
    if (rc == 0) {
        *output =
            json_pack("{s:O, s:O*}", "Responses", s.responses, "ConsumedCapacity", s.capacity);
        rc = *output ? 0 : ddb_no_memory(f);
    }
    json_decref(s.responses);
    json_decref(s.capacity);
    return rc;
}
