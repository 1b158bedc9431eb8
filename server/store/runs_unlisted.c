/* Runs whose list of tasks could not be read when they were found: they have the tasks of which
 * there are audit rows, until somebody brings the list. */
#include "server/store/store_room.h"

#include <inttypes.h>
#include <limits.h>

struct unlisted_reader {
    store_unlisted_fn fn;
    void *ctx;
};

static void read_unlisted(struct stmt *stmt, void *ctx)
{
    const struct unlisted_reader *reader = ctx;
    reader->fn(reader->ctx, stmt_int(stmt, 0), stmt_text(stmt, 1));
}

int store_unlisted_list(struct store *s, int pattern, store_unlisted_fn fn, void *ctx,
                        struct error *err)
{
    struct reading r;
    if (reading_open(&r, s,
                     "SELECT id, execution_arn FROM runs WHERE unlisted IS NOT NULL"
                     " AND pattern = ?1 AND status = ?2",
                     err))
        return -1;
    stmt_bind_int(r.stmt, 1, pattern);
    stmt_bind_int(r.stmt, 2, AUDIT_RUNNING);
    int rc =
        rows_each(r.stmt, INT_MAX, read_unlisted, &(struct unlisted_reader){fn, ctx}, NULL, err);
    reading_close(&r);
    return rc;
}

/* --- the list comes after all --- */

/* 1: the task is there already, by its audit row, and gets what the row may not tell; 0; -1. */
static int complete_task(struct write *w, int64_t run_id, const struct store_new_task *task,
                         struct error *err)
{
    struct stmt *stmt =
        conn_stmt(w->conn,
                  "UPDATE tasks SET s3_bucket = ?3, object_key = coalesce(object_key, ?4),"
                  " version = ?5 WHERE run_id = ?1 AND name = ?2 RETURNING 1",
                  err);
    if (!stmt)
        return -1;
    stmt_bind_int(stmt, 1, run_id);
    stmt_bind_text(stmt, 2, task->name);
    stmt_bind_text(stmt, 3, task->s3_bucket);
    stmt_bind_text(stmt, 4, task->object_key);
    stmt_bind_int(stmt, 5, w->version);
    int rc = stmt_step(stmt, err);
    stmt_reset(stmt);
    return rc;
}

/* Behind those that are there: no seq in use ever changes. */
static int add_task(struct write *w, int64_t run_id, const struct store_new_task *task,
                    struct error *err)
{
    struct stmt *stmt = conn_stmt(
        w->conn,
        "INSERT INTO tasks (run_id, seq, name, status, s3_bucket, object_key, version)"
        " SELECT ?1, coalesce(max(seq), -1) + 1, ?2, ?3, ?4, ?5, ?6 FROM tasks WHERE run_id = ?1",
        err);
    if (!stmt)
        return -1;
    stmt_bind_int(stmt, 1, run_id);
    stmt_bind_text(stmt, 2, task->name);
    stmt_bind_int(stmt, 3, AUDIT_SUBMITTED);
    stmt_bind_text(stmt, 4, task->s3_bucket);
    stmt_bind_text(stmt, 5, task->object_key);
    stmt_bind_int(stmt, 6, w->version);
    return stmt_run(stmt, err);
}

static int list_tasks(struct write *w, struct run_state *state, const struct store_new_run *run,
                      struct error *err)
{
    for (size_t i = 0; i < run->task_count; i++) {
        int rc = complete_task(w, run->id, &run->tasks[i], err);
        if (rc < 0 || (rc == 0 && add_task(w, run->id, &run->tasks[i], err)))
            return -1;
        state->task_count += rc == 0;
        state->tasks[AUDIT_SUBMITTED] += rc == 0;
    }
    return 0;
}

static int replace_texts(struct write *w, const struct store_new_run *run, struct error *err)
{
    struct stmt *stmt =
        conn_stmt(w->conn, "UPDATE run_specs SET request = ?2, input = ?3 WHERE run_id = ?1", err);
    if (!stmt)
        return -1;
    stmt_bind_int(stmt, 1, run->id);
    stmt_bind_textn(stmt, 2, run->request, run->request_len);
    stmt_bind_textn(stmt, 3, run->input, run->input_len);
    if (stmt_run(stmt, err))
        return -1;
    stmt = conn_stmt(w->conn, "UPDATE runs SET unlisted = NULL WHERE id = ?1", err);
    if (!stmt)
        return -1;
    stmt_bind_int(stmt, 1, run->id);
    return stmt_run(stmt, err);
}

static int complete_run(struct write *w, void *arg, struct error *err)
{
    const struct store_new_run *run = arg;
    struct run_state state;
    if (run_state_read(w, run->id, &state, err))
        return -1;
    if (audit_status_final(state.status))
        return err_set(err, ERR_CONFLICT, "run %" PRId64 " is over: its tasks stay what they are",
                       run->id);
    if (list_tasks(w, &state, run, err) || replace_texts(w, run, err))
        return -1;
    return run_state_write(w, &state, err);
}

int store_run_complete(struct store *s, const struct store_new_run *run, struct error *err)
{
    struct store_new_run copy = *run;
    return writer_do(&s->writer, complete_run, &copy, err);
}
