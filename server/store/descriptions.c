/* What ECS said of tasks, and which tasks it is yet to be asked about. */
#include "server/store/store_room.h"

#include <string.h>

enum { ID_HEX = 32, ID_UUID = 36, UNDESCRIBED_MAX = 1000 };

bool store_is_ecs_id(const char *id)
{
    size_t len = id ? strlen(id) : 0;
    if (len == ID_HEX)
        return strspn(id, "0123456789abcdef") == len;
    return len == ID_UUID && strspn(id, "0123456789abcdef-") == len;
}

/* --- keeping and reading ---
 */

struct put {
    int64_t run_id;
    const struct store_description *list;
    size_t count;
};

/* Of a task that left the store meanwhile nothing is kept. */
static int put_one(struct write *w, int64_t run_id, const struct store_description *d,
                   struct error *err)
{
    struct stmt *stmt = conn_stmt(
        w->conn,
        "INSERT INTO ecs_descriptions (run_id, seq, ecs_task_id, seen_at, stopped, shortened, body)"
        " SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7"
        " WHERE EXISTS (SELECT 1 FROM tasks WHERE run_id = ?1 AND seq = ?2)"
        " ON CONFLICT (run_id, seq) DO UPDATE SET ecs_task_id = excluded.ecs_task_id,"
        " seen_at = excluded.seen_at, stopped = excluded.stopped, shortened = excluded.shortened,"
        " body = excluded.body",
        err);
    if (!stmt)
        return -1;
    if (d->body_len > STORE_DESCRIPTION_MAX)
        return err_set(err, ERR_LIMIT, "a description has at most %d bytes, this one has %zu",
                       (int)STORE_DESCRIPTION_MAX, d->body_len);
    stmt_bind_int(stmt, 1, run_id);
    stmt_bind_int(stmt, 2, d->seq);
    stmt_bind_text(stmt, 3, d->ecs_task_id);
    stmt_bind_int(stmt, 4, w->now);
    stmt_bind_int(stmt, 5, d->stopped);
    stmt_bind_int(stmt, 6, d->shortened);
    stmt_bind_textn(stmt, 7, d->body, d->body_len);
    return stmt_run(stmt, err);
}

static int put_all(struct write *w, void *arg, struct error *err)
{
    const struct put *put = arg;
    int rc = 0;
    for (size_t i = 0; i < put->count && !rc; i++)
        rc = put_one(w, put->run_id, &put->list[i], err);
    return rc;
}

int store_descriptions_put(struct store *s, int64_t run_id, const struct store_description *list,
                           size_t count, struct error *err)
{
    struct put put = {run_id, list, count};
    return writer_do(&s->writer, put_all, &put, err);
}

int store_description_get(struct store *s, int64_t run_id, int64_t seq, const char *ecs_task_id,
                          store_description_fn fn, void *ctx, struct error *err)
{
    static const char sql[] = "SELECT seq, ecs_task_id, seen_at, stopped, shortened, body"
                              " FROM ecs_descriptions"
                              " WHERE run_id = ?1 AND seq = ?2"
                              " AND ecs_task_id = coalesce(?3, ecs_task_id)";
    struct reading r;
    if (reading_open(&r, s, sql, err))
        return -1;
    stmt_bind_int(r.stmt, 1, run_id);
    stmt_bind_int(r.stmt, 2, seq);
    stmt_bind_text(r.stmt, 3, ecs_task_id);
    int rc = stmt_step(r.stmt, err);
    if (rc == 1)
        fn(ctx, &(struct store_description){.seq = stmt_int(r.stmt, 0),
                                            .ecs_task_id = stmt_text(r.stmt, 1),
                                            .seen_at = stmt_int(r.stmt, 2),
                                            .stopped = stmt_int(r.stmt, 3) != 0,
                                            .shortened = stmt_int(r.stmt, 4) != 0,
                                            .body = stmt_text(r.stmt, 5),
                                            .body_len = stmt_len(r.stmt, 5)});
    reading_close(&r);
    return rc < 0 ? -1 : 0;
}

/* --- who is yet to be described ---
 */

/* The caller's function travels through rows_each in this. */
struct subject_reader {
    store_subject_fn fn;
    void *ctx;
};

static void read_subject(struct stmt *stmt, void *ctx)
{
    const struct subject_reader *reader = ctx;
    reader->fn(reader->ctx, &(struct store_subject){.seq = stmt_int(stmt, 0),
                                                    .version = stmt_int(stmt, 1),
                                                    .ecs_task_id = stmt_text(stmt, 2),
                                                    .status = (enum audit_status)stmt_int(stmt, 3),
                                                    .described = stmt_int(stmt, 4) != 0});
}

int store_subject_list(struct store *s, int64_t run_id, const struct store_task_place *after,
                       int limit, store_subject_fn fn, void *ctx, bool *more, struct error *err)
{
    static const char sql[] =
        "SELECT t.seq, t.version, t.ecs_task_id, t.status, coalesce(d.stopped, 0) FROM tasks t"
        " LEFT JOIN ecs_descriptions d"
        " ON d.run_id = t.run_id AND d.seq = t.seq AND d.ecs_task_id = t.ecs_task_id"
        " WHERE t.run_id = ?1 AND (t.version, t.seq) > (?2, ?3) ORDER BY t.version, t.seq LIMIT ?4";
    struct reading r;
    *more = false;
    if (reading_limit(limit, err) || reading_open(&r, s, sql, err))
        return -1;
    stmt_bind_int(r.stmt, 1, run_id);
    stmt_bind_int(r.stmt, 2, after->version);
    stmt_bind_int(r.stmt, 3, after->seq);
    stmt_bind_int(r.stmt, 4, (int64_t)limit + 1);
    int rc = rows_each(r.stmt, limit, read_subject, &(struct subject_reader){fn, ctx}, more, err);
    reading_close(&r);
    return rc;
}

/* --- places ---
 */

struct places_reader {
    store_places_fn fn;
    void *ctx;
};

static void read_places(struct stmt *stmt, void *ctx)
{
    const struct places_reader *reader = ctx;
    reader->fn(reader->ctx, &(struct store_places){.run_id = stmt_int(stmt, 0),
                                                   .ended_at = stmt_int(stmt, 1),
                                                   .cluster = stmt_text(stmt, 2),
                                                   .task_definition = stmt_text(stmt, 3),
                                                   .container = stmt_text(stmt, 4),
                                                   .details_hash_key = stmt_text(stmt, 5),
                                                   .details_range_key = stmt_text(stmt, 6)});
}

/* An input that is no JSON, or has other types there, says nothing. */
#define INPUT_TEXT(name)                                                                           \
    "CASE WHEN json_valid(s.input) AND json_type(s.input, '$." name "') = 'text'"                  \
    " THEN json_extract(s.input, '$." name "') END"
/* clang-format off */
#define PLACES                                                                                     \
    "SELECT r.id, r.ended_at, " INPUT_TEXT("clusterName") ", " INPUT_TEXT("taskDefinition")        \
    ", " INPUT_TEXT("containerName") ", " INPUT_TEXT("hashKeyWFDetails") ", "                      \
    INPUT_TEXT("rangeKeyWFDetails") " FROM runs r JOIN run_specs s ON s.run_id = r.id"
/* clang-format on */

int store_places_get(struct store *s, int64_t run_id, store_places_fn fn, void *ctx,
                     struct error *err)
{
    struct reading r;
    if (reading_open(&r, s, PLACES " WHERE r.id = ?1", err))
        return -1;
    stmt_bind_int(r.stmt, 1, run_id);
    int rc = stmt_step(r.stmt, err);
    if (rc == 1)
        read_places(r.stmt, &(struct places_reader){fn, ctx});
    reading_close(&r);
    if (rc == 0)
        return no_run(run_id, err);
    return rc == 1 ? 0 : -1;
}

int store_undescribed(struct store *s, int64_t ended_after, store_places_fn fn, void *ctx,
                      struct error *err)
{
    static const char sql[] =
        PLACES " WHERE r.ended_at > ?1 AND r.trimmed_at = 0 AND EXISTS"
               " (SELECT 1 FROM tasks t LEFT JOIN ecs_descriptions d ON d.run_id = t.run_id"
               " AND d.seq = t.seq AND d.ecs_task_id = t.ecs_task_id"
               " WHERE t.run_id = r.id AND t.ecs_task_id IS NOT NULL AND d.stopped IS NOT 1)"
               " ORDER BY r.ended_at DESC LIMIT ?2";
    struct reading r;
    if (reading_open(&r, s, sql, err))
        return -1;
    stmt_bind_int(r.stmt, 1, ended_after);
    stmt_bind_int(r.stmt, 2, UNDESCRIBED_MAX);
    int rc = rows_each(r.stmt, UNDESCRIBED_MAX, read_places, &(struct places_reader){fn, ctx}, NULL,
                       err);
    reading_close(&r);
    return rc;
}
