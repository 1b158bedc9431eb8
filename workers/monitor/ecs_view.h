/* ecs_view: what ECS says about a run's tasks, asked for in few calls. One thread. */
#ifndef STEPFLEET_WORKERS_ECS_VIEW_H
#define STEPFLEET_WORKERS_ECS_VIEW_H

#include "lib/aws/ecs.h"
#include "workers/run/run.h"
#include "workers/worker.h"

struct ecs_view {
    json_t *records; /* task id -> Task as ECS describes it */
};

/* An empty view; -1 only when memory is out. */
int ecs_view_open(struct ecs_view *v, struct error *err);
/* Frees all records; those that ecs_view_find gave are gone then. */
void ecs_view_close(struct ecs_view *v);

/* Adds the ids of all tasks of the run with that desired status (RUNNING includes those not yet
 * running, or STOPPED) to `ids`, a JSON array of strings. Found by startedBy. */
int ecs_view_list(const struct worker *w, const struct run *run, const char *desired_status,
                  json_t *ids, struct error *err);

/* Describes the tasks of `ids` (JSON strings), 100 a call. Those that ECS does not know stay
 * absent. */
int ecs_view_describe(struct ecs_view *v, const struct worker *w, const struct run *run,
                      const json_t *ids, struct error *err);

/* The record of a task, or NULL. */
json_t *ecs_view_find(const struct ecs_view *v, const char *task_id);
/* The name a task was started with (its environment's task_name), or NULL. */
const char *ecs_view_task_name(json_t *record);

#endif
