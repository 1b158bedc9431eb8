/* live: the hub that tells browsers what changed, and the numbers of the page's first line.
 *
 * One thread, woken by the store's change feed, reads which runs changed, at most once an interval,
 * and keeps their newest texts. Each client has a place in the feed and takes from there what it
 * has not seen when its connection can take more, so a slow reader costs no memory: it gets later,
 * newer things. The feed's numbers are the store's versions, so a place is good after a restart.
 * The struct belongs to whoever opened it; functions are for any thread unless said otherwise. */
#ifndef STEPFLEET_LIVE_H
#define STEPFLEET_LIVE_H

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/http_server/http_server.h"
#include "lib/json/json_write.h"
#include "server/store/store.h"

struct live;

struct live_options {
    struct store *store;       /* borrowed, must outlive the hub */
    const struct clock *clock; /* borrowed */
    const struct log *log;     /* borrowed; may be NULL */
    /* Writes a run as REST shows it. */
    void (*render)(struct json_writer *w, const struct store_run *run, int64_t now);
    unsigned max_clients; /* 0: 2,000 */
    int64_t interval;     /* between two looks at the store, us; 0: 200 ms */
    int64_t heartbeat;    /* longest silence towards a client, us; 0: 15 s */
    int64_t patience;     /* a client that has taken nothing for so long is dropped, us; 0: 10 s */
    int64_t sample;       /* between two points of the series, us; 0: 30 s */
};

/* Listens to the store's change feed from here on. NULL with ERR_SYSTEM, ERR_MEMORY or the store's
 * error. */
struct live *live_open(const struct live_options *options, struct error *err);
/* Ends the thread and frees. Every client's connection must have ended. NULL-safe; returns NULL. */
struct live *live_close(struct live *l);

/* Answers the request with the feed: text/event-stream. `run_id` 0: all runs. `after` is the place
 * to go on from; negative: a feed of all runs begins now, one of a run with the run as it is. -1
 * with ERR_UNAVAILABLE when there are too many clients, and nothing was answered. */
int live_serve(struct live *l, struct http_exchange *x, int64_t run_id, int64_t after,
               struct error *err);

enum { LIVE_SERIES_MAX = 120, LIVE_BUCKETS = 12 };

/* Tasks by status, of runs that were not over when the point before was taken. Points of before the
 * hub was opened are told from the store. */
struct live_point {
    int64_t time; /* wall us */
    int64_t tasks[AUDIT_STATUS_COUNT];
};

/* Upper bounds of the buckets of run durations, in seconds; the last one is without bound. */
extern const int live_bounds[LIVE_BUCKETS - 1];

/* How things are, at most a second old. */
struct live_numbers {
    int64_t runs[AUDIT_STATUS_COUNT];
    int64_t tasks[AUDIT_STATUS_COUNT]; /* of runs that are not over */
    int64_t failed_today;              /* runs, since midnight UTC */
    unsigned clients;
    int64_t finished[AUDIT_STATUS_COUNT]; /* runs that ended since the hub was opened */
    int64_t durations[LIVE_BUCKETS];      /* of those, how long they took, by bucket */
    double duration_sum;                  /* seconds */
    size_t point_count;
    struct live_point points[LIVE_SERIES_MAX]; /* oldest first */
};
/* Copies the newest; nothing is read for it. */
void live_numbers(struct live *l, struct live_numbers *out);

#endif
