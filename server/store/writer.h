/* writer: the one thread that changes the database, in group commits.
 *
 * Callers hand in a change and wait. The thread takes all changes that wait, runs each inside a
 * savepoint of one transaction, so that a refused change does not undo the others, commits once,
 * and wakes the callers. Private to the store. */
#ifndef STEPFLEET_STORE_WRITER_H
#define STEPFLEET_STORE_WRITER_H

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "server/store/conn.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

/* What a change is given. It sets `changed` when it has written something.
 * `version` numbers changes over all runs; each run's row holds the number of its last change, so
 * who has seen all up to a version can ask for what came since. */
struct write {
    struct conn *conn;
    int64_t now;     /* wall microseconds */
    int64_t version; /* for the run it changes; new for each change */
    bool changed;
};

/* Runs on the writer's thread; -1 undoes what it wrote. Must not wait or call the store. */
typedef int (*write_fn)(struct write *w, void *arg, struct error *err);

struct write_op;

struct writer {
    struct conn *conn; /* the thread's, as is the next one */
    int64_t version;
    const struct clock *clock;
    const struct log *log;
    pthread_t thread;
    _Atomic uint64_t generation; /* odd while a commit is under way */
    pthread_mutex_t lock;        /* guards what follows */
    pthread_cond_t queued;
    pthread_cond_t committed;
    struct write_op *first, **last;
    bool stopping;
    bool telling; /* on_change is being called */
    void (*on_change)(void *ctx);
    void *on_change_ctx;
};

/* Takes the connection over when it succeeds; versions go on after `version`. */
int writer_open(struct writer *w, struct conn *conn, int64_t version, const struct clock *clock,
                const struct log *log, struct error *err);
/* Commits what is queued, ends the thread, closes the connection. No caller may be left. */
void writer_close(struct writer *w);
/* Waits until the change is committed (0) or refused (-1 with its own error). Any thread but the
 * writer's. */
int writer_do(struct writer *w, write_fn fn, void *arg, struct error *err);
/* Who is called after commits that changed something; NULL: nobody. When it returns, the one
 * before is not called any more. Any thread but the writer's. */
void writer_on_change(struct writer *w, void (*changed)(void *ctx), void *ctx);

#endif
