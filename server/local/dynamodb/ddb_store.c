/* The schema, and all SQL on items. That on tables and tokens is in ddb_store_tables.c, that on
 * streams in ddb_stream_write.c and ddb_stream_find.c.
 *
 * Statements on items are compiled once for each connection and reused; the rare ones elsewhere are
 * compiled when needed. Whoever steps a statement resets it, so that no read transaction
 * stays open. */
#include "server/local/dynamodb/ddb_store.h"

#include "lib/json/json_read.h"

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
    {2, "dynamodb 2",
     "CREATE TABLE streams(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL,"
     " created INTEGER NOT NULL, view TEXT NOT NULL, keys TEXT NOT NULL,"
     " trimmed INTEGER NOT NULL DEFAULT 0, disabled INTEGER, UNIQUE(name, created));"
     "CREATE TABLE shards(id INTEGER PRIMARY KEY AUTOINCREMENT, stream_id INTEGER NOT NULL,"
     " parent INTEGER, parent_created INTEGER, first INTEGER NOT NULL, last INTEGER,"
     " created INTEGER NOT NULL, closed INTEGER);"
     "CREATE INDEX shards_by_stream ON shards(stream_id, last);"
     "CREATE TABLE records(stream_id INTEGER NOT NULL, number INTEGER NOT NULL,"
     " created INTEGER NOT NULL, event TEXT NOT NULL, expired INTEGER NOT NULL,"
     " size INTEGER NOT NULL, images TEXT NOT NULL, PRIMARY KEY(stream_id, number)) WITHOUT ROWID;"
     "CREATE TRIGGER streams_trim AFTER UPDATE OF trimmed ON streams BEGIN"
     " DELETE FROM records WHERE stream_id = new.id AND number <= new.trimmed; END;"
     "CREATE TRIGGER streams_gone AFTER DELETE ON streams BEGIN"
     " DELETE FROM records WHERE stream_id = old.id; DELETE FROM shards WHERE stream_id = old.id;"
     " END;"
     "CREATE VIEW heads AS SELECT h.id, h.stream_id, h.first, h.created, max(h.first - 1,"
     " s.trimmed, coalesce((SELECT max(number) FROM records WHERE stream_id = h.stream_id), 0))"
     " AS latest FROM shards h JOIN streams s ON s.id = h.stream_id WHERE h.last IS NULL;"},
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
    {offsetof(struct ddb_store, head), true,
     "SELECT first, created, latest FROM heads WHERE stream_id = ?1"},
    {offsetof(struct ddb_store, record), true,
     "INSERT INTO records VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)"},
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
