/* follow: the table of active runs, each with its watcher and mirror, from start to close.
 *
 * A run is closed only when its execution is terminal, its history was read to its end, and one
 * full pass of the mirror, begun after that, is in the store. Used by the control thread only.
 * Private to server/control. */
#ifndef STEPFLEET_CONTROL_FOLLOW_H
#define STEPFLEET_CONTROL_FOLLOW_H

#include "server/describe/describe.h"
#include "server/loop/loop.h"
#include "server/mirror/mirror.h"
#include "server/watch/watch.h"

struct follows;

/* All borrowed, must outlive the table. `describes_per_second`: calls about tasks that are
 * stopping, 0: 2. */
struct follows *follows_new(const struct loop *loop, struct watch *watch, struct mirror *mirror,
                            struct describe *describe, double describes_per_second,
                            struct error *err);
/* Call after the struct aws was freed and before watch and mirror are. NULL-safe; returns NULL. */
struct follows *follows_free(struct follows *f);

/* Runs were started or cancelled: read the list of active ones at the next step. */
void follows_wake(struct follows *f);
/* Takes new runs up, moves each on as far as it goes, closes what has ended; returns the
 * monotonic time to be called again, or LOOP_NEVER. */
int64_t follows_step(struct follows *f);
/* Audit rows of a run moved: its execution may have, too. */
void follows_moved(struct follows *f, int64_t run_id);

#endif
