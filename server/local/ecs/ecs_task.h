/* ecs_task: one task's record, its moves, and how the wire shows it.
 *
 * What RunTask fixed is in `doc` (the wire's Task object without what changes); the rest are plain
 * members. The struct belongs to the caller; ecs_task_free releases it. Private to this room. */
#ifndef STEPFLEET_LOCAL_ECS_TASK_H
#define STEPFLEET_LOCAL_ECS_TASK_H

#include "lib/base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum { ECS_ID_TEXT = 33, ECS_REASON_MAX = 1024, ECS_CODE_MAX = 32 };

/* PROVISIONING -> PENDING -> RUNNING -> STOPPED; each may be left for STOPPED. */
enum ecs_status { ECS_PROVISIONING, ECS_PENDING, ECS_RUNNING, ECS_STOPPED };

struct ecs_task {
    char id[ECS_ID_TEXT]; /* 32 lower-case hex digits */
    int64_t seq;          /* order of RunTask */
    json_t *doc;
    enum ecs_status status;
    bool stop_wanted; /* desiredStatus STOPPED */
    /* Wall times in microseconds, 0: not yet. launched_at: a process is about to start; from then
     * on the task is never started (again). */
    int64_t created_at, launched_at, started_at, stopping_at, stopped_at;
    char stop_code[ECS_CODE_MAX];
    char stopped_reason[ECS_REASON_MAX];
    char container_reason[ECS_REASON_MAX];
    bool has_exit_code;
    int64_t exit_code;
    int64_t version; /* rises with each change that is saved */
};

/* Releases the doc and zeroes the record; harmless on a zeroed one. */
void ecs_task_free(struct ecs_task *t);

/* "PROVISIONING" and so on. */
const char *ecs_status_name(enum ecs_status status);
/* ECS_STOPPED for a name that is none. */
enum ecs_status ecs_status_of(const char *name);

/* Each moves the record forward; a move that is not permitted changes nothing. `at`: wall time. */

/* Its process is about to start. */
void ecs_task_launch(struct ecs_task *t, int64_t at);
/* Its process has started. */
void ecs_task_run(struct ecs_task *t, int64_t at);
/* Somebody wants it stopped; the first reason stays. */
void ecs_task_want_stop(struct ecs_task *t, int64_t at, const char *code, const char *reason);
/* It has ended; an earlier wish to stop keeps its code and reason. */
void ecs_task_end(struct ecs_task *t, int64_t at, const char *code, const char *reason);

/* The wire's Task object, a new reference; NULL when memory is out. */
json_t *ecs_task_wire(const struct ecs_task *t, bool with_tags);
/* A wall time as the wire's epoch seconds with milliseconds. */
json_t *ecs_time(int64_t wall);

#endif
