/* Connections and the pool of readers. In WAL mode readers neither wait for the writer nor hold it
 * up, so there may be one for each thread that asks. */
#include "server/store/conn.h"

#include <stdlib.h>
#include <string.h>

struct conn *conn_new(const char *path, enum db_mode mode, struct error *err)
{
    struct conn *c = calloc(1, sizeof *c);
    if (!c) {
        err_set(err, ERR_MEMORY, "out of memory for a database connection");
        return NULL;
    }
    c->db = db_open(path, mode, err);
    if (!c->db) {
        free(c);
        return NULL;
    }
    return c;
}

/* Statements are finalised before their connection closes. */
struct conn *conn_free(struct conn *c)
{
    if (!c)
        return NULL;
    for (size_t i = 0; i < c->count; i++) {
        stmt_close(c->cached[i].stmt);
        free(c->cached[i].sql);
    }
    db_close(c->db);
    free(c);
    return NULL;
}

/* A list walked by strcmp: some fifty texts that mostly differ early; next to stepping a statement
 * it does not count. */
struct stmt *conn_stmt(struct conn *c, const char *sql, struct error *err)
{
    for (size_t i = 0; i < c->count; i++)
        if (strcmp(c->cached[i].sql, sql) == 0) {
            stmt_reset(c->cached[i].stmt);
            return c->cached[i].stmt;
        }
    if (c->count == CONN_STATEMENTS) {
        err_set(err, ERR_INTERNAL, "too many prepared statements on one connection");
        return NULL;
    }
    char *copy = strdup(sql);
    if (!copy) {
        err_set(err, ERR_MEMORY, "out of memory for a statement");
        return NULL;
    }
    struct stmt *stmt = db_prepare(c->db, sql, err);
    if (!stmt) {
        free(copy);
        return NULL;
    }
    c->cached[c->count].sql = copy;
    c->cached[c->count].stmt = stmt;
    c->count++;
    return stmt;
}

int conn_pool_open(struct conn_pool *p, const char *path, struct error *err)
{
    memset(p, 0, sizeof *p);
    p->path = path;
    if (pthread_mutex_init(&p->lock, NULL) != 0)
        return err_set(err, ERR_SYSTEM, "cannot create the lock of the readers");
    return 0;
}

void conn_pool_close(struct conn_pool *p)
{
    while (p->idle) {
        struct conn *c = p->idle;
        p->idle = c->next;
        conn_free(c);
    }
    (void)pthread_mutex_destroy(&p->lock);
}

struct conn *conn_pool_take(struct conn_pool *p, struct error *err)
{
    (void)pthread_mutex_lock(&p->lock);
    struct conn *c = p->idle;
    if (c) {
        p->idle = c->next;
        p->idle_count--;
    }
    (void)pthread_mutex_unlock(&p->lock);
    return c ? c : conn_new(p->path, DB_READ_ONLY, err);
}

/* Closing happens outside the lock: it may checkpoint. */
void conn_pool_give(struct conn_pool *p, struct conn *c)
{
    if (!c)
        return;
    (void)pthread_mutex_lock(&p->lock);
    bool keep = p->idle_count < CONN_POOL_KEEPS;
    if (keep) {
        c->next = p->idle;
        p->idle = c;
        p->idle_count++;
    }
    (void)pthread_mutex_unlock(&p->lock);
    if (!keep)
        conn_free(c);
}
