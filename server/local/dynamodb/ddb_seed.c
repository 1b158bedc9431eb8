/* Making tables and streams at start-up (declared in local_dynamodb.h): by the same calls that
 * others make. */
#include "server/local/dynamodb/ddb.h"

#include <string.h>

/* A call that somebody waits for. */
struct waited_call {
    struct local_call call;
    pthread_mutex_t lock;
    pthread_cond_t ended;
    const char *accepted; /* a fault that counts as success; may be NULL */
    bool done;
    bool succeeded;
    struct error err;
};

/* Ends a waited_call. */
static void wake(struct local_call *call, json_t *output, const struct local_fault *fault)
{
    struct waited_call *w = call->ctx;
    (void)pthread_mutex_lock(&w->lock);
    w->done = true;
    w->succeeded = !fault || (w->accepted && strcmp(fault->code, w->accepted) == 0);
    if (!w->succeeded)
        err_set(&w->err, ERR_DATABASE, "%s", fault->message);
    (void)pthread_cond_signal(&w->ended);
    (void)pthread_mutex_unlock(&w->lock);
    json_decref(output);
}

/* Takes the input over. */
static int call_and_wait(struct local_dynamodb *d, const char *operation, json_t *input,
                         const char *accepted, struct error *err)
{
    struct waited_call w = {
        .call = {.operation = operation, .input = input, .done = wake, .ctx = &w},
        .lock = PTHREAD_MUTEX_INITIALIZER,
        .ended = PTHREAD_COND_INITIALIZER,
        .accepted = accepted};
    if (!input)
        return err_set(err, ERR_MEMORY, "out of memory");
    d->service.call(d, &w.call);
    (void)pthread_mutex_lock(&w.lock);
    while (!w.done)
        (void)pthread_cond_wait(&w.ended, &w.lock);
    (void)pthread_mutex_unlock(&w.lock);
    (void)pthread_cond_destroy(&w.ended);
    (void)pthread_mutex_destroy(&w.lock);
    json_decref(input);
    if (w.succeeded)
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
    /* Seeding may find the table there already, from an earlier run: that is success too. */
    int rc = call_and_wait(d, "CreateTable", input, "ResourceInUseException", err);
    return rc == 0 ? 0 : err_wrap(err, "table %s", name);
}

/* No label at all means that the table never had a stream, and that nobody has disabled it. */
static bool wants_stream(struct local_dynamodb *d, const char *name)
{
    struct ddb_table *t = ddb_catalog_get(&d->catalog, name);
    bool wants = t && !json_object_get(t->definition, "LatestStreamLabel");
    ddb_table_release(t);
    return wants;
}

int local_dynamodb_ensure_stream(struct local_dynamodb *d, const char *name, const char *view,
                                 struct error *err)
{
    if (!wants_stream(d, name))
        return 0;
    json_t *input = json_pack("{s:s, s:{s:b, s:s}}", "TableName", name, "StreamSpecification",
                              "StreamEnabled", 1, "StreamViewType", view);
    int rc = call_and_wait(d, "UpdateTable", input, NULL, err);
    return rc == 0 ? 0 : err_wrap(err, "the stream of table %s", name);
}
