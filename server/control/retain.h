/* retain: lets go of the tasks and events of runs that ended long ago. Plain data of the control
 * thread. Private to server/control. */
#ifndef STEPFLEET_CONTROL_RETAIN_H
#define STEPFLEET_CONTROL_RETAIN_H

#include "server/loop/loop.h"

/* Zero-initialise it and set `age`. */
struct retain {
    int64_t age; /* of a run's end, us; 0: nothing is ever let go */
    int64_t due;
};

/* One small step when it is due; returns the monotonic time to be called again, or LOOP_NEVER. */
int64_t retain_step(struct retain *r, const struct loop *loop);

#endif
