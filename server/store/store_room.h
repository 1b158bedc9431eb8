/* store_room: what the store's own files share. Private to the store. */
#ifndef STEPFLEET_STORE_ROOM_H
#define STEPFLEET_STORE_ROOM_H

#include "server/store/conn.h"
#include "server/store/store.h"
#include "server/store/writer.h"

/* How a change travels: a function of store.h packs its arguments into a struct on its stack and
 * hands it with a function to writer_do. On the writer's thread that function reads the run's
 * state, alters it, writes it back and returns; the caller wakes when the transaction is on the
 * disk. A change that returns -1 leaves nothing behind, and one that has written nothing wakes
 * nobody. */
struct store {
    char *path;
    const struct log *log;
    struct conn_pool readers;
    struct writer writer;
};

/* The moving parts of a run's row, as a change reads and writes them. */
struct run_state {
    int64_t id;
    enum audit_status status;
    int64_t task_count;
    int64_t tasks[AUDIT_STATUS_COUNT]; /* by status */
    int64_t started_at;
    int64_t execution_stopped_at;
    int64_t start_attempts;
    int64_t last_event_id;
    int64_t mirror_time;
    int64_t cancel_at;
};

/* Sets ERR_NOT_FOUND "there is no run 123"; -1. */
int no_run(int64_t id, struct error *err);
/* Fails by no_run when there is none. */
int run_state_read(struct write *w, int64_t id, struct run_state *out, struct error *err);
/* Writes all of it with the change's version and time, and marks the change. */
int run_state_write(struct write *w, const struct run_state *run, struct error *err);
/* Moves the run's status; -1 with ERR_CONFLICT when audit_may_move forbids it. */
int run_state_move(struct run_state *run, enum audit_status to, struct error *err);
/* Gives all tasks that are not final this status and reason; counts follow. */
int run_state_end_tasks(struct write *w, struct run_state *run, enum audit_status to,
                        const char *reason, struct error *err);

/* Gives failed and cancelled tasks that were stored by an older version their class of reason. For
 * store_open, before anybody else may use the file. */
int failures_classify(struct conn *conn, struct error *err);

/* --- reading --- */

/* One statement of a reading connection; the caller's struct, on its stack. */
struct reading {
    struct conn_pool *pool;
    struct conn *conn;
    struct stmt *stmt; /* to be bound and stepped */
};

/* Takes a connection and prepares the statement; on failure there is nothing to close. */
int reading_open(struct reading *r, struct store *s, const char *sql, struct error *err);
/* Ends the snapshot and gives the connection back. */
void reading_close(struct reading *r);
/* -1 with ERR_ARGUMENT unless a page's limit is from 1 to STORE_LIMIT_MAX. */
int reading_limit(int limit, struct error *err);

/* Steps a statement for at most `limit` rows, calling `row` for each, and resets it. *more (may be
 * NULL) tells whether there was one more; so bind limit + 1. */
int rows_each(struct stmt *stmt, int limit, void (*row)(struct stmt *stmt, void *ctx), void *ctx,
              bool *more, struct error *err);

enum { STORE_LIMIT_MAX = 1000 };

#endif
