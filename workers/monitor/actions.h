/* actions: the monitor's four actions, one file each. Private to workers/monitor. */
#ifndef STEPFLEET_WORKERS_ACTIONS_H
#define STEPFLEET_WORKERS_ACTIONS_H

#include "workers/worker.h"

#include <jansson.h>

/* Each answers 0 with a new reference in *answer, or -1. `event` is borrowed. */
int action_plan(const struct worker *w, json_t *event, json_t **answer, struct error *err);
/* One look at the run; the answer is the run for the next look. */
int action_poll(const struct worker *w, json_t *event, json_t **answer, struct error *err);
/* A launch that pattern 2's state machine saw refused; the answer tells whether and when to try
 * again. */
int action_refuse(const struct worker *w, json_t *event, json_t **answer, struct error *err);
/* What broke is told in the event's run.failure; without a run of ours to close it only repeats it.
 */
int action_close(const struct worker *w, json_t *event, json_t **answer, struct error *err);

/* Sets "failure": {"Error", "Cause"}, what the state machine's Fail state shows. */
int action_set_failure(json_t *answer, const char *error, const char *cause, struct error *err);

#endif
