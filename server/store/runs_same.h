/* runs_same: is a new run one that is there already? On the writer's thread, in its transaction.
 * Private to the store. */
#ifndef STEPFLEET_STORE_RUNS_SAME_H
#define STEPFLEET_STORE_RUNS_SAME_H

#include "server/store/store_room.h"

/* Each sets *existing to the id of the run that the request made before, and leaves it alone when
 * there is none. */

/* By the idempotency key. ERR_IDEMPOTENCY: it was used with another request. */
int same_key(struct write *w, const struct store_new_run *run, int64_t *existing,
             struct error *err);
/* By the execution of another control plane that was given the same key. ERR_IDEMPOTENCY as above.
 */
int same_execution(struct write *w, const struct store_new_run *run, int64_t *existing,
                   struct error *err);
/* By a retry of the same tasks that is not over. ERR_RETRYING: one has some of them. */
int same_retry(struct write *w, const struct store_new_run *run, int64_t *existing,
               struct error *err);

#endif
