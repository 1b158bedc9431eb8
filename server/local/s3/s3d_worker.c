/* A queue, a condition, a handful of threads. A queued request has a second owner, so that it may
 * be answered after its connection, even its server, has gone. The queue is bounded by the number
 * of connections, each of which has one request at a time. */
#include "server/local/s3/s3d_worker.h"

#include "server/local/s3/s3d_request.h"

#include <pthread.h>
#include <stdlib.h>

/* Copies are limited by the disk: more threads would not make them faster. */
enum { WORKERS = 4 }; /* they mostly wait for the disk */

struct s3d_workers {
    pthread_t threads[WORKERS];
    unsigned started;
    pthread_mutex_t lock; /* guards the three below */
    pthread_cond_t work;
    struct s3d_request *first, *last;
    bool stopping;
};

/* Takes the oldest request; ends when told to and nothing is left. */
static void *work(void *data)
{
    struct s3d_workers *w = data;
    pthread_mutex_lock(&w->lock);
    for (;;) {
        struct s3d_request *rq = w->first;
        if (!rq && w->stopping)
            break;
        if (!rq) {
            pthread_cond_wait(&w->work, &w->lock);
            continue;
        }
        w->first = rq->next;
        pthread_mutex_unlock(&w->lock);
        s3d_request_run(rq);
        s3d_request_release(rq);
        pthread_mutex_lock(&w->lock);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

struct s3d_workers *s3d_workers_start(struct error *err)
{
    struct s3d_workers *w = calloc(1, sizeof *w);
    if (!w || pthread_mutex_init(&w->lock, NULL)) {
        free(w);
        err_set(err, ERR_MEMORY, "starting S3's workers: out of memory");
        return NULL;
    }
    if (pthread_cond_init(&w->work, NULL)) {
        pthread_mutex_destroy(&w->lock);
        free(w);
        err_set(err, ERR_SYSTEM, "starting S3's workers failed");
        return NULL;
    }
    while (w->started < WORKERS) {
        if (pthread_create(&w->threads[w->started], NULL, work, w)) {
            err_set(err, ERR_SYSTEM, "starting S3's workers: no thread");
            return s3d_workers_stop(w);
        }
        w->started++;
    }
    return w;
}

/* The owner is counted before the exchange is deferred: afterwards it may be finished at any
 * time. */
void s3d_workers_add(struct s3d_workers *w, struct s3d_request *rq)
{
    atomic_fetch_add(&rq->owners, 1);
    http_defer(rq->x);
    rq->next = NULL;
    pthread_mutex_lock(&w->lock);
    if (w->first)
        w->last->next = rq;
    else
        w->first = rq;
    w->last = rq;
    pthread_cond_signal(&w->work);
    pthread_mutex_unlock(&w->lock);
}

struct s3d_workers *s3d_workers_stop(struct s3d_workers *w)
{
    if (!w)
        return NULL;
    pthread_mutex_lock(&w->lock);
    w->stopping = true;
    pthread_cond_broadcast(&w->work);
    pthread_mutex_unlock(&w->lock);
    for (unsigned i = 0; i < w->started; i++)
        pthread_join(w->threads[i], NULL);
    pthread_cond_destroy(&w->work);
    pthread_mutex_destroy(&w->lock);
    free(w);
    return NULL;
}
