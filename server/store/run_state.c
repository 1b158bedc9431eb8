/* The moving parts of a run's row. Every change reads them, alters the struct and writes all of
 * them back in its transaction, so that counts, status and version can never disagree. */
#include "lib/verdict/verdict.h"
#include "server/store/store_room.h"

#include <inttypes.h>

int no_run(int64_t id, struct error *err)
{
    return err_set(err, ERR_NOT_FOUND, "there is no run %" PRId64, id);
}

/* On the writer's connection, inside the change's transaction: nobody else can write in between. */
int run_state_read(struct write *w, int64_t id, struct run_state *out, struct error *err)
{
    struct stmt *stmt = conn_stmt(w->conn,
                                  "SELECT status, task_count, submitted_tasks, running_tasks,"
                                  " completed_tasks, failed_tasks, cancelled_tasks, started_at,"
                                  " execution_stopped_at, start_attempts, last_event_id,"
                                  " mirror_time, cancel_at FROM runs WHERE id = ?1",
                                  err);
    if (!stmt)
        return -1;
    stmt_bind_int(stmt, 1, id);
    int rc = stmt_step(stmt, err);
    if (rc == 1) {
        *out = (struct run_state){.id = id, .task_count = stmt_int(stmt, 1)};
        out->status = (enum audit_status)stmt_int(stmt, 0);
        for (int i = 0; i < AUDIT_STATUS_COUNT; i++)
            out->tasks[i] = stmt_int(stmt, 2 + i);
        out->started_at = stmt_int(stmt, 7);
        out->execution_stopped_at = stmt_int(stmt, 8);
        out->start_attempts = stmt_int(stmt, 9);
        out->last_event_id = stmt_int(stmt, 10);
        out->mirror_time = stmt_int(stmt, 11);
        out->cancel_at = stmt_int(stmt, 12);
    }
    stmt_reset(stmt);
    if (rc == 0)
        return no_run(id, err);
    return rc == 1 ? 0 : -1;
}

/* The version is the change's: pollers and ETags see each change exactly once. */
int run_state_write(struct write *w, const struct run_state *run, struct error *err)
{
    struct stmt *stmt =
        conn_stmt(w->conn,
                  "UPDATE runs SET version = ?2, updated_at = ?3, status = ?4, task_count = ?5,"
                  " submitted_tasks = ?6, running_tasks = ?7, completed_tasks = ?8,"
                  " failed_tasks = ?9, cancelled_tasks = ?10, started_at = ?11,"
                  " execution_stopped_at = ?12, start_attempts = ?13, last_event_id = ?14,"
                  " mirror_time = ?15, cancel_at = ?16 WHERE id = ?1",
                  err);
    if (!stmt)
        return -1;
    stmt_bind_int(stmt, 1, run->id);
    stmt_bind_int(stmt, 2, w->version);
    stmt_bind_int(stmt, 3, w->now);
    stmt_bind_int(stmt, 4, run->status);
    stmt_bind_int(stmt, 5, run->task_count);
    for (int i = 0; i < AUDIT_STATUS_COUNT; i++)
        stmt_bind_int(stmt, 6 + i, run->tasks[i]);
    stmt_bind_int(stmt, 11, run->started_at);
    stmt_bind_int(stmt, 12, run->execution_stopped_at);
    stmt_bind_int(stmt, 13, run->start_attempts);
    stmt_bind_int(stmt, 14, run->last_event_id);
    stmt_bind_int(stmt, 15, run->mirror_time);
    stmt_bind_int(stmt, 16, run->cancel_at);
    w->changed = true;
    return stmt_run(stmt, err);
}

/* The one place where a run's status changes. */
int run_state_move(struct run_state *run, enum audit_status to, struct error *err)
{
    if (!audit_may_move(run->status, to))
        return err_set(err, ERR_CONFLICT, "run %" PRId64 " is %s and cannot become %s", run->id,
                       audit_status_name(run->status), audit_status_name(to));
    run->status = to;
    return 0;
}

/* The class of such an end; open tasks have no exit code. */
static const char *reason_of(enum audit_status to, const char *text)
{
    const struct verdict_end end = {to, NULL, text, -1};
    enum verdict_class c = verdict_classify(&end);
    return c == VERDICT_NONE ? NULL : verdict_name(c);
}

/* One UPDATE for each open status, by the index on (run_id, status); counts need no recount. */
int run_state_end_tasks(struct write *w, struct run_state *run, enum audit_status to,
                        const char *reason, struct error *err)
{
    struct stmt *stmt =
        conn_stmt(w->conn,
                  "UPDATE tasks SET status = ?3, stopped_reason = ?4,"
                  " update_time = ?5, version = ?6, reason = ?7 WHERE run_id = ?1 AND status = ?2",
                  err);
    if (!stmt)
        return -1;
    for (int from = 0; from < AUDIT_STATUS_COUNT; from++) {
        if (audit_status_final((enum audit_status)from) || run->tasks[from] == 0)
            continue;
        stmt_bind_int(stmt, 1, run->id);
        stmt_bind_int(stmt, 2, from);
        stmt_bind_int(stmt, 3, to);
        stmt_bind_text(stmt, 4, reason);
        stmt_bind_int(stmt, 5, w->now);
        stmt_bind_int(stmt, 6, w->version);
        stmt_bind_text(stmt, 7, reason_of(to, reason));
        if (stmt_run(stmt, err))
            return -1;
        run->tasks[to] += run->tasks[from];
        run->tasks[from] = 0;
    }
    return 0;
}
