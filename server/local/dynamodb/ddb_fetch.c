/* GetItem, and what BatchGetItem and TransactGetItems share with it. */
#include "server/local/dynamodb/ddb_fetch.h"

#include "server/local/dynamodb/ddb_project.h"

/* Only a projection may use names here, and nothing may use values. */
int ddb_fetch_compile(struct ddb_fetch *fetch, const struct ddb_input *in,
                      struct ddb_catalog *catalog, struct ddb_fault *f)
{
    if (ddb_scope_open(&fetch->scope, in->names, NULL, in->projection != NULL, f) != 0)
        return -1;
    fetch->projects = in->projection != NULL;
    if (fetch->projects &&
        ddb_parse_projection(&fetch->scope, in->projection, &fetch->projection, f) != 0)
        return -1;
    if (ddb_scope_finish(&fetch->scope, f) != 0)
        return -1;
    fetch->table = ddb_catalog_need(catalog, in->table, f);
    return fetch->table ? 0 : -1;
}

void ddb_fetch_close(struct ddb_fetch *fetch)
{
    ddb_scope_close(&fetch->scope);
    fetch->table = ddb_table_release(fetch->table);
}

/* Checks a Key parameter and makes it bytes. */
static int read_key(const struct ddb_fetch *fetch, json_t *map, struct ddb_key *key,
                    struct ddb_fault *f)
{
    size_t size;
    json_t *normal = ddb_item_normal(map, &size, f);
    int rc = normal ? ddb_key_of_key(&fetch->table->schema, normal, key, f) : -1;
    json_decref(normal);
    return rc;
}

/* `size` is the stored item's, before projection: that is what AWS bills. */
int ddb_fetch_item(const struct ddb_fetch *fetch, struct ddb_store *store, json_t *key,
                   json_t **item, size_t *size, struct ddb_fault *f)
{
    struct ddb_key bytes;
    struct error err;
    *item = NULL;
    if (read_key(fetch, key, &bytes, f) != 0)
        return -1;
    if (ddb_store_get(store, fetch->table->id, &bytes, item, size, &err) != 0)
        return ddb_internal(f, &err);
    if (!*item || !fetch->projects)
        return 0;
    json_t *part = ddb_project(&fetch->projection, *item);
    json_decref(*item);
    *item = part;
    return part ? 0 : ddb_no_memory(f);
}

static const struct field get_fields[] = {
    DDB_REQUIRED("TableName", FIELD_STRING, table),
    DDB_REQUIRED("Key", FIELD_OBJECT, key),
    DDB_OPTIONAL("ConsistentRead", FIELD_BOOL, consistent),
    DDB_OPTIONAL("ProjectionExpression", FIELD_STRING, projection),
    DDB_OPTIONAL("ExpressionAttributeNames", FIELD_OBJECT, names),
    DDB_OPTIONAL("ReturnConsumedCapacity", FIELD_STRING, capacity),
};

/* ConsistentRead only changes the price: every read here sees all that was committed before it. */
int ddb_get_item(struct local_dynamodb *d, json_t *input, json_t **output, struct ddb_fault *f)
{
    struct ddb_input in = {0};
    struct ddb_fetch fetch = {0};
    json_t *item = NULL;
    size_t size = 0;
    if (ddb_input_read(get_fields, sizeof get_fields / sizeof *get_fields, input, &in, f) != 0 ||
        ddb_input_word(in.capacity, "returnConsumedCapacity", "NONE|TOTAL|INDEXES", f) != 0)
        return -1;
    int rc = ddb_fetch_compile(&fetch, &in, &d->catalog, f);
    if (rc == 0) {
        struct ddb_store *store = ddb_readers_take(&d->readers);
        rc = ddb_fetch_item(&fetch, store, in.key, &item, &size, f);
        ddb_readers_give(&d->readers, store);
    }
    if (rc == 0) {
        double units = ddb_read_units(size, in.consistent);
        *output = json_pack("{s:o*, s:o*}", "Item", item, "ConsumedCapacity",
                            ddb_capacity(in.capacity, in.table, units));
        rc = *output ? 0 : ddb_no_memory(f);
    }
    ddb_fetch_close(&fetch);
    return rc;
}
