/* live_private: what the files of the hub share. Private to server/live.
 *
 * Locks: `lock` is taken before an exchange's and before the store is asked by nobody; `signal` is
 * apart, because the store's writer takes it. Neither is held while the store is read. */
#ifndef STEPFLEET_LIVE_PRIVATE_H
#define STEPFLEET_LIVE_PRIVATE_H

#include "server/live/live.h"
#include "server/live/pieces.h"

#include <pthread.h>

/* One open feed. It belongs to its connection and leaves with it. */
struct client {
    struct client *prev, *next; /* the hub's list */
    struct live *live;
    struct http_exchange *exchange;
    int64_t run_id;      /* 0: all runs */
    int64_t position;    /* all up to this version was given to it or does not concern it */
    struct piece *piece; /* being sent: the connection's thread alone */
    size_t sent;
    bool waiting;              /* nothing is to be sent; these under the hub's lock */
    bool beat;                 /* a heartbeat is due */
    int64_t read_at, wrote_at; /* monotonic us */
};

/* Runs whose end was counted. They change afterwards, too: late rows, the rest of the history. */
struct ended {
    int64_t ids[4096]; /* the newest ones */
    size_t count;      /* of all */
};

/* What only the hub's thread uses. */
struct sampler {
    int64_t next_at;    /* monotonic us */
    int64_t last_wall;  /* of the newest point */
    int64_t version;    /* the numbers are those after this change */
    int64_t counted_at; /* monotonic us */
    struct ended ended;
};

struct live {
    struct live_options options;
    pthread_t thread;
    int64_t opened_wall;
    struct sampler sampler;

    pthread_mutex_t signal; /* guards the next two */
    pthread_cond_t signalled;
    bool changed;
    bool stopping;

    pthread_mutex_t lock; /* guards what follows */
    int64_t version;      /* all up to it is known to the clients or in `pieces` */
    struct pieces pieces;
    struct client *clients;
    struct live_numbers numbers;
};

/* Appends the run as an event of the feed. */
void feed_add_run(struct buf *out, const struct live *l, const struct store_run *run);
/* Wakes the clients for whom something is among the pieces after `before`; those that have seen all
 * and are not concerned move on. The lock is held. */
void clients_wake(struct live *l, int64_t before);
/* Heartbeats are sent, who went away or takes nothing is dropped. */
void clients_look_after(struct live *l, int64_t now);

/* Takes note of a changed run: has it ended since the hub was opened? The hub's thread, without the
 * lock. */
void numbers_note(struct live *l, const struct store_run *run);
/* Reads the store's numbers when they may have changed, and adds a point when it is time. The hub's
 * thread, without the lock. */
void numbers_refresh(struct live *l, int64_t now);

#endif
