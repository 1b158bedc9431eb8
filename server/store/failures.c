/* Failed and cancelled tasks in groups, by the class that is stored with each. */
#include "lib/verdict/verdict.h"
#include "server/store/store_room.h"

/* What the groups of one answer share. */
struct failures {
    struct conn *conn;
    int64_t run_id;
    int64_t total;
    store_failure_fn fn;
    void *ctx;
    int rc; /* of the inner statements, with err */
    struct error *err;
};

/* Columns of the outer statement. */
enum {
    COL_REASON,
    COL_STATUS,
    COL_STOP_CODE,
    COL_EXIT_CODE,
    COL_BEGINNING,
    COL_COUNT,
    COL_FIRST_AT,
    COL_FIRST_SEQ,
    COL_TOTAL
};

/* From the group's first task on, by the index on reason: it ends with the fifth name. */
static struct stmt *open_members(const struct failures *f, struct stmt *group)
{
    struct stmt *stmt = conn_stmt(
        f->conn,
        "SELECT name, stopped_reason FROM tasks WHERE run_id = ?1 AND reason = ?2 AND seq >= ?3"
        " AND status = ?4 AND stop_code IS ?5 AND exit_code = ?6"
        " AND substr(stopped_reason, 1, ?7) IS ?8 ORDER BY seq LIMIT ?9",
        f->err);
    if (!stmt)
        return NULL;
    stmt_bind_int(stmt, 1, f->run_id);
    stmt_bind_text(stmt, 2, stmt_text(group, COL_REASON));
    stmt_bind_int(stmt, 3, stmt_int(group, COL_FIRST_SEQ));
    stmt_bind_int(stmt, 4, stmt_int(group, COL_STATUS));
    stmt_bind_text(stmt, 5, stmt_text(group, COL_STOP_CODE));
    stmt_bind_int(stmt, 6, stmt_int(group, COL_EXIT_CODE));
    stmt_bind_int(stmt, 7, VERDICT_GROUP_CHARS);
    stmt_bind_text(stmt, 8, stmt_text(group, COL_BEGINNING));
    stmt_bind_int(stmt, 9, STORE_FAILURE_NAMES);
    return stmt;
}

/* Adds the first names and the whole reason of the first one. The texts are copied to `texts`,
 * whose offsets become pointers when it no longer grows. */
static int read_members(struct stmt *members, struct buf *texts, size_t *offsets, size_t *count,
                        struct error *err)
{
    int rc;
    while ((rc = stmt_step(members, err)) == 1 && *count < STORE_FAILURE_NAMES) {
        const char *why = stmt_text(members, 1);
        if (*count == 0 && why)
            buf_adds(texts, why);
        buf_addc(texts, '\0');
        offsets[(*count)++] = texts->len;
        buf_adds(texts, stmt_text(members, 0));
    }
    buf_addc(texts, '\0');
    stmt_reset(members);
    return rc < 0 ? -1 : buf_check(texts, err);
}

static void hand_over(const struct failures *f, struct stmt *group, const struct buf *texts,
                      const size_t *offsets, size_t count)
{
    const char *names[STORE_FAILURE_NAMES];
    for (size_t i = 0; i < count; i++)
        names[i] = texts->data + offsets[i];
    const struct store_failure failure = {
        .reason = stmt_text(group, COL_REASON),
        .status = (enum audit_status)stmt_int(group, COL_STATUS),
        .stop_code = stmt_text(group, COL_STOP_CODE),
        .stopped_reason = stmt_text(group, COL_BEGINNING) ? texts->data : NULL,
        .exit_code = stmt_int(group, COL_EXIT_CODE),
        .count = stmt_int(group, COL_COUNT),
        .first_at = stmt_int(group, COL_FIRST_AT),
        .names = names,
        .name_count = count,
    };
    f->fn(f->ctx, &failure);
}

/* One row of the outer statement. */
static void read_group(struct stmt *group, void *ctx)
{
    struct failures *f = ctx;
    struct buf texts;
    size_t offsets[STORE_FAILURE_NAMES], count = 0;
    f->total = stmt_int(group, COL_TOTAL);
    if (f->rc)
        return;
    buf_init(&texts, BUF_MAX_LINE);
    struct stmt *members = open_members(f, group);
    f->rc = members ? read_members(members, &texts, offsets, &count, f->err) : -1;
    if (!f->rc)
        hand_over(f, group, &texts, offsets, count);
    buf_free(&texts);
}

int store_failures(struct store *s, int64_t run_id, int limit, store_failure_fn fn, void *ctx,
                   int64_t *total, struct error *err)
{
    struct reading r;
    *total = 0;
    if (reading_limit(limit, err) ||
        reading_open(&r, s,
                     "SELECT reason, status, stop_code, exit_code, substr(stopped_reason, 1, ?2),"
                     " count(*), coalesce(min(nullif(update_time, 0)), 0), min(seq),"
                     " sum(count(*)) OVER () FROM tasks WHERE run_id = ?1 AND reason IS NOT NULL"
                     " GROUP BY 1, 2, 3, 4, 5 ORDER BY 6 DESC, 8 LIMIT ?3",
                     err))
        return -1;
    stmt_bind_int(r.stmt, 1, run_id);
    stmt_bind_int(r.stmt, 2, VERDICT_GROUP_CHARS);
    stmt_bind_int(r.stmt, 3, limit);
    struct failures f = {.conn = r.conn, .run_id = run_id, .fn = fn, .ctx = ctx, .err = err};
    int rc = rows_each(r.stmt, limit, read_group, &f, NULL, err);
    reading_close(&r);
    *total = f.total;
    return rc ? rc : f.rc;
}

/* --- tasks of an older version ---------------------------------------------------------------- */

/* 1: one was given its class; 0: there is none left; -1. */
static int classify_one(struct conn *conn, struct error *err)
{
    struct stmt *find = conn_stmt(conn,
                                  "SELECT run_id, seq, status, stop_code, stopped_reason, exit_code"
                                  " FROM tasks WHERE reason IS NULL AND status IN (3, 4) LIMIT 1",
                                  err);
    struct stmt *set = find ? conn_stmt(conn,
                                        "UPDATE tasks SET reason = ?3 WHERE run_id = ?1"
                                        " AND seq = ?2",
                                        err)
                            : NULL;
    int rc = set ? stmt_step(find, err) : -1;
    if (rc == 1) {
        const struct verdict_end end = {(enum audit_status)stmt_int(find, 2), stmt_text(find, 3),
                                        stmt_text(find, 4), stmt_int(find, 5)};
        stmt_bind_int(set, 1, stmt_int(find, 0));
        stmt_bind_int(set, 2, stmt_int(find, 1));
        stmt_bind_text(set, 3, verdict_name(verdict_classify(&end)));
        stmt_reset(find);
        if (stmt_run(set, err))
            return -1;
    } else if (find) {
        stmt_reset(find);
    }
    return rc;
}

/* A failed or cancelled task always has a class, so this ends. */
int failures_classify(struct conn *conn, struct error *err)
{
    int rc;
    if (db_begin(conn->db, err))
        return -1;
    do
        rc = classify_one(conn, err);
    while (rc == 1);
    if (rc == 0 && db_commit(conn->db, err) == 0)
        return 0;
    db_rollback(conn->db);
    return -1;
}
