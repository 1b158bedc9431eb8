/* stop: stops the ECS tasks that a run has left behind: ListTasks by startedBy, StopTask for each.
 *
 * Best effort with a few tries: a task that cannot be stopped ends by its own time limit. Used by
 * the control thread only. Private to server/control. */
#ifndef STEPFLEET_CONTROL_STOP_H
#define STEPFLEET_CONTROL_STOP_H

#include "server/loop/loop.h"

struct stop;

/* Begins. NULL when memory is out. */
struct stop *stop_begin(const struct loop *loop, int64_t run_id, const char *cluster,
                        const char *why, struct error *err);
/* Sends what is due; the monotonic time to be called again, or LOOP_NEVER. */
int64_t stop_step(struct stop *s);
/* Nothing is left to do, or it was given up. Only then may it be freed while the client lives. */
bool stop_done(const struct stop *s);
/* How many tasks were told to stop so far. */
size_t stop_told(const struct stop *s);
/* A call failed in a way that may pass: there may be tasks that were not told. */
bool stop_uncertain(const struct stop *s);
/* Listing was given up: ECS does not tell which tasks there are. */
bool stop_blind(const struct stop *s);
/* NULL-safe; returns NULL. */
struct stop *stop_free(struct stop *s);

#endif
