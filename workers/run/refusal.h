/* refusal: why RunTask started no task, whether that may pass, and the row of a task for which it
 * did not. The same for the launcher (pattern 1) and the action "refuse" (pattern 2). Pure. */
#ifndef STEPFLEET_WORKERS_REFUSAL_H
#define STEPFLEET_WORKERS_REFUSAL_H

#include "workers/run/run.h"

enum refusal {
    REFUSAL_FINAL,     /* it will be refused again */
    REFUSAL_THROTTLED, /* too many calls: later, and slower */
    REFUSAL_CAPACITY,  /* no room now: later, or in another subnet */
    REFUSAL_DOUBTFUL,  /* no word: the task may have been started all the same */
    REFUSAL_STARTED,   /* the client token has started a task already */
};

/* By known parts of ECS's sentences (also throttling in disguise); unknown ones are final. */
enum refusal refusal_of_reason(const char *reason);
/* Of a call that failed. */
enum refusal refusal_of_error(const struct error *err);
/* Of the error that a state machine caught from ecs:runTask, "ECS.ThrottlingException". */
enum refusal refusal_of_state(const char *error, const char *cause);

/* The Failed row of a task that was not started. Its id is made of run and task, so that whoever
 * repeats it writes the same row and not a second one. */
int refusal_row(struct aws_request *request, const struct run *run, const char *task_name,
                const char *object_key, const char *reason, int64_t now, struct error *err);

#endif
