/* plan: from an event to a run that may be launched: spec read, run id settled, summary row there.
 *
 * Shared by the launcher (pattern 1) and the monitor's action "plan" (pattern 2). Every step may
 * be repeated: Lambda retries functions. */
#ifndef STEPFLEET_WORKERS_PLAN_H
#define STEPFLEET_WORKERS_PLAN_H

#include "workers/run/run.h"
#include "workers/worker.h"

struct plan {
    struct spec spec; /* root has workflowRunId */
    struct run run;   /* borrows from spec */
};

/* Reads {"spec": {...}, "execution": {"name", "startTime"}}, or a bare spec that has its own
 * workflowRunId. -1 with ERR_SPEC_INVALID (all problems in one line) or ERR_ARGUMENT. On failure
 * nothing needs closing. */
int plan_open(struct plan *p, const struct worker *w, json_t *event, int pattern,
              struct error *err);
/* Frees the spec; `run` borrowed from it and is gone, too. */
void plan_close(struct plan *p);

/* Writes the summary row, status Running, unless it is there already by a try of the same
 * execution. -1 with ERR_CONFLICT when the id was used by another or the run has ended. */
int plan_write_summary(const struct plan *p, const struct worker *w, struct error *err);
/* Reads the summary row again: -1 with ERR_CONFLICT when the run has ended meanwhile (cancelled,
 * say) or the id is another's. */
int plan_check_summary(const struct plan *p, const struct worker *w, struct error *err);

#endif
