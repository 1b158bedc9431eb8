/* classify: what an audit row and ECS together say about one task. Pure, no I/O, no clock.
 *
 * The row is the task's own word and wins once it is final. Until then ECS is asked: a task that
 * stopped without a final row has failed, whatever its exit code; one that ECS does not know is
 * given a grace period, because ECS's answers lag behind. */
#ifndef STEPFLEET_WORKERS_CLASSIFY_H
#define STEPFLEET_WORKERS_CLASSIFY_H

#include "lib/audit/audit.h"
#include "lib/aws/ecs.h"

/* What becomes of a task, by its row and by ECS's record:
 *
 *     row     record    verdict
 *     final   any       leave
 *     open    running   leave; stop once it is older than taskTimeoutSeconds
 *     open    stopped   fail, with exit code and ECS's words
 *     open    none      leave for the grace period since the row's start, then fail (TaskLost)
 *     none    running   leave; stop once it is older than taskTimeoutSeconds
 *     none    stopped   fail, with exit code and ECS's words
 *     none    none      leave for the grace period since the first poll, then fail (TaskLost) */
enum { CLASSIFY_GRACE_SECONDS = 300, CLASSIFY_REASON_MAX = 512 };

struct evidence {
    bool has_row;
    enum audit_status status;      /* of the row */
    int64_t row_start;             /* wall; 0: unknown */
    const struct ecs_task *record; /* NULL: ECS does not know the task */
    int64_t now;
    int64_t watched_since; /* first poll of the run: launches were over then */
    int64_t task_timeout_seconds;
};

/* What the monitor is to do about the task. */
enum verdict_kind {
    VERDICT_LEAVE, /* nothing to do */
    VERDICT_FAIL,  /* write a Failed row */
    VERDICT_STOP,  /* stop the task and write a Failed row */
};

struct verdict {
    enum verdict_kind kind;
    const char *stop_code; /* ECS's (borrowed from the record) or ours */
    char reason[CLASSIFY_REASON_MAX];
    int64_t exit_code; /* -1: none */
};

/* Fills *out completely; its stop_code borrows from the record. */
void classify(const struct evidence *e, struct verdict *out);

#endif
