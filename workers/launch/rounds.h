/* rounds: the rounds of one chunk. Private to workers/launch. */
#ifndef STEPFLEET_WORKERS_ROUNDS_H
#define STEPFLEET_WORKERS_ROUNDS_H

#include "workers/launch/launch_private.h"

/* Until nothing is left, the time for it, or capacity. Leaves the cursor where the next chunk goes
 * on, with the seconds to wait before it; *launching tells whether there is one. */
int launch_rounds(struct launch *l, bool *launching, struct error *err);

#endif
