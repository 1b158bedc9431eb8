/* follow_private: one active run. Private to server/control. */
#ifndef STEPFLEET_CONTROL_FOLLOW_PRIVATE_H
#define STEPFLEET_CONTROL_FOLLOW_PRIVATE_H

#include "server/control/cancel.h"
#include "server/control/follow.h"
#include "server/control/linger.h"
#include "server/control/mark.h"
#include "server/control/stop.h"
#include "server/store/store.h"

/* RUNNING -> SETTLING -> (STOPPING -> STOPPED -> MARKING -> MARKED | CANCELLING ->) CLOSING; the
 * state only moves forward. In SETTLING and STOPPED further passes of the mirror may be asked for;
 * STOPPING is left out when no ECS task can be left, MARKING when no row is, CANCELLING is for
 * executions that were stopped. */
enum follow_state {
    FOLLOW_RUNNING,    /* until the execution has ended and its history is read */
    FOLLOW_SETTLING,   /* until a full pass of the mirror, begun after that */
    FOLLOW_STOPPING,   /* until tasks left behind were told to stop */
    FOLLOW_STOPPED,    /* until they have written their last rows, or have ended without */
    FOLLOW_MARKING,    /* until rows of tasks that ended without are final */
    FOLLOW_MARKED,     /* until those were read */
    FOLLOW_CANCELLING, /* until rows and tasks of a stopped execution are final */
    FOLLOW_CLOSING,    /* until the store has it */
};

struct follow {
    int64_t id;
    enum follow_state state;
    struct watch_run *watch;
    struct mirror_run *mirror; /* NULL: its input names no tables */
    struct stop *stop;
    struct cancel *cancel;
    char *cluster; /* NULL as well then */
    int64_t tolerated;
    bool cancelled;
    int settled; /* passes made for rows that were late */
    int sweeps;  /* of stopping tasks that AWS did not let end */
    bool told;   /* a task was told to stop */
    bool blind;  /* ECS does not say which tasks there are */
    struct linger *linger;
    struct mark *mark;
    size_t left;     /* of the tasks that linger, when the last pass was asked for */
    bool read_after; /* a pass was asked for once they had ended */
    int64_t not_before;
    bool closed;
};

struct follows {
    const struct loop *loop;
    struct watch *watch;
    struct mirror *mirror;
    struct describe *describe;
    struct quota describes; /* of tasks that are stopping, over all runs */
    struct follow **runs;   /* sorted by id */
    size_t count, capacity;
    bool reload;
    int64_t reload_at; /* monotonic; not before */
};

/* Moves one run on; sets `closed` when it is to be let go. */
int64_t follow_step(struct follows *f, struct follow *run, int64_t now);

#endif
