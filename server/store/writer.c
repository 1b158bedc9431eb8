#include "server/store/writer.h"

#include <string.h>

/* One change that waits; it lives on its caller's stack until `done`. */
struct write_op {
    struct write_op *next;
    write_fn fn;
    void *arg;
    int rc;
    bool done;
    struct error err;
};

/* For the savepoints' own statements. */
static int run_sql(struct conn *c, const char *sql, struct error *err)
{
    struct stmt *stmt = conn_stmt(c, sql, err);
    return stmt ? stmt_run(stmt, err) : -1;
}

/* Runs one change inside a savepoint. -1: the whole transaction is lost (the disk is full, say;
 * SQLite has then rolled back by itself). What became of the change itself is op->rc. */
static int apply(struct writer *w, struct write_op *op, bool *changed, struct error *err)
{
    struct write write = {w->conn, clock_wall(w->clock), w->version + 1, false};
    if (run_sql(w->conn, "SAVEPOINT change", err))
        return -1;
    op->rc = op->fn(&write, op->arg, &op->err);
    if (op->rc && run_sql(w->conn, "ROLLBACK TO change", err))
        return -1;
    if (run_sql(w->conn, "RELEASE change", err))
        return -1;
    if (!op->rc && write.changed) {
        w->version = write.version;
        *changed = true;
    }
    return 0;
}

/* Readers see the group's changes from some moment within on. */
static int make_visible(struct writer *w, struct error *err)
{
    atomic_fetch_add(&w->generation, 1);
    const int rc = db_commit(w->conn->db, err);
    atomic_fetch_add(&w->generation, 1);
    return rc;
}

/* One transaction for the group. -1: nothing of it is in the database. */
static int apply_all(struct writer *w, struct write_op *group, bool *changed, struct error *err)
{
    if (db_begin(w->conn->db, err))
        return -1;
    for (struct write_op *op = group; op; op = op->next)
        if (apply(w, op, changed, err))
            goto rollback;
    if (make_visible(w, err))
        goto rollback;
    return 0;
rollback:
    db_rollback(w->conn->db);
    return -1;
}

/* Commits a group; when that fails all of it failed, and each caller is told why. */
static bool commit(struct writer *w, struct write_op *group)
{
    struct error err = {0};
    bool changed = false;
    if (apply_all(w, group, &changed, &err) == 0)
        return changed;
    log_error(w->log, "the store could not commit", LOG_STR("error", err.message));
    for (struct write_op *op = group; op; op = op->next) {
        op->rc = -1;
        op->err = err;
    }
    return false;
}

/* Takes what waits; NULL when the writer is to end and nothing waits. */
static struct write_op *next_group(struct writer *w)
{
    (void)pthread_mutex_lock(&w->lock);
    while (!w->first && !w->stopping)
        (void)pthread_cond_wait(&w->queued, &w->lock);
    struct write_op *group = w->first;
    w->first = NULL;
    w->last = &w->first;
    (void)pthread_mutex_unlock(&w->lock);
    return group;
}

/* Without the lock, and after the callers are awake: it cannot hold up anybody who writes. */
static void tell_listener(struct writer *w, void (*on_change)(void *), void *ctx)
{
    on_change(ctx);
    (void)pthread_mutex_lock(&w->lock);
    w->telling = false;
    (void)pthread_cond_broadcast(&w->committed);
    (void)pthread_mutex_unlock(&w->lock);
}

/* Group after group, until there is none and the writer is to end. */
static void *write_loop(void *arg)
{
    struct writer *w = arg;
    for (struct write_op *group = next_group(w); group; group = next_group(w)) {
        bool changed = commit(w, group);
        (void)pthread_mutex_lock(&w->lock);
        void (*on_change)(void *) = changed ? w->on_change : NULL;
        void *ctx = w->on_change_ctx;
        for (struct write_op *op = group; op; op = op->next)
            op->done = true;
        w->telling = on_change != NULL;
        (void)pthread_cond_broadcast(&w->committed);
        (void)pthread_mutex_unlock(&w->lock);
        if (on_change)
            tell_listener(w, on_change, ctx);
    }
    return NULL;
}

/* The thread starts last: it uses all the rest. */
int writer_open(struct writer *w, struct conn *conn, int64_t version, const struct clock *clock,
                const struct log *log, struct error *err)
{
    memset(w, 0, sizeof *w);
    w->conn = conn;
    w->version = version;
    w->clock = clock;
    w->log = log;
    w->last = &w->first;
    if (pthread_mutex_init(&w->lock, NULL) != 0)
        goto failed;
    if (pthread_cond_init(&w->queued, NULL) != 0)
        goto destroy_lock;
    if (pthread_cond_init(&w->committed, NULL) != 0)
        goto destroy_queued;
    if (pthread_create(&w->thread, NULL, write_loop, w) != 0)
        goto destroy_committed;
    return 0;
destroy_committed:
    (void)pthread_cond_destroy(&w->committed);
destroy_queued:
    (void)pthread_cond_destroy(&w->queued);
destroy_lock:
    (void)pthread_mutex_destroy(&w->lock);
failed:
    return err_set(err, ERR_SYSTEM, "cannot start the thread that writes the store");
}

void writer_close(struct writer *w)
{
    (void)pthread_mutex_lock(&w->lock);
    w->stopping = true;
    (void)pthread_cond_signal(&w->queued);
    (void)pthread_mutex_unlock(&w->lock);
    (void)pthread_join(w->thread, NULL);
    (void)pthread_cond_destroy(&w->committed);
    (void)pthread_cond_destroy(&w->queued);
    (void)pthread_mutex_destroy(&w->lock);
    w->conn = conn_free(w->conn);
}

/* Queues the change and waits until it is done, so that it may live on the caller's stack. */
static void queue_and_wait(struct writer *w, struct write_op *op)
{
    (void)pthread_mutex_lock(&w->lock);
    *w->last = op;
    w->last = &op->next;
    (void)pthread_cond_signal(&w->queued);
    while (!op->done)
        (void)pthread_cond_wait(&w->committed, &w->lock);
    (void)pthread_mutex_unlock(&w->lock);
}

/* The error is copied out of the operation only when there was one: it is large. */
int writer_do(struct writer *w, write_fn fn, void *arg, struct error *err)
{
    struct write_op op = {.fn = fn, .arg = arg};
    queue_and_wait(w, &op);
    if (op.rc && err)
        *err = op.err;
    return op.rc;
}

void writer_on_change(struct writer *w, void (*changed)(void *ctx), void *ctx)
{
    (void)pthread_mutex_lock(&w->lock);
    w->on_change = changed;
    w->on_change_ctx = ctx;
    while (w->telling)
        (void)pthread_cond_wait(&w->committed, &w->lock);
    (void)pthread_mutex_unlock(&w->lock);
}
