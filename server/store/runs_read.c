/* Reading runs: one, a filtered page, the changed ones, and their large texts. */
#include "server/store/store_room.h"

#include <string.h>

#define RUN_COLUMNS                                                                                \
    "SELECT id, version, pattern, workflow_name, status, reason, execution_name, execution_arn,"   \
    " execution_status, error, cause, idempotency_key, labels, task_count, submitted_tasks,"       \
    " running_tasks, completed_tasks, failed_tasks, cancelled_tasks, submitted_at, started_at,"    \
    " ended_at, updated_at, start_attempts, start_error, parent_id, cancel_at,"                    \
    " cancel_reason, origin, trimmed_at, unlisted, found_ended FROM runs"

/* The caller's function travels through rows_each in this. */
struct run_reader {
    store_run_fn fn;
    void *ctx;
};

/* Columns in the order of RUN_COLUMNS. */
static void read_run(struct stmt *stmt, void *ctx)
{
    const struct run_reader *reader = ctx;
    const struct store_run run = {
        .id = stmt_int(stmt, 0),
        .version = stmt_int(stmt, 1),
        .pattern = (int)stmt_int(stmt, 2),
        .workflow_name = stmt_text(stmt, 3),
        .status = (enum audit_status)stmt_int(stmt, 4),
        .reason = stmt_text(stmt, 5),
        .execution_name = stmt_text(stmt, 6),
        .execution_arn = stmt_text(stmt, 7),
        .execution_status = stmt_text(stmt, 8),
        .error = stmt_text(stmt, 9),
        .cause = stmt_text(stmt, 10),
        .idempotency_key = stmt_text(stmt, 11),
        .labels = stmt_text(stmt, 12),
        .task_count = stmt_int(stmt, 13),
        .submitted_tasks = stmt_int(stmt, 14),
        .running_tasks = stmt_int(stmt, 15),
        .completed_tasks = stmt_int(stmt, 16),
        .failed_tasks = stmt_int(stmt, 17),
        .cancelled_tasks = stmt_int(stmt, 18),
        .submitted_at = stmt_int(stmt, 19),
        .started_at = stmt_int(stmt, 20),
        .ended_at = stmt_int(stmt, 21),
        .updated_at = stmt_int(stmt, 22),
        .start_attempts = stmt_int(stmt, 23),
        .start_error = stmt_text(stmt, 24),
        .parent_id = stmt_int(stmt, 25),
        .cancel_at = stmt_int(stmt, 26),
        .cancel_reason = stmt_text(stmt, 27),
        .elsewhere = stmt_int(stmt, 28) != 0,
        .trimmed_at = stmt_int(stmt, 29),
        .unlisted = stmt_text(stmt, 30),
        .found_ended = stmt_int(stmt, 31) != 0,
    };
    reader->fn(reader->ctx, &run);
}

int store_run_get(struct store *s, int64_t id, store_run_fn fn, void *ctx, struct error *err)
{
    struct reading r;
    if (reading_open(&r, s, RUN_COLUMNS " WHERE id = ?1", err))
        return -1;
    stmt_bind_int(r.stmt, 1, id);
    int rc = stmt_step(r.stmt, err);
    if (rc == 1)
        read_run(r.stmt, &(struct run_reader){fn, ctx});
    reading_close(&r);
    if (rc == 0)
        return no_run(id, err);
    return rc == 1 ? 0 : -1;
}

int store_execution_known(struct store *s, int pattern, const char *arn, const char *name,
                          struct error *err)
{
    static const char sql[] =
        "SELECT 1 FROM runs WHERE execution_arn = ?1 UNION ALL SELECT 1 FROM runs"
        " WHERE execution_name = ?2 AND pattern = ?3 AND execution_arn IS NULL AND status = ?4";
    struct reading r;
    if (reading_open(&r, s, sql, err))
        return -1;
    stmt_bind_text(r.stmt, 1, arn);
    stmt_bind_text(r.stmt, 2, name);
    stmt_bind_int(r.stmt, 3, pattern);
    stmt_bind_int(r.stmt, 4, AUDIT_SUBMITTED);
    int rc = stmt_step(r.stmt, err);
    reading_close(&r);
    return rc;
}

/* `%text%` for LIKE ... ESCAPE '\'. */
static void like_pattern(struct buf *out, const char *text)
{
    buf_addc(out, '%');
    for (const char *p = text; *p; p++) {
        if (*p == '%' || *p == '_' || *p == '\\')
            buf_addc(out, '\\');
        buf_addc(out, *p);
    }
    buf_addc(out, '%');
}

/* Only the conditions in use are in the text, so that SQLite picks the index that fits. Their
 * parameters keep their numbers. */
static void list_sql(struct buf *sql, const struct store_run_filter *f)
{
    buf_adds(sql, RUN_COLUMNS " WHERE TRUE");
    if (f->before > 0)
        buf_adds(sql, " AND (submitted_at, id) <"
                      " (SELECT submitted_at, id FROM runs WHERE id = ?1)");
    if (f->status >= 0)
        buf_adds(sql, " AND status = ?2");
    if (f->pattern)
        buf_adds(sql, " AND pattern = ?3");
    if (f->name)
        buf_adds(sql, " AND workflow_name = ?4");
    if (f->since)
        buf_adds(sql, " AND submitted_at >= ?5");
    if (f->until)
        buf_adds(sql, " AND submitted_at <= ?6");
    if (f->ended_since)
        buf_adds(sql, " AND ended_at > 0 AND ended_at >= ?10");
    if (f->parent_id)
        buf_adds(sql, " AND parent_id > 0 AND parent_id = ?9");
    if (f->text)
        buf_adds(sql, " AND (workflow_name LIKE ?7 ESCAPE '\\' OR reason LIKE ?7 ESCAPE '\\'"
                      " OR id LIKE ?7 ESCAPE '\\' OR labels LIKE ?7 ESCAPE '\\'"
                      " OR EXISTS (SELECT 1 FROM tasks WHERE run_id = runs.id"
                      " AND (name LIKE ?7 ESCAPE '\\' OR object_key LIKE ?7 ESCAPE '\\')))");
    buf_adds(sql, " ORDER BY submitted_at DESC, id DESC LIMIT ?8");
}

/* Parameters of conditions that are not in the text must not be bound. */
static void list_bind(struct stmt *stmt, const struct store_run_filter *f, const char *like)
{
    if (f->before > 0)
        stmt_bind_int(stmt, 1, f->before);
    if (f->status >= 0)
        stmt_bind_int(stmt, 2, f->status);
    if (f->pattern)
        stmt_bind_int(stmt, 3, f->pattern);
    if (f->name)
        stmt_bind_text(stmt, 4, f->name);
    if (f->since)
        stmt_bind_int(stmt, 5, f->since);
    if (f->until)
        stmt_bind_int(stmt, 6, f->until);
    if (f->text)
        stmt_bind_text(stmt, 7, like);
    stmt_bind_int(stmt, 8, (int64_t)f->limit + 1);
    if (f->parent_id)
        stmt_bind_int(stmt, 9, f->parent_id);
    if (f->ended_since)
        stmt_bind_int(stmt, 10, f->ended_since);
}

/* The text of the statement depends on the filter; each kind is prepared once and kept. */
int store_run_list(struct store *s, const struct store_run_filter *filter, store_run_fn fn,
                   void *ctx, bool *more, struct error *err)
{
    *more = false;
    if (reading_limit(filter->limit, err))
        return -1;
    int rc = -1;
    struct reading r;
    struct buf sql;
    struct buf like;
    buf_init(&sql, BUF_MAX_LINE);
    buf_init(&like, BUF_MAX_LINE);
    list_sql(&sql, filter);
    if (filter->text)
        like_pattern(&like, filter->text);
    if (!buf_check(&sql, err) && !buf_check(&like, err) &&
        !reading_open(&r, s, buf_str(&sql), err)) {
        list_bind(r.stmt, filter, buf_str(&like));
        rc = rows_each(r.stmt, filter->limit, read_run, &(struct run_reader){fn, ctx}, more, err);
        reading_close(&r);
    }
    buf_free(&like);
    buf_free(&sql);
    return rc;
}

/* By version, which every change raises: who knows the last version asks for what came since. */
int store_run_changes(struct store *s, int64_t after_version, int limit, store_run_fn fn, void *ctx,
                      bool *more, struct error *err)
{
    struct reading r;
    *more = false;
    if (reading_limit(limit, err) ||
        reading_open(&r, s, RUN_COLUMNS " WHERE version > ?1 ORDER BY version LIMIT ?2", err))
        return -1;
    stmt_bind_int(r.stmt, 1, after_version);
    stmt_bind_int(r.stmt, 2, (int64_t)limit + 1);
    int rc = rows_each(r.stmt, limit, read_run, &(struct run_reader){fn, ctx}, more, err);
    reading_close(&r);
    return rc;
}

/* One text of run_specs by the run's id. */
static int read_text(struct store *s, const char *sql, int64_t id, struct buf *out,
                     struct error *err)
{
    struct reading r;
    if (reading_open(&r, s, sql, err))
        return -1;
    stmt_bind_int(r.stmt, 1, id);
    int rc = stmt_step(r.stmt, err);
    if (rc == 1)
        buf_add(out, stmt_text(r.stmt, 0), stmt_len(r.stmt, 0));
    reading_close(&r);
    if (rc == 0)
        return no_run(id, err);
    return rc == 1 ? buf_check(out, err) : -1;
}

int store_run_request(struct store *s, int64_t id, struct buf *out, struct error *err)
{
    return read_text(s, "SELECT request FROM run_specs WHERE run_id = ?1", id, out, err);
}

int store_run_input(struct store *s, int64_t id, struct buf *out, struct error *err)
{
    return read_text(s, "SELECT input FROM run_specs WHERE run_id = ?1", id, out, err);
}
