/* conn: one database connection with its prepared statements, and the pool of reading ones.
 *
 * A connection belongs to one thread at a time; statements are prepared once and kept. The pool is
 * for any thread: it opens connections as they are needed and keeps some of them. Private to the
 * store. */
#ifndef STEPFLEET_STORE_CONN_H
#define STEPFLEET_STORE_CONN_H

#include "lib/db/db.h"

#include <pthread.h>

/* More texts than the store has: filters of the run list (128) and about fifty others. */
enum { CONN_STATEMENTS = 224 };

struct conn {
    struct db *db;
    struct conn *next; /* in the pool */
    size_t count;
    struct {
        char *sql;
        struct stmt *stmt;
    } cached[CONN_STATEMENTS];
};

/* Opens the file; NULL with db_open's sentence. */
struct conn *conn_new(const char *path, enum db_mode mode, struct error *err);
struct conn *conn_free(struct conn *c); /* NULL-safe; returns NULL */

/* The statement of that text, ready to be bound; it stays the connection's. Reset it after use
 * (stmt_reset, stmt_run), so that it holds no snapshot. NULL when it cannot be prepared. */
struct stmt *conn_stmt(struct conn *c, const char *sql, struct error *err);

enum { CONN_POOL_KEEPS = 16 };

struct conn_pool {
    const char *path; /* borrowed */
    pthread_mutex_t lock;
    struct conn *idle; /* guarded by lock, as is the next one */
    size_t idle_count;
};

/* Opens nothing yet. `path` must outlive the pool. */
int conn_pool_open(struct conn_pool *p, const char *path, struct error *err);
/* All connections must have been given back. */
void conn_pool_close(struct conn_pool *p);
/* An idle connection, or a new one; NULL when that cannot be opened. Give it back. */
struct conn *conn_pool_take(struct conn_pool *p, struct error *err);
/* Takes it back; keeps CONN_POOL_KEEPS idle ones. */
void conn_pool_give(struct conn_pool *p, struct conn *c); /* c may be NULL */

#endif
