/* Letting go of old runs' descriptions, tasks and events, a little at a time: whoever writes
 * besides waits for no more than one step. The run's row stays, with its totals. */
#include "server/store/store_room.h"

struct retain {
    int64_t before;
    int limit;
    bool more;
};

/* The run that ended first and still has all; 0: none is that old. */
static int oldest(struct write *w, int64_t before, int64_t *id, struct error *err)
{
    struct stmt *stmt = conn_stmt(w->conn,
                                  "SELECT id FROM runs WHERE ended_at > 0 AND trimmed_at = 0"
                                  " AND ended_at < ?1 ORDER BY ended_at LIMIT 1",
                                  err);
    if (!stmt)
        return -1;
    stmt_bind_int(stmt, 1, before);
    *id = 0;
    return stmt_number(stmt, id, err) < 0 ? -1 : 0;
}

/* Deletes up to `limit` rows; 1: there may be more, 0: that was all, -1. */
static int delete_some(struct write *w, const char *sql, const char *left, int64_t id, int limit,
                       struct error *err)
{
    struct stmt *stmt = conn_stmt(w->conn, sql, err);
    if (!stmt)
        return -1;
    stmt_bind_int(stmt, 1, id);
    stmt_bind_int(stmt, 2, limit);
    if (stmt_run(stmt, err) || !(stmt = conn_stmt(w->conn, left, err)))
        return -1;
    stmt_bind_int(stmt, 1, id);
    int rc = stmt_step(stmt, err);
    stmt_reset(stmt);
    return rc;
}

static int mark(struct write *w, int64_t id, struct error *err)
{
    struct stmt *stmt =
        conn_stmt(w->conn, "UPDATE runs SET trimmed_at = ?2, version = ?3 WHERE id = ?1", err);
    if (!stmt)
        return -1;
    stmt_bind_int(stmt, 1, id);
    stmt_bind_int(stmt, 2, w->now);
    stmt_bind_int(stmt, 3, w->version);
    w->changed = true;
    return stmt_run(stmt, err);
}

static int retain_step(struct write *w, void *arg, struct error *err)
{
    struct retain *r = arg;
    int64_t id = 0;
    if (oldest(w, r->before, &id, err))
        return -1;
    r->more = id != 0;
    if (!id)
        return 0;
    int rc =
        delete_some(w,
                    "DELETE FROM ecs_descriptions WHERE run_id = ?1 AND seq IN"
                    " (SELECT seq FROM ecs_descriptions WHERE run_id = ?1 ORDER BY seq"
                    " LIMIT ?2)",
                    "SELECT 1 FROM ecs_descriptions WHERE run_id = ?1 LIMIT 1", id, r->limit, err);
    if (rc == 0)
        rc = delete_some(w,
                         "DELETE FROM tasks WHERE run_id = ?1 AND seq IN"
                         " (SELECT seq FROM tasks WHERE run_id = ?1 ORDER BY seq LIMIT ?2)",
                         "SELECT 1 FROM tasks WHERE run_id = ?1 LIMIT 1", id, r->limit, err);
    if (rc == 0)
        rc = delete_some(w,
                         "DELETE FROM events WHERE run_id = ?1 AND id IN"
                         " (SELECT id FROM events WHERE run_id = ?1 ORDER BY id LIMIT ?2)",
                         "SELECT 1 FROM events WHERE run_id = ?1 LIMIT 1", id, r->limit, err);
    if (rc == 0)
        rc = mark(w, id, err);
    return rc < 0 ? -1 : 0;
}

int store_retain(struct store *s, int64_t before, int limit, bool *more, struct error *err)
{
    struct retain r = {.before = before, .limit = limit};
    int rc = writer_do(&s->writer, retain_step, &r, err);
    *more = !rc && r.more;
    return rc;
}
