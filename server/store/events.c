/* The history of executions. Events are numbered from 1 without gaps, but may come in any order:
 * the newest page is read first. */
#include "server/store/store_room.h"

#include <string.h>

/* The caller's function travels through rows_each in this. */
struct event_reader {
    store_event_fn fn;
    void *ctx;
};

/* The columns as read_event reads them. */
#define EVENT_COLUMNS "SELECT id, previous_id, time, type, details FROM events WHERE run_id = ?1"

static void read_event(struct stmt *stmt, void *ctx)
{
    const struct event_reader *reader = ctx;
    const struct store_event event = {
        .id = stmt_int(stmt, 0),
        .previous_id = stmt_int(stmt, 1),
        .time = stmt_int(stmt, 2),
        .type = stmt_text(stmt, 3),
        .details = stmt_text(stmt, 4),
    };
    reader->fn(reader->ctx, &event);
}

/* One row more than asked for tells whether there is a next page. */
int store_event_list(struct store *s, int64_t run_id, int64_t after, int limit, store_event_fn fn,
                     void *ctx, bool *more, struct error *err)
{
    static const char sql[] = EVENT_COLUMNS " AND id > ?2 ORDER BY id LIMIT ?3";
    struct reading r;
    *more = false;
    if (reading_limit(limit, err) || reading_open(&r, s, sql, err))
        return -1;
    stmt_bind_int(r.stmt, 1, run_id);
    stmt_bind_int(r.stmt, 2, after);
    stmt_bind_int(r.stmt, 3, (int64_t)limit + 1);
    int rc = rows_each(r.stmt, limit, read_event, &(struct event_reader){fn, ctx}, more, err);
    reading_close(&r);
    return rc;
}

/* --- the events of one iteration of a Map ---
 */

enum { ITERATION_MAX = 64 };

/* Ids of the newest events of the iteration, as a ring. */
struct iteration {
    int64_t ids[ITERATION_MAX];
    int limit;
    int64_t count; /* of all of them */
    int64_t last;  /* the newest so far; 0: it has not started */
    bool over;
};

/* Each event names the one before it, so an iteration is a chain from its start. */
static void follow(struct iteration *it, int64_t id, int64_t previous, const char *type, bool start)
{
    if (it->over || (it->last ? previous != it->last : !start))
        return;
    it->ids[it->count++ % it->limit] = id;
    it->last = id;
    it->over = strcmp(type, "MapIterationSucceeded") == 0 ||
               strcmp(type, "MapIterationFailed") == 0 || strcmp(type, "MapIterationAborted") == 0;
}

/* Details are looked into for starts alone: they are most of the history's bytes. */
static int find_iteration(struct conn *conn, int64_t run_id, int64_t index, struct iteration *it,
                          struct error *err)
{
    struct stmt *stmt =
        conn_stmt(conn,
                  "SELECT id, previous_id, type, CASE WHEN type = 'MapIterationStarted' AND"
                  " json_valid(details) THEN json_extract(details, '$.index') = ?2 ELSE 0 END"
                  " FROM events WHERE run_id = ?1 ORDER BY id",
                  err);
    if (!stmt)
        return -1;
    stmt_bind_int(stmt, 1, run_id);
    stmt_bind_int(stmt, 2, index);
    int rc = 0;
    while (!it->over && (rc = stmt_step(stmt, err)) == 1)
        follow(it, stmt_int(stmt, 0), stmt_int(stmt, 1), stmt_text(stmt, 2),
               stmt_int(stmt, 3) != 0);
    stmt_reset(stmt);
    return rc < 0 ? -1 : 0;
}

int store_event_iteration(struct store *s, int64_t run_id, int64_t index, int limit,
                          store_event_fn fn, void *ctx, struct error *err)
{
    static const char sql[] = EVENT_COLUMNS " AND id = ?2";
    struct iteration it = {.limit = limit < ITERATION_MAX ? limit : ITERATION_MAX};
    struct reading r;
    if (reading_limit(limit, err) || reading_open(&r, s, sql, err))
        return -1;
    int rc = find_iteration(r.conn, run_id, index, &it, err);
    for (int64_t i = it.count > it.limit ? it.count - it.limit : 0; i < it.count && !rc; i++) {
        stmt_bind_int(r.stmt, 1, run_id);
        stmt_bind_int(r.stmt, 2, it.ids[i % it.limit]);
        rc = rows_each(r.stmt, 1, read_event, &(struct event_reader){fn, ctx}, NULL, err);
    }
    reading_close(&r);
    return rc;
}

/* The arguments of store_events_add on their way to the writer's thread, as with all changes here.
 */
struct add {
    int64_t run_id;
    const struct store_event *events;
    size_t count;
};

/* An event that is there already changes no row. */
static int insert_event(struct write *w, struct stmt *stmt, int64_t run_id,
                        const struct store_event *event, bool *added, struct error *err)
{
    stmt_bind_int(stmt, 1, run_id);
    stmt_bind_int(stmt, 2, event->id);
    stmt_bind_int(stmt, 3, event->previous_id);
    stmt_bind_int(stmt, 4, event->time);
    stmt_bind_text(stmt, 5, event->type);
    stmt_bind_text(stmt, 6, event->details);
    if (stmt_run(stmt, err))
        return -1;
    *added = *added || db_changes(w->conn->db) > 0;
    return 0;
}

static int insert_events(struct write *w, const struct add *add, bool *added, struct error *err)
{
    struct stmt *stmt = conn_stmt(w->conn,
                                  "INSERT INTO events (run_id, id, previous_id, time, type,"
                                  " details) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
                                  " ON CONFLICT DO NOTHING",
                                  err);
    int rc = stmt ? 0 : -1;
    for (size_t i = 0; i < add->count && !rc; i++)
        rc = insert_event(w, stmt, add->run_id, &add->events[i], added, err);
    return rc;
}

/* What was just written needs no reading. */
static int64_t follow_page(const struct add *add, int64_t last)
{
    for (size_t i = 0; i < add->count; i++)
        last += add->events[i].id == last + 1;
    return last;
}

/* Moves `last` on over the events that follow it without a gap. */
static int contiguous(struct write *w, int64_t run_id, int64_t *last, struct error *err)
{
    struct stmt *stmt =
        conn_stmt(w->conn, "SELECT id FROM events WHERE run_id = ?1 AND id > ?2 ORDER BY id", err);
    if (!stmt)
        return -1;
    stmt_bind_int(stmt, 1, run_id);
    stmt_bind_int(stmt, 2, *last);
    int rc;
    while ((rc = stmt_step(stmt, err)) == 1 && stmt_int(stmt, 0) == *last + 1)
        (*last)++;
    stmt_reset(stmt);
    return rc < 0 ? -1 : 0;
}

/* Pages of history overlap; what is there stays as it is. */
static int add_events(struct write *w, void *arg, struct error *err)
{
    const struct add *add = arg;
    struct run_state run;
    bool added = false;
    if (run_state_read(w, add->run_id, &run, err))
        return -1;
    if (insert_events(w, add, &added, err))
        return -1;
    if (!added)
        return 0;
    run.last_event_id = follow_page(add, run.last_event_id);
    if (contiguous(w, add->run_id, &run.last_event_id, err))
        return -1;
    return run_state_write(w, &run, err);
}

int store_events_add(struct store *s, int64_t run_id, const struct store_event *events,
                     size_t count, struct error *err)
{
    struct add add = {run_id, events, count};
    return writer_do(&s->writer, add_events, &add, err);
}
