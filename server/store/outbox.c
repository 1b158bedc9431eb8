/* The outbox: runs whose execution is yet to be started. */
#include "server/store/store_room.h"

#include <inttypes.h>

struct outbox_reader {
    store_outbox_fn fn;
    void *ctx;
};

static void read_outbox(struct stmt *stmt, void *ctx)
{
    const struct outbox_reader *reader = ctx;
    const struct store_outbox_row row = {
        .run_id = stmt_int(stmt, 0),
        .pattern = (int)stmt_int(stmt, 1),
        .attempts = stmt_int(stmt, 2),
        .cancelled = stmt_int(stmt, 3) != 0,
        .execution_name = stmt_text(stmt, 4),
        .input = stmt_text(stmt, 5),
        .input_len = stmt_len(stmt, 5),
    };
    reader->fn(reader->ctx, &row);
}

/* Oldest first, so that nothing starves behind newer runs. */
static int due_rows(struct conn *c, int64_t now, int limit, struct outbox_reader *reader,
                    struct error *err)
{
    struct stmt *stmt =
        conn_stmt(c,
                  "SELECT o.run_id, r.pattern, r.start_attempts, r.cancel_at, r.execution_name,"
                  " x.input FROM outbox o JOIN runs r ON r.id = o.run_id"
                  " JOIN run_specs x ON x.run_id = o.run_id"
                  " WHERE o.due_at <= ?1 ORDER BY o.due_at, o.run_id LIMIT ?2",
                  err);
    if (!stmt)
        return -1;
    stmt_bind_int(stmt, 1, now);
    stmt_bind_int(stmt, 2, limit);
    return rows_each(stmt, limit, read_outbox, reader, NULL, err);
}

/* 0 when no other row waits. */
static int next_due_row(struct conn *c, int64_t now, int64_t *next_due, struct error *err)
{
    struct stmt *stmt =
        conn_stmt(c, "SELECT coalesce(min(due_at), 0) FROM outbox WHERE due_at > ?1", err);
    if (!stmt)
        return -1;
    stmt_bind_int(stmt, 1, now);
    return stmt_number(stmt, next_due, err) == 1 ? 0 : -1;
}

int store_outbox_due(struct store *s, int64_t now, int limit, store_outbox_fn fn, void *ctx,
                     int64_t *next_due, struct error *err)
{
    *next_due = 0;
    struct conn *c = conn_pool_take(&s->readers, err);
    if (!c)
        return -1;
    struct outbox_reader reader = {fn, ctx};
    int rc = due_rows(c, now, limit, &reader, err);
    if (!rc)
        rc = next_due_row(c, now, next_due, err);
    conn_pool_give(&s->readers, c);
    return rc;
}

/* The arguments of the three outcomes of a start, on their way to the writer's thread. */
struct outbox_change {
    int64_t run_id;
    const char *text; /* ARN, error or reason */
    int64_t time;     /* started at, or next due */
};

static int not_waiting(int64_t run_id, struct error *err)
{
    return err_set(err, ERR_NOT_FOUND, "run %" PRId64 " is not waiting to be started", run_id);
}

/* ERR_NOT_FOUND when the run is not in the outbox. */
static int remove_row(struct write *w, int64_t run_id, struct error *err)
{
    struct stmt *stmt = conn_stmt(w->conn, "DELETE FROM outbox WHERE run_id = ?1 RETURNING 1", err);
    if (!stmt)
        return -1;
    stmt_bind_int(stmt, 1, run_id);
    int rc = stmt_step(stmt, err);
    stmt_reset(stmt);
    if (rc == 0)
        return not_waiting(run_id, err);
    return rc == 1 ? 0 : -1;
}

/* Runs an UPDATE whose ?1 is the run and ?2 a text. */
static int set_text(struct write *w, const char *sql, int64_t run_id, const char *text,
                    struct error *err)
{
    struct stmt *stmt = conn_stmt(w->conn, sql, err);
    if (!stmt)
        return -1;
    stmt_bind_int(stmt, 1, run_id);
    stmt_bind_text(stmt, 2, text);
    return stmt_run(stmt, err);
}

/* The row leaves in the transaction that writes the ARN: a run is in the outbox or followed. */
static int started(struct write *w, void *arg, struct error *err)
{
    const struct outbox_change *change = arg;
    struct run_state run;
    if (run_state_read(w, change->run_id, &run, err) || remove_row(w, change->run_id, err) ||
        run_state_move(&run, AUDIT_RUNNING, err))
        return -1;
    run.started_at = change->time;
    run.start_attempts++;
    if (set_text(w, "UPDATE runs SET execution_arn = ?2, start_error = NULL WHERE id = ?1",
                 change->run_id, change->text, err))
        return -1;
    return run_state_write(w, &run, err);
}

int store_outbox_started(struct store *s, int64_t run_id, const char *execution_arn,
                         int64_t started_at, struct error *err)
{
    struct outbox_change change = {run_id, execution_arn, started_at};
    return writer_do(&s->writer, started, &change, err);
}

/* Only the row's time and the last error change; the run stays Submitted. */
static int postpone(struct write *w, void *arg, struct error *err)
{
    const struct outbox_change *change = arg;
    struct run_state run;
    if (run_state_read(w, change->run_id, &run, err))
        return -1;
    struct stmt *stmt =
        conn_stmt(w->conn, "UPDATE outbox SET due_at = ?2 WHERE run_id = ?1 RETURNING 1", err);
    if (!stmt)
        return -1;
    stmt_bind_int(stmt, 1, change->run_id);
    stmt_bind_int(stmt, 2, change->time);
    int rc = stmt_step(stmt, err);
    stmt_reset(stmt);
    if (rc == 0)
        return not_waiting(change->run_id, err);
    if (rc < 0 || set_text(w, "UPDATE runs SET start_error = ?2 WHERE id = ?1", change->run_id,
                           change->text, err))
        return -1;
    run.start_attempts++;
    return run_state_write(w, &run, err);
}

int store_outbox_postpone(struct store *s, int64_t run_id, int64_t next_due, const char *error,
                          struct error *err)
{
    struct outbox_change change = {run_id, error, next_due};
    return writer_do(&s->writer, postpone, &change, err);
}

/* The run ends without ever having had an execution, and so do its tasks. */
static int refused(struct write *w, void *arg, struct error *err)
{
    const struct outbox_change *change = arg;
    struct run_state run;
    if (run_state_read(w, change->run_id, &run, err) || remove_row(w, change->run_id, err) ||
        run_state_move(&run, AUDIT_FAILED, err) ||
        run_state_end_tasks(w, &run, AUDIT_FAILED, "the run was never started", err))
        return -1;
    run.start_attempts++;
    struct stmt *stmt =
        conn_stmt(w->conn, "UPDATE runs SET reason = ?2, ended_at = ?3 WHERE id = ?1", err);
    if (!stmt)
        return -1;
    stmt_bind_int(stmt, 1, change->run_id);
    stmt_bind_text(stmt, 2, change->text);
    stmt_bind_int(stmt, 3, w->now);
    if (stmt_run(stmt, err))
        return -1;
    return run_state_write(w, &run, err);
}

int store_outbox_refused(struct store *s, int64_t run_id, const char *reason, struct error *err)
{
    struct outbox_change change = {run_id, reason, 0};
    return writer_do(&s->writer, refused, &change, err);
}
