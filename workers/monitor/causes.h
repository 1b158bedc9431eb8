/* causes: why tasks failed, grouped, as one sentence for a person. Pure. */
#ifndef STEPFLEET_WORKERS_CAUSES_H
#define STEPFLEET_WORKERS_CAUSES_H

#include "workers/monitor/rows.h"

/* "3 of 10 tasks failed: 2 x S3NotFound: NoSuchKey: ... (task-01, task-02); 1 x OutOfMemory: ...
 * (task-07)": by class and reason (lib/verdict). The most frequent reasons first, at most five,
 * each with at most three names; appended to out. */
int causes_text(const struct task_rows *rows, const struct tally *tally, int64_t number_of_tasks,
                struct buf *out, struct error *err);

#endif
