/* Whether a request was made before: here with the same key, at another control plane with the same
 * key, or as a retry that is still going on. */
#include "server/store/runs_same.h"
#include "lib/json/json_read.h"

#include <inttypes.h>
#include <string.h>

static int refuse_key(int64_t id, struct error *err)
{
    return err_set(err, ERR_IDEMPOTENCY,
                   "the idempotency key was used with another request, for run %" PRId64
                   ": use a new key",
                   id);
}

int same_key(struct write *w, const struct store_new_run *run, int64_t *existing, struct error *err)
{
    if (!run->idempotency_key)
        return 0;
    struct stmt *stmt =
        conn_stmt(w->conn, "SELECT id, request_hash FROM runs WHERE idempotency_key = ?1", err);
    if (!stmt)
        return -1;
    stmt_bind_text(stmt, 1, run->idempotency_key);
    int rc = stmt_step(stmt, err);
    if (rc == 1) {
        *existing = stmt_int(stmt, 0);
        const char *hash = stmt_text(stmt, 1);
        if (!hash || strcmp(hash, run->request_hash) != 0)
            rc = refuse_key(*existing, err);
    }
    stmt_reset(stmt);
    return rc < 0 ? -1 : 0;
}

/* --- another control plane --- */

/* Without what depends on the run's id. NULL: it is no JSON, or memory is out. */
static json_t *read_input(const char *text, size_t len)
{
    json_t *tree = NULL;
    if (!text || json_parse(text, len, &tree, NULL))
        return NULL;
    (void)json_object_del(tree, "workflowRunId");
    (void)json_object_del(json_object_get(tree, "taskManifest"), "objectKey");
    return tree;
}

static bool same_input(const struct store_new_run *run, const char *text, size_t len)
{
    json_t *ours = read_input(run->input, run->input_len);
    json_t *theirs = read_input(text, len);
    bool same = ours && theirs && json_equal(ours, theirs);
    json_decref(ours);
    json_decref(theirs);
    return same;
}

/* From now on the key finds the run by itself. */
static int give_key(struct write *w, const struct store_new_run *run, int64_t id, struct error *err)
{
    struct stmt *stmt = conn_stmt(
        w->conn, "UPDATE runs SET idempotency_key = ?2, request_hash = ?3 WHERE id = ?1", err);
    if (!stmt)
        return -1;
    stmt_bind_int(stmt, 1, id);
    stmt_bind_text(stmt, 2, run->idempotency_key);
    stmt_bind_text(stmt, 3, run->request_hash);
    return stmt_run(stmt, err);
}

/* The execution's name is the key's: with a run found elsewhere it tells that the key was used, and
 * its input whether for the same. */
int same_execution(struct write *w, const struct store_new_run *run, int64_t *existing,
                   struct error *err)
{
    if (!run->idempotency_key)
        return 0;
    struct stmt *stmt = conn_stmt(w->conn,
                                  "SELECT r.id, x.input FROM runs r JOIN run_specs x"
                                  " ON x.run_id = r.id WHERE r.execution_name = ?1"
                                  " AND r.origin = 1 AND r.idempotency_key IS NULL",
                                  err);
    if (!stmt)
        return -1;
    stmt_bind_text(stmt, 1, run->execution_name);
    int rc = stmt_step(stmt, err);
    int64_t id = rc == 1 ? stmt_int(stmt, 0) : 0;
    bool same = rc == 1 && same_input(run, stmt_text(stmt, 1), stmt_len(stmt, 1));
    stmt_reset(stmt);
    if (rc != 1)
        return rc;
    if (!same)
        return refuse_key(id, err);
    *existing = id;
    return give_key(w, run, id, err);
}

/* --- retries --- */

/* A child of the same tasks that is not over. */
static int find_child(struct write *w, const struct store_new_run *run, int64_t *existing,
                      struct error *err)
{
    struct stmt *stmt = conn_stmt(w->conn,
                                  "SELECT id FROM runs WHERE parent_id = ?1 AND parent_id > 0"
                                  " AND request_hash = ?2 AND status IN (?3, ?4) LIMIT 1",
                                  err);
    if (!stmt)
        return -1;
    stmt_bind_int(stmt, 1, run->parent_id);
    stmt_bind_text(stmt, 2, run->request_hash);
    stmt_bind_int(stmt, 3, AUDIT_SUBMITTED);
    stmt_bind_int(stmt, 4, AUDIT_RUNNING);
    return stmt_number(stmt, existing, err) < 0 ? -1 : 0;
}

/* ERR_CONFLICT when another child that is not over has one of the tasks. */
static int check_tasks(struct write *w, const struct store_new_run *run, struct error *err)
{
    struct stmt *stmt = conn_stmt(w->conn,
                                  "SELECT r.id FROM runs r JOIN tasks t ON t.run_id = r.id"
                                  " AND t.name = ?2 WHERE r.parent_id = ?1 AND r.parent_id > 0"
                                  " AND r.status IN (?3, ?4) LIMIT 1",
                                  err);
    if (!stmt)
        return -1;
    int rc = 0;
    for (size_t i = 0; i < run->task_count && rc == 0; i++) {
        stmt_bind_int(stmt, 1, run->parent_id);
        stmt_bind_text(stmt, 2, run->tasks[i].name);
        stmt_bind_int(stmt, 3, AUDIT_SUBMITTED);
        stmt_bind_int(stmt, 4, AUDIT_RUNNING);
        rc = stmt_step(stmt, err);
        if (rc == 1)
            rc = err_set(err, ERR_RETRYING,
                         "task %.200s is being repeated by run %" PRId64
                         ", which is not over: wait for it, cancel it, or name other tasks by "
                         "?tasks=",
                         run->tasks[i].name, stmt_int(stmt, 0));
        stmt_reset(stmt);
    }
    return rc;
}

/* Who gives a key says by it which retry is meant. */
int same_retry(struct write *w, const struct store_new_run *run, int64_t *existing,
               struct error *err)
{
    if (!run->parent_id || run->idempotency_key)
        return 0;
    if (find_child(w, run, existing, err))
        return -1;
    return *existing ? 0 : check_tasks(w, run, err);
}
