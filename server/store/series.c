/* How tasks stood at moments of the past, told from the times that runs and tasks carry. */
#include "server/store/store_room.h"

#include <limits.h>

/* Columns of the statement. */
enum { COL_SUBMITTED, COL_ENDED, COL_STATUS, COL_STARTED, COL_UPDATED };

struct series {
    int64_t first, step; /* wall us */
    size_t count;
    int64_t (*out)[AUDIT_STATUS_COUNT];
};

/* A task's way: when its run began and ended (0: not yet), and where it stands now. */
struct life {
    int64_t submitted, run_ended;
    int64_t started, updated; /* 0: not known */
    enum audit_status status;
};

static enum audit_status status_at(const struct life *l, int64_t at)
{
    const int64_t ended = l->updated > 0 ? l->updated : l->run_ended;
    if (audit_status_final(l->status) && ended <= at)
        return l->status;
    return l->started > 0 && l->started <= at ? AUDIT_RUNNING : AUDIT_SUBMITTED;
}

static void add_life(struct stmt *stmt, void *ctx)
{
    const struct series *m = ctx;
    const int64_t status = stmt_int(stmt, COL_STATUS);
    const struct life l = {stmt_int(stmt, COL_SUBMITTED), stmt_int(stmt, COL_ENDED),
                           stmt_int(stmt, COL_STARTED), stmt_int(stmt, COL_UPDATED),
                           (enum audit_status)status};
    if (status < 0 || status >= AUDIT_STATUS_COUNT)
        return;
    for (size_t i = 0; i < m->count; i++) {
        const int64_t at = m->first + (int64_t)i * m->step;
        if (l.submitted <= at && (l.run_ended == 0 || l.run_ended >= at - m->step))
            m->out[i][status_at(&l, at)]++;
    }
}

int store_series(struct store *s, int64_t first, int64_t step, size_t count,
                 int64_t (*out)[AUDIT_STATUS_COUNT], struct error *err)
{
    struct reading r;
    struct series m = {first, step, count, out};
    for (size_t i = 0; i < count; i++)
        for (int status = 0; status < AUDIT_STATUS_COUNT; status++)
            out[i][status] = 0;
    if (reading_open(&r, s,
                     "SELECT r.submitted_at, r.ended_at, t.status, t.start_time, t.update_time"
                     " FROM (SELECT id, submitted_at, ended_at FROM runs WHERE status IN (0, 1)"
                     " UNION ALL SELECT id, submitted_at, ended_at FROM runs"
                     " WHERE ended_at > 0 AND ended_at >= ?1) r"
                     " CROSS JOIN tasks t ON t.run_id = r.id",
                     err))
        return -1;
    stmt_bind_int(r.stmt, 1, first - step);
    int rc = rows_each(r.stmt, INT_MAX, add_life, &m, NULL, err);
    reading_close(&r);
    return rc;
}
