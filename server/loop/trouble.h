/* trouble: failures in a row of one run's calls: when to try again, what the log says, and what a
 * person reads in the run's reason meanwhile. Plain data of the control thread. */
#ifndef STEPFLEET_LOOP_TROUBLE_H
#define STEPFLEET_LOOP_TROUBLE_H

#include "server/loop/loop.h"

/* Zero-initialise it. */
struct trouble {
    int64_t failures;   /* in a row; 0: all is well */
    int64_t not_before; /* monotonic: the next call */
    bool noted;         /* the run's reason tells of it */
};

/* A call about the run failed. `what` is the beginning of a sentence: "the execution cannot be
 * read". Refusals are told to people at once, what may pass only when it lasts. */
void trouble_add(struct trouble *t, const struct loop *l, int64_t run_id, const char *what,
                 const struct error *err);
/* A call worked. */
void trouble_over(struct trouble *t, const struct loop *l, int64_t run_id);

#endif
