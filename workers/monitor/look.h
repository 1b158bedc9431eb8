/* look: rows and ECS's records of a run side by side, and the settling of what does not fit.
 * Private to workers/monitor; one thread. */
#ifndef STEPFLEET_WORKERS_LOOK_H
#define STEPFLEET_WORKERS_LOOK_H

#include "workers/monitor/ecs_view.h"
#include "workers/monitor/rows.h"
#include "workers/monitor/settle.h"

struct look {
    const struct worker *w;
    const struct run *run;
    int64_t now;
    struct task_rows rows;
    struct ecs_view ecs;
    struct settled settled; /* by the last reconcile or abandon */
    bool closing;           /* names that nobody can tell any more are done without */
};

/* Reads all rows. */
int look_open(struct look *l, const struct worker *w, const struct run *run, struct error *err);
/* Safe after a failed look_open. */
void look_close(struct look *l);

/* Asks ECS about every row that is not final, and about tasks that have no row, and settles what
 * ended without a word. */
int look_reconcile(struct look *l, struct error *err);

/* Stops everything that runs and fails everything that is not final, with this reason; tasks that
 * have ended keep their own reasons. It is not done as long as settled.left is not 0. */
int look_abandon(struct look *l, const char *stop_code, const char *reason, struct error *err);

#endif
