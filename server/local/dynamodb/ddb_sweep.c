/* Sweeping: one transaction for all tables, which writes nothing when nothing is due. */
#include "server/local/dynamodb/ddb_sweep.h"

#include "lib/json/json_read.h"
#include "server/local/dynamodb/ddb_change.h"
#include "server/local/dynamodb/ddb_stream.h"

/* Tells the stream that this row of the walk is gone. */
static int record_expired(const struct ddb_table *t, struct stmt *row, struct ddb_store *store,
                          struct error *err)
{
    struct ddb_fault f = {0};
    json_t *item = ddb_store_row_item(row, err);
    if (!item)
        return -1;
    const struct ddb_change c = {
        .table = t, .old_image = item, .old_size = ddb_store_row_size(row), .expired = true};
    int rc = ddb_change_record(&c, store, &f);
    if (rc != 0)
        err_set(err, ERR_DATABASE, "%s", f.message);
    ddb_fault_clear(&f);
    json_decref(item);
    return rc;
}

static int expire_items(const struct ddb_table *t, const char *attribute, struct ddb_store *store,
                        struct error *err)
{
    struct stmt *walk = ddb_store_expire(store, t->id, attribute, err);
    if (!walk)
        return -1;
    int rc;
    while ((rc = ddb_store_next(walk, err)) == 1)
        if (t->stream && record_expired(t, walk, store, err) != 0) {
            rc = -1;
            break;
        }
    stmt_close(walk);
    return rc;
}

/* A table without TimeToLive has nothing to expire. */
static int sweep_table(struct ddb_store *store, struct ddb_catalog *catalog, const char *name,
                       struct error *err)
{
    struct ddb_table *t = ddb_catalog_get(catalog, name);
    const char *attribute = t ? json_str(t->definition, "TimeToLive", NULL) : NULL;
    int rc = attribute ? expire_items(t, attribute, store, err) : 0;
    ddb_table_release(t);
    return rc;
}

static int sweep_all(struct ddb_store *store, struct ddb_catalog *catalog, struct error *err)
{
    bool more;
    json_t *name;
    size_t i;
    int rc = 0;
    json_t *names = ddb_catalog_names(catalog, NULL, SIZE_MAX, &more);
    json_array_foreach (names, i, name)
        if (rc == 0)
            rc = sweep_table(store, catalog, json_string_value(name), err);
    json_decref(names);
    return rc == 0 ? ddb_stream_sweep(store, err) : rc;
}

int ddb_sweep(struct ddb_store *store, struct ddb_catalog *catalog, struct error *err)
{
    if (db_begin(store->db, err) != 0)
        return -1;
    if (sweep_all(store, catalog, err) == 0 && db_commit(store->db, err) == 0)
        return 0;
    db_rollback(store->db);
    return -1;
}
