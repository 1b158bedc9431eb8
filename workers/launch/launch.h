/* launch: the task launcher (pattern 1): one RunTask a task, many in flight, nothing lost.
 *
 * A task ends up launched or refused; a refused one gets a Failed row with the reason. Repeating
 * a launch starts nothing twice: the client token is made of run and task. */
#ifndef STEPFLEET_WORKERS_LAUNCH_H
#define STEPFLEET_WORKERS_LAUNCH_H

#include "workers/run/plan.h"

/* What a launch may be told; the defaults fit Lambda.
 * A launch has a deadline (Lambda's) and a reserve of it: rounds of RunTask stop when only the
 * reserve is left, so that there is always time to write down which tasks were not started, and
 * why. */
struct launch_options {
    size_t in_flight;   /* RunTask calls at once; 0: 20 */
    int64_t backoff_ms; /* first pause before refusals that may pass are tried again; 0: 1000 */
    int64_t reserve_ms; /* kept of the deadline for writing rows; 0: 30 s or a quarter */
};

/* Launches all tasks of the plan; sets run.launched and run.refused. -1 when rows of refused tasks
 * could not be written, or with ERR_CONFLICT when the run has ended between two rounds: then no
 * rows are written, for whoever ended it does. */
int launch_tasks(struct plan *p, const struct worker *w, const struct launch_options *options,
                 struct error *err);

/* The function: plan, summary row, tasks; answers the run for the monitor. */
int launch_handle(const struct worker *w, json_t *event, json_t **answer, struct error *err);

/* True if a RunTask error, or the reason of a failure in its answer, may pass by itself
 * (throttling, capacity, the network). */
bool launch_error_may_pass(const struct error *err);
/* By known beginnings or parts of ECS's sentences; unknown reasons are final. */
bool launch_reason_may_pass(const char *reason);

#endif
