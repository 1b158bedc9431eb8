/* All SQL of the service stands in this file.
 *
 * Statements on items are compiled once for each connection and reused; the rare ones on tables and
 * tokens are compiled when needed. Whoever steps a statement resets it, so that no read transaction
 * stays open. */
#include "server/local/dynamodb/ddb_store.h"

#include "lib/json/json_read.h"

#include <stdio.h>
#include <string.h>

/* Rows lie in the order in which a scan meets them; a hash key's rows lie together, by range key.
 * `size` is the item's size as DynamoDB counts it. */
static const struct migration steps[] = {
    {1, "dynamodb 1",
     "CREATE TABLE tables(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE,"
     " created INTEGER NOT NULL, definition TEXT NOT NULL);"
     "CREATE TABLE items(table_id INTEGER NOT NULL, slot INTEGER NOT NULL, hash BLOB NOT NULL,"
     " range BLOB NOT NULL, size INTEGER NOT NULL, item TEXT NOT NULL,"
     " PRIMARY KEY(table_id, slot, hash, range)) WITHOUT ROWID;"
     "CREATE TABLE tokens(token TEXT PRIMARY KEY, digest TEXT NOT NULL, created INTEGER NOT NULL)"
     " WITHOUT ROWID;"
     "CREATE INDEX tokens_by_age ON tokens(created);"},
};

#define ONE_ITEM "table_id = ?1 AND slot = ?2 AND hash = ?3 AND range = ?4"
#define SOME_ITEMS "table_id = ?1 AND slot = ?2 AND hash = ?3 AND range >= ?4 AND range < ?5"

/* A statement, where its handle goes, and whether a reader needs it. */
struct prepared {
    size_t offset;
    bool writes;
    const char *sql;
};

static const struct prepared statements[] = {
    {offsetof(struct ddb_store, get), false, "SELECT size, item FROM items WHERE " ONE_ITEM},
    {offsetof(struct ddb_store, put), true,
     "INSERT INTO items(table_id, slot, hash, range, size, item) VALUES(?1, ?2, ?3, ?4, ?5, ?6)"
     " ON CONFLICT DO UPDATE SET size = excluded.size, item = excluded.item"},
    {offsetof(struct ddb_store, remove), true, "DELETE FROM items WHERE " ONE_ITEM},
    {offsetof(struct ddb_store, query_up), false,
     "SELECT size, item FROM items WHERE " SOME_ITEMS " ORDER BY range"},
    {offsetof(struct ddb_store, query_down), false,
     "SELECT size, item FROM items WHERE " SOME_ITEMS " ORDER BY range DESC"},
    {offsetof(struct ddb_store, scan), false,
     "SELECT size, item FROM items WHERE table_id = ?1 AND (slot, hash, range) > (?2, ?3, ?4)"
     " AND slot <= ?5 ORDER BY slot, hash, range"},
    {offsetof(struct ddb_store, count), false,
     "SELECT count(*), coalesce(sum(size), 0) FROM items WHERE table_id = ?1"},
};

/* Where the table of statements puts a prepared one. */
static struct stmt **slot_of(struct ddb_store *s, const struct prepared *p)
{
    return (struct stmt **)(void *)((char *)s + p->offset);
}

/* Readers cannot compile statements that write. */
static int prepare_all(struct ddb_store *s, enum db_mode mode, struct error *err)
{
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++) {
        const struct prepared *p = &statements[i];
        if (p->writes && mode == DB_READ_ONLY)
            continue;
        *slot_of(s, p) = db_prepare(s->db, p->sql, err);
        if (!*slot_of(s, p))
            return -1;
    }
    return 0;
}

int ddb_store_open(struct ddb_store *s, const char *path, enum db_mode mode, struct error *err)
{
    *s = (struct ddb_store){.db = db_open(path, mode, err)};
    if (!s->db)
        return -1;
    int rc = 0;
    if (mode == DB_READ_WRITE)
        rc = db_migrate(s->db, steps, sizeof steps / sizeof *steps, err);
    if (rc == 0)
        rc = prepare_all(s, mode, err);
    if (rc != 0)
        ddb_store_close(s);
    return rc;
}

void ddb_store_close(struct ddb_store *s)
{
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++)
        stmt_close(*slot_of(s, &statements[i]));
    db_close(s->db);
    *s = (struct ddb_store){0};
}

/* --- tables --------------------------------------------------------------------------------- */

/* One row of `tables` into the catalogue. */
static int load_table(struct stmt *row, struct ddb_catalog *c, struct error *err)
{
    json_t *definition = NULL;
    if (json_parse(stmt_text(row, 3), stmt_len(row, 3), &definition, err) != 0)
        return err_wrap(err, "stored table %s", stmt_text(row, 1));
    struct ddb_table *t =
        ddb_table_new(stmt_int(row, 0), stmt_text(row, 1), stmt_int(row, 2), definition);
    if (!t || ddb_catalog_reserve(c) != 0) {
        ddb_table_release(t);
        return err_set(err, ERR_DATABASE, "stored table %s cannot be used", stmt_text(row, 1));
    }
    ddb_catalog_put(c, t);
    return 0;
}

int ddb_store_load_tables(struct ddb_store *s, struct ddb_catalog *c, struct error *err)
{
    struct stmt *row = db_prepare(s->db, "SELECT id, name, created, definition FROM tables", err);
    if (!row)
        return -1;
    int rc;
    while ((rc = stmt_step(row, err)) == 1)
        if (load_table(row, c, err) != 0) {
            rc = -1;
            break;
        }
    stmt_close(row);
    return rc;
}

/* RETURNING gives its row first and inserts before that; the second step ends the statement. */
int ddb_store_add_table(struct ddb_store *s, const char *name, int64_t created, json_t *definition,
                        int64_t *id, struct error *err)
{
    static const char sql[] = "INSERT INTO tables(name, created, definition) VALUES(?1, ?2, ?3)"
                              " RETURNING id";
    struct buf text;
    buf_init(&text, BUF_MAX_PAYLOAD);
    json_dump(&text, definition);
    struct stmt *in = buf_check(&text, err) == 0 ? db_prepare(s->db, sql, err) : NULL;
    int rc = -1;
    if (in) {
        stmt_bind_text(in, 1, name);
        stmt_bind_int(in, 2, created);
        stmt_bind_textn(in, 3, buf_str(&text), text.len);
        rc = stmt_step(in, err);
        if (rc == 1) {
            *id = stmt_int(in, 0);
            rc = stmt_step(in, err);
        }
    }
    stmt_close(in);
    buf_free(&text);
    return rc;
}

/* The id stays: items belong to it. */
int ddb_store_change_table(struct ddb_store *s, int64_t id, json_t *definition, struct error *err)
{
    struct buf text;
    buf_init(&text, BUF_MAX_PAYLOAD);
    json_dump(&text, definition);
    struct stmt *change = NULL;
    if (buf_check(&text, err) == 0)
        change = db_prepare(s->db, "UPDATE tables SET definition = ?2 WHERE id = ?1", err);
    int rc = -1;
    if (change) {
        stmt_bind_int(change, 1, id);
        stmt_bind_textn(change, 2, buf_str(&text), text.len);
        rc = stmt_run(change, err);
    }
    stmt_close(change);
    buf_free(&text);
    return rc;
}

/* Runs a statement whose only parameter is an id or a time. */
static int run_for(struct ddb_store *s, const char *sql, int64_t id, struct error *err)
{
    struct stmt *one = db_prepare(s->db, sql, err);
    if (!one)
        return -1;
    stmt_bind_int(one, 1, id);
    int rc = stmt_run(one, err);
    stmt_close(one);
    return rc;
}

/* In the transaction of the caller: no orphaned items if it fails. */
int ddb_store_drop_table(struct ddb_store *s, int64_t id, struct error *err)
{
    if (run_for(s, "DELETE FROM items WHERE table_id = ?1", id, err) != 0)
        return -1;
    return run_for(s, "DELETE FROM tables WHERE id = ?1", id, err);
}

/* Items that lack the attribute, or have it in another type, give SQL NULL here and stay. */
int ddb_store_expire(struct ddb_store *s, int64_t id, const char *attribute, int64_t now,
                     struct error *err)
{
    static const char sql[] =
        "DELETE FROM items WHERE table_id = ?1 AND"
        " CAST(json_extract(item, '$.\"' || ?2 || '\".N') AS REAL) BETWEEN ?3 AND ?4";
    const int64_t five_years = INT64_C(5) * 365 * 24 * 3600;
    struct stmt *expire = db_prepare(s->db, sql, err);
    if (!expire)
        return -1;
    stmt_bind_int(expire, 1, id);
    stmt_bind_text(expire, 2, attribute);
    stmt_bind_int(expire, 3, now - five_years);
    stmt_bind_int(expire, 4, now);
    int rc = stmt_run(expire, err);
    stmt_close(expire);
    return rc;
}

/* --- items ---------------------------------------------------------------------------------- */

/* Parameters 1 to 4, in every statement on items. */
static void bind_key(struct stmt *stmt, int64_t table, const struct ddb_key *key)
{
    stmt_bind_int(stmt, 1, table);
    stmt_bind_int(stmt, 2, key->slot);
    stmt_bind_blob(stmt, 3, key->hash, key->hash_len);
    stmt_bind_blob(stmt, 4, key->range, key->range_len);
}

int ddb_store_get(struct ddb_store *s, int64_t table, const struct ddb_key *key, json_t **item,
                  size_t *size, struct error *err)
{
    *item = NULL;
    *size = 0;
    bind_key(s->get, table, key);
    int rc = stmt_step(s->get, err);
    if (rc == 1) {
        *size = ddb_store_row_size(s->get);
        *item = ddb_store_row_item(s->get, err);
        rc = *item ? 0 : -1;
    }
    stmt_reset(s->get);
    return rc;
}

/* The text is what reads give back: normal form, compact. */
int ddb_store_put(struct ddb_store *s, int64_t table, const struct ddb_key *key, json_t *item,
                  size_t size, struct error *err)
{
    struct buf text;
    buf_init(&text, BUF_MAX_AWS_REPLY);
    json_dump(&text, item);
    int rc = buf_check(&text, err);
    if (rc == 0) {
        bind_key(s->put, table, key);
        stmt_bind_int(s->put, 5, (int64_t)size);
        stmt_bind_textn(s->put, 6, buf_str(&text), text.len);
        rc = stmt_run(s->put, err);
    }
    buf_free(&text);
    return rc;
}

int ddb_store_remove(struct ddb_store *s, int64_t table, const struct ddb_key *key,
                     struct error *err)
{
    bind_key(s->remove, table, key);
    return stmt_run(s->remove, err);
}

int ddb_store_count(struct ddb_store *s, int64_t table, int64_t *items, int64_t *bytes,
                    struct error *err)
{
    stmt_bind_int(s->count, 1, table);
    int rc = stmt_step(s->count, err);
    if (rc == 1) {
        *items = stmt_int(s->count, 0);
        *bytes = stmt_int(s->count, 1);
        rc = 0;
    }
    stmt_reset(s->count);
    return rc;
}

/* --- walking -------------------------------------------------------------------------------- */

/* Up and down are two statements, for ORDER BY takes no parameter. */
struct stmt *ddb_store_query(struct ddb_store *s, int64_t table, const struct ddb_bounds *bounds,
                             bool upward)
{
    struct stmt *walk = upward ? s->query_up : s->query_down;
    bind_key(walk, table, &bounds->low);
    stmt_bind_blob(walk, 5, bounds->high, bounds->high_len);
    return walk;
}

struct stmt *ddb_store_scan(struct ddb_store *s, int64_t table, uint32_t first, uint32_t last,
                            const struct ddb_key *after)
{
    stmt_bind_int(s->scan, 1, table);
    stmt_bind_int(s->scan, 5, last);
    if (after) {
        bind_key(s->scan, table, after);
        return s->scan;
    }
    /* No hash key is empty, so an empty one lies before all of the first slot. */
    stmt_bind_int(s->scan, 2, first);
    stmt_bind_blob(s->scan, 3, NULL, 0);
    stmt_bind_blob(s->scan, 4, NULL, 0);
    return s->scan;
}

int ddb_store_next(struct stmt *walk, struct error *err)
{
    return stmt_step(walk, err);
}

size_t ddb_store_row_size(struct stmt *walk)
{
    return (size_t)stmt_int(walk, 0);
}

/* The text is our own, so it is not searched for duplicate members again. */
json_t *ddb_store_row_item(struct stmt *walk, struct error *err)
{
    json_error_t at;
    const char *text = stmt_text(walk, 1);
    json_t *item = text ? json_loadb(text, stmt_len(walk, 1), JSON_ALLOW_NUL, &at) : NULL;
    if (!item)
        err_set(err, ERR_DATABASE, "a stored item is damaged, or memory is out");
    return item;
}

/* --- tokens --------------------------------------------------------------------------------- */

/* Forgetting first keeps the table as small as ten minutes of tokens. */
int ddb_store_find_token(struct ddb_store *s, const char *token, int64_t oldest, char *digest,
                         size_t digest_room, struct error *err)
{
    digest[0] = '\0';
    if (run_for(s, "DELETE FROM tokens WHERE created < ?1", oldest, err) != 0)
        return -1;
    struct stmt *find = db_prepare(s->db, "SELECT digest FROM tokens WHERE token = ?1", err);
    if (!find)
        return -1;
    stmt_bind_text(find, 1, token);
    int rc = stmt_step(find, err);
    if (rc == 1) {
        (void)snprintf(digest, digest_room, "%s", stmt_text(find, 0));
        rc = 0;
    }
    stmt_close(find);
    return rc;
}

int ddb_store_add_token(struct ddb_store *s, const char *token, const char *digest, int64_t now,
                        struct error *err)
{
    struct stmt *add = db_prepare(s->db, "INSERT INTO tokens VALUES(?1, ?2, ?3)", err);
    if (!add)
        return -1;
    stmt_bind_text(add, 1, token);
    stmt_bind_text(add, 2, digest);
    stmt_bind_int(add, 3, now);
    int rc = stmt_run(add, err);
    stmt_close(add);
    return rc;
}
