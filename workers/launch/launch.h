/* launch: the task launcher (pattern 1): one RunTask a task, many in flight, nothing lost.
 *
 * A launch is done in chunks, a call of the function each: one that runs out of time, or finds that
 * ECS has no capacity, hands a cursor back to the state machine, which waits and calls again. A
 * task ends up launched or refused; a refused one gets a Failed row with the reason.
 *
 * Nothing is started twice. The plan (the summary row with spec or manifest) is on record before
 * the first RunTask, and each chunk is claimed in it: a chunk that was claimed before looks at rows
 * and ECS first, and takes over what an earlier try has started. Besides, the client token is made
 * of run and task: it is the same in all tries. (A run that is retried by a person is another run
 * and has other tokens.) Rows for tasks that are only planned would cost half an hour for 10,000
 * tasks at five write units, and tell nothing that the plan does not. */
#ifndef STEPFLEET_WORKERS_LAUNCH_H
#define STEPFLEET_WORKERS_LAUNCH_H

#include "workers/launch/cursor.h"
#include "workers/run/limits.h"
#include "workers/run/plan.h"

enum {
    LAUNCH_CHUNKS_MAX = 1000,
    LAUNCH_EVENTS_PER_CHUNK =
        11, /* of the history's 25,000: task, Choice, Wait, and some retries */
};

/* What a launch may be told; the defaults fit Lambda.
 * A chunk has a deadline (Lambda's) and a reserve of it: rounds of RunTask stop when only the
 * reserve is left, so that there is always time to write down which tasks were not started, and
 * why. */
struct launch_options {
    size_t in_flight;   /* RunTask calls at once; 0: 20 */
    int64_t backoff_ms; /* first pause before refusals that may pass are tried again; 0: 1000 */
    int64_t reserve_ms; /* kept of the deadline for writing rows; 0: 30 s or a quarter */
    struct limits limits;
};

/* Launches what the cursor leaves open, and moves it. *launching: there is more to do, after
 * cursor->wait_seconds. `repeated`: an earlier try may have started some of it. -1 when rows of
 * refused tasks could not be written, or with ERR_CONFLICT when the run has ended meanwhile: then
 * no rows are written, for whoever ended it does. */
int launch_tasks(struct plan *p, const struct worker *w, const struct launch_options *options,
                 struct cursor *cursor, bool repeated, bool *launching, struct error *err);

/* The function: plan, summary row, tasks; answers the run for the monitor, with `launching` and
 * while that is true `cursor` and `waitSeconds`. The event is {"spec", "execution", "launch":
 * {"answer": the answer before}}, or a bare spec. */
int launch_handle(const struct worker *w, json_t *event, json_t **answer, struct error *err);

#endif
