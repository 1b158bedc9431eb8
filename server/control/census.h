/* census: which ECS tasks a run has, running or stopped: their ids by the task's name, and those
 * that were told to stop and have not ended.
 *
 * ListTasks by startedBy, then DescribeTasks, page by page. Best effort with some patience:
 * ECS forgets stopped tasks after an hour. Used by the control thread only. Private to
 * server/control.
 */
#ifndef STEPFLEET_CONTROL_CENSUS_H
#define STEPFLEET_CONTROL_CENSUS_H

#include "server/loop/loop.h"

#include <jansson.h>

struct census;

/* Begins; sends nothing yet. NULL when memory is out. */
struct census *census_begin(const struct loop *loop, int64_t run_id, const char *cluster,
                            struct error *err);
/* Sends what is due; the monotonic time to be called again, or LOOP_NEVER. */
int64_t census_step(struct census *c);
/* All pages were read, or it was given up. Only then may it be freed while the client lives. */
bool census_done(const struct census *c);
/* A call is in flight. */
bool census_busy(const struct census *c);
/* It was given up: there may be tasks that it does not know of. */
bool census_failed(const struct census *c);
/* Hands over the ARNs of the tasks that are to stop and had not ended when they were described.
 * Once, when it is done. */
json_t *census_take_leaving(struct census *c);
/* The id of the ECS task of that name, borrowed; NULL: ECS knows none. */
const char *census_id(const struct census *c, const char *task_name);
/* NULL-safe; returns NULL. */
struct census *census_free(struct census *c);

#endif
