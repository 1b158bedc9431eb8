/* map_resume: map runs after a restart. Used by engine_resume.c alone; engine's thread.
 * Private to server/local/sfn. */
#ifndef STEPFLEET_SFN_MAP_RESUME_H
#define STEPFLEET_SFN_MAP_RESUME_H

#include "server/local/sfn/map_run.h"

/* The runs that were under way, by id. Zero-initialise. */
struct map_runs {
    struct map_run **list;
    size_t count, capacity;
};

/* Loads them with their counts; they decide nothing until map_runs_go_on. */
int map_runs_load(struct engine *e, struct map_runs *runs, struct error *err);
/* The run, NULL: it does not run (any more). */
struct map_run *map_runs_find(const struct map_runs *runs, int64_t id);
/* The run belongs to this frame again. -1: it cannot be set up. */
int map_run_adopt(struct engine *e, struct map_run *run, struct frame *f);
/* Once all executions are there: runs go on; those whose frame is gone end. */
void map_runs_go_on(struct engine *e, struct map_runs *runs);
/* Releases the list, not the runs. */
void map_runs_free(struct map_runs *runs);

#endif
