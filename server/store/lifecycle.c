/* A run under way: the active ones, what their executions say, cancelling, and the end. */
#include "server/store/store_room.h"

#include <limits.h>

struct active_reader {
    store_active_fn fn;
    void *ctx;
};

/* Columns in the order of store_active_list's SELECT. */
static void read_active(struct stmt *stmt, void *ctx)
{
    const struct active_reader *reader = ctx;
    const struct store_active active = {
        .id = stmt_int(stmt, 0),
        .pattern = (int)stmt_int(stmt, 1),
        .workflow_name = stmt_text(stmt, 2),
        .execution_arn = stmt_text(stmt, 3),
        .execution_status = stmt_text(stmt, 4),
        .cancelled = stmt_int(stmt, 5) != 0,
        .started_at = stmt_int(stmt, 6),
        .last_event_id = stmt_int(stmt, 7),
        .update_time = stmt_int(stmt, 8),
        .cancel_reason = stmt_text(stmt, 9),
    };
    reader->fn(reader->ctx, &active);
}

int store_active_list(struct store *s, store_active_fn fn, void *ctx, struct error *err)
{
    static const char sql[] =
        "SELECT id, pattern, workflow_name, execution_arn, execution_status, cancel_at, started_at,"
        " last_event_id, mirror_time, cancel_reason FROM runs"
        " WHERE status = ?1 AND execution_arn IS NOT NULL ORDER BY id";
    struct reading r;
    if (reading_open(&r, s, sql, err))
        return -1;
    stmt_bind_int(r.stmt, 1, AUDIT_RUNNING);
    int rc = rows_each(r.stmt, INT_MAX, read_active, &(struct active_reader){fn, ctx}, NULL, err);
    reading_close(&r);
    return rc;
}

/* The arguments of store_run_cancel and store_run_note on their way to the writer's thread. */
struct note {
    int64_t run_id;
    const char *text;
};

struct execution_change {
    int64_t run_id;
    const struct store_execution *execution;
};

/* Written only when something differs: the watcher asks again and again. */
static int set_execution(struct write *w, void *arg, struct error *err)
{
    const struct execution_change *change = arg;
    const struct store_execution *e = change->execution;
    struct run_state run;
    if (run_state_read(w, change->run_id, &run, err))
        return -1;
    if (audit_status_final(run.status))
        return 0;
    struct stmt *stmt =
        conn_stmt(w->conn,
                  "UPDATE runs SET execution_status = ?2, error = ?3, cause = ?4 WHERE id = ?1"
                  " AND (execution_status IS NOT ?2 OR error IS NOT ?3 OR cause IS NOT ?4)"
                  " RETURNING 1",
                  err);
    if (!stmt)
        return -1;
    stmt_bind_int(stmt, 1, change->run_id);
    stmt_bind_text(stmt, 2, e->status);
    stmt_bind_text(stmt, 3, e->error);
    stmt_bind_text(stmt, 4, e->cause);
    int rc = stmt_step(stmt, err);
    stmt_reset(stmt);
    if (rc < 0)
        return -1;
    bool moved = (e->started_at && e->started_at != run.started_at) ||
                 e->stopped_at != run.execution_stopped_at;
    if (rc == 0 && !moved)
        return 0;
    if (e->started_at)
        run.started_at = e->started_at;
    run.execution_stopped_at = e->stopped_at;
    return run_state_write(w, &run, err);
}

int store_execution_set(struct store *s, int64_t run_id, const struct store_execution *e,
                        struct error *err)
{
    struct execution_change change = {run_id, e};
    return writer_do(&s->writer, set_execution, &change, err);
}

static int set_cancel_reason(struct write *w, int64_t run_id, const char *reason, struct error *err)
{
    struct stmt *stmt = conn_stmt(w->conn, "UPDATE runs SET cancel_reason = ?2 WHERE id = ?1", err);
    if (!stmt)
        return -1;
    stmt_bind_int(stmt, 1, run_id);
    stmt_bind_text(stmt, 2, reason);
    return stmt_run(stmt, err);
}

/* Only notes the wish; the first one counts. */
static int cancel_run(struct write *w, void *arg, struct error *err)
{
    const struct note *note = arg;
    struct run_state run;
    if (run_state_read(w, note->run_id, &run, err))
        return -1;
    if (audit_status_final(run.status) || run.cancel_at)
        return 0;
    run.cancel_at = w->now;
    /* A run that waits for its next attempt to start is looked at now. */
    struct stmt *stmt =
        conn_stmt(w->conn, "UPDATE outbox SET due_at = min(due_at, ?2) WHERE run_id = ?1", err);
    if (!stmt)
        return -1;
    stmt_bind_int(stmt, 1, note->run_id);
    stmt_bind_int(stmt, 2, w->now);
    if (stmt_run(stmt, err) || set_cancel_reason(w, note->run_id, note->text, err))
        return -1;
    return run_state_write(w, &run, err);
}

int store_run_cancel(struct store *s, int64_t id, const char *reason, struct error *err)
{
    struct note note = {id, reason};
    return writer_do(&s->writer, cancel_run, &note, err);
}

/* Written only when the text differs, like what the watcher brings. */
static int note_run(struct write *w, void *arg, struct error *err)
{
    const struct note *note = arg;
    struct run_state run;
    if (run_state_read(w, note->run_id, &run, err))
        return -1;
    if (audit_status_final(run.status))
        return 0;
    struct stmt *stmt = conn_stmt(
        w->conn, "UPDATE runs SET reason = ?2 WHERE id = ?1 AND reason IS NOT ?2 RETURNING 1", err);
    if (!stmt)
        return -1;
    stmt_bind_int(stmt, 1, note->run_id);
    stmt_bind_text(stmt, 2, note->text);
    int rc = stmt_step(stmt, err);
    stmt_reset(stmt);
    if (rc < 0)
        return -1;
    return rc == 1 ? run_state_write(w, &run, err) : 0;
}

int store_run_note(struct store *s, int64_t run_id, const char *text, struct error *err)
{
    struct note note = {run_id, text};
    return writer_do(&s->writer, note_run, &note, err);
}

struct close_change {
    int64_t run_id;
    const struct store_close *close;
};

/* A run that is closed before it was started is not started any more. */
static int leave_outbox(struct write *w, int64_t run_id, struct error *err)
{
    struct stmt *stmt = conn_stmt(w->conn, "DELETE FROM outbox WHERE run_id = ?1", err);
    if (!stmt)
        return -1;
    stmt_bind_int(stmt, 1, run_id);
    return stmt_run(stmt, err);
}

/* The end is when the execution stopped, not when we came to know. */
static int set_end(struct write *w, const struct run_state *run, const struct store_close *c,
                   struct error *err)
{
    struct stmt *stmt =
        conn_stmt(w->conn, "UPDATE runs SET reason = ?2, ended_at = ?3 WHERE id = ?1", err);
    if (!stmt)
        return -1;
    int64_t stopped = run->execution_stopped_at ? run->execution_stopped_at : w->now;
    stmt_bind_int(stmt, 1, run->id);
    stmt_bind_text(stmt, 2, c->reason);
    stmt_bind_int(stmt, 3, c->ended_at ? c->ended_at : stopped);
    return stmt_run(stmt, err);
}

/* Status, tasks and outbox in one transaction: nobody sees a final run with open tasks. */
static int close_run(struct write *w, void *arg, struct error *err)
{
    const struct close_change *change = arg;
    const struct store_close *c = change->close;
    struct run_state run;
    if (!audit_status_final(c->status) || !audit_status_final(c->task_status))
        return err_set(err, ERR_INTERNAL, "a run ends with a final status only");
    if (run_state_read(w, change->run_id, &run, err) || run_state_move(&run, c->status, err) ||
        run_state_end_tasks(w, &run, c->task_status, c->task_reason, err) ||
        leave_outbox(w, run.id, err) || set_end(w, &run, c, err))
        return -1;
    return run_state_write(w, &run, err);
}

int store_run_close(struct store *s, int64_t run_id, const struct store_close *c, struct error *err)
{
    struct close_change change = {run_id, c};
    return writer_do(&s->writer, close_run, &change, err);
}
