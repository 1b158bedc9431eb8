/* A new run: its row, texts, tasks and outbox entry, all or nothing. */
#include "server/store/runs_same.h"

#include <inttypes.h>
#include <string.h>

struct create {
    const struct store_new_run *run;
    int64_t existing;
};

/* ERR_CONFLICT when the id or the execution name is taken. */
static int check_free(struct write *w, const struct store_new_run *run, struct error *err)
{
    struct stmt *stmt =
        conn_stmt(w->conn, "SELECT id FROM runs WHERE id = ?1 OR execution_name = ?2 LIMIT 1", err);
    if (!stmt)
        return -1;
    stmt_bind_int(stmt, 1, run->id);
    stmt_bind_text(stmt, 2, run->execution_name);
    int64_t holder = 0;
    int rc = stmt_number(stmt, &holder, err);
    if (rc != 1)
        return rc;
    if (holder == run->id)
        return err_set(err, ERR_CONFLICT, "run %" PRId64 " exists already", run->id);
    return err_set(err, ERR_CONFLICT, "the execution name %s is used by run %" PRId64,
                   run->execution_name, holder);
}

/* The unique indexes on key and execution name back the checks above up. */
static int insert_run(struct write *w, const struct store_new_run *run, struct error *err)
{
    struct stmt *stmt =
        conn_stmt(w->conn,
                  "INSERT INTO runs (id, version, pattern, workflow_name, status, execution_name,"
                  " idempotency_key, request_hash, labels, parent_id, task_count, submitted_tasks,"
                  " submitted_at, updated_at, origin, execution_arn, started_at, unlisted,"
                  " found_ended) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?11, ?12,"
                  " ?13, ?14, ?15, ?16, ?17, ?18)",
                  err);
    if (!stmt)
        return -1;
    stmt_bind_int(stmt, 1, run->id);
    stmt_bind_int(stmt, 2, w->version);
    stmt_bind_int(stmt, 3, run->pattern);
    stmt_bind_text(stmt, 4, run->workflow_name);
    stmt_bind_int(stmt, 5, run->execution_arn ? AUDIT_RUNNING : AUDIT_SUBMITTED);
    stmt_bind_text(stmt, 6, run->execution_name);
    stmt_bind_text(stmt, 7, run->idempotency_key);
    stmt_bind_text(stmt, 8, run->request_hash);
    stmt_bind_text(stmt, 9, run->labels);
    stmt_bind_int(stmt, 10, run->parent_id);
    stmt_bind_int(stmt, 11, (int64_t)run->task_count);
    stmt_bind_int(stmt, 12, run->execution_arn ? run->started_at : w->now);
    stmt_bind_int(stmt, 13, w->now);
    stmt_bind_int(stmt, 14, run->execution_arn != NULL);
    stmt_bind_text(stmt, 15, run->execution_arn);
    stmt_bind_int(stmt, 16, run->started_at);
    stmt_bind_text(stmt, 17, run->unlisted);
    stmt_bind_int(stmt, 18, run->found_ended);
    w->changed = true;
    return stmt_run(stmt, err);
}

/* In a table of their own: they are large, and lists of runs do not need them. */
static int insert_texts(struct write *w, const struct store_new_run *run, struct error *err)
{
    struct stmt *stmt = conn_stmt(
        w->conn, "INSERT INTO run_specs (run_id, request, input) VALUES (?1, ?2, ?3)", err);
    if (!stmt)
        return -1;
    stmt_bind_int(stmt, 1, run->id);
    stmt_bind_textn(stmt, 2, run->request, run->request_len);
    stmt_bind_textn(stmt, 3, run->input, run->input_len);
    return stmt_run(stmt, err);
}

/* A name twice is told by name: the unique index alone would say "constraint failed". */
static int insert_tasks(struct write *w, const struct store_new_run *run, struct error *err)
{
    struct stmt *stmt = conn_stmt(w->conn,
                                  "INSERT INTO tasks (run_id, seq, name, status, s3_bucket,"
                                  " object_key, version) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                                  err);
    if (!stmt)
        return -1;
    for (size_t i = 0; i < run->task_count; i++) {
        const struct store_new_task *task = &run->tasks[i];
        stmt_bind_int(stmt, 1, run->id);
        stmt_bind_int(stmt, 2, (int64_t)i);
        stmt_bind_text(stmt, 3, task->name);
        stmt_bind_int(stmt, 4, AUDIT_SUBMITTED);
        stmt_bind_text(stmt, 5, task->s3_bucket);
        stmt_bind_text(stmt, 6, task->object_key);
        stmt_bind_int(stmt, 7, w->version);
        struct error why = {0};
        if (stmt_run(stmt, &why)) {
            if (why.code == ERR_CONFLICT)
                return err_set(err, ERR_CONFLICT,
                               "two tasks are named %.200s: give each its own name", task->name);
            if (err)
                *err = why;
            return -1;
        }
    }
    return 0;
}

/* Due at once. The row is what makes the start certain: it leaves only with the outcome. */
static int insert_outbox(struct write *w, const struct store_new_run *run, struct error *err)
{
    struct stmt *stmt =
        conn_stmt(w->conn, "INSERT INTO outbox (run_id, due_at) VALUES (?1, ?2)", err);
    if (!stmt)
        return -1;
    stmt_bind_int(stmt, 1, run->id);
    stmt_bind_int(stmt, 2, w->now);
    return stmt_run(stmt, err);
}

/* The key is looked up first: a repeated request is not a conflict of its id with itself. */
static int create_run(struct write *w, void *arg, struct error *err)
{
    struct create *create = arg;
    const struct store_new_run *run = create->run;
    int rc = same_key(w, run, &create->existing, err);
    if (!rc && !create->existing)
        rc = same_execution(w, run, &create->existing, err);
    if (!rc && !create->existing)
        rc = same_retry(w, run, &create->existing, err);
    if (rc || create->existing)
        return rc;
    rc = check_free(w, run, err);
    if (!rc)
        rc = insert_run(w, run, err);
    if (!rc)
        rc = insert_texts(w, run, err);
    if (!rc)
        rc = insert_tasks(w, run, err);
    if (!rc && !run->execution_arn)
        rc = insert_outbox(w, run, err);
    return rc;
}

int store_run_create(struct store *s, const struct store_new_run *run, int64_t *existing,
                     struct error *err)
{
    struct create create = {run, 0};
    int rc = writer_do(&s->writer, create_run, &create, err);
    *existing = rc ? 0 : create.existing;
    return rc;
}
