/* A launch under way. Private to workers/launch; one thread. */
#ifndef STEPFLEET_WORKERS_LAUNCH_PRIVATE_H
#define STEPFLEET_WORKERS_LAUNCH_PRIVATE_H

#include "workers/launch/bucket.h"
#include "workers/launch/launch.h"
#include "workers/run/refusal.h"

/* UNTRIED -> LAUNCHED | WAITING | REFUSED; WAITING -> LAUNCHED | REFUSED; REFUSED -> RECORDED */
enum outcome {
    UNTRIED,
    WAITING,  /* refused for now: tried again in the next round */
    LAUNCHED, /* also: dealt with in an earlier chunk */
    REFUSED,  /* for good, without a row yet */
    RECORDED, /* it has one */
};

enum { REASON_MAX = 320 };

struct target {
    enum outcome outcome;
    enum refusal kind;       /* of the last refusal */
    char reason[REASON_MAX]; /* why it is not launched (yet) */
};

struct launch {
    struct plan *plan;
    const struct worker *w;
    struct launch_options options;
    struct cursor *cursor;
    struct bucket bucket;
    char **subnets, **groups;
    size_t subnet_count, group_count;
    struct target *targets; /* one per task */
    size_t *todo;           /* indices of a round, or of refused tasks */
    size_t todo_count;
    size_t round_launched, round_starved; /* of the last round */
    size_t stalls;                        /* rounds in succession that launched nothing */
    struct error row_error;               /* first failure to write a row */
};

/* One RunTask for each task on the to-do list, as fast as the bucket allows; ends early when the
 * time for launching is over or capacity is. */
int launch_round(struct launch *l, struct error *err);
/* Milliseconds that are left for launching: the deadline's less the reserve. */
int64_t launch_ms_left(const struct launch *l);
/* Seconds until runTimeoutSeconds are over; 0 or less: nothing is launched any more. */
int64_t launch_run_seconds_left(const struct launch *l);

/* Takes over what an earlier try has started or refused, by rows and by ECS's lists. */
int launch_adopt(struct launch *l, struct error *err);

/* Writes the rows of tasks that are REFUSED. */
int launch_record_refused(struct launch *l, struct error *err);

#endif
