/* plan: from an event to a run that may be launched: tasks fetched, spec read, run id settled,
 * summary row there.
 *
 * Shared by the launcher (pattern 1) and the monitor's action "plan" (pattern 2). Every step may
 * be repeated: Lambda retries functions. */
#ifndef STEPFLEET_WORKERS_PLAN_H
#define STEPFLEET_WORKERS_PLAN_H

#include "lib/manifest/manifest.h"
#include "workers/run/run.h"
#include "workers/worker.h"

struct plan {
    struct spec spec; /* root has workflowRunId, and the tasks also when they are in a manifest */
    struct run run;   /* borrows from spec */
    json_t *manifest; /* the run's taskManifest, NULL where its tasks are in the spec itself */
    bool repeated;    /* the row was there, or the chunk claimed: by an earlier try */
};

/* Reads {"spec": {...}, "execution": {"name", "startTime"}}, or a bare spec that has its own
 * workflowRunId; fetches the tasks where the spec has a taskManifest. -1 with ERR_SPEC_INVALID (all
 * problems in one line), ERR_ARGUMENT, or what S3 said. On failure nothing needs closing. */
int plan_open(struct plan *p, const struct worker *w, json_t *event, int pattern,
              struct error *err);
/* Frees the spec; `run` borrowed from it and is gone, too. */
void plan_close(struct plan *p);

/* The task list at that reference, checked against it: a new reference. -1 when S3 does not give
 * it, or it is not the one of this run. */
int plan_fetch_list(const struct worker *w, const struct manifest_ref *ref, json_t **list,
                    struct error *err);

/* *tree: a new reference to the spec with the tasks in it; sets p->manifest. */
int plan_fetch_tasks(struct plan *p, const struct worker *w, json_t *spec, json_t **tree,
                     struct error *err);
/* Pattern 2: sees to it that a list too long for an inline Map is a manifest, whole and in its
 * place; p->manifest is then its reference. Before plan_write_summary. */
int plan_store_tasks(struct plan *p, const struct worker *w, struct error *err);

/* Before anything is stored under the run's id: -1 with ERR_CONFLICT when the details table has
 * rows of that id and no run of ours has it. Rows and tasks are found by the id alone: another
 * workflow's would be taken for this run's. */
int plan_check_unused(const struct plan *p, const struct worker *w, struct error *err);
/* Writes the summary row, status Running, unless it is there already by a try of the same
 * execution. -1 with ERR_CONFLICT when the id was used by another or the run has ended. */
int plan_write_summary(struct plan *p, const struct worker *w, struct error *err);
/* Reads the summary row again: -1 with ERR_CONFLICT when the run has ended meanwhile (cancelled,
 * say) or the id is another's. */
int plan_check_summary(const struct plan *p, const struct worker *w, struct error *err);
/* Marks chunk 1, 2 ... of the launch in the summary row as begun (the row itself is chunk 0's
 * mark). The same errors. */
int plan_claim_chunk(struct plan *p, const struct worker *w, int64_t chunk, struct error *err);

#endif
