/* monitor: the task monitor, a Lambda function of four actions, each fit to be repeated.
 *
 *   "plan"    (pattern 2) checks and completes the spec, writes the summary row, answers the spec
 *             with what the state machine needs to launch tasks; a long list goes to S3.
 *   "refuse"  (pattern 2) one launch was refused: writes its Failed row, or has it tried again.
 *   "monitor" one look: counts rows, fails what died silently, updates the summary, and answers
 *             the run with `continue`, `waitSeconds`, `status` and, at the end, `failure`.
 *   "close"   a step of the state machine broke: stops the run's tasks, fails what is not final,
 *             answers `failure`.
 *
 * Every run ends: by its tasks' rows, by ECS's word, or by runTimeoutSeconds. */
#ifndef STEPFLEET_WORKERS_MONITOR_H
#define STEPFLEET_WORKERS_MONITOR_H

#include "workers/monitor/rows.h"

/* The function: chooses by event.action ("monitor" when it is absent). Fit as runtime_handler_fn.
 */
int monitor_handle(const struct worker *w, json_t *event, json_t **answer, struct error *err);

/* How long to wait before the next look: 1 s at first, half as much again each time, at most
 * monitorIntervalSeconds, not beyond the deadline; longer only where the execution's 25,000
 * history events would not last otherwise. */
int64_t monitor_next_wait(const struct run *run, int64_t now);

#endif
