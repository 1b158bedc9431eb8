/* How far the audit tables' streams were read. Nobody is woken by these changes: they are no run's.
 */
#include "server/store/store_room.h"

#include <limits.h>

struct position_reader {
    store_position_fn fn;
    void *ctx;
};

static void read_position(struct stmt *stmt, void *ctx)
{
    const struct position_reader *reader = ctx;
    const struct store_position position = {.table = stmt_text(stmt, 0),
                                            .stream = stmt_text(stmt, 1),
                                            .shard = stmt_text(stmt, 2),
                                            .sequence = stmt_text(stmt, 3),
                                            .done = stmt_int(stmt, 4) != 0};
    reader->fn(reader->ctx, &position);
}

int store_position_list(struct store *s, const char *stream, store_position_fn fn, void *ctx,
                        struct error *err)
{
    static const char sql[] = "SELECT table_name, stream, shard, sequence, done"
                              " FROM stream_positions WHERE stream = ?1 ORDER BY shard";
    struct reading r;
    if (reading_open(&r, s, sql, err))
        return -1;
    stmt_bind_text(r.stmt, 1, stream);
    int rc =
        rows_each(r.stmt, INT_MAX, read_position, &(struct position_reader){fn, ctx}, NULL, err);
    reading_close(&r);
    return rc;
}

static int set_position(struct write *w, void *arg, struct error *err)
{
    const struct store_position *p = arg;
    struct stmt *stmt = conn_stmt(w->conn,
                                  "INSERT INTO stream_positions (stream, shard, table_name,"
                                  " sequence, done) VALUES (?1, ?2, ?3, ?4, ?5)"
                                  " ON CONFLICT (stream, shard) DO UPDATE SET"
                                  " sequence = excluded.sequence, done = excluded.done",
                                  err);
    if (!stmt)
        return -1;
    stmt_bind_text(stmt, 1, p->stream);
    stmt_bind_text(stmt, 2, p->shard);
    stmt_bind_text(stmt, 3, p->table);
    stmt_bind_text(stmt, 4, p->sequence);
    stmt_bind_int(stmt, 5, p->done);
    return stmt_run(stmt, err);
}

int store_position_set(struct store *s, const struct store_position *position, struct error *err)
{
    struct store_position copy = *position;
    return writer_do(&s->writer, set_position, &copy, err);
}

static int forget_position(struct write *w, void *arg, struct error *err)
{
    const struct store_position *p = arg;
    static const char one[] =
        "DELETE FROM stream_positions WHERE table_name = ?1 AND stream IS ?2 AND shard = ?3";
    static const char others[] =
        "DELETE FROM stream_positions WHERE table_name = ?1 AND stream IS NOT ?2";
    struct stmt *stmt = conn_stmt(w->conn, p->shard ? one : others, err);
    if (!stmt)
        return -1;
    stmt_bind_text(stmt, 1, p->table);
    stmt_bind_text(stmt, 2, p->stream);
    if (p->shard)
        stmt_bind_text(stmt, 3, p->shard);
    return stmt_run(stmt, err);
}

int store_position_forget(struct store *s, const char *table, const char *stream, const char *shard,
                          struct error *err)
{
    struct store_position position = {.table = table, .stream = stream, .shard = shard};
    return writer_do(&s->writer, forget_position, &position, err);
}
