/* Numbers over all runs, for the page's first line and for monitoring. */
#include "server/store/store_room.h"

static void add_runs(struct stmt *stmt, void *ctx)
{
    struct store_counts *out = ctx;
    const int64_t status = stmt_int(stmt, 0);
    if (status >= 0 && status < AUDIT_STATUS_COUNT)
        out->runs[status] = stmt_int(stmt, 1);
}

/* By the index on status: a run's row is not touched. */
static int count_runs(struct store *s, struct store_counts *out, struct error *err)
{
    struct reading r;
    if (reading_open(&r, s, "SELECT status, count(*) FROM runs GROUP BY status", err))
        return -1;
    int rc = rows_each(r.stmt, AUDIT_STATUS_COUNT, add_runs, out, NULL, err);
    reading_close(&r);
    return rc;
}

/* Sums of the counts that runs carry, in the order of the statuses. */
#define TASK_SUMS                                                                                  \
    "SELECT total(submitted_tasks), total(running_tasks), total(completed_tasks),"                 \
    " total(failed_tasks), total(cancelled_tasks) FROM runs "

static int sum_tasks(struct store *s, const char *sql, int64_t since,
                     int64_t out[AUDIT_STATUS_COUNT], struct error *err)
{
    struct reading r;
    if (reading_open(&r, s, sql, err))
        return -1;
    stmt_bind_int(r.stmt, 1, since);
    int rc = stmt_step(r.stmt, err);
    for (int i = 0; rc == 1 && i < AUDIT_STATUS_COUNT; i++)
        out[i] += (int64_t)stmt_real(r.stmt, i);
    reading_close(&r);
    return rc == 1 ? 0 : -1;
}

static int count_failed(struct store *s, int64_t since, int64_t *out, struct error *err)
{
    struct reading r;
    if (reading_open(&r, s,
                     "SELECT count(*) FROM runs WHERE ended_at > 0 AND ended_at >= ?1"
                     " AND status = ?2",
                     err))
        return -1;
    stmt_bind_int(r.stmt, 1, since);
    stmt_bind_int(r.stmt, 2, AUDIT_FAILED);
    int rc = stmt_step(r.stmt, err);
    if (rc == 1)
        *out = stmt_int(r.stmt, 0);
    reading_close(&r);
    return rc == 1 ? 0 : -1;
}

int store_count(struct store *s, int64_t failed_since, int64_t ended_since,
                struct store_counts *out, struct error *err)
{
    *out = (struct store_counts){.failed = 0};
    if (count_runs(s, out, err) || count_failed(s, failed_since, &out->failed, err) ||
        sum_tasks(s, TASK_SUMS "WHERE status IN (0, 1) AND submitted_at > ?1", 0, out->open_tasks,
                  err))
        return -1;
    return sum_tasks(s, TASK_SUMS "WHERE ended_at > 0 AND ended_at >= ?1", ended_since,
                     out->ended_tasks, err);
}
