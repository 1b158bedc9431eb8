/* Tasks of runs: the list, and what the mirror brings. */
#include "lib/verdict/verdict.h"
#include "server/store/store_room.h"

#include <inttypes.h>
#include <string.h>

/* The caller's function travels through rows_each in this. */
struct task_reader {
    store_task_fn fn;
    void *ctx;
};

/* Columns in the order of TASK_COLUMNS. */
static void read_task(struct stmt *stmt, void *ctx)
{
    const struct task_reader *reader = ctx;
    const struct store_task task = {
        .run_id = stmt_int(stmt, 0),
        .seq = stmt_int(stmt, 1),
        .name = stmt_text(stmt, 2),
        .ecs_task_id = stmt_text(stmt, 3),
        .status = (enum audit_status)stmt_int(stmt, 4),
        .s3_bucket = stmt_text(stmt, 5),
        .object_key = stmt_text(stmt, 6),
        .destination_key = stmt_text(stmt, 7),
        .start_time = stmt_int(stmt, 8),
        .update_time = stmt_int(stmt, 9),
        .exec_time_in_seconds = stmt_real(stmt, 10),
        .bytes = stmt_int(stmt, 11),
        .stop_code = stmt_text(stmt, 12),
        .stopped_reason = stmt_text(stmt, 13),
        .exit_code = stmt_int(stmt, 14),
        .attempt = stmt_int(stmt, 15),
        .version = stmt_int(stmt, 16),
        .reason = stmt_text(stmt, 17),
        .created_at = stmt_int(stmt, 18),
        .pull_started_at = stmt_int(stmt, 19),
        .pull_stopped_at = stmt_int(stmt, 20),
        .container_started_at = stmt_int(stmt, 21),
    };
    reader->fn(reader->ctx, &task);
}

#define TASK_COLUMNS                                                                               \
    "SELECT run_id, seq, name, ecs_task_id, status, s3_bucket, object_key, destination_key,"       \
    " start_time, update_time, exec_time, bytes, stop_code, stopped_reason, exit_code, attempt,"   \
    " version, reason, created_at, pull_started_at, pull_stopped_at, container_started_at"         \
    " FROM tasks WHERE run_id = ?1"
#define TASKS_BEHIND TASK_COLUMNS " AND seq > ?2"

/* Four statements rather than one with ORs, so that each can go by its index. */
static const char *list_sql(bool by_status, bool by_reason)
{
#define TASKS_BY(what) TASKS_BEHIND what " ORDER BY seq LIMIT ?3"
    static const char *const by[2][2] = {
        {TASKS_BY(""), TASKS_BY(" AND reason = ?5")},
        {TASKS_BY(" AND status = ?4"), TASKS_BY(" AND status = ?4 AND reason = ?5")},
    };
    return by[by_status][by_reason];
}

int store_task_list_reason(struct store *s, int64_t run_id, int status, const char *reason,
                           int64_t after, int limit, store_task_fn fn, void *ctx, bool *more,
                           struct error *err)
{
    struct reading r;
    *more = false;
    if (reading_limit(limit, err) ||
        reading_open(&r, s, list_sql(status >= 0, reason != NULL), err))
        return -1;
    stmt_bind_int(r.stmt, 1, run_id);
    stmt_bind_int(r.stmt, 2, after);
    stmt_bind_int(r.stmt, 3, (int64_t)limit + 1);
    if (status >= 0)
        stmt_bind_int(r.stmt, 4, status);
    if (reason)
        stmt_bind_text(r.stmt, 5, reason);
    int rc = rows_each(r.stmt, limit, read_task, &(struct task_reader){fn, ctx}, more, err);
    reading_close(&r);
    return rc;
}

int store_task_list(struct store *s, int64_t run_id, int status, int64_t after, int limit,
                    store_task_fn fn, void *ctx, bool *more, struct error *err)
{
    return store_task_list_reason(s, run_id, status, NULL, after, limit, fn, ctx, more, err);
}

/* A change may write thousands of tasks, so a page's end can lie within a version. */
int store_task_changes(struct store *s, int64_t run_id, const struct store_task_place *after,
                       int limit, store_task_fn fn, void *ctx, bool *more, struct error *err)
{
    struct reading r;
    *more = false;
    if (reading_limit(limit, err) ||
        reading_open(&r, s,
                     TASK_COLUMNS " AND (version, seq) > (?2, ?3) ORDER BY version, seq LIMIT ?4",
                     err))
        return -1;
    stmt_bind_int(r.stmt, 1, run_id);
    stmt_bind_int(r.stmt, 2, after->version);
    stmt_bind_int(r.stmt, 3, after->seq);
    stmt_bind_int(r.stmt, 4, (int64_t)limit + 1);
    int rc = rows_each(r.stmt, limit, read_task, &(struct task_reader){fn, ctx}, more, err);
    reading_close(&r);
    return rc;
}

int store_task_get(struct store *s, int64_t run_id, const char *name, store_task_fn fn, void *ctx,
                   struct error *err)
{
    struct reading r;
    if (reading_open(&r, s, TASK_COLUMNS " AND name = ?2", err))
        return -1;
    stmt_bind_int(r.stmt, 1, run_id);
    stmt_bind_text(r.stmt, 2, name);
    int rc = stmt_step(r.stmt, err);
    if (rc == 1)
        read_task(r.stmt, &(struct task_reader){fn, ctx});
    reading_close(&r);
    if (rc == 0)
        return err_set(err, ERR_NOT_FOUND, "run %" PRId64 " has no task \"%.200s\"", run_id, name);
    return rc == 1 ? 0 : -1;
}

/* --- the mirror's rows --- */

/* A task as it is in the store before an audit row is taken over. */
struct known {
    int64_t seq; /* negative: there is none */
    enum audit_status status;
    int64_t attempt, start_time, update_time;
    bool has_row;  /* an audit row was taken over before */
    bool same_row; /* and it was this one */
};

/* Rows written by hand may lack the name; their id then tells them apart. */
static const char *name_of(const struct audit_detail *row)
{
    return row->task_name ? row->task_name : row->ecs_task_id;
}

/* The task that the audit row is about, if the run has it. */
static int find_task(struct write *w, int64_t run_id, const struct audit_detail *row,
                     struct known *out, struct error *err)
{
    struct stmt *stmt = conn_stmt(w->conn,
                                  "SELECT seq, status, attempt, start_time, update_time,"
                                  " ecs_task_id FROM tasks WHERE run_id = ?1 AND name = ?2",
                                  err);
    if (!stmt)
        return -1;
    stmt_bind_int(stmt, 1, run_id);
    stmt_bind_text(stmt, 2, name_of(row));
    int rc = stmt_step(stmt, err);
    *out = (struct known){.seq = -1};
    if (rc == 1) {
        const char *ecs_task_id = stmt_text(stmt, 5);
        out->seq = stmt_int(stmt, 0);
        out->status = (enum audit_status)stmt_int(stmt, 1);
        out->attempt = stmt_int(stmt, 2);
        out->start_time = stmt_int(stmt, 3);
        out->update_time = stmt_int(stmt, 4);
        out->has_row = ecs_task_id != NULL;
        out->same_row = ecs_task_id && strcmp(ecs_task_id, row->ecs_task_id) == 0;
    }
    stmt_reset(stmt);
    return rc < 0 ? -1 : 0;
}

/* Whether the audit row says something newer than what is known. Within one audit row the status
 * only moves forward, and a final one may learn its reason later; among several rows of a task the
 * newest attempt is the task. */
static bool supersedes(const struct audit_detail *row, const struct known *known)
{
    if (known->seq < 0 || !known->has_row)
        return true;
    if (!known->same_row)
        return row->attempt > known->attempt ||
               (row->attempt == known->attempt && row->start_time > known->start_time);
    if (row->status != known->status)
        return audit_may_move(known->status, row->status);
    return row->update_time > known->update_time;
}

/* The class of its end, NULL for a row that has none. */
static const char *reason_of(const struct audit_detail *row)
{
    const struct verdict_end end = {row->status, row->stop_code, row->stopped_reason,
                                    row->exit_code};
    enum verdict_class c = verdict_classify(&end);
    return c == VERDICT_NONE ? NULL : verdict_name(c);
}

/* For update_row and insert_row, by their parameters' numbers. */
static void bind_row(struct stmt *stmt, int64_t run_id, int64_t seq, const struct audit_detail *row)
{
    stmt_bind_int(stmt, 1, run_id);
    stmt_bind_int(stmt, 2, seq);
    stmt_bind_text(stmt, 3, name_of(row));
    stmt_bind_text(stmt, 4, row->ecs_task_id);
    stmt_bind_int(stmt, 5, row->status);
    stmt_bind_text(stmt, 6, row->object_key);
    stmt_bind_text(stmt, 7, row->destination_key);
    stmt_bind_int(stmt, 8, row->start_time);
    stmt_bind_int(stmt, 9, row->update_time);
    stmt_bind_real(stmt, 10, row->exec_time_in_seconds);
    stmt_bind_int(stmt, 11, row->bytes);
    stmt_bind_text(stmt, 12, row->stop_code);
    stmt_bind_text(stmt, 13, row->stopped_reason);
    stmt_bind_int(stmt, 14, row->exit_code);
    stmt_bind_int(stmt, 15, row->attempt);
    stmt_bind_text(stmt, 17, reason_of(row));
    stmt_bind_int(stmt, 18, row->created_at);
    stmt_bind_int(stmt, 19, row->pull_started_at);
    stmt_bind_int(stmt, 20, row->pull_stopped_at);
    stmt_bind_int(stmt, 21, row->container_started_at);
}

/* The row over a task that is there. Not by an INSERT with ON CONFLICT, which looks for the name in
 * its index once more and makes the keys of all indexes before it knows that nothing is inserted.
 */
static const char update_row[] =
    "UPDATE tasks SET ecs_task_id = ?4, status = ?5, object_key = coalesce(?6, object_key),"
    " destination_key = ?7, start_time = ?8, update_time = ?9, exec_time = ?10, bytes = ?11,"
    " stop_code = ?12, stopped_reason = ?13, exit_code = ?14, attempt = ?15, version = ?16,"
    " reason = ?17, created_at = ?18, pull_started_at = ?19, pull_stopped_at = ?20,"
    " container_started_at = ?21 WHERE run_id = ?1 AND seq = ?2";
/* As a new task behind the listed ones. */
static const char insert_row[] =
    "INSERT INTO tasks (run_id, seq, name, ecs_task_id, status, object_key, destination_key,"
    " start_time, update_time, exec_time, bytes, stop_code, stopped_reason, exit_code, attempt,"
    " version, reason, created_at, pull_started_at, pull_stopped_at, container_started_at)"
    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18,"
    " ?19, ?20, ?21)";

static int put_row(struct write *w, const char *sql, int64_t run_id, int64_t seq,
                   const struct audit_detail *row, struct error *err)
{
    struct stmt *stmt = conn_stmt(w->conn, sql, err);
    if (!stmt)
        return -1;
    bind_row(stmt, run_id, seq, row);
    stmt_bind_int(stmt, 16, w->version);
    return stmt_run(stmt, err);
}

/* Behind all others, so that no seq in use ever changes. */
static int next_seq(struct write *w, int64_t run_id, int64_t *seq, struct error *err)
{
    struct stmt *stmt =
        conn_stmt(w->conn, "SELECT coalesce(max(seq), -1) + 1 FROM tasks WHERE run_id = ?1", err);
    if (!stmt)
        return -1;
    stmt_bind_int(stmt, 1, run_id);
    return stmt_number(stmt, seq, err) == 1 ? 0 : -1;
}

/* 1: taken over; 0: it says nothing new; -1. */
static int take_row(struct write *w, struct run_state *run, const struct audit_detail *row,
                    struct error *err)
{
    struct known known;
    if (find_task(w, run->id, row, &known, err))
        return -1;
    if (!supersedes(row, &known))
        return 0;
    int64_t seq = known.seq;
    if (seq < 0 && next_seq(w, run->id, &seq, err))
        return -1;
    if (put_row(w, known.seq < 0 ? insert_row : update_row, run->id, seq, row, err))
        return -1;
    if (known.seq < 0)
        run->task_count++;
    else
        run->tasks[known.status]--;
    run->tasks[row->status]++;
    if (row->update_time > run->mirror_time)
        run->mirror_time = row->update_time;
    return 1;
}

/* The arguments of store_tasks_mirror on their way to the writer's thread. */
struct mirror {
    int64_t run_id;
    const struct audit_detail *rows;
    size_t count;
};

/* Rows that say nothing new are read and not written, so that a whole page that is known costs no
 * commit and wakes nobody. */
static int mirror_rows(struct write *w, void *arg, struct error *err)
{
    const struct mirror *mirror = arg;
    struct run_state run;
    bool changed = false;
    if (run_state_read(w, mirror->run_id, &run, err))
        return -1;
    if (audit_status_final(run.status))
        return 0;
    for (size_t i = 0; i < mirror->count; i++) {
        if (!mirror->rows[i].ecs_task_id)
            continue;
        int rc = take_row(w, &run, &mirror->rows[i], err);
        if (rc < 0)
            return -1;
        changed = changed || rc == 1;
    }
    return changed ? run_state_write(w, &run, err) : 0;
}

int store_tasks_mirror(struct store *s, int64_t run_id, const struct audit_detail *rows,
                       size_t count, struct error *err)
{
    struct mirror mirror = {run_id, rows, count};
    return writer_do(&s->writer, mirror_rows, &mirror, err);
}
