/* A queue under a lock. The condition uses the monotonic clock: waiting must not depend on somebody
 * setting the time. */
#include "server/local/sfn/mailbox.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

struct mailbox {
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t arrived;
    unsigned references;
    bool shut;
    bool woken;
    struct message *first;
    struct message **last;
};

struct mailbox *mailbox_new(struct error *err)
{
    pthread_condattr_t monotonic;
    struct mailbox *b = calloc(1, sizeof *b);
    if (!b) {
        err_set(err, ERR_MEMORY, "out of memory for the engine's mailbox");
        return NULL;
    }
    b->references = 1;
    b->last = &b->first;
    (void)pthread_mutex_init(&b->lock, NULL);
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&b->arrived, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    return b;
}

struct mailbox *mailbox_hold(struct mailbox *b)
{
    pthread_mutex_lock(&b->lock);
    b->references++;
    pthread_mutex_unlock(&b->lock);
    return b;
}

struct mailbox *mailbox_release(struct mailbox *b)
{
    if (!b)
        return NULL;
    pthread_mutex_lock(&b->lock);
    bool last = --b->references == 0;
    pthread_mutex_unlock(&b->lock);
    if (last) {
        pthread_cond_destroy(&b->arrived);
        pthread_mutex_destroy(&b->lock);
        free(b);
    }
    return NULL;
}

void mailbox_post(struct mailbox *b, struct message *m)
{
    m->next = NULL;
    pthread_mutex_lock(&b->lock);
    bool shut = b->shut;
    if (!shut) {
        *b->last = m;
        b->last = &m->next;
        pthread_cond_signal(&b->arrived);
    }
    pthread_mutex_unlock(&b->lock);
    if (shut)
        m->drop(m);
}

static struct timespec deadline(int64_t wait)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += (time_t)(wait / 1000000);
    t.tv_nsec += (long)(wait % 1000000) * 1000;
    if (t.tv_nsec >= 1000000000L) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000L;
    }
    return t;
}

struct message *mailbox_take(struct mailbox *b, int64_t wait)
{
    struct timespec until = deadline(wait);
    pthread_mutex_lock(&b->lock);
    while (!b->first && !b->woken && wait > 0)
        if (pthread_cond_timedwait(&b->arrived, &b->lock, &until) != 0)
            break;
    struct message *all = b->first;
    b->first = NULL;
    b->last = &b->first;
    b->woken = false;
    pthread_mutex_unlock(&b->lock);
    return all;
}

void mailbox_wake(struct mailbox *b)
{
    pthread_mutex_lock(&b->lock);
    b->woken = true;
    pthread_cond_signal(&b->arrived);
    pthread_mutex_unlock(&b->lock);
}

void mailbox_shut(struct mailbox *b)
{
    pthread_mutex_lock(&b->lock);
    b->shut = true;
    pthread_mutex_unlock(&b->lock);
    struct message *m = mailbox_take(b, 0);
    while (m) {
        struct message *next = m->next;
        m->drop(m);
        m = next;
    }
}
