/* Tables and tokens in the file (declared in ddb_store.h). The statements are rare, and compiled
 * when needed. */
#include "server/local/dynamodb/ddb_store.h"

#include "lib/base/clock.h"
#include "lib/json/json_read.h"
#include "server/local/dynamodb/ddb_stream.h"

#include <stdio.h>

/* --- tables --------------------------------------------------------------------------------- */

/* One row of `tables` into the catalogue. Its row may be changed under the walk: by id, so that the
 * walk does not meet it again. */
static int load_table(struct ddb_store *s, struct stmt *row, struct ddb_catalog *c,
                      struct error *err)
{
    json_t *definition = NULL;
    if (json_parse(stmt_text(row, 3), stmt_len(row, 3), &definition, err) != 0 ||
        ddb_stream_attach(s, stmt_int(row, 0), stmt_text(row, 1), definition, err) != 0) {
        json_decref(definition);
        return err_wrap(err, "stored table %s", stmt_text(row, 1));
    }
    struct ddb_table *t =
        ddb_table_new(stmt_int(row, 0), stmt_text(row, 1), stmt_int(row, 2), definition);
    if (!t || ddb_catalog_reserve(c) != 0) {
        ddb_table_release(t);
        return err_set(err, ERR_DATABASE, "stored table %s cannot be used", stmt_text(row, 1));
    }
    ddb_catalog_put(c, t);
    return 0;
}

/* Inside a transaction: ddb_stream_attach may write. */
static int load_tables(struct ddb_store *s, struct ddb_catalog *c, struct error *err)
{
    struct stmt *row =
        db_prepare(s->db, "SELECT id, name, created, definition FROM tables ORDER BY id", err);
    if (!row)
        return -1;
    int rc;
    while ((rc = stmt_step(row, err)) == 1)
        if (load_table(s, row, c, err) != 0) {
            rc = -1;
            break;
        }
    stmt_close(row);
    return rc;
}

int ddb_store_load_tables(struct ddb_store *s, struct ddb_catalog *c, struct error *err)
{
    if (db_begin(s->db, err) != 0)
        return -1;
    if (load_tables(s, c, err) == 0 && db_commit(s->db, err) == 0)
        return 0;
    db_rollback(s->db);
    return -1;
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

/* Items that lack the attribute, or have it in another type, give SQL NULL here and stay. All is
 * deleted by the first step, before the first row is given. */
struct stmt *ddb_store_expire(struct ddb_store *s, int64_t id, const char *attribute,
                              struct error *err)
{
    static const char sql[] =
        "DELETE FROM items WHERE table_id = ?1 AND"
        " CAST(json_extract(item, '$.\"' || ?2 || '\".N') AS REAL) BETWEEN ?3 AND ?4"
        " RETURNING size, item";
    const int64_t now = s->now / CLOCK_SECOND;
    const int64_t five_years = INT64_C(5) * 365 * 24 * 3600;
    struct stmt *expire = db_prepare(s->db, sql, err);
    if (!expire)
        return NULL;
    stmt_bind_int(expire, 1, id);
    stmt_bind_text(expire, 2, attribute);
    stmt_bind_int(expire, 3, now - five_years);
    stmt_bind_int(expire, 4, now);
    return expire;
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
