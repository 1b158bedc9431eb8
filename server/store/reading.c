/* Reading: a statement on a connection of its own for as long as its rows are handed out. The rows
 * are those of one snapshot, however much is written meanwhile. */
#include "server/store/store_room.h"

int reading_open(struct reading *r, struct store *s, const char *sql, struct error *err)
{
    *r = (struct reading){.pool = &s->readers};
    r->conn = conn_pool_take(r->pool, err);
    r->stmt = r->conn ? conn_stmt(r->conn, sql, err) : NULL;
    if (r->stmt)
        return 0;
    conn_pool_give(r->pool, r->conn);
    return -1;
}

void reading_close(struct reading *r)
{
    stmt_reset(r->stmt);
    conn_pool_give(r->pool, r->conn);
}

int reading_limit(int limit, struct error *err)
{
    if (limit < 1 || limit > STORE_LIMIT_MAX)
        return err_set(err, ERR_ARGUMENT, "limit must be from 1 to %d", (int)STORE_LIMIT_MAX);
    return 0;
}

/* The statement was bound with limit + 1: a row beyond the limit is seen, but not handed on. */
int rows_each(struct stmt *stmt, int limit, void (*row)(struct stmt *stmt, void *ctx), void *ctx,
              bool *more, struct error *err)
{
    int rc;
    int count = 0;
    while ((rc = stmt_step(stmt, err)) == 1 && count < limit) {
        row(stmt, ctx);
        count++;
    }
    stmt_reset(stmt);
    if (more)
        *more = rc == 1;
    return rc < 0 ? -1 : 0;
}
