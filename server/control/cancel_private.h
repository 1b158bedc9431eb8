/* cancel_private: a cancelling under way. Private to server/control. */
#ifndef STEPFLEET_CONTROL_CANCEL_PRIVATE_H
#define STEPFLEET_CONTROL_CANCEL_PRIVATE_H

#include "server/control/cancel.h"
#include "server/control/ending.h"
#include "server/control/linger.h"
#include "server/control/mark.h"
#include "server/control/stop.h"
#include "server/loop/trouble.h"
#include "server/store/store.h"

enum { STOP_REASON_MAX = 255 }; /* StopTask's limit */

/* UPDATE (-> READ -> CREATE -> UPDATE) -> SWEEP <-> LOOK -> CENSUS (-> LINGER -> LOOK) -> MARK ->
 * RECOUNT -> DONE; the detours to READ and CREATE go back, and a CENSUS that leaves doubt goes back
 * to SWEEP. */
enum cancel_step {
    CANCEL_UPDATE,  /* the summary row becomes Cancelled, unless it is final */
    CANCEL_READ,    /* it was refused: what does the row say? */
    CANCEL_CREATE,  /* there is none: the launcher never came to it */
    CANCEL_SWEEP,   /* ECS tasks are told to stop */
    CANCEL_LOOK,    /* what do the rows say now? */
    CANCEL_CENSUS,  /* which tasks without a row did ECS start? (-> SWEEP when a launcher may) */
    CANCEL_LINGER,  /* those that were told to stop end, and may say how */
    CANCEL_MARK,    /* rows of tasks that did not speak for themselves */
    CANCEL_RECOUNT, /* the summary row's counts */
    CANCEL_DONE,
};

struct cancel {
    const struct loop *loop;
    int64_t run_id;
    struct mirror_run *mirror;
    struct quota *describes;
    struct mirror_tables tables;
    char *cluster;
    char reason[ENDING_REASON_MAX];
    char stop_why[STOP_REASON_MAX + 1];
    int64_t stopped_at;

    enum cancel_step step;
    bool busy; /* a call about the summary row is in flight */
    struct trouble trouble;
    enum audit_status verdict;
    bool barred; /* no launcher was there, and none can begin any more */

    struct stop *stop;
    int quiet;  /* sweeps in a row that stopped nothing, for there was nothing */
    int doubts; /* sweeps in a row with calls that failed but may work later */
    int64_t began;
    int64_t quiet_since;   /* the last sweep that was not quiet */
    bool wary;             /* tasks that ECS does not know may still be started */
    struct linger *linger; /* its census is that of CENSUS */
    size_t left;           /* of the tasks that linger, when the last pass was asked for */
    struct mark *mark;
    int settled; /* passes after the marks */
};

/* The first pause between two sweeps, and between two passes; they double. */
#define CANCEL_WAIT (250 * CLOCK_MS)

/* What the store says of the run's tasks. */
struct cancel_look {
    int64_t open;
    bool launcher; /* there may be one that has tasks left to start */
};
/* A store_run_fn for it. */
void cancel_read_look(void *ctx, const struct store_run *run);
/* Takes note of the sweep that c->stop has ended. */
void cancel_judge_sweep(struct cancel *c);
/* How long to wait before the next one: longer and longer while nothing is stopped. */
int64_t cancel_pause(const struct cancel *c);
/* Nothing can be started any more, or cancelling has taken too long already. */
bool cancel_beyond_doubt(const struct cancel *c);
/* There was nothing to stop for long enough. */
bool cancel_quiet(const struct cancel *c);
/* May a launcher, silent so far, still start a task? Told of what the census does not know. */
int cancel_any_unknown(const struct cancel *c, bool *unknown, struct error *err);

/* One call about the summary row, by the step; what comes of it moves the step. */
void cancel_summary(struct cancel *c);

#endif
